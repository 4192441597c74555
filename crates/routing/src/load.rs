//! From texts to a directory.
use crate::{Directory, FaultAt, SourceText};
use std::io;
pub(crate) fn load(
    files: &[SourceText],
    _read_list: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
) -> Result<Directory, Vec<FaultAt>> {
    Err(crate::fault::Faults::new(files).into_sorted())
}
