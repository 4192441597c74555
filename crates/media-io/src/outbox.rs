//! The way out: events to whoever runs the calls.

use media::MediaEvent;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Takes the events of all sessions; called on the media threads, so it must not wait. Route by `event.id()`.
pub trait EventSink: Send + Sync {
    /// Takes the event, or gives it back when there is no room now. It is offered again soon, and later events of
    /// the same thread wait behind it.
    fn deliver(&self, event: MediaEvent) -> Result<(), MediaEvent>;
}

/// Events of one thread on their way out.
pub(crate) struct Outbox {
    sink: Arc<dyn EventSink>,
    /// What the sink had no room for, oldest first; at most [`Outbox::WAITING_MAX`].
    waiting: VecDeque<MediaEvent>,
    /// Where the sessions leave what happens; emptied each turn.
    pub(crate) fresh: Vec<MediaEvent>,
    dropped: Arc<AtomicU64>,
}

impl Outbox {
    /// Enough for a sink that stands still for seconds; beyond it events are dropped (counted), newest first.
    const WAITING_MAX: usize = 65536;

    pub(crate) fn new(sink: Arc<dyn EventSink>, dropped: Arc<AtomicU64>) -> Outbox {
        Outbox {
            sink,
            waiting: VecDeque::new(),
            fresh: Vec::with_capacity(64),
            dropped,
        }
    }

    /// Offers all events to the sink, in order.
    pub(crate) fn deliver(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            if let Err(event) = self.sink.deliver(event) {
                self.waiting.push_front(event);
                break;
            }
        }
        for event in self.fresh.drain(..) {
            let left = if self.waiting.is_empty() {
                self.sink.deliver(event).err()
            } else {
                Some(event)
            };
            match left {
                Some(event) if self.waiting.len() < Self::WAITING_MAX => self.waiting.push_back(event),
                Some(_) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
                None => {}
            }
        }
    }

    /// Whether events wait for room in the sink.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::MediaId;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Narrow {
        room: Mutex<usize>,
        got: Mutex<Vec<u64>>,
    }

    impl EventSink for Narrow {
        fn deliver(&self, event: MediaEvent) -> Result<(), MediaEvent> {
            let mut room = self.room.lock().unwrap();
            if *room == 0 {
                return Err(event);
            }
            *room -= 1;
            self.got.lock().unwrap().push(event.id().0);
            Ok(())
        }
    }

    #[test]
    fn events_wait_for_room_in_their_order() {
        let sink = Arc::new(Narrow::default());
        let mut outbox = Outbox::new(Arc::<Narrow>::clone(&sink), Arc::default());
        let closed = |n| MediaEvent::Closed {
            id: MediaId(n),
            stats: Box::default(),
        };
        outbox.fresh.extend([closed(1), closed(2), closed(3)]);
        *sink.room.lock().unwrap() = 1;
        outbox.deliver();
        assert!(outbox.is_waiting());
        outbox.fresh.push(closed(4));
        *sink.room.lock().unwrap() = 9;
        outbox.deliver();
        assert!(!outbox.is_waiting());
        assert_eq!(*sink.got.lock().unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_sink_that_never_takes_anything_costs_bounded_memory_and_is_counted() {
        let dropped = Arc::new(AtomicU64::new(0));
        let mut outbox = Outbox::new(Arc::new(Narrow::default()), Arc::clone(&dropped));
        for n in 0..Outbox::WAITING_MAX as u64 + 10 {
            outbox.fresh.push(MediaEvent::Closed {
                id: MediaId(n),
                stats: Box::default(),
            });
            outbox.deliver();
        }
        assert_eq!(outbox.waiting.len(), Outbox::WAITING_MAX);
        assert_eq!(dropped.load(Ordering::Relaxed), 10);
    }
}
