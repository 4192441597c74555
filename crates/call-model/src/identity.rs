//! Names and identifiers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as written in the settings.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a trunk: a peering carrier.
    TrunkName
}
name! {
    /// The name of a tenant: a business.
    TenantName
}
name! {
    /// The name of a plan: what happens to a call that screening lets through.
    PlanName
}
name! {
    /// The name of an agent.
    AgentName
}

/// Our own identifier of a call: 80 bits, shown as 16 characters of Crockford's base 32.
///
/// The upper 48 bits are Unix milliseconds, so identifiers sort by time; 8 bits are the shard; 24 bits are drawn by
/// the shard's seeded generator. Fits the `id` of a `603 Network Blocked` (at most 64 of `[A-Za-z0-9_-]`).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId {
    high: u64,
    low: u16,
}

/// A text is no call identifier: not 16 characters of Crockford's base 32.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a call id has 16 characters of 0-9 and A-Z without I, L, O, U")]
pub struct CallIdFault;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl CallId {
    /// Builds an identifier from Unix milliseconds, the shard, and 24 drawn bits (the upper 8 bits are not used).
    #[must_use]
    pub fn new(unix_ms: u64, shard: u8, drawn: u32) -> Self {
        let drawn = drawn & 0x00ff_ffff;
        Self {
            high: (unix_ms << 16) | (u64::from(shard) << 8) | u64::from(drawn >> 16),
            low: drawn as u16,
        }
    }

    /// When the call was offered, in Unix milliseconds.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        self.high >> 16
    }

    /// The shard that the call belongs to.
    #[must_use]
    pub fn shard(self) -> u8 {
        (self.high >> 8) as u8
    }

    fn bits(self) -> u128 {
        (u128::from(self.high) << 16) | u128::from(self.low)
    }

    /// The 16 characters.
    #[must_use]
    pub fn text(self) -> [u8; 16] {
        let bits = self.bits();
        std::array::from_fn(|at| ALPHABET[(bits >> (75 - 5 * at)) as usize & 31])
    }
}

impl FromStr for CallId {
    type Err = CallIdFault;

    fn from_str(text: &str) -> Result<Self, CallIdFault> {
        if text.len() != 16 {
            return Err(CallIdFault);
        }
        let mut bits = 0u128;
        for byte in text.bytes() {
            let byte = byte.to_ascii_uppercase();
            let digit = ALPHABET
                .iter()
                .position(|known| *known == byte)
                .ok_or(CallIdFault)?;
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self {
            high: (bits >> 16) as u64,
            low: bits as u16,
        })
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.text() {
            fmt::Write::write_char(f, char::from(byte))?;
        }
        Ok(())
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which rules decided: a digest over everything in the directory that screening reads.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct RulesetVersion(pub u64);

impl fmt::Display for RulesetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for RulesetVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RulesetVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_id_survives_its_text_and_tells_time_and_shard() {
        let id = CallId::new(1_772_410_493_609, 3, 0x00ab_cdef);
        let text = id.to_string();
        assert_eq!(text.len(), 16);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_lowercase().parse(), Ok(id));
        assert_eq!(id.unix_ms(), 1_772_410_493_609);
        assert_eq!(id.shard(), 3);
    }

    #[test]
    fn call_ids_sort_by_time_in_their_text_too() {
        let (early, late) = (CallId::new(1_000, 9, 7), CallId::new(1_001, 0, 0));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn text_that_is_no_call_id_is_refused() {
        assert_eq!("".parse::<CallId>(), Err(CallIdFault));
        assert_eq!("0000000000000000U".parse::<CallId>(), Err(CallIdFault));
        assert_eq!("000000000000000U".parse::<CallId>(), Err(CallIdFault));
    }
}
