//! Keys that come as SIP INFO requests (RFC 6086 calls these legacy usages).

use crate::Digit;

/// The key an INFO body names, or `None` when it names none.
///
/// `application/dtmf-relay` holds `Signal=5` among lines, `application/dtmf` holds the key alone (or the same
/// `Signal=` line, as some senders do). Names are matched without regard to case, parameters of the content type
/// are ignored, and event codes 10 and 11 count as `*` and `#`.
pub fn digit(content_type: &[u8], body: &[u8]) -> Option<Digit> {
    let essence = content_type
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/dtmf-relay") {
        signal_line(body)
    } else if essence.eq_ignore_ascii_case(b"application/dtmf") {
        key(body.trim_ascii()).or_else(|| signal_line(body))
    } else {
        None
    }
}

fn signal_line(body: &[u8]) -> Option<Digit> {
    body.split(|&b| b == b'\n' || b == b'\r').find_map(|line| {
        let eq = line.iter().position(|&b| b == b'=')?;
        let (name, value) = (line[..eq].trim_ascii(), line[eq + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"signal") {
            key(value)
        } else {
            None
        }
    })
}

fn key(value: &[u8]) -> Option<Digit> {
    match value {
        [one] => Digit::from_char(char::from(*one)),
        [b'1', b'0'] => Digit::from_event_code(10),
        [b'1', b'1'] => Digit::from_event_code(11),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn char_of(content_type: &str, body: &str) -> Option<char> {
        digit(content_type.as_bytes(), body.as_bytes()).map(Digit::as_char)
    }

    #[test]
    fn a_relayed_signal_is_read_whatever_its_case_spacing_and_line_ends() {
        assert_eq!(
            char_of("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
            Some('5')
        );
        assert_eq!(
            char_of("Application/DTMF-Relay", "Signal= #\nDuration= 250"),
            Some('#')
        );
        assert_eq!(
            char_of(
                "application/dtmf-relay;charset=utf-8",
                "Duration=100\r\nsignal=d\r\n"
            ),
            Some('D')
        );
        assert_eq!(
            char_of("application/dtmf-relay", "Signal=10\r\nDuration=160"),
            Some('*')
        );
    }

    #[test]
    fn a_bare_key_is_read() {
        assert_eq!(char_of("application/dtmf", "5"), Some('5'));
        assert_eq!(char_of("application/dtmf", " *\r\n"), Some('*'));
        assert_eq!(char_of("application/dtmf", "Signal=7\r\n"), Some('7'));
    }

    #[test]
    fn other_bodies_name_no_key() {
        assert_eq!(char_of("application/dtmf-relay", "Signal=flash\r\n"), None);
        assert_eq!(char_of("application/dtmf-relay", "Duration=160\r\n"), None);
        assert_eq!(char_of("application/dtmf", ""), None);
        assert_eq!(char_of("application/sdp", "5"), None);
        assert_eq!(digit(b"application/dtmf", &[0xff, 0xfe]), None);
    }
}
