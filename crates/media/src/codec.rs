//! The codecs we speak: G.711 in its two laws.

use crate::g711;

/// A G.711 law with its static payload type (RFC 3551 §6).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Codec {
    /// µ-law, payload type 0.
    Pcmu,
    /// A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// The static RTP payload type.
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The codec of a static RTP payload type, if we speak it.
    pub fn from_payload_type(payload_type: u8) -> Option<Codec> {
        match payload_type {
            0 => Some(Codec::Pcmu),
            8 => Some(Codec::Pcma),
            _ => None,
        }
    }

    /// The encoding name of SDP's `rtpmap` (RFC 3551 §4.5.14).
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// Compresses one 16-bit sample.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => g711::encode_ulaw(sample),
            Codec::Pcma => g711::encode_alaw(sample),
        }
    }

    /// Expands one byte to a 16-bit sample.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Codec::Pcmu => g711::decode_ulaw(byte),
            Codec::Pcma => g711::decode_alaw(byte),
        }
    }
}
