//! Model files: written whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use undulator_compute::UnknownName;

use super::{
    Loaded, Model,
    package::{self, Facts, Packaging, Verification},
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
    /// Another file is in the way.
    #[error("{path} is there already, and another: choose another folder, or replace it with the option force")]
    Exists {
        /// The file.
        path: PathBuf,
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
    /// Those of [`save_as`](Self::save_as).
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
    /// are checked, and the model is run on its test image.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, was written by a later version or by another program, does not
    /// reproduce its test image, or is not a model at all.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        match load(path, false)? {
            Loaded::Own(model) => Ok(*model),
            Loaded::External(_) => Err(ModelError::Refused {
                path: path.to_owned(),
                reason: "it was made by another program: it can be applied, but not trained or exported here"
                    .to_owned(),
            }),
        }
    }
}

/// Reads a model of this project or of another program, to apply it. Nothing in the file is believed; the model must
/// reproduce its test image, unless `force` is set.
///
/// # Errors
/// As for [`Model::load`]; for models of other programs also what does not run here, with the reason.
pub fn load(path: &Path, force: bool) -> Result<Loaded, ModelError> {
    package::read(open(path)?, force).map_err(refused(path))
}

/// The bytes of a model file, unread: a result that goes to a file names the model by them.
///
/// # Errors
/// When the file cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })
}

/// What a model file says of itself, of this project or of another.
///
/// # Errors
/// When the file cannot be read, or is no bioimage.io package. A package that cannot be run here is no error: see
/// [`Facts::runs`].
pub fn inspect(path: &Path) -> Result<Facts, ModelError> {
    package::facts(open(path)?).map_err(refused(path))
}

/// Runs a model of any program on its test image, however long that takes.
///
/// # Errors
/// Those of [`load`], except that a model which does not reproduce its test image is not an error.
pub fn verify(path: &Path) -> Result<Verification, ModelError> {
    package::verify(open(path)?).map_err(refused(path))
}

/// One of the files of a model that other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Export {
    /// The network with its weights.
    #[strum(serialize = "ONNX")]
    Onnx,
    /// The weights alone, by name.
    Safetensors,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Export>("format", name)
}

impl Export {
    /// The file name extension.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
        }
    }
}

/// Writes the network or the weights of a model of this project into `folder`, under the model's file name. An older file
/// of that name is replaced when `force` is set. Gives back the file.
///
/// # Errors
/// When the model cannot be read or the file not be written, or one of that name is there.
pub fn export(path: &Path, what: Export, folder: &Path, force: bool) -> Result<PathBuf, ModelError> {
    let model = Model::load(path)?;
    let bytes = package::export(&model, what).map_err(refused(path))?;
    let to = folder.join(format!("{}.{}", title(path), what.ending()));
    put(&to, &bytes, force)
}

/// Copies a model into `folder`, checked and whole, under its own file name. Gives back the copy.
///
/// # Errors
/// When the model cannot be read, does not run here, or the file cannot be written; and unless `force` is set, when
/// another model of that name is there.
pub fn install(path: &Path, folder: &Path, force: bool) -> Result<PathBuf, ModelError> {
    install_checked(path, &check(path, force)?, folder, force)
}

/// The bytes of a model that may be installed: of one that runs here, or with `force` of one that does not reproduce its
/// test image.
///
/// # Errors
/// When the model cannot be read or does not run here.
pub fn check(path: &Path, force: bool) -> Result<Vec<u8>, ModelError> {
    let facts = inspect(path)?;
    let failed = |done: &Verification| !done.passed() && !force;
    let refused = |reason| ModelError::Refused { path: path.to_owned(), reason };
    if let Some(done) = facts.runs.map_err(refused)?.filter(failed) {
        return Err(refused(done.to_string()));
    }
    bytes(path)
}

/// Writes what [`check`] gave for `path` into `folder`: the rest of [`install`].
///
/// # Errors
/// When the file cannot be written; and unless `force` is set, when another model of that name is there.
pub fn install_checked(path: &Path, bytes: &[u8], folder: &Path, force: bool) -> Result<PathBuf, ModelError> {
    let to = folder.join(path.file_name().unwrap_or_default());
    if fs::read(&to).is_ok_and(|there| there == bytes) {
        return Ok(to);
    }
    put(&to, bytes, force)
}

fn put(to: &Path, bytes: &[u8], force: bool) -> Result<PathBuf, ModelError> {
    let failed = |source| ModelError::Write { path: to.to_owned(), source };
    fs::create_dir_all(disk::folder(to)).map_err(failed)?;
    let write = |file: &mut File| file.write_all(bytes);
    let written = if force { disk::write_whole(to, write) } else { disk::write_new(to, write) };
    match written {
        Ok(()) => Ok(to.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ModelError::Exists { path: to.to_owned() }),
        Err(error) => Err(failed(error)),
    }
}

fn open(path: &Path) -> Result<File, ModelError> {
    File::open(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })
}

fn refused(path: &Path) -> impl Fn(package::Reason) -> ModelError {
    let path = path.to_owned();
    move |reason| ModelError::Refused { path: path.clone(), reason: reason.0 }
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
