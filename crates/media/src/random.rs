//! Seeded randomness: the same seed gives the same numbers.

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) fn new(seed: u64) -> SplitMix {
        SplitMix(seed)
    }

    /// 64 even bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, evenly, but never `last`.
    pub(crate) fn below_but(&mut self, n: usize, last: Option<usize>) -> usize {
        let choices = n - usize::from(last.is_some());
        // The high half times `choices`: the bias is below 2^-28 for our small numbers.
        let pick = (((self.next() >> 32) * choices as u64) >> 32) as usize;
        match last {
            Some(last) if pick >= last => pick + 1,
            _ => pick,
        }
    }
}
