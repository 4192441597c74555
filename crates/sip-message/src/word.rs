//! Several bytes at a time: for runs as short as a header line this is cheaper than a call into `memchr`.

/// Where the first byte up to CR at or after `from` stands: a line end, a tab, or what is stranger.
#[inline]
pub(crate) fn find_control(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..)?.first_chunk::<CHUNK>() {
        // The compiler makes this one comparison of the whole chunk.
        if chunk.iter().fold(false, |found, &byte| found | (byte <= b'\r')) {
            let (words, _none) = chunk.as_chunks();
            let [low, high] = [words[0], words[1]].map(|word| below(u64::from_le_bytes(word), b'\r' + 1));
            let place = if low != 0 {
                first_of(low)
            } else {
                WORD + first_of(high)
            };
            return Some(at + place);
        }
        at += chunk.len();
    }
    let place = bytes[at..].iter().position(|&byte| byte <= b'\r')?;
    Some(at + place)
}

/// Where the first byte stands that is not of this class, which is made of comparisons.
#[inline]
pub(crate) fn first_not(bytes: &[u8], class: impl Fn(u8) -> bool) -> Option<usize> {
    // The compiler makes few comparisons of each whole chunk; the last one overlaps the one before.
    let all = |chunk: &[u8; CHUNK]| chunk.iter().fold(true, |all, &byte| all & class(byte));
    if let Some(last) = bytes.last_chunk()
        && bytes.as_chunks().0.iter().all(all)
        && all(last)
    {
        return None;
    }
    bytes.iter().position(|&byte| !class(byte))
}

/// Where the first such byte at or after `from` stands.
#[inline]
pub(crate) fn find(bytes: &[u8], from: usize, byte: u8) -> Option<usize> {
    let (words, tail) = bytes.get(from..)?.as_chunks::<WORD>();
    let mut at = from;
    for word in words {
        let marks = equal(u64::from_le_bytes(*word), byte);
        if marks != 0 {
            return Some(at + first_of(marks));
        }
        at += WORD;
    }
    let place = tail.iter().position(|&other| other == byte)?;
    Some(at + place)
}

/// Where the first of two bytes at or after `from` stands.
#[inline]
pub(crate) fn find_either(bytes: &[u8], from: usize, one: u8, other: u8) -> Option<usize> {
    let (words, tail) = bytes.get(from..)?.as_chunks::<WORD>();
    let mut at = from;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let marks = equal(word, one) | equal(word, other);
        if marks != 0 {
            return Some(at + first_of(marks));
        }
        at += WORD;
    }
    let place = tail.iter().position(|&byte| byte == one || byte == other)?;
    Some(at + place)
}

/// Marks bytes below `limit`, which is at most 128. Only the lowest mark is sure: a borrow may set one above it.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(EACH * limit as u64) & !word & (EACH * 0x80)
}

/// Marks bytes that are `byte`; only the lowest mark is sure.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (EACH * byte as u64), 1)
}

/// Which byte has the lowest mark.
const fn first_of(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Bytes of what one instruction compares.
const CHUNK: usize = 16;

/// A one in each byte of a word.
const EACH: u64 = u64::MAX / 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands_and_whatever_stands_around_it() {
        for around in [0, 1, b'\t', 0x0b, 0x0c, 0x0e, b' ', 0x7f, 0x80, 0x8d, 0xff] {
            for len in 0..40 {
                let mut bytes = vec![around; len];
                assert_eq!(find_either(&bytes, 0, b'"', b'\\'), None);
                assert_eq!(find(&bytes, 0, b'"'), None);
                let control = (around <= b'\r' && len > 0).then_some(0);
                assert_eq!(find_control(&bytes, 0), control);
                for place in (0..len).rev() {
                    bytes[place] = if place % 2 == 0 { b'\r' } else { b'\n' };
                    for from in 0..=len {
                        let found = (from <= place).then_some(place);
                        assert_eq!(find_either(&bytes[..=place], from, b'\n', b'\r'), found);
                        assert_eq!(find(&bytes[..=place], from, bytes[place]), found);
                        if around > b'\r' {
                            assert_eq!(find_control(&bytes[..=place], from), found);
                        }
                    }
                }
            }
        }
    }
}
