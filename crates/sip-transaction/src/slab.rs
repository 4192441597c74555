//! Numbered storage that never moves what it holds, and gives memory back after a peak.

/// Values in chunks of 64. The lowest free place is taken first, so that after a peak the upper chunks
/// empty and are freed. A key of a removed value never finds its successor: generations come from one
/// counter, so even a freed and rebuilt chunk does not repeat them.
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// One bit per chunk that has room (an absent chunk has room).
    roomy: Vec<u64>,
    /// No word of `roomy` below this one has a bit set.
    first_roomy: usize,
    len: usize,
    generation: u32,
    /// One empty chunk kept back, so that work around a chunk's edge does not allocate each time.
    spare: Option<Places<T>>,
}

/// Names one value for as long as it is held, and nothing afterwards.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

struct Chunk<T> {
    occupied: u64,
    places: Option<Places<T>>,
}

type Places<T> = Box<[Place<T>]>;

struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    /// `generation` is where the counter begins.
    pub(crate) fn new(generation: u32) -> Self {
        Self {
            chunks: Vec::new(),
            roomy: Vec::new(),
            first_roomy: 0,
            len: 0,
            generation,
            spare: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let at = self.lowest_roomy();
        let chunk = &mut self.chunks[at];
        let spare = &mut self.spare;
        let places = chunk
            .places
            .get_or_insert_with(|| spare.take().unwrap_or_else(empty_places));
        let place = chunk.occupied.trailing_ones() as usize;
        self.generation = self.generation.wrapping_add(1);
        places[place] = Place {
            generation: self.generation,
            value: Some(value),
        };
        chunk.occupied |= 1 << place;
        if chunk.occupied == u64::MAX {
            self.roomy[at / 64] &= !(1 << (at % 64));
        }
        self.len += 1;
        let index = u32::try_from(at * CHUNK + place).expect("a slab is bounded far below 2^32 values");
        Key {
            index,
            generation: self.generation,
        }
    }

    pub(crate) fn find(&self, key: Key) -> Option<&T> {
        let place = self.place(key.index)?;
        if place.generation == key.generation {
            place.value.as_ref()
        } else {
            None
        }
    }

    pub(crate) fn find_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.place_mut(key.index)?;
        if place.generation == key.generation {
            place.value.as_mut()
        } else {
            None
        }
    }

    /// What is held at a number, whatever its generation.
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        self.place(index)?.value.as_ref()
    }

    /// What is held at a number, whatever its generation.
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.place_mut(index)?.value.as_mut()
    }

    /// The full key of what is held at a number.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        let place = self.place(index)?;
        place.value.as_ref().map(|_| Key {
            index,
            generation: place.generation,
        })
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.place_mut(key.index)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        let at = key.index as usize / CHUNK;
        let chunk = &mut self.chunks[at];
        chunk.occupied &= !(1 << (key.index as usize % CHUNK));
        self.roomy[at / 64] |= 1 << (at % 64);
        self.first_roomy = self.first_roomy.min(at / 64);
        self.len -= 1;
        if chunk.occupied == 0 {
            self.spare = chunk.places.take();
            self.drop_absent_tail();
        }
        Some(value)
    }

    /// Keys of all that is held, in order of their numbers.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let indexes = self.chunks.iter().enumerate().flat_map(|(at, chunk)| {
            (0..CHUNK)
                .filter(|place| chunk.occupied >> place & 1 == 1)
                .map(move |place| at * CHUNK + place)
        });
        indexes.filter_map(|index| self.key_at(u32::try_from(index).ok()?))
    }

    /// Values for which memory is held, used or not.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.places.is_some()).count() * CHUNK
    }

    fn place(&self, index: u32) -> Option<&Place<T>> {
        self.chunks
            .get(index as usize / CHUNK)?
            .places
            .as_ref()?
            .get(index as usize % CHUNK)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.chunks
            .get_mut(index as usize / CHUNK)?
            .places
            .as_mut()?
            .get_mut(index as usize % CHUNK)
    }

    fn lowest_roomy(&mut self) -> usize {
        while let Some(word) = self.roomy.get(self.first_roomy) {
            if *word != 0 {
                return self.first_roomy * 64 + word.trailing_zeros() as usize;
            }
            self.first_roomy += 1;
        }
        let at = self.chunks.len();
        self.chunks.push(Chunk {
            occupied: 0,
            places: None,
        });
        if at / 64 == self.roomy.len() {
            self.roomy.push(0);
        }
        self.roomy[at / 64] |= 1 << (at % 64);
        self.first_roomy = at / 64;
        at
    }

    fn drop_absent_tail(&mut self) {
        while self.chunks.last().is_some_and(|chunk| chunk.places.is_none()) {
            let at = self.chunks.len() - 1;
            self.chunks.pop();
            self.roomy[at / 64] &= !(1 << (at % 64));
        }
        self.roomy.truncate(self.chunks.len().div_ceil(64));
        self.first_roomy = self.first_roomy.min(self.roomy.len());
        if self.chunks.capacity() > 64 && self.chunks.len() < self.chunks.capacity() / 4 {
            self.chunks.shrink_to(self.chunks.len() * 2);
        }
    }
}

fn empty_places<T>() -> Places<T> {
    (0..CHUNK)
        .map(|_| Place {
            generation: 0,
            value: None,
        })
        .collect()
}

/// Values per chunk: the bits of the word that marks them.
const CHUNK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn key_of_a_removed_value_finds_nothing_even_after_its_chunk_was_rebuilt() {
        let mut slab = Slab::new(0);
        let old = slab.insert("old");
        assert_eq!(slab.remove(old), Some("old"));
        let new = slab.insert("new");
        assert_eq!(old.index, new.index);
        assert_eq!(slab.find(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.find(new), Some(&"new"));
    }

    #[test]
    fn memory_is_given_back_after_a_peak() {
        let mut slab = Slab::new(0);
        let mut keys: Vec<_> = (0..100_000).map(|n| slab.insert(n)).collect();
        let kept = keys.split_off(99_000);
        for key in keys {
            slab.remove(key);
        }
        assert!(slab.capacity() <= 1000 + 2 * CHUNK, "{}", slab.capacity());
        for key in kept {
            assert!(slab.remove(key).is_some());
        }
        assert_eq!((slab.capacity(), slab.len(), slab.chunks.len()), (0, 0, 0));
        assert!(slab.chunks.capacity() <= 64);
    }

    #[test]
    fn lowest_free_place_is_taken_first() {
        let mut slab = Slab::new(0);
        let keys: Vec<_> = (0..10_000).map(|n| slab.insert(n)).collect();
        for key in [keys[9_000], keys[5_000], keys[70]] {
            slab.remove(key);
        }
        let taken: Vec<_> = (0..4).map(|n| slab.insert(n).index).collect();
        assert_eq!(taken, [70, 5_000, 9_000, 10_000]);
    }

    proptest! {
        #[test]
        fn holds_what_a_map_would_hold(ops in prop::collection::vec((any::<bool>(), any::<u16>()), 1..600)) {
            let mut slab = Slab::new(u32::MAX - 100);
            let mut model: BTreeMap<Key, u16> = BTreeMap::new();
            for (insert, n) in ops {
                if insert || model.is_empty() {
                    prop_assert!(model.insert(slab.insert(n), n).is_none());
                } else {
                    let key = *model.keys().nth(usize::from(n) % model.len()).unwrap();
                    prop_assert_eq!(slab.remove(key), model.remove(&key));
                }
                prop_assert_eq!(slab.len(), model.len());
                prop_assert_eq!(slab.keys().collect::<Vec<_>>(), model.keys().copied().collect::<Vec<_>>());
            }
            for (key, n) in &model {
                prop_assert_eq!(slab.find(*key), Some(n));
            }
        }
    }
}
