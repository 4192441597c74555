use std::cell::{Cell, OnceCell};
use std::fmt;
use std::num::NonZeroU32;

use crate::name_addr::AddressPlaces;
use crate::values::CSeqPlaces;
use crate::via::ViaPlaces;

/// What was read of the message in the table, as places in its bytes: the headers that name the transaction and
/// the dialog are asked for again and again on the way of one message, and are read once.
///
/// Only what was well-formed is kept; a fault is found anew each time.
#[derive(Default)]
pub(crate) struct Remembered {
    pub(crate) top_via: OnceCell<ViaPlaces>,
    pub(crate) from: OnceCell<AddressPlaces>,
    pub(crate) to: OnceCell<AddressPlaces>,
    pub(crate) first_contact: OnceCell<AddressPlaces>,
    pub(crate) cseq: OnceCell<CSeqPlaces>,
    pub(crate) call_id_fits: Cell<bool>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

/// A part of a message. It is never at the very beginning: there is the start line.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    at: NonZeroU32,
    end: u32,
}

impl Place {
    /// Where `part` is in the message it was read from; `None` when it is not a part of it.
    pub(crate) fn of(part: &[u8], message: &[u8]) -> Option<Self> {
        let at = part.as_ptr().addr().checked_sub(message.as_ptr().addr())?;
        let end = at + part.len();
        (end <= message.len()).then_some(())?;
        // Offsets fit: see `Limits::within_table`.
        Some(Self {
            at: NonZeroU32::new(at as u32)?,
            end: end as u32,
        })
    }

    /// The part itself.
    pub(crate) fn part(self, message: &[u8]) -> &[u8] {
        &message[self.at.get() as usize..self.end as usize]
    }
}

/// Where an optional part is: `Some(None)` when there is no such part.
pub(crate) fn place_of_optional(part: Option<&[u8]>, message: &[u8]) -> Option<Option<Place>> {
    match part {
        Some(part) => Place::of(part, message).map(Some),
        None => Some(None),
    }
}
