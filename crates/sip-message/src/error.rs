use crate::HeaderName;

/// Why bytes were refused: one variant per deviation, without a byte of the message in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but line ends.
    #[error("the message is empty")]
    Empty,
    /// The first bytes cannot begin a SIP message, for example a TLS hello.
    #[error("the bytes do not begin like a SIP message")]
    NotSip,
    /// No blank line ends the headers.
    #[error("the message ends before its headers do")]
    Truncated,
    /// More bytes than [`Limits::message_bytes_max`](crate::Limits).
    #[error("message is {got} bytes, at most {max} are accepted")]
    MessageTooLarge {
        /// Bytes seen.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// Neither a request line nor a status line (RFC 3261 §7.1, §7.2).
    #[error("start line is malformed at byte {offset}")]
    StartLineMalformed {
        /// Offset in the message.
        offset: usize,
    },
    /// The start line is longer than [`Limits::header_bytes_max`](crate::Limits).
    #[error("start line is {got} bytes, at most {max} are accepted")]
    StartLineTooLong {
        /// Bytes seen.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A SIP version that is not 2.0.
    #[error("SIP version is not supported")]
    VersionUnsupported,
    /// The request URI is longer than [`Limits::uri_bytes_max`](crate::Limits).
    #[error("URI is {got} bytes, at most {max} are accepted")]
    UriTooLong {
        /// Bytes seen.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A URI that no reading of RFC 3261 §19.1 or RFC 3966 allows.
    #[error("URI is malformed at its byte {offset}")]
    UriMalformed {
        /// Offset in the URI.
        offset: usize,
    },
    /// A request URI that is neither `sip`, `sips`, `tel` nor `urn`.
    #[error("scheme of the request URI is not supported")]
    SchemeUnsupported,
    /// A CR or LF that is not half of a CRLF: two readers could see two different messages.
    #[error("bare CR or LF at byte {offset}")]
    BareLineEnd {
        /// Offset in the message.
        offset: usize,
    },
    /// A header line without a name and a colon.
    #[error("header name is malformed at byte {offset}")]
    HeaderNameMalformed {
        /// Offset in the message.
        offset: usize,
    },
    /// One header is longer than [`Limits::header_bytes_max`](crate::Limits).
    #[error("a header is {got} bytes, at most {max} are accepted")]
    HeaderTooLong {
        /// Bytes seen.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// More header lines than [`Limits::headers_max`](crate::Limits).
    #[error("more than {max} headers")]
    TooManyHeaders {
        /// The limit.
        max: usize,
    },
    /// More Via values than [`Limits::via_max`](crate::Limits).
    #[error("more than {max} Via values")]
    TooManyVias {
        /// The limit.
        max: usize,
    },
    /// More parameters in one value than [`Limits::params_max`](crate::Limits).
    #[error("more than {max} parameters in one value")]
    TooManyParams {
        /// The limit.
        max: usize,
    },
    /// A header that must be there is not.
    #[error("{0} header is missing")]
    MissingHeader(HeaderName),
    /// A header that may stand once stands twice.
    #[error("{0} header is repeated")]
    RepeatedHeader(HeaderName),
    /// The value of a header breaks its grammar.
    #[error("{header} is malformed at byte {offset} of its value")]
    Malformed {
        /// Which header.
        header: HeaderName,
        /// Offset in the value or in the list item.
        offset: usize,
    },
    /// CSeq is 2³¹ or more (RFC 3261 §8.1.1.5).
    #[error("CSeq is 2^31 or more")]
    CSeqTooLarge,
    /// CSeq names another method than the request line (RFC 3261 §8.1.1.5).
    #[error("CSeq names another method than the request line")]
    MethodMismatch,
    /// Content-Length promises more than the datagram holds (RFC 3261 §18.3).
    #[error("body is {got} bytes, Content-Length says {declared}")]
    BodyTruncated {
        /// What Content-Length says.
        declared: usize,
        /// What is there.
        got: usize,
    },
    /// The body is longer than [`Limits::body_bytes_max`](crate::Limits).
    #[error("body is {got} bytes, at most {max} are accepted")]
    BodyTooLarge {
        /// Bytes seen or declared.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A message on a stream without Content-Length (RFC 3261 §18.3).
    #[error("Content-Length is missing on a stream")]
    LengthMissing,
}

impl ParseError {
    /// A short label for a metric: one per variant, never a byte of the message.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotSip => "not_sip",
            Self::Truncated => "truncated",
            Self::MessageTooLarge { .. } => "message_too_large",
            Self::StartLineMalformed { .. } => "start_line_malformed",
            Self::StartLineTooLong { .. } => "start_line_too_long",
            Self::VersionUnsupported => "version_unsupported",
            Self::UriTooLong { .. } => "uri_too_long",
            Self::UriMalformed { .. } => "uri_malformed",
            Self::SchemeUnsupported => "scheme_unsupported",
            Self::BareLineEnd { .. } => "bare_line_end",
            Self::HeaderNameMalformed { .. } => "header_name_malformed",
            Self::HeaderTooLong { .. } => "header_too_long",
            Self::TooManyHeaders { .. } => "too_many_headers",
            Self::TooManyVias { .. } => "too_many_vias",
            Self::TooManyParams { .. } => "too_many_params",
            Self::MissingHeader(_) => "missing_header",
            Self::RepeatedHeader(_) => "repeated_header",
            Self::Malformed { .. } => "malformed_header",
            Self::CSeqTooLarge => "cseq_too_large",
            Self::MethodMismatch => "method_mismatch",
            Self::BodyTruncated { .. } => "body_truncated",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::LengthMissing => "length_missing",
        }
    }

    /// The status a request with this fault is answered with, where it can be answered
    /// (RFC 3261 §21.4, §21.5).
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyTooLarge { .. } => 413,
            Self::UriTooLong { .. } | Self::StartLineTooLong { .. } => 414,
            Self::SchemeUnsupported => 416,
            Self::TooManyVias { .. } => 483,
            Self::VersionUnsupported => 505,
            Self::MessageTooLarge { .. } | Self::HeaderTooLong { .. } | Self::TooManyHeaders { .. } => 513,
            Self::Empty
            | Self::NotSip
            | Self::Truncated
            | Self::StartLineMalformed { .. }
            | Self::UriMalformed { .. }
            | Self::BareLineEnd { .. }
            | Self::HeaderNameMalformed { .. }
            | Self::TooManyParams { .. }
            | Self::MissingHeader(_)
            | Self::RepeatedHeader(_)
            | Self::Malformed { .. }
            | Self::CSeqTooLarge
            | Self::MethodMismatch
            | Self::BodyTruncated { .. }
            | Self::LengthMissing => 400,
        }
    }
}
