//! Session descriptions (RFC 8866) as far as a switch reads and writes them (RFC 3264).
//!
//! A description that passes through is edited line by line: what we do not replace stays to the letter.

use std::fmt::Write as _;
use std::net::IpAddr;

use smallvec::SmallVec;

/// The first audio stream of a session description.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audio {
    /// Where the describing side wants RTP; absent where the address is no IP literal.
    pub address: Option<IpAddr>,
    /// The RTP port; 0 where the stream is refused.
    pub port: u16,
    /// Payload types in order of preference, at most 32.
    pub formats: SmallVec<[u8; 8]>,
    /// The payload type of `telephone-event/8000` (RFC 4733), where offered.
    pub telephone_event: Option<u8>,
    /// Which way the audio flows, as the describing side sees it.
    pub direction: Direction,
    /// Whether the stream is plain RTP (`RTP/AVP`), so that we can speak and listen.
    pub plain: bool,
}

/// Which way a stream flows (RFC 8866 §6.7), as its describing side sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The describing side only sends: it holds the other.
    SendOnly,
    /// The describing side only listens.
    RecvOnly,
    /// Neither way.
    Inactive,
}

/// Why a body is no session description that we can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpFault {
    /// The first line is not `v=0`.
    #[error("a session description begins with v=0")]
    Version,
    /// No `m=audio` line.
    #[error("no audio stream is described")]
    NoAudio,
    /// The `m=audio` line cannot be read.
    #[error("the m=audio line is malformed")]
    MediaLine,
    /// More than [`BODY_BYTES_MAX`] bytes.
    #[error("a session description has at most {BODY_BYTES_MAX} bytes")]
    TooLong,
}

/// The longest session description that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// The most payload types of one stream that are read; more are passed over.
const FORMATS_MAX: usize = 32;

impl Audio {
    /// Reads the first audio stream of a description.
    ///
    /// # Errors
    /// An [`SdpFault`] that names what is wrong.
    pub fn read(body: &[u8]) -> Result<Self, SdpFault> {
        if body.len() > BODY_BYTES_MAX {
            return Err(SdpFault::TooLong);
        }
        if !body.starts_with(b"v=0") {
            return Err(SdpFault::Version);
        }
        let mut section = Section::Session;
        let mut session_address = None;
        let mut session_direction = Direction::SendRecv;
        let mut audio: Option<Self> = None;
        for line in lines(body) {
            let (kind, value) = split(line);
            if kind == b'm' {
                section = match section {
                    Section::Audio | Section::After => break,
                    Section::Session | Section::Other if value.starts_with(b"audio ") => Section::Audio,
                    Section::Session | Section::Other => Section::Other,
                };
                if section == Section::Audio {
                    audio = Some(Self::from_media_line(value, session_address, session_direction)?);
                }
                continue;
            }
            match (section, kind, audio.as_mut()) {
                (Section::Session, b'c', _) => session_address = address_of(value),
                (Section::Session, b'a', _) => {
                    session_direction = direction_of(value).unwrap_or(session_direction);
                }
                (Section::Audio, b'c', Some(audio)) => audio.address = address_of(value),
                (Section::Audio, b'a', Some(audio)) => audio.read_attribute(value),
                _ => {}
            }
        }
        audio.ok_or(SdpFault::NoAudio)
    }

    fn from_media_line(
        value: &[u8],
        address: Option<IpAddr>,
        direction: Direction,
    ) -> Result<Self, SdpFault> {
        let mut words = value
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
            .skip(1);
        let port = words
            .next()
            .and_then(|word| word.split(|byte| *byte == b'/').next())
            .and_then(number);
        let port = port
            .and_then(|port| u16::try_from(port).ok())
            .ok_or(SdpFault::MediaLine)?;
        let profile = words.next().ok_or(SdpFault::MediaLine)?;
        let plain = profile.eq_ignore_ascii_case(b"RTP/AVP");
        let formats = words
            .take(FORMATS_MAX)
            .filter_map(number)
            .filter_map(|format| u8::try_from(format).ok());
        Ok(Self {
            address,
            port,
            formats: formats.collect(),
            telephone_event: None,
            direction,
            plain,
        })
    }

    fn read_attribute(&mut self, value: &[u8]) {
        if let Some(direction) = direction_of(value) {
            self.direction = direction;
        } else if let Some(map) = value.strip_prefix(b"rtpmap:") {
            let mut words = map.splitn(2, |byte| *byte == b' ');
            let format = words
                .next()
                .and_then(number)
                .and_then(|format| u8::try_from(format).ok());
            let encoding = words.next().unwrap_or_default().trim_ascii();
            if let Some(format) = format
                && encoding.eq_ignore_ascii_case(b"telephone-event/8000")
                && self.telephone_event.is_none()
            {
                self.telephone_event = Some(format);
            }
        }
    }

    /// Whether the side listens: it is neither holding us nor refusing the stream.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.port != 0 && matches!(self.direction, Direction::SendRecv | Direction::RecvOnly)
    }
}

/// Our own origin of a description, so that its owner stays the same for as long as a leg lives (RFC 3264 §8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Session identifier.
    pub session: u64,
    /// Raised by one with each description sent on the leg.
    pub version: u64,
    /// The address that we are reached at for audio.
    pub address: IpAddr,
}

/// Writes `body` to `out` with its audio moved to `origin.address` and `port`.
///
/// Replaced: the origin, every connection address, the port of the first audio stream, `a=rtcp`. Streams other than
/// the first audio stream are refused (port 0), as we cannot carry them. ICE and DTLS lines are left out, as they
/// would lead past us. Everything else stays to the letter.
pub fn anchor(body: &[u8], origin: Origin, port: u16, out: &mut Vec<u8>) {
    let mut text = String::new();
    let family = family(origin.address);
    let mut section = Section::Session;
    for line in lines(body) {
        let (kind, value) = split(line);
        match kind {
            b'o' if section == Section::Session => {
                let _ = write!(
                    text,
                    "o=- {} {} IN {family} {}\r\n",
                    origin.session, origin.version, origin.address
                );
            }
            b'c' => {
                let _ = write!(text, "c=IN {family} {}\r\n", origin.address);
            }
            b'm' => {
                let first_audio =
                    value.starts_with(b"audio ") && !matches!(section, Section::Audio | Section::After);
                section = match (first_audio, section) {
                    (true, _) => Section::Audio,
                    (false, Section::Audio | Section::After) => Section::After,
                    (false, Section::Session | Section::Other) => Section::Other,
                };
                let mut words = value.splitn(3, |byte| *byte == b' ');
                let (media, old_port) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let port = if first_audio && old_port != b"0" { port } else { 0 };
                out.extend_from_slice(text.as_bytes());
                text.clear();
                out.extend_from_slice(b"m=");
                out.extend_from_slice(media);
                let _ = write!(text, " {port} ");
                out.extend_from_slice(text.as_bytes());
                text.clear();
                out.extend_from_slice(words.next().unwrap_or_default());
                out.extend_from_slice(b"\r\n");
                continue;
            }
            b'a' if leads_past_us(value) => continue,
            _ => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
                continue;
            }
        }
        out.extend_from_slice(text.as_bytes());
        text.clear();
    }
}

/// Writes a description of our own: one audio stream with one G.711 codec, and keys where `telephone_event` is given.
///
/// `codecs` are the static payload types 0 (PCMU) and 8 (PCMA) in order of preference.
pub fn describe(origin: Origin, port: u16, codecs: &[u8], telephone_event: Option<u8>, out: &mut Vec<u8>) {
    let (family, address) = (family(origin.address), origin.address);
    let mut text = format!(
        "v=0\r\no=- {} {} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP",
        origin.session, origin.version,
    );
    for codec in codecs.iter().chain(telephone_event.iter()) {
        let _ = write!(text, " {codec}");
    }
    text.push_str("\r\n");
    for codec in codecs {
        let name = if *codec == PCMA { "PCMA" } else { "PCMU" };
        let _ = write!(text, "a=rtpmap:{codec} {name}/8000\r\n");
    }
    if let Some(event) = telephone_event {
        let _ = write!(
            text,
            "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-16\r\n"
        );
    }
    text.push_str("a=ptime:20\r\na=sendrecv\r\n");
    out.extend_from_slice(text.as_bytes());
}

/// Static payload type of G.711 µ-law (RFC 3551).
pub const PCMU: u8 = 0;
/// Static payload type of G.711 A-law (RFC 3551).
pub const PCMA: u8 = 8;

/// Where in a description a line stands.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Section {
    Session,
    Audio,
    /// A stream before the first audio stream.
    Other,
    /// A stream after the first audio stream.
    After,
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

fn split(line: &[u8]) -> (u8, &[u8]) {
    match line {
        [kind, b'=', value @ ..] => (*kind, value),
        _ => (0, line),
    }
}

fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

fn address_of(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?;
    let mut words = text.split_ascii_whitespace().skip(2);
    words.next()?.split('/').next()?.parse().ok()
}

fn direction_of(value: &[u8]) -> Option<Direction> {
    match value {
        b"sendrecv" => Some(Direction::SendRecv),
        b"sendonly" => Some(Direction::SendOnly),
        b"recvonly" => Some(Direction::RecvOnly),
        b"inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn leads_past_us(attribute: &[u8]) -> bool {
    let name = attribute.split(|byte| *byte == b':').next().unwrap_or_default();
    matches!(
        name,
        b"rtcp"
            | b"candidate"
            | b"end-of-candidates"
            | b"ice-ufrag"
            | b"ice-pwd"
            | b"ice-options"
            | b"ice-lite"
            | b"remote-candidates"
            | b"rtcp-mux"
            | b"rtcp-mux-only"
    )
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &[u8] = b"v=0\r\no=trunk 1 1 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.3\r\nt=0 0\r\n\
        m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=rtcp:30001\r\na=x-unknown:\xff kept\r\nm=video 30002 RTP/AVP 96\r\nc=IN IP4 192.0.2.4\r\n";

    #[test]
    fn offer_tells_address_formats_and_keys() {
        let audio = Audio::read(OFFER).unwrap();
        assert_eq!(audio.address, Some("192.0.2.3".parse().unwrap()));
        assert_eq!(
            (audio.port, audio.formats.as_slice()),
            (30000, &[0u8, 8, 101][..])
        );
        assert_eq!(audio.telephone_event, Some(101));
        assert!(audio.plain && audio.listens());
    }

    #[test]
    fn held_stream_does_not_listen() {
        let video = OFFER.windows(8).position(|line| line == b"m=video ").unwrap();
        let held = [&OFFER[..video], b"a=sendonly\r\n"].concat();
        let audio = Audio::read(&held).unwrap();
        assert_eq!(audio.direction, Direction::SendOnly);
        assert!(!audio.listens());
    }

    #[test]
    fn what_is_no_description_is_refused_by_name() {
        assert_eq!(Audio::read(b"hello"), Err(SdpFault::Version));
        assert_eq!(
            Audio::read(b"v=0\r\nm=video 1 RTP/AVP 96\r\n"),
            Err(SdpFault::NoAudio)
        );
        assert_eq!(
            Audio::read(b"v=0\r\nm=audio x RTP/AVP 0\r\n"),
            Err(SdpFault::MediaLine)
        );
        assert_eq!(
            Audio::read(b"v=0\r\nm=audio 99999 RTP/AVP 0\r\n"),
            Err(SdpFault::MediaLine)
        );
        assert_eq!(
            Audio::read(&vec![b'v'; BODY_BYTES_MAX + 1]),
            Err(SdpFault::TooLong)
        );
    }

    #[test]
    fn anchored_offer_names_us_and_keeps_the_rest_to_the_letter() {
        let origin = Origin {
            session: 7,
            version: 2,
            address: "198.51.100.9".parse().unwrap(),
        };
        let mut out = Vec::new();
        anchor(OFFER, origin, 20_000, &mut out);
        let expected: &[u8] =
            b"v=0\r\no=- 7 2 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n\
            m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
            a=x-unknown:\xff kept\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 198.51.100.9\r\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn refused_stream_stays_refused_when_anchored() {
        let origin = Origin {
            session: 7,
            version: 2,
            address: "198.51.100.9".parse().unwrap(),
        };
        let mut out = Vec::new();
        anchor(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n", origin, 20_000, &mut out);
        assert_eq!(out, b"v=0\r\nm=audio 0 RTP/AVP 0\r\n");
    }

    #[test]
    fn own_description_is_read_back() {
        let origin = Origin {
            session: 1,
            version: 1,
            address: "2001:db8::1".parse().unwrap(),
        };
        let mut out = Vec::new();
        describe(origin, 20_002, &[PCMA, PCMU], Some(96), &mut out);
        let audio = Audio::read(&out).unwrap();
        assert_eq!(audio.address, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(
            (audio.port, audio.formats.as_slice()),
            (20_002, &[8u8, 0, 96][..])
        );
        assert_eq!(audio.telephone_event, Some(96));
    }
}
