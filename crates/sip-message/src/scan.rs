use std::borrow::Cow;

use memchr::{memchr, memchr3};

use crate::word::find_either;

/// `token` of RFC 3261 §25.1.
pub(crate) const fn is_token(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// White space inside a value: SP, HT and the CRLF of a fold.
pub(crate) const fn is_lws(byte: u8) -> bool {
    // Nearly every byte that is asked about is above them all.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A byte that may stand unquoted in a display name: tokens and white space (RFC 3261 §25.1), and what phones
/// put there all the same without a second reading: bytes above ASCII, brackets and slashes.
pub(crate) const fn is_display(byte: u8) -> bool {
    CLASS[byte as usize] & DISPLAY != 0
}

/// A byte that may stand in an unquoted parameter value.
pub(crate) const fn is_param_value(byte: u8) -> bool {
    CLASS[byte as usize] & PARAM_VALUE != 0
}

/// A byte that may stand in a URI; bytes above ASCII are let through, they have one reading only.
pub(crate) const fn is_uri(byte: u8) -> bool {
    CLASS[byte as usize] & URI != 0
}

/// A byte that may stand anywhere in a URI and means nothing to it: no part begins here, and no escape.
pub(crate) const fn is_uri_plain(byte: u8) -> bool {
    CLASS[byte as usize] & URI_PLAIN != 0
}

/// A byte that may stand in a Call-ID (RFC 3261 §20.8), and what comes there all the same with one reading only.
/// Without a table or a branch, so that the compiler can look at many bytes at once.
pub(crate) const fn is_call_id(byte: u8) -> bool {
    (byte > b' ') & (byte != b',') & (byte != b';')
}

/// A byte of a host name; the underscore is no letter of DNS, but stands in names all the same.
pub(crate) const fn is_host(byte: u8) -> bool {
    CLASS[byte as usize] & HOST != 0
}

/// Where `bytes`, all of one class, ends.
#[inline]
pub(crate) fn span(bytes: &[u8], from: usize, class: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(&byte) = bytes.get(at)
        && class(byte)
    {
        at += 1;
    }
    at
}

/// The first byte from `from` that is not white space.
#[inline]
pub(crate) fn skip_lws(bytes: &[u8], from: usize) -> usize {
    span(bytes, from, is_lws)
}

/// Without white space at its ends.
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [first, rest @ ..] = bytes
        && is_lws(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_lws(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The offset after the quote that closes the one at `open`, honouring `\"` (RFC 3261 §25.1).
pub(crate) fn quoted_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at = find_either(bytes, at, b'"', b'\\')?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// An unsigned number of digits only, at most `max`.
pub(crate) fn number(digits: &[u8], max: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        value = value * 10 + u64::from(digit);
        if digit > 9 || value > u64::from(max) {
            return None;
        }
    }
    Some(value as u32)
}

/// The value with each fold made one space.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'\r', value) else {
        return Cow::Borrowed(value);
    };
    let mut out = Vec::with_capacity(value.len());
    let mut at = first;
    out.extend_from_slice(&value[..first]);
    while at < value.len() {
        let next = skip_lws(value, at);
        while out.last().is_some_and(|&byte| is_lws(byte)) {
            out.pop();
        }
        out.push(b' ');
        at = memchr(b'\r', &value[next..]).map_or(value.len(), |count| next + count);
        out.extend_from_slice(&value[next..at]);
    }
    Cow::Owned(out)
}

/// The content of a quoted string without the backslashes of its quoted pairs.
pub(crate) fn unescape(content: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', content).is_none() {
        return Cow::Borrowed(content);
    }
    let mut out = Vec::with_capacity(content.len());
    let mut bytes = content.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
        } else if let Some(&escaped) = bytes.next() {
            out.push(escaped);
        }
    }
    Cow::Owned(out)
}

/// The items of a comma list, trimmed; commas in quotes and in `<>` do not count (RFC 3261 §7.3.1).
///
/// An item is an error, and the last one, when a quote or a bracket stays open; its value is the offset.
#[derive(Clone)]
pub struct ListItems<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> ListItems<'a> {
    /// The items of one value. An empty value has one empty item.
    pub const fn new(value: &'a [u8]) -> Self {
        Self { rest: Some(value) }
    }

    /// The items behind the first, which is `bytes` long.
    pub(crate) fn behind(value: &'a [u8], bytes: usize) -> Self {
        let comma = skip_lws(value, bytes);
        Self {
            rest: value.get(comma + 1..).filter(|_| value[comma] == b','),
        }
    }

    /// No items.
    pub(crate) const fn none() -> Self {
        Self { rest: None }
    }
}

impl<'a> Iterator for ListItems<'a> {
    type Item = Result<&'a [u8], usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let mut at = 0;
        while let Some(count) = memchr3(b'"', b'<', b',', &rest[at..]) {
            at += count;
            let end = match rest[at] {
                b'"' => quoted_end(rest, at),
                b'<' => memchr(b'>', &rest[at..]).map(|count| at + count + 1),
                _ => {
                    self.rest = Some(&rest[at + 1..]);
                    return Some(Ok(trim(&rest[..at])));
                }
            };
            match end {
                Some(end) => at = end,
                None => return Some(Err(at)),
            }
        }
        Some(Ok(trim(rest)))
    }
}

const TOKEN: u8 = 1;
const DISPLAY: u8 = 2;
const PARAM_VALUE: u8 = 4;
const URI: u8 = 8;
const URI_PLAIN: u8 = 16;
const HOST: u8 = 32;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte: u8 = 0;
    loop {
        let mut bits = 0;
        if byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            )
        {
            bits |= TOKEN | DISPLAY;
        }
        if is_lws(byte) || byte >= 0x80 || matches!(byte, b'(' | b')' | b'[' | b']' | b'/' | b'&' | b'#') {
            bits |= DISPLAY;
        }
        if byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'<' | b'>' | b';' | b',' | b'\\') {
            bits |= PARAM_VALUE;
        }
        if byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`') {
            bits |= URI;
        }
        if bits & URI != 0 && !matches!(byte, b'@' | b':' | b';' | b'?' | b'%') {
            bits |= URI_PLAIN;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            bits |= HOST;
        }
        class[byte as usize] = bits;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    class
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split_a_list() {
        let list = br#""a, \", b" <sip:a,b@example.com>;x="1,2" , <sip:c@example.com> ,d"#;
        let items: Vec<_> = ListItems::new(list).collect();
        assert_eq!(
            items,
            [
                Ok(br#""a, \", b" <sip:a,b@example.com>;x="1,2""#.as_slice()),
                Ok(b"<sip:c@example.com>"),
                Ok(b"d")
            ]
        );
    }

    #[test]
    fn a_quote_left_open_ends_the_list_with_an_error() {
        let items: Vec<_> = ListItems::new(br#"a, "b, c"#).collect();
        assert_eq!(items, [Ok(b"a".as_slice()), Err(1)]);
        assert_eq!(quoted_end(br#""abc\"#, 0), None);
    }

    #[test]
    fn a_number_is_digits_within_its_limit() {
        assert_eq!(number(b"0070", 255), Some(70));
        for bad in [
            b"".as_slice(),
            b"-1",
            b"+1",
            b"256",
            b"1 ",
            b"99999999999999999999999",
        ] {
            assert_eq!(number(bad, 255), None);
        }
    }

    #[test]
    fn a_fold_reads_as_one_space() {
        assert_eq!(unfold(b"a \r\n\t b\r\n c").as_ref(), b"a b c");
        assert!(matches!(unfold(b"a  b"), Cow::Borrowed(b"a  b")));
    }
}
