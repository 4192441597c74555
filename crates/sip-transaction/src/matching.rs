//! Which server transaction a request belongs to (RFC 3261 §17.2.3).

use std::hash::{DefaultHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use sip_message::{Host, Message, Method};
use smallvec::SmallVec;

/// All that identifies a server transaction, in 16 bytes: two keyed hashes of different make.
///
/// Peers choose what goes in, but they know neither key and never see a hash, so that finding one input
/// that meets another in 128 bits is not in their power; equal fingerprints are equal transactions.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Fingerprint {
    pub(crate) sip: u64,
    fold: u64,
}

/// Makes fingerprints and unguessable numbers from one seed.
pub(crate) struct Secret {
    key: [u64; 2],
    fold: SharedSeed,
    drawn: u64,
}

/// What RFC 3261 §17.2.3 compares, except the method, as bytes that no other set of values gives.
///
/// With the magic cookie: branch and sent-by. Without it (RFC 2543): Request-URI, From tag, Call-ID, CSeq
/// number and top Via. The To tag is left out there, so that an ACK, which carries the tag of our
/// response, meets its INVITE; whether it acknowledges a 2xx or a failure follows from the state.
pub(crate) struct RequestKey(SmallVec<[u8; 128]>);

impl RequestKey {
    /// `None` if the message lacks what it takes.
    pub(crate) fn of(message: &Message<'_>) -> Option<Self> {
        let via = message.top_via().ok()?;
        let mut key = Self(SmallVec::new());
        match via.branch {
            Some(branch) if via.has_magic_cookie() => {
                key.push(b"3261");
                key.push(branch);
                match via.host {
                    Host::Name(name) => key.push_lower_case(name),
                    Host::V4(address) => key.push(&address.octets()),
                    Host::V6(address) => key.push(&address.octets()),
                }
                key.push(&via.port.unwrap_or(0).to_be_bytes());
            }
            Some(_) | None => {
                key.push(b"2543");
                key.push(message.request_uri());
                key.push(message.from().ok()?.tag().unwrap_or_default());
                key.push(message.call_id().ok()?);
                key.push(&message.cseq().ok()?.number.to_be_bytes());
                key.push(via.raw);
            }
        }
        Some(key)
    }

    /// A value with its length before it, so that neighbours cannot trade bytes.
    fn push(&mut self, value: &[u8]) {
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes()[..4]);
        self.0.extend_from_slice(value);
    }

    fn push_lower_case(&mut self, value: &[u8]) {
        let at = self.0.len() + 4;
        self.push(value);
        self.0[at..].make_ascii_lowercase();
    }
}

impl Secret {
    pub(crate) fn new(seed: u64) -> Self {
        let draw = |label: u64| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(seed);
            hasher.write_u64(label);
            hasher.finish()
        };
        Self {
            key: [draw(1), draw(2)],
            fold: SharedSeed::from_u64(draw(3)),
            drawn: 0,
        }
    }

    pub(crate) fn fingerprint(&self, key: &RequestKey, method: Method<'_>) -> Fingerprint {
        let mut sip = self.hasher();
        sip.write(&key.0);
        sip.write(method.as_bytes());
        let mut fold = FoldHasher::with_seed(self.key[1], &self.fold);
        fold.write(&key.0);
        fold.write(method.as_bytes());
        Fingerprint {
            sip: sip.finish(),
            fold: fold.finish(),
        }
    }

    /// The next number of a sequence that cannot be told from chance without the seed.
    pub(crate) fn draw(&mut self) -> u32 {
        self.drawn = self.drawn.wrapping_add(1);
        let mut hasher = self.hasher();
        hasher.write_u64(self.drawn);
        (hasher.finish() >> 32) as u32
    }

    /// SipHash with our key absorbed first.
    fn hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key[0]);
        hasher.write_u64(self.key[1]);
        hasher
    }
}
