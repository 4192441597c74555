//! RTP packets (RFC 3550 §5.1): the view of a received one, the writing of our own, the patching of a relayed one.

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

/// Bytes of a header without contributing sources or extension.
pub const HEADER: usize = 12;

/// What we need to know of a received packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// First of a talk spurt or of a key.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples of 125 µs.
    pub timestamp: u32,
    /// Whose stream it is.
    pub ssrc: u32,
    /// Where in the packet the payload lies.
    pub payload_at: usize,
    /// What it carries, without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet, or `None` if it is not RTP version 2 or contradicts its own lengths.
    pub fn parse(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let reader = RtpReader::new(bytes).ok()?;
        Some(Packet {
            marker: reader.mark(),
            payload_type: reader.payload_type(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload_at: reader.payload_offset(),
            payload: reader.payload(),
        })
    }
}

/// The header of a packet we write, or the one that replaces a relayed packet's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// First of a talk spurt or of a key.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples of 125 µs.
    pub timestamp: u32,
    /// Whose stream it is.
    pub ssrc: u32,
}

impl Header {
    /// Writes a packet with this header into `target` and says how long it is; `None` if it does not fit.
    pub fn write(&self, payload: &[u8], target: &mut [u8]) -> Option<usize> {
        RtpPacketBuilder::new()
            .payload_type(self.payload_type)
            .marked(self.marker)
            .sequence(Seq::from(self.sequence))
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build_into(target)
            .ok()
    }

    /// Puts these values in place of those of a packet that [`Packet::parse`] accepted; contributing sources,
    /// extension, payload and padding stay.
    pub(crate) fn patch(&self, packet: &mut [u8]) {
        if let Some(fixed) = packet.get_mut(1..HEADER) {
            fixed[0] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
            fixed[1..3].copy_from_slice(&self.sequence.to_be_bytes());
            fixed[3..7].copy_from_slice(&self.timestamp.to_be_bytes());
            fixed[7..11].copy_from_slice(&self.ssrc.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: Header = Header {
        marker: true,
        payload_type: 101,
        sequence: 0xfffe,
        timestamp: 0x8000_0001,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn a_written_packet_is_read_back() {
        let mut bytes = [0; 64];
        let len = HEAD.write(&[1, 2, 3], &mut bytes).unwrap();
        assert_eq!(len, HEADER + 3);
        let packet = Packet::parse(&bytes[..len]).unwrap();
        assert_eq!(
            (packet.marker, packet.payload_type, packet.sequence),
            (true, 101, 0xfffe)
        );
        assert_eq!((packet.timestamp, packet.ssrc), (0x8000_0001, 0xdead_beef));
        assert_eq!((packet.payload_at, packet.payload), (12, &[1, 2, 3][..]));
        assert_eq!(HEAD.write(&[0; 160], &mut bytes), None);
    }

    #[test]
    fn patching_leaves_extension_sources_and_padding_alone() {
        // One contributing source, a one-word extension, four bytes of payload of which two are padding.
        let mut bytes = vec![
            0xb1, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, 5, 5, 5, 5, 0xbe, 0xde, 0, 1, 6, 6, 6, 6, 8, 8, 0, 2,
        ];
        let tail = bytes[12..].to_vec();
        HEAD.patch(&mut bytes);
        assert_eq!(bytes[12..], tail);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.payload_at, packet.payload), (24, &[8, 8][..]));
        assert_eq!((packet.sequence, packet.ssrc), (0xfffe, 0xdead_beef));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload_at + packet.payload.len() <= bytes.len());
            }
        }
    }
}
