//! Errors of stack files.

use std::{io, path::PathBuf};

/// Why a stack file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum StackFileError {
    /// The name does not end as that of a TIFF.
    #[error("{path} cannot be the result's file: its name must end in .tif or .tiff")]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// There is such a file already.
    #[error("{path} exists already, and nothing is written over: delete it, or choose another name")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another run writes it now.
    #[error("{part} is being written by another run: wait for it, or choose another name")]
    Busy {
        /// The unfinished file.
        part: PathBuf,
    },
    /// The unfinished file belongs to other work.
    #[error(
        "{part} is the unfinished result of other work ({differs} differs): go on with that work, delete the file to \
         begin anew, or choose another name"
    )]
    OtherWork {
        /// The unfinished file.
        part: PathBuf,
        /// In what it differs.
        differs: &'static str,
    },
    /// The unfinished file is not one of ours.
    #[error("{part} is not an unfinished result of Undulator: move it away, or choose another name")]
    NotOurs {
        /// The unfinished file.
        part: PathBuf,
    },
    /// The disk is too full.
    #[error(
        "{path} needs {needed} bytes more, but only {free} are free on its disk: make room, or choose another place"
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Bytes that are still to be written.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A slice is larger than ImageJ can open.
    #[error(
        "a slice of {bytes} bytes is larger than ImageJ can open from a file, {most}: crop the stack, or take 8 or 16 \
         bits"
    )]
    Slice {
        /// Bytes of a slice.
        bytes: u64,
        /// The most.
        most: u64,
    },
    /// The text of the header is too long.
    #[error("the stack's unit has {length} characters: give it a shorter one")]
    Unit {
        /// Characters of the unit.
        length: usize,
    },
    /// The system refused.
    #[error("{path} cannot be {doing}: {source}")]
    System {
        /// The file.
        path: PathBuf,
        /// "written", "read" or "opened".
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}
