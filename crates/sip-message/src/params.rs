use crate::scan::{is_lws, is_param_value, is_token, quoted_end, skip_lws, span, unescape};
use std::borrow::Cow;
use std::fmt;

/// One parameter of a header value, `;name=value` or `;name`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Param<'a> {
    /// The name as it came.
    pub name: &'a [u8],
    /// The value as it came, with its quotes if it has some; `None` without `=`.
    pub value: Option<&'a [u8]>,
}

impl<'a> Param<'a> {
    /// Whether this is the parameter of that name, in any case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value without quotes and escapes; empty without `=`.
    pub fn text(&self) -> Cow<'a, [u8]> {
        match self.value {
            Some([b'"', content @ .., b'"']) => unescape(content),
            Some(value) => Cow::Borrowed(value),
            None => Cow::Borrowed(b""),
        }
    }
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ";{}", self.name.escape_ascii())?;
        self.value
            .map_or(Ok(()), |value| write!(f, "=({} bytes)", value.len()))
    }
}

/// The parameters of a header value, in order. Each item after a malformed one is withheld, and the error is
/// the offset where it stands.
#[derive(Clone)]
pub struct Params<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Params<'a> {
    /// The parameters in `bytes`, which begins with `;` (white space allowed) or is empty.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The first parameter of that name, in any case.
    pub fn find(self, name: &[u8]) -> Option<Param<'a>> {
        self.map_while(Result::ok).find(|param| param.is(name))
    }

    /// Where the parameters read so far end.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    fn read(&mut self) -> Result<Param<'a>, usize> {
        let bytes = self.bytes;
        if bytes[self.at] != b';' {
            return Err(self.at);
        }
        let name_at = skip_lws(bytes, self.at + 1);
        let name_end = span(bytes, name_at, is_token);
        if name_end == name_at {
            return Err(name_at);
        }
        let name = &bytes[name_at..name_end];
        let equals = skip_lws(bytes, name_end);
        if bytes.get(equals) != Some(&b'=') {
            self.at = name_end;
            return Ok(Param { name, value: None });
        }
        let value_at = skip_lws(bytes, equals + 1);
        let value_end = match bytes.get(value_at) {
            Some(b'"') => quoted_end(bytes, value_at).ok_or(value_at)?,
            _ => span(bytes, value_at, is_param_value),
        };
        if value_end == value_at {
            return Err(value_at);
        }
        self.at = value_end;
        Ok(Param {
            name,
            value: Some(&bytes[value_at..value_end]),
        })
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Result<Param<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.bytes.get(self.at).is_some_and(|&byte| is_lws(byte)) {
            self.at += 1;
        }
        if self.at == self.bytes.len() {
            return None;
        }
        let param = self.read();
        if param.is_err() {
            self.at = self.bytes.len();
        }
        Some(param)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_white_space_folds_and_quotes() {
        let found: Vec<_> = Params::new(b" ; a\r\n = 1;b ; C=\"x;\\\"y\" ")
            .map(Result::unwrap)
            .collect();
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found[0].name, found[0].value),
            (b"a".as_slice(), Some(b"1".as_slice()))
        );
        assert_eq!((found[1].name, found[1].value), (b"b".as_slice(), None));
        assert_eq!(found[2].text().as_ref(), b"x;\"y");
        assert!(found[2].is(b"c"));
    }

    #[test]
    fn an_empty_parameter_is_an_error_and_the_last_item() {
        for bad in [b";;a".as_slice(), b";", b";a=;b", b"a", b";a=\"x", b";a b"] {
            let items: Vec<_> = Params::new(bad).collect();
            assert!(items.last().is_some_and(Result::is_err), "{}", bad.escape_ascii());
        }
    }
}
