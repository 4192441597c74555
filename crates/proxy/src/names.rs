//! What a shard mints: tags, Call-IDs; and how such a name leads back to its call.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};

use smallvec::SmallVec;

use crate::calls::CallKey;

/// A generator for names that outsiders must not foresee: SipHash over a secret seed and a counter, so that whoever sees
/// what was drawn learns nothing of what will be.
#[derive(Clone)]
pub(crate) struct Mint {
    seed: u64,
    drawn: u64,
    node: u32,
    shard: u8,
}

/// Short texts live on the stack.
pub(crate) type Name = SmallVec<[u8; 64]>;

/// Which leg of a call: 0 is the caller's, 1 and up are agents' in the order rung.
pub(crate) type LegNumber = u8;

/// The caller's leg.
pub(crate) const CALLER: LegNumber = 0;

const TAG_LENGTH: usize = 8 + 8 + 2 + 8;

impl Mint {
    pub(crate) fn new(seed: u64, node: u32, shard: u8) -> Self {
        Self {
            seed,
            drawn: 0,
            node,
            shard,
        }
    }

    /// The next 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write_u64(self.drawn);
        hasher.write_u8(self.shard);
        hasher.finish()
    }

    /// A tag that leads back to a leg of a call: slot, generation, leg, and 32 bits that nobody can guess.
    pub(crate) fn tag(&mut self, call: CallKey, leg: LegNumber) -> Name {
        let drawn = self.draw() as u32;
        let mut name = Name::new();
        push_hex(&mut name, call.slot, 8);
        push_hex(&mut name, call.generation, 8);
        push_hex(&mut name, u32::from(leg), 2);
        push_hex(&mut name, drawn, 8);
        name
    }

    /// A Call-ID that leads back to this shard: node, shard, and 64 drawn bits.
    pub(crate) fn call_id(&mut self) -> Name {
        let drawn = self.draw();
        let mut name = Name::new();
        name.extend_from_slice(b"rf");
        push_hex(&mut name, self.node, 8);
        push_hex(&mut name, u32::from(self.shard), 2);
        name.push(b'-');
        push_hex(&mut name, (drawn >> 32) as u32, 8);
        push_hex(&mut name, drawn as u32, 8);
        name
    }
}

/// Which leg of which call a tag of ours names; absent where it has not our form. Whoever asks checks the rest of the
/// dialog identifier.
pub(crate) fn leg_of_tag(tag: &[u8]) -> Option<(CallKey, LegNumber)> {
    if tag.len() != TAG_LENGTH {
        return None;
    }
    let slot = read_hex(&tag[..8])?;
    let generation = read_hex(&tag[8..16])?;
    let leg = read_hex(&tag[16..18])?;
    Some((CallKey { slot, generation }, leg as u8))
}

/// The shard that minted a Call-ID; absent where this node did not.
pub(crate) fn shard_of_call_id(call_id: &[u8], node: u32) -> Option<u8> {
    let rest = call_id.strip_prefix(b"rf")?;
    if rest.len() != 8 + 2 + 1 + 16 || rest[10] != b'-' || read_hex(&rest[..8])? != node {
        return None;
    }
    Some(read_hex(&rest[8..10])? as u8)
}

/// The shard that an initial request belongs to: the same on every shard, whatever its seed.
pub(crate) fn shard_by_hash(call_id: &[u8], shards: u8) -> u8 {
    (fnv(call_id) % u64::from(shards.max(1))) as u8
}

/// FNV-1a, for what must be equal on every shard; never for a table that outsiders fill.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number as text on the stack.
pub(crate) fn decimal(value: u64) -> Name {
    let mut text = Text(Name::new());
    let _ = write!(text, "{value}");
    text.0
}

/// Lets `write!` fill a [`Name`].
pub(crate) struct Text(pub(crate) Name);

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn push_hex(name: &mut Name, value: u32, digits: u32) {
    for at in (0..digits).rev() {
        name.push(b"0123456789abcdef"[(value >> (4 * at) & 15) as usize]);
    }
}

fn read_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((value << 4) | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_leads_back_to_its_leg() {
        let mut mint = Mint::new(1, 0xfeed_beef, 3);
        let key = CallKey {
            slot: 77,
            generation: 5,
        };
        let tag = mint.tag(key, 2);
        assert_eq!(leg_of_tag(&tag), Some((key, 2)));
        assert_ne!(tag, mint.tag(key, 2), "a tag is used once");
        assert_eq!(leg_of_tag(b"f1.2"), None);
        assert_eq!(leg_of_tag(&[b'z'; TAG_LENGTH]), None);
    }

    #[test]
    fn call_id_leads_back_to_its_shard_on_this_node_only() {
        let mut mint = Mint::new(1, 0xfeed_beef, 3);
        let id = mint.call_id();
        assert_eq!(shard_of_call_id(&id, 0xfeed_beef), Some(3));
        assert_eq!(shard_of_call_id(&id, 1), None);
        assert_eq!(shard_of_call_id(b"rf", 1), None);
    }
}
