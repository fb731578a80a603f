//! Model files: written whole or not at all.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    Model,
    package::{self, Packaging},
};
use crate::disk;

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be opened or read.
    #[error("cannot read the model {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written; what stood there before is unchanged.
    #[error("cannot write the model {path}: {source} (an older file of that name is unchanged)")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a model that this version can trust.
    #[error("{path} is not a usable model: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No package can be made of the model and what is to be said of it.
    #[error("cannot make a package of the model for {path}: {reason}")]
    Package {
        /// The file that it was for.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Model {
    /// Writes the model to `path` as a bioimage.io package: [`save_as`](Self::save_as) with nobody named and no example.
    ///
    /// # Errors
    /// As for [`save_as`](Self::save_as).
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        self.save_as(path, &Packaging::default())
    }

    /// Writes the model to `path` as a bioimage.io package: to a temporary file beside it first, which is then renamed.
    /// The network is run once on its smallest tile, for the test tensors.
    ///
    /// # Errors
    /// When the folder does not exist or cannot be written, or the disk is full: what stood at `path` stays then. When
    /// licence or citations are impossible, or the example lacks pixels.
    pub fn save_as(&self, path: &Path, packaging: &Packaging) -> Result<(), ModelError> {
        let unfit = |reason: package::Reason| ModelError::Package { path: path.to_owned(), reason: reason.0 };
        let failed = |source| ModelError::Write { path: path.to_owned(), source };
        let files = package::files(self, packaging, &title(path)).map_err(unfit)?;
        disk::write_whole(path, |file| package::write(&files, file).map_err(|reason| io::Error::other(reason.0)))
            .map_err(failed)
    }

    /// Reads a model. Nothing is unpacked to disk, and nothing is believed: sizes, names, checksums, shapes and numbers
    /// are checked.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, was written by a later version or by another program, or is not a model
    /// at all.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        package::read(file).map_err(|reason| ModelError::Refused { path: path.to_owned(), reason: reason.0 })
    }
}

/// The file's name without its ending.
fn title(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".zip").trim_end_matches(".bioimage.io").to_owned()
}

/// Refuses a path where no model could be written, before a long training begins.
///
/// # Errors
/// When the name is empty, the folder is absent, or no file can be made in it.
pub fn check_writable(path: &Path) -> Result<(), ModelError> {
    disk::check_writable(path).map_err(|source| ModelError::Write { path: path.to_owned(), source })
}
