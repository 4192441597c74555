//! The branch parameter of the requests we send: it carries where its response belongs.

use std::fmt;

use crate::slab::Key;

/// A Via branch of our own (RFC 3261 §8.1.1.7), unique across space and time.
///
/// 49 bytes: the magic cookie `z9hG4bK`, then in lower-case hexadecimal the node (8), the shard (2), slot
/// (8) and generation (8) of the client transaction, a token that nobody can guess (8), and the loop hash
/// of RFC 3261 §16.3 item 4 (8). A response finds its transaction by slot, and is believed only if
/// generation and token agree.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Branch([u8; LENGTH]);

/// What one of our branches says, read from bytes that anybody may have written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BranchParts {
    pub(crate) shard: u8,
    pub(crate) key: Key,
    pub(crate) token: u32,
    pub(crate) loop_hash: u32,
}

impl Branch {
    /// Length in bytes.
    pub const LENGTH: usize = LENGTH;

    pub(crate) fn new(node: u32, parts: BranchParts) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[..COOKIE.len()].copy_from_slice(COOKIE);
        let mut rest = &mut bytes[COOKIE.len()..];
        let mut write = |value: u32, digits: usize| {
            let (field, after) = std::mem::take(&mut rest).split_at_mut(digits);
            for (at, digit) in field.iter_mut().rev().enumerate() {
                *digit = b"0123456789abcdef"[(value >> (4 * at) & 0xf) as usize];
            }
            rest = after;
        };
        write(node, 8);
        write(u32::from(parts.shard), 2);
        write(parts.key.index, 8);
        write(parts.key.generation, 8);
        write(parts.token, 8);
        write(parts.loop_hash, 8);
        Self(bytes)
    }

    /// The bytes to put behind `;branch=`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a branch is written in ASCII")
    }

    /// The shard whose transaction minted this branch; `None` if `node` did not mint it.
    #[must_use]
    pub fn shard_of(bytes: &[u8], node: u32) -> Option<u8> {
        parse(bytes, node).map(|parts| parts.shard)
    }

    /// The loop hash put into this branch; `None` if `node` did not mint it.
    #[must_use]
    pub fn loop_hash_of(bytes: &[u8], node: u32) -> Option<u32> {
        parse(bytes, node).map(|parts| parts.loop_hash)
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a branch, if it has exactly our form and our node.
pub(crate) fn parse(bytes: &[u8], node: u32) -> Option<BranchParts> {
    if bytes.len() != LENGTH {
        return None;
    }
    let mut rest = bytes.strip_prefix(COOKIE)?;
    let mut read = |digits: usize| {
        let (field, after) = rest.split_at_checked(digits)?;
        rest = after;
        field
            .iter()
            .try_fold(0_u32, |value, digit| Some(value << 4 | hex(*digit)?))
    };
    if read(8)? != node {
        return None;
    }
    Some(BranchParts {
        shard: u8::try_from(read(2)?).ok()?,
        key: Key {
            index: read(8)?,
            generation: read(8)?,
        },
        token: read(8)?,
        loop_hash: read(8)?,
    })
}

fn hex(digit: u8) -> Option<u32> {
    match digit {
        b'0'..=b'9' => Some(u32::from(digit - b'0')),
        b'a'..=b'f' => Some(u32::from(digit - b'a') + 10),
        // A peer that changes the case of what it must copy still gets its response matched.
        b'A'..=b'F' => Some(u32::from(digit - b'A') + 10),
        _ => None,
    }
}

/// Marks a branch minted under RFC 3261 (§8.1.1.7).
pub(crate) const COOKIE: &[u8] = b"z9hG4bK";
const LENGTH: usize = COOKIE.len() + 8 + 2 + 8 + 8 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn form_is_cookie_node_shard_slot_generation_token_loop_hash() {
        let key = Key {
            index: 0x0a,
            generation: 0xb,
        };
        let branch = Branch::new(
            0xfeed_beef,
            BranchParts {
                shard: 3,
                key,
                token: 0xc0de,
                loop_hash: 0xd,
            },
        );
        assert_eq!(
            branch.as_str(),
            "z9hG4bKfeedbeef030000000a0000000b0000c0de0000000d"
        );
        assert_eq!(branch.as_bytes().len(), Branch::LENGTH);
        assert_eq!(Branch::shard_of(branch.as_bytes(), 0xfeed_beef), Some(3));
        assert_eq!(Branch::loop_hash_of(branch.as_bytes(), 0xfeed_beef), Some(0xd));
    }

    #[test]
    fn branch_of_another_node_says_nothing() {
        let key = Key {
            index: 1,
            generation: 1,
        };
        let branch = Branch::new(
            1,
            BranchParts {
                shard: 3,
                key,
                token: 0,
                loop_hash: 0,
            },
        );
        assert_eq!(Branch::shard_of(branch.as_bytes(), 2), None);
        assert_eq!(Branch::loop_hash_of(branch.as_bytes(), 2), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            node: u32, shard: u8, index: u32, generation: u32, token: u32, loop_hash: u32,
        ) {
            let parts = BranchParts { shard, key: Key { index, generation }, token, loop_hash };
            prop_assert_eq!(parse(Branch::new(node, parts).as_bytes(), node), Some(parts));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>, tail in "[0-9a-fA-Fg]{0,44}") {
            let _ = Branch::shard_of(&bytes, 0);
            let _ = Branch::loop_hash_of(format!("z9hG4bK{tail}").as_bytes(), 0);
        }
    }
}
