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

/// Slots for calls. Memory is given back when the last call ends.
#[derive(Default)]
pub(crate) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
    live: usize,
    /// Drawn for each call, so that a slot may be forgotten and made anew without an old key finding a newer call.
    generation: u32,
}

struct Slot {
    /// 0 where the slot is free.
    generation: u32,
    /// Absent where the slot is free, or its call is being worked on.
    call: Option<Box<Call>>,
}

/// Slots that are kept when no call is up.
const SLOTS_KEPT: usize = 64;

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Sets a slot apart; a call follows with [`Self::put_back`].
    pub(crate) fn reserve(&mut self) -> CallKey {
        self.live += 1;
        self.generation = self.generation.wrapping_add(1).max(1);
        let generation = self.generation;
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].generation = generation;
            return CallKey { slot, generation };
        }
        self.slots.push(Slot {
            generation,
            call: None,
        });
        CallKey {
            slot: (self.slots.len() - 1) as u32,
            generation,
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
        self.slots[key.slot as usize].generation = 0;
        self.live -= 1;
        if self.live == 0 && self.slots.len() > SLOTS_KEPT {
            self.slots.clear();
            self.slots.shrink_to(SLOTS_KEPT);
            self.free.clear();
            self.free.shrink_to(SLOTS_KEPT);
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
