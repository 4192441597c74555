//! The calls of a shard, by slot and generation.

use crate::call::Call;

/// Names a call: a slot, and how often the slot was used before. An old key never finds a newer call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CallKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl CallKey {
    /// Names no call.
    pub(crate) const NONE: Self = Self {
        slot: u32::MAX,
        generation: 0,
    };
}

/// Slots for calls. Memory is given back when calls end, but for 16 bytes a slot.
#[derive(Default)]
pub(crate) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
    live: usize,
}

struct Slot {
    generation: u32,
    /// Absent where the slot is free, or its call is being worked on.
    call: Option<Box<Call>>,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Sets a slot apart; a call follows with [`Self::put_back`].
    pub(crate) fn reserve(&mut self) -> CallKey {
        self.live += 1;
        if let Some(slot) = self.free.pop() {
            return CallKey {
                slot,
                generation: self.slots[slot as usize].generation,
            };
        }
        self.slots.push(Slot {
            generation: 1,
            call: None,
        });
        CallKey {
            slot: (self.slots.len() - 1) as u32,
            generation: 1,
        }
    }

    /// Takes a call out to work on it.
    pub(crate) fn take(&mut self, key: CallKey) -> Option<Box<Call>> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation == key.generation {
            slot.call.take()
        } else {
            None
        }
    }

    /// Puts a call back after work.
    pub(crate) fn put_back(&mut self, key: CallKey, call: Box<Call>) {
        self.slots[key.slot as usize].call = Some(call);
    }

    /// Frees the slot of a call that was taken out and is over.
    pub(crate) fn release(&mut self, key: CallKey) {
        let slot = &mut self.slots[key.slot as usize];
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.live -= 1;
        if self.live == 0 {
            // Generations must go on, so the slots stay; what they held is gone, and the list of free ones shrinks.
            self.free = (0..self.slots.len() as u32).rev().collect();
        } else {
            self.free.push(key.slot);
        }
    }

    /// The keys of all calls that are up, in slot order.
    pub(crate) fn keys(&self) -> Vec<CallKey> {
        let occupied = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.call.is_some());
        occupied
            .map(|(at, slot)| CallKey {
                slot: at as u32,
                generation: slot.generation,
            })
            .collect()
    }
}
