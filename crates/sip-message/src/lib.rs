//! Indexes a SIP message in one pass over its bytes without allocating.
//!
//! [`Index::parse`] walks the bytes once, notes where each header begins and ends in a table that is
//! reused from message to message, and hands out a [`Message`], a view that is two pointers wide. Typed
//! headers ([`Via`], [`NameAddr`], [`CSeq`], [`Uri`] …) are read when asked for, and the ones that name the
//! transaction and the dialog are read once: the table keeps where their parts are, so a message belongs to
//! one thread. Nothing is rewritten: what this crate does not know stays in the bytes as it came, and
//! [`Writer`] copies it to the letter.
//!
//! | step | door |
//! |---|---|
//! | bytes of a stream into messages | [`Framer`], [`frame`] |
//! | bytes into a view | [`Index::parse`] |
//! | what a user agent must refuse | [`Message::check_mandatory`] |
//! | a message out | [`Writer`] |
//!
//! Lenient where RFC 3261 §25 is (white space around colons, folds, compact names, CRLF before a start
//! line), strict where two readers could differ: a bare CR or LF, a second `Content-Length`, a fold before
//! the first header, a repeated `tag` or `branch` are refused. Every limit is in [`Limits`].

mod error;
mod frame;
mod header;
mod index;
mod limits;
mod mandatory;
mod message;
mod method;
mod name_addr;
mod params;
mod remembered;
mod scan;
mod status;
mod uri;
mod values;
mod via;
mod word;
mod write;

pub use error::ParseError;
pub use frame::{Frame, Framer, frame};
pub use header::{Header, HeaderName};
pub use index::Index;
pub use limits::Limits;
pub use message::{Headers, Message};
pub use method::Method;
pub use name_addr::{NameAddr, NameAddrs};
pub use params::{Param, Params};
pub use scan::ListItems;
pub use status::standard_reason;
pub use uri::{Host, Scheme, Uri, UriParams};
pub use values::{CSeq, RAck, Reason, Reasons, SessionExpires};
pub use via::{Via, Vias};
pub use write::Writer;
