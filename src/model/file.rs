//! The model file: a zip, written whole or not at all, and read with suspicion.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{Card, Model};
use crate::{
    grey::Window,
    network::{Tensor, Weights},
};

const FORMAT: &str = "undulator-model";
const VERSION: u32 = 1;
const CARD: &str = "model.json";
const WEIGHTS: &str = "weights.safetensors";

/// The largest network has some 120 MB of weights.
const MOST_WEIGHTS_BYTES: u64 = 192 << 20;
const MOST_CARD_BYTES: u64 = 16 << 20;
/// Weights hardly shrink, and text by some 20 times: more is a trap.
const MOST_RATIO: u64 = 200;
const MOST_ENTRIES: usize = 16;

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
}

/// The card as it stands in the file.
#[derive(Serialize, Deserialize)]
struct Envelope<C> {
    format: String,
    version: u32,
    written_by: String,
    model: C,
}

/// Only what tells whether the rest can be read.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

impl Model {
    /// Writes the model to `path`: to a temporary file beside it first, which is then renamed.
    ///
    /// # Errors
    /// When the folder does not exist or cannot be written, or the disk is full. What stood at `path` stays then.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let failed = |source| ModelError::Write { path: path.to_owned(), source };
        let mut file = NamedTempFile::new_in(folder(path)).map_err(failed)?;
        self.write(file.as_file_mut()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn write(&self, file: &mut File) -> io::Result<()> {
        let envelope = Envelope {
            format: FORMAT.to_owned(),
            version: VERSION,
            written_by: format!("undulator {}", env!("CARGO_PKG_VERSION")),
            model: &self.card,
        };
        let mut zip = ZipWriter::new(file);
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(CARD, packed)?;
        zip.write_all(&serde_json::to_vec_pretty(&envelope)?)?;
        zip.start_file(WEIGHTS, packed)?;
        zip.write_all(&to_safetensors(&self.weights)?)?;
        zip.finish()?.flush()
    }

    /// Reads a model. Nothing is unpacked to disk, and nothing is believed: sizes, names, shapes and numbers are checked.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, was written by a later version, or is not a model at all.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        read(file).map_err(|reason| ModelError::Refused { path: path.to_owned(), reason: reason.0 })
    }
}

/// Refuses a path where no model could be written, before a long training begins.
///
/// # Errors
/// When the name is empty, the folder is absent, or no file can be made in it.
pub fn check_writable(path: &Path) -> Result<(), ModelError> {
    let failed = |source| ModelError::Write { path: path.to_owned(), source };
    if path.file_name().is_none() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "give the name of a file")));
    }
    if path.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "this is a folder: give the name of a file")));
    }
    NamedTempFile::new_in(folder(path)).map(drop).map_err(failed)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Why a file is refused, in words.
struct Reason(String);

impl<E: std::error::Error> From<E> for Reason {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn read(file: File) -> Result<Model, Reason> {
    let mut zip = ZipArchive::new(file).map_err(|error| match error {
        ZipError::InvalidArchive(_) => Reason("it is not a zip file, or a part of it is missing".to_owned()),
        other => other.into(),
    })?;
    if zip.len() > MOST_ENTRIES {
        return Err(Reason(format!("it holds {} files, a model has {CARD} and {WEIGHTS}", zip.len())));
    }
    let card = entry(&mut zip, CARD, MOST_CARD_BYTES)?;
    let header: Header = serde_json::from_slice(&card)?;
    if header.format != FORMAT {
        return Err(Reason(format!("its format is {:?}, not {FORMAT:?}", header.format)));
    }
    if header.version != VERSION {
        return Err(Reason(format!(
            "its format version is {}, this program reads {VERSION}: update Undulator",
            header.version
        )));
    }
    let card = serde_json::from_slice::<Envelope<Card>>(&card)?.model;
    let plan = card.network.plan()?;
    for (what, window) in [("input_window", card.input_window), ("output_window", card.output_window)] {
        Window::new(window.low, window.high).map_err(|error| Reason(format!("its {what}: {error}")))?;
    }
    let weights = from_safetensors(&entry(&mut zip, WEIGHTS, MOST_WEIGHTS_BYTES)?)?;
    let weights = weights.fitted(&plan)?;
    Ok(Model { card, weights })
}

fn entry(zip: &mut ZipArchive<File>, name: &str, most: u64) -> Result<Vec<u8>, Reason> {
    let file = zip.by_name(name).map_err(|error| match error {
        ZipError::FileNotFound => Reason(format!("it does not hold {name}")),
        other => other.into(),
    })?;
    let (size, packed) = (file.size(), file.compressed_size());
    if size > most || size / MOST_RATIO > packed {
        return Err(Reason(format!("{name} would unpack to {size} bytes from {packed}, more than a model needs")));
    }
    // The size above is only what the file claims: the limit holds for what really comes out.
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != size {
        return Err(Reason(format!("{name} is damaged: {} bytes instead of {size}", bytes.len())));
    }
    Ok(bytes)
}

fn to_safetensors(weights: &Weights) -> io::Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> =
        weights.0.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = weights.0.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(io::Error::other)?;
        Ok((tensor.name.as_str(), view))
    });
    let views = views.collect::<io::Result<Vec<_>>>()?;
    safetensors::serialize(views, None).map_err(io::Error::other)
}

fn from_safetensors(bytes: &[u8]) -> Result<Weights, Reason> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| Reason(format!("{WEIGHTS}: {error}")))?;
    let tensors = tensors.iter().map(|(name, view)| {
        if view.dtype() != Dtype::F32 {
            return Err(Reason(format!("{WEIGHTS}: {name} is {:?}, not F32", view.dtype())));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
    });
    Ok(Weights(tensors.collect::<Result<_, _>>()?))
}
