//! From one TOML value to one typed value, within the limits of its kind.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use call_model::{E164, Score};
use screening::{CnamPattern, Prefix};
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use crate::catalogue::{Kind, duration_in_words};
use crate::reader::{FromToml, expected};
use crate::settings::{HostPort, Network, Transport};
use crate::sources::first_address;
use crate::suggest::did_you_mean;

impl FromToml for bool {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| expected(kind, value))
    }
}

impl FromToml for u64 {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let integer = value.as_integer().ok_or_else(|| expected(kind, value))?;
        let read = Self::from_str_radix(integer.as_str(), integer.radix()).ok();
        let (fits, number) = match (kind, read) {
            (Kind::Count(min, max), Some(number)) => ((min..=max).contains(&number), number),
            (Kind::Status(known), Some(number)) => {
                (known.iter().any(|status| Self::from(*status) == number), number)
            }
            (_, Some(number)) => (true, number),
            (_, None) => (false, 0),
        };
        if fits {
            Ok(number)
        } else {
            Err(format!("{integer} is not within the limits: {}", kind.in_words()))
        }
    }
}

macro_rules! smaller_number {
    ($($number:ty),*) => {$(
        impl FromToml for $number {
            fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
                let number = u64::from_toml(kind, value)?;
                Self::try_from(number).map_err(|_| expected(kind, value))
            }
        }
    )*};
}
smaller_number!(u8, u16, u32);

impl FromToml for Duration {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let ms = milliseconds(text).ok_or_else(|| {
            format!("\"{text}\" is no duration: a whole number and ms, s, m, h or d, as in \"20s\"")
        })?;
        if let Kind::Time(min, max) = kind
            && !(min..=max).contains(&ms)
        {
            let (min, max) = (duration_in_words(min), duration_in_words(max));
            return Err(format!("{text} is not within {min} to {max}"));
        }
        Ok(Self::from_millis(ms))
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

impl FromToml for Arc<str> {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        check_text(kind, text)?;
        // A line break would break out of a header that the text is written to.
        if text.chars().any(char::is_control) {
            return Err("control characters and line breaks are not accepted".into());
        }
        Ok(text.into())
    }
}

fn check_text(kind: Kind, text: &str) -> Result<(), String> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "kinds that are read into other types have no limits here"
    )]
    match kind {
        Kind::Name => check_name(text),
        Kind::Choice(words) if !words.contains(&text) => {
            let near = did_you_mean(text, words.iter().copied());
            Err(format!(
                "\"{text}\" is none of the choices{near}: {}",
                kind.in_words()
            ))
        }
        Kind::Path if text.is_empty() || text.len() > 4096 => {
            Err(format!("{} bytes are no path: 1 to 4096", text.len()))
        }
        Kind::Host => check_host(text),
        Kind::Text(max) if text.len() > max => {
            Err(format!("{} bytes, at most {max} are accepted", text.len()))
        }
        Kind::DialledNumbers => check_digits(kind, 2..=6, text),
        Kind::DiallingPrefix => check_digits(kind, 0..=4, text),
        // A country code never begins with 0.
        Kind::CountryCode => check_digits(kind, 1..=if text.starts_with('0') { 0 } else { 3 }, text),
        _ => Ok(()),
    }
}

fn check_name(text: &str) -> Result<(), String> {
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if fits && (1..=64).contains(&text.len()) {
        return Ok(());
    }
    Err(format!(
        "\"{text}\" is no name: 1 to 64 of the letters a-z, A-Z, the digits, - _ ."
    ))
}

fn check_digits(kind: Kind, length: RangeInclusive<usize>, text: &str) -> Result<(), String> {
    if length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!(
        "\"{text}\" stands where this is expected: {}",
        kind.in_words()
    ))
}

fn check_host(text: &str) -> Result<(), String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        if address.is_unspecified() {
            return Err(format!("{text} is no address that others can reach"));
        }
        return Ok(());
    }
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    // What is written like an IPv4 address but is none was meant as one.
    let numeric = text
        .split('.')
        .all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() <= 253 && !numeric && text.split('.').all(label_fits) {
        return Ok(());
    }
    Err(format!("\"{text}\" is neither a host name nor an address"))
}

impl FromToml for SocketAddr {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let address: Self = text
            .parse()
            .map_err(|_| format!("\"{text}\" is no address with a port: {}", kind.in_words()))?;
        if address.port() == 0 {
            Err("port 0 is no port that others can know".into())
        } else {
            Ok(address)
        }
    }
}

impl FromToml for IpAddr {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        text.parse()
            .map_err(|_| format!("\"{text}\" is no address: {}", kind.in_words()))
    }
}

impl FromToml for HostPort {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let (host, port) =
            split_host_port(text).ok_or_else(|| format!("\"{text}\" has no valid port: 1 to 65535"))?;
        check_host(host)?;
        Ok(Self {
            host: bracketed(host).into(),
            port: port.unwrap_or(5060),
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, `v6`; the brackets stay with the host.
fn split_host_port(text: &str) -> Option<(&str, Option<u16>)> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    let host_end = text.find(']').map_or(0, |at| at + 1);
    let Some(colon) = text[host_end..].find(':') else {
        return Some((text, None));
    };
    let (host, port) = text.split_at(host_end + colon);
    match port[1..].parse() {
        Ok(0) | Err(_) => None,
        Ok(port) => Some((host, Some(port))),
    }
}

/// The host as it is written in a URI: an IPv6 address in brackets.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// The first and the last port.
pub(crate) struct PortRange(pub(crate) u16, pub(crate) u16);

impl FromToml for PortRange {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let ports = text.split_once('-').and_then(|(first, last)| {
            let (first, last) = (
                first.trim().parse::<u16>().ok()?,
                last.trim().parse::<u16>().ok()?,
            );
            (first >= 1024 && first < last && last - first >= 3).then_some(Self(first, last))
        });
        ports.ok_or_else(|| format!("\"{text}\" is no range of ports: {}", kind.in_words()))
    }
}

impl FromToml for Network {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let fault =
            || format!("\"{text}\" is neither an address nor a network: \"192.0.2.1\", \"192.0.2.0/24\"");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits
                .parse::<u8>()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(fault)?,
            None => most,
        };
        let network = Self {
            address: first_address(address, bits),
            bits,
        };
        if network.address == address {
            Ok(network)
        } else {
            Err(format!(
                "{text} has bits set beyond its prefix (did you mean \"{network}\"?)"
            ))
        }
    }
}

impl FromToml for E164 {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        Self::parse(text(kind, value)?.as_bytes())
            .map_err(|fault| format!("no number in international form: {fault}"))
    }
}

/// Consecutive numbers.
pub(crate) struct NumberRange {
    pub(crate) first: E164,
    pub(crate) count: u64,
}

impl NumberRange {
    /// The most numbers of one row.
    const COUNT_MAX: u64 = 100_000;

    pub(crate) fn numbers(&self) -> impl Iterator<Item = E164> + '_ {
        let first = self.first.value();
        (first..first + self.count).filter_map(|value| E164::from_digits(value.to_string().as_bytes()).ok())
    }
}

impl FromToml for NumberRange {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(kind, value)?;
        let fault = || format!("no range of numbers: {}", kind.in_words());
        // The last + begins the last number; the - before it parts the two.
        let (first, last) = text.rsplit_once('+').ok_or_else(fault)?;
        let first = first.trim_end().strip_suffix('-').ok_or_else(fault)?;
        let first = E164::parse(first.as_bytes()).map_err(|fault| format!("the first number: {fault}"))?;
        let last = E164::from_digits(last.as_bytes()).map_err(|fault| format!("the last number: {fault}"))?;
        if first.len() != last.len() || last < first {
            return Err("the last number comes before the first, or has another length".into());
        }
        let count = last.value() - first.value() + 1;
        if count > Self::COUNT_MAX {
            return Err(format!("{count} numbers, at most {} in one row", Self::COUNT_MAX));
        }
        Ok(Self { first, count })
    }
}

impl FromToml for Prefix {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        Self::parse(text(kind, value)?).map_err(|fault| fault.to_string())
    }
}

impl FromToml for CnamPattern {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        Self::parse(text(kind, value)?).map_err(|fault| fault.to_string())
    }
}

impl FromToml for Score {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let float = value.as_float().map(|float| float.as_str());
        let integer = value
            .as_integer()
            .filter(|integer| integer.radix() == 10)
            .map(|integer| integer.as_str());
        let written = float.or(integer).ok_or_else(|| expected(kind, value))?;
        let fraction = written
            .parse::<f64>()
            .ok()
            .filter(|fraction| (0.0..=1.0).contains(fraction));
        let fraction = fraction.ok_or_else(|| format!("{written} is not within 0 to 1"))?;
        Ok(Self((fraction * 1000.0).round() as u16))
    }
}

/// A point in time, Unix milliseconds.
pub(crate) struct UnixMs(pub(crate) u64);

impl FromToml for UnixMs {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let fault = || format!("no date: {}", kind.in_words());
        let written = match value.as_datetime() {
            Some(written) => *written,
            None => text(kind, value)?.parse::<Datetime>().map_err(|_| fault())?,
        };
        let date = written.date.ok_or_else(fault)?;
        let offset_minutes = match (written.time, written.offset) {
            (None, _) | (Some(_), Some(Offset::Z)) => 0,
            (Some(_), Some(Offset::Custom { minutes })) => i64::from(minutes),
            (Some(_), None) => {
                return Err(
                    "a time needs its offset: 2027-01-31T18:00:00Z, 2027-01-31T18:00:00+01:00".into(),
                );
            }
        };
        let time_s = written.time.map_or(0, |time| {
            i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
        });
        let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
        let seconds = days * 86_400 + time_s - offset_minutes * 60;
        let seconds = u64::try_from(seconds).map_err(|_| "a date before 1970".to_owned())?;
        Ok(Self(seconds * 1000))
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Where an agent's phone listens.
pub(crate) struct AgentUri {
    pub(crate) written: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
}

impl FromToml for AgentUri {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String> {
        let written = text(kind, value)?;
        // It is written to the request line as it stands.
        if let Some(at) = written
            .bytes()
            .position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>' | b'"'))
        {
            return Err(format!("no SIP URI: byte {at} is not accepted in one"));
        }
        let rest = strip_scheme(written)?;
        if rest.contains('?') {
            return Err("no SIP URI for an agent: headers behind ? are not accepted".into());
        }
        let (before_parameters, parameters) = split_uri_parameters(rest);
        let host_port = before_parameters
            .rsplit_once('@')
            .map_or(before_parameters, |(_, host)| host);
        let (host, port) =
            split_host_port(host_port).ok_or("no SIP URI: the port is not within 1 to 65535")?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let address = match bare.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => return Err(format!("{host} is no address to ring")),
            Ok(address) => address,
            Err(_) if bare.eq_ignore_ascii_case("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Err(_) if bare.is_empty() => return Err("no SIP URI: the host is missing".into()),
            Err(_) => {
                return Err(format!(
                    "\"{bare}\" is no address: host names of agents are not looked up, write the address"
                ));
            }
        };
        let transport = transport_of(parameters)?;
        Ok(Self {
            written: written.into(),
            address: SocketAddr::new(address, port.unwrap_or(5060)),
            transport,
        })
    }
}

fn strip_scheme(written: &str) -> Result<&str, String> {
    match written.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("sips") => {
            Err("sips: needs TLS, which is not spoken to agents; write sip:".into())
        }
        _ => Err("no SIP URI: it begins with sip:".into()),
    }
}

/// Parameters of the URI come after the host; those of a user part stay with the user.
fn split_uri_parameters(rest: &str) -> (&str, &str) {
    let host_at = rest.find('@').map_or(0, |at| at + 1);
    match rest[host_at..].find(';') {
        Some(at) => (&rest[..host_at + at], &rest[host_at + at + 1..]),
        None => (rest, ""),
    }
}

fn transport_of(parameters: &str) -> Result<Transport, String> {
    let given = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("transport").then_some(value)
    });
    match given {
        None => Ok(Transport::Udp),
        Some(value) if value.eq_ignore_ascii_case("udp") => Ok(Transport::Udp),
        Some(value) if value.eq_ignore_ascii_case("tcp") => Ok(Transport::Tcp),
        Some(value) => Err(format!("transport={value} is not spoken to agents: udp or tcp")),
    }
}

/// The text of a value.
pub(crate) fn text<'v>(kind: Kind, value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected(kind, value))
}
