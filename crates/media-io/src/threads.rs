//! The media threads together.

use crate::inbox::{Inbox, Refused};
use crate::outbox::{EventSink, Outbox};
use crate::thread::{MediaThread, WAKE};
use media::{Library, MediaCommand, MediaId, SessionSettings};
use mio::{Poll, Waker};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

/// How the media threads work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MediaSettings {
    /// How many threads share the sessions; at least one.
    pub threads: usize,
    /// How many sessions a thread holds at most; each takes four sockets.
    pub sessions_max: usize,
    /// How many orders may wait for a thread.
    pub orders_max: usize,
    /// What holds for each session.
    pub session: SessionSettings,
}

impl Default for MediaSettings {
    fn default() -> Self {
        MediaSettings {
            threads: 1,
            sessions_max: 16_384,
            orders_max: 16_384,
            session: SessionSettings::default(),
        }
    }
}

/// The threads; dropping it stops them, closes all ports and waits for their end.
#[derive(Debug)]
pub struct MediaThreads {
    handle: MediaHandle,
    running: Vec<JoinHandle<()>>,
}

impl MediaThreads {
    /// Starts the threads.
    pub fn start(
        settings: MediaSettings,
        library: Arc<Library>,
        sink: Arc<dyn EventSink>,
    ) -> io::Result<MediaThreads> {
        let random = RandomState::new();
        let events_dropped = Arc::new(AtomicU64::new(0));
        let mut inboxes = Vec::new();
        let mut ready = Vec::new();
        for number in 0..settings.threads.max(1) {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), WAKE)?;
            let (inbox, orders) = Inbox::new(settings.orders_max.max(1), waker);
            let inbox = Arc::new(inbox);
            inboxes.push(Arc::clone(&inbox));
            let outbox = Outbox::new(Arc::clone(&sink), Arc::clone(&events_dropped));
            let seed = random.hash_one(number);
            let library = Arc::clone(&library);
            ready.push(MediaThread::new(
                settings, poll, inbox, orders, outbox, library, seed,
            ));
        }
        let handle = MediaHandle {
            inboxes: inboxes.into(),
            events_dropped,
        };
        let mut threads = MediaThreads {
            handle,
            running: Vec::new(),
        };
        for (number, thread) in ready.into_iter().enumerate() {
            // On an error the threads already running are stopped by the drop of `threads`.
            let name = format!("media-{number}");
            threads
                .running
                .push(Builder::new().name(name).spawn(move || thread.run())?);
        }
        Ok(threads)
    }

    /// What orders are given through; clone it for each who gives some.
    pub fn handle(&self) -> MediaHandle {
        self.handle.clone()
    }

    /// Stops the threads and waits for their end. Sessions that are open end without `Closed`.
    pub fn stop(self) {}
}

impl Drop for MediaThreads {
    fn drop(&mut self) {
        for inbox in self.handle.inboxes.iter() {
            if let Err(error) = inbox.stop() {
                tracing::warn!(%error, "cannot wake a media thread to stop it");
            }
        }
        for thread in self.running.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread ended by a panic");
            }
        }
    }
}

/// Gives orders to the media threads.
#[derive(Clone, Debug)]
pub struct MediaHandle {
    inboxes: Arc<[Arc<Inbox>]>,
    events_dropped: Arc<AtomicU64>,
}

impl MediaHandle {
    /// Queues an order for the thread that holds its session; never waits. Comes back when the queue is full: give it
    /// again later, above all a `Close`, or its ports stay bound.
    pub fn send(&self, command: MediaCommand) -> Result<(), Refused> {
        self.inboxes[self.thread_of(command.id())].send(command)
    }

    /// What was refused so far.
    pub fn counts(&self) -> MediaCounts {
        MediaCounts {
            orders_refused: self.inboxes.iter().map(|inbox| inbox.refused()).sum(),
            events_dropped: self.events_dropped.load(Ordering::Relaxed),
        }
    }

    /// Ids may differ in few bits only, so they are mixed before the thread is drawn from them.
    fn thread_of(&self, id: MediaId) -> usize {
        let mixed = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((mixed * self.inboxes.len() as u64) >> 32) as usize
    }
}

/// What the queues of the media threads refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MediaCounts {
    /// Orders given back because a queue was full.
    pub orders_refused: u64,
    /// Events lost because the sink had no room for long.
    pub events_dropped: u64,
}
