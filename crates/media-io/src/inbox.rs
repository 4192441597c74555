//! The way in: a bounded queue of orders that wakes its thread when it was asleep.

use media::MediaCommand;
use mio::Waker;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The order could not be queued, and comes back: the thread is behind with its orders, or has ended.
#[derive(Debug, thiserror::Error)]
#[error("the media thread takes no more orders")]
pub struct Refused(pub MediaCommand);

/// The end that orders are given to; shared by all who give orders.
#[derive(Debug)]
pub(crate) struct Inbox {
    orders: SyncSender<MediaCommand>,
    /// Set while the thread knows that there is something to take.
    woken: AtomicBool,
    waker: Waker,
    refused: AtomicU64,
    stop: AtomicBool,
}

impl Inbox {
    pub(crate) fn new(capacity: usize, waker: Waker) -> (Inbox, Receiver<MediaCommand>) {
        let (orders, taken) = sync_channel(capacity);
        let inbox = Inbox {
            orders,
            woken: AtomicBool::new(false),
            waker,
            refused: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        };
        (inbox, taken)
    }

    pub(crate) fn send(&self, command: MediaCommand) -> Result<(), Refused> {
        if let Err(error) = self.orders.try_send(command) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let (std::sync::mpsc::TrySendError::Full(command)
            | std::sync::mpsc::TrySendError::Disconnected(command)) = error;
            return Err(Refused(command));
        }
        // One wake-up serves all orders given until the thread looks.
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            // The next order tries again; the thread also looks at each of its own wake-ups.
            self.woken.store(false, Ordering::Release);
            tracing::warn!(%error, "cannot wake a media thread");
        }
        Ok(())
    }

    /// The thread is about to look: orders given from now on wake it anew.
    pub(crate) fn looks(&self) {
        self.woken.store(false, Ordering::Release);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) -> io::Result<()> {
        self.stop.store(true, Ordering::Release);
        self.waker.wake()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::MediaId;

    #[test]
    fn orders_beyond_the_bound_come_back_and_are_counted() {
        let poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let (inbox, taken) = Inbox::new(2, waker);
        let close = |n| MediaCommand::Close { id: MediaId(n) };
        assert!(inbox.send(close(1)).is_ok() && inbox.send(close(2)).is_ok());
        let Refused(back) = inbox.send(close(3)).unwrap_err();
        assert_eq!(back, close(3));
        assert_eq!(inbox.refused(), 1);
        assert_eq!(taken.try_iter().collect::<Vec<_>>(), [close(1), close(2)]);
        drop(taken);
        assert!(
            inbox.send(close(4)).is_err(),
            "a thread that has ended takes nothing"
        );
    }

    #[test]
    fn one_wake_up_serves_all_orders_until_the_thread_looks() {
        let mut poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let (inbox, taken) = Inbox::new(8, waker);
        let mut events = mio::Events::with_capacity(8);
        let mut woken = |events: &mut mio::Events| {
            poll.poll(events, Some(std::time::Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        inbox.send(MediaCommand::Close { id: MediaId(1) }).unwrap();
        assert!(woken(&mut events));
        inbox.send(MediaCommand::Close { id: MediaId(2) }).unwrap();
        assert!(!woken(&mut events), "the thread has not looked yet");
        inbox.looks();
        assert_eq!(taken.try_iter().count(), 2);
        inbox.send(MediaCommand::Close { id: MediaId(3) }).unwrap();
        assert!(woken(&mut events));
    }
}
