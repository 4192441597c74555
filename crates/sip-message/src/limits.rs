/// What one message may cost. Each limit has a refusal of its own in [`ParseError`](crate::ParseError).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whole message, start line to end of body, in bytes. Default 65,535: what a UDP datagram can carry.
    pub message_bytes_max: usize,
    /// Header lines. Default 128, at most 65,535.
    pub headers_max: usize,
    /// One header with its name, its folds and its line end, or the start line, in bytes. Default 8,192, at
    /// most 65,535.
    pub header_bytes_max: usize,
    /// The request URI, in bytes. Default 2,048; more is 414.
    pub uri_bytes_max: usize,
    /// The body, in bytes. Default 65,535; more is 413.
    pub body_bytes_max: usize,
    /// Parameters of one address, Via or URI. Default 32.
    pub params_max: usize,
    /// Via values of one message, over all lines and lists. Default 70, as many hops as Max-Forwards
    /// usually allows (RFC 3261 §8.1.1.6).
    pub via_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 65_535,
            headers_max: 128,
            header_bytes_max: 8_192,
            uri_bytes_max: 2_048,
            body_bytes_max: 65_535,
            params_max: PARAMS_MAX,
            via_max: 70,
        }
    }
}

impl Limits {
    /// The same limits, no wider than the table's offsets can hold.
    pub(crate) fn within_table(self) -> Self {
        let offset = usize::from(u16::MAX);
        Self {
            message_bytes_max: self.message_bytes_max.min(u32::MAX as usize / 2),
            headers_max: self.headers_max.min(offset),
            header_bytes_max: self.header_bytes_max.min(offset),
            ..self
        }
    }
}

/// Parameters that a value parsed on its own, outside a message, may have.
pub(crate) const PARAMS_MAX: usize = 32;
