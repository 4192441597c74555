//! G.711: 8-bit companding of 16-bit linear samples (ITU-T G.711 tables 1 and 2).
//!
//! 16-bit samples are the 14-bit (µ-law) and 13-bit (A-law) values of the recommendation, aligned to the left.
//! Decoding looks up a table made at compile time; encoding finds the segment by its leading bit.

/// Expands a µ-law byte.
pub fn decode_ulaw(byte: u8) -> i16 {
    ULAW[usize::from(byte)]
}

/// Expands an A-law byte.
pub fn decode_alaw(byte: u8) -> i16 {
    ALAW[usize::from(byte)]
}

/// Compresses a sample by µ-law.
pub fn encode_ulaw(sample: i16) -> u8 {
    let negative = sample < 0;
    // One's complement, so that -1 falls in the first interval below zero; the bias of 33 moves every segment's start
    // to a power of two.
    let magnitude = if negative { !sample } else { sample } >> 2;
    let biased = (magnitude.unsigned_abs() + 33).min(0x1fff);
    let segment = 15 - 5 - biased.leading_zeros().min(10);
    let step = (biased >> (segment + 1)) & 0x0f;
    let code = ((segment as u8) << 4) | step as u8;
    // The recommendation sends all bits inverted.
    !(code | if negative { 0x80 } else { 0 })
}

/// Compresses a sample by A-law.
pub fn encode_alaw(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = (if negative { !sample } else { sample } >> 4).unsigned_abs();
    // The two lowest segments have steps of the same width, so there the magnitude is the code.
    let code = if magnitude < 32 {
        magnitude as u8
    } else {
        let segment = 12 - magnitude.leading_zeros();
        ((segment as u8) << 4) | ((magnitude >> (segment - 1)) & 0x0f) as u8
    };
    // The recommendation inverts the even bits; the sign bit is 1 for positive values.
    (code | if negative { 0 } else { 0x80 }) ^ 0x55
}

/// The A-law byte that sounds closest to a µ-law byte, and so on: payloads are re-coded in place.
pub fn recode_ulaw_to_alaw(payload: &mut [u8]) {
    for byte in payload {
        *byte = ULAW_TO_ALAW[usize::from(*byte)];
    }
}

/// See [`recode_ulaw_to_alaw`].
pub fn recode_alaw_to_ulaw(payload: &mut [u8]) {
    for byte in payload {
        *byte = ALAW_TO_ULAW[usize::from(*byte)];
    }
}

static ULAW: [i16; 256] = ulaw_table();
static ALAW: [i16; 256] = alaw_table();
static ULAW_TO_ALAW: std::sync::LazyLock<[u8; 256]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|byte| encode_alaw(ULAW[byte])));
static ALAW_TO_ULAW: std::sync::LazyLock<[u8; 256]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|byte| encode_ulaw(ALAW[byte])));

const fn ulaw_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as u8);
        let segment = (code >> 4) & 7;
        // The middle of the interval, in 14 bits.
        let magnitude = (((2 * (code & 0x0f) as i16 + 33) << segment) - 33) << 2;
        table[byte] = if code & 0x80 == 0 { magnitude } else { -magnitude };
        byte += 1;
    }
    table
}

const fn alaw_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = byte as u8 ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = 2 * (code & 0x0f) as i16 + 1;
        // In 13 bits a step of the two lowest segments is 2 wide, and its middle 1 above its start.
        let magnitude = (if segment == 0 {
            step
        } else {
            (step + 32) << (segment - 1)
        }) << 3;
        table[byte] = if code & 0x80 == 0 { -magnitude } else { magnitude };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 2a of the recommendation: (intervals, interval size) from zero up, in 14-bit units. The first interval
    /// is half as wide as its neighbours.
    const ULAW_SEGMENTS: [(usize, i32); 9] = [
        (1, 1),
        (15, 2),
        (16, 4),
        (16, 8),
        (16, 16),
        (16, 32),
        (16, 64),
        (16, 128),
        (16, 256),
    ];
    /// Table 1a: the same for A-law, in 13-bit units (the recommendation counts 4096 to full scale).
    const ALAW_SEGMENTS: [(usize, i32); 7] =
        [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)];

    /// Start, end and output value of every interval above zero, as the table's columns 3, 4 and 8 give them.
    fn intervals(segments: &[(usize, i32)], first_output: Option<i32>) -> Vec<(i32, i32, i32)> {
        let mut out: Vec<(i32, i32, i32)> = Vec::new();
        let mut at = 0;
        for &(count, size) in segments {
            for _ in 0..count {
                let middle = if out.is_empty() {
                    first_output.unwrap_or(at + size / 2)
                } else {
                    at + size / 2
                };
                out.push((at, at + size, middle));
                at += size;
            }
        }
        out
    }

    #[test]
    fn ulaw_has_the_decision_and_output_values_of_table_2() {
        let intervals = intervals(&ULAW_SEGMENTS, Some(0));
        assert_eq!(intervals.len(), 128);
        assert_eq!(
            intervals.last(),
            Some(&(7903, 8159, 8031)),
            "the published virtual decision value and output"
        );
        for (n, &(start, end, output)) in intervals.iter().enumerate() {
            let positive = 0xff - n as u8;
            assert_eq!(i32::from(decode_ulaw(positive)), output * 4, "interval {n}");
            assert_eq!(
                i32::from(decode_ulaw(positive & 0x7f)),
                -output * 4,
                "interval {n}"
            );
            for value in start..end.min(8192) {
                for low_bits in 0..4 {
                    let sample = (value * 4 + low_bits) as i16;
                    assert_eq!(encode_ulaw(sample), positive, "sample {sample}");
                    assert_eq!(
                        encode_ulaw(-1 - sample),
                        positive & 0x7f,
                        "sample {}",
                        -1 - sample
                    );
                }
            }
        }
        assert_eq!((encode_ulaw(i16::MAX), encode_ulaw(i16::MIN)), (0x80, 0x00));
    }

    #[test]
    fn alaw_has_the_decision_and_output_values_of_table_1() {
        let intervals = intervals(&ALAW_SEGMENTS, None);
        assert_eq!(intervals.len(), 128);
        assert_eq!(
            intervals.last(),
            Some(&(3968, 4096, 4032)),
            "the published virtual decision value and output"
        );
        for (n, &(start, end, output)) in intervals.iter().enumerate() {
            let positive = (n as u8 | 0x80) ^ 0x55;
            assert_eq!(i32::from(decode_alaw(positive)), output * 8, "interval {n}");
            assert_eq!(
                i32::from(decode_alaw(positive ^ 0x80)),
                -output * 8,
                "interval {n}"
            );
            for sample in start * 8..end * 8 {
                let sample = sample as i16;
                assert_eq!(encode_alaw(sample), positive, "sample {sample}");
                assert_eq!(
                    encode_alaw(-1 - sample),
                    positive ^ 0x80,
                    "sample {}",
                    -1 - sample
                );
            }
        }
    }

    #[test]
    fn published_code_words_stand() {
        // Full scale, zero and idle bytes as every switch knows them.
        assert_eq!(encode_ulaw(0), 0xff);
        assert_eq!(encode_alaw(0), 0xd5);
        assert_eq!(decode_ulaw(0x00), -32124);
        assert_eq!(decode_alaw(0xaa), 32256);
    }

    #[test]
    fn recoding_there_and_back_keeps_loud_sounds_to_a_step() {
        for byte in 0..=255u8 {
            let mut payload = [byte];
            recode_ulaw_to_alaw(&mut payload);
            let (was, is) = (i32::from(decode_ulaw(byte)), i32::from(decode_alaw(payload[0])));
            assert!((was - is).abs() <= was.abs() / 16 + 16, "{was} became {is}");
            recode_alaw_to_ulaw(&mut payload);
            let back = i32::from(decode_ulaw(payload[0]));
            assert!(
                (was - back).abs() <= was.abs() / 16 + 16,
                "{was} came back as {back}"
            );
        }
    }
}
