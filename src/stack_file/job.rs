//! Identifies the input of a result, so that a different job does not continue it.

use sha2::{Digest, Sha256};

use crate::{
    checksum,
    stack::{SliceSource, StackError, black_slice, flat},
};

/// Slices of the input whose grey values are part of the job: evenly spaced, so that other data is surely noticed, and
/// few, so that a start is quick.
const LOOKED_AT: usize = 8;

/// A fingerprint in parts, so that a message can name the part that differs. One without parts is for results that nobody
/// goes on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job(Vec<(&'static str, String)>);

impl Job {
    /// The work on `image` by this version, with parts of its own, each a name and a text without line breaks.
    ///
    /// # Errors
    /// When the image cannot be read.
    pub fn new(image: &dyn SliceSource, parts: Vec<(&'static str, String)>) -> Result<Self, StackError> {
        let mut job = vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("image", image_hash(image)?)];
        job.extend(parts);
        Ok(Self(job))
    }

    /// The SHA-256 of bytes, as a part.
    pub fn hash(bytes: &[u8]) -> String {
        checksum::of(bytes)
    }

    /// One line a part.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("{MARK}{name}={value}"))
    }

    /// The first part that a file's text does not have.
    pub(super) fn differs_from(&self, text: &str) -> Option<&'static str> {
        let has = |line: &str| text.lines().any(|other| other == line);
        self.lines().zip(&self.0).find(|(line, _)| !has(line)).map(|(_, (name, _))| *name)
    }
}

/// How a line of a job begins.
pub(super) const MARK: &str = "undulator-";

fn image_hash(image: &dyn SliceSource) -> Result<String, StackError> {
    let (shape, mut hash) = (image.shape(), Sha256::new());
    hash.update(format!("{} {:?} {} {:?}", shape.size, shape.voxel, shape.grey.bits(), shape.scale));
    let (slices, mut slice, mut bytes) = (shape.size.slices, black_slice(shape.size)?, Vec::new());
    let looked_at = LOOKED_AT.min(slices);
    for at in 0..looked_at {
        // The first and the last one are among them.
        image.read(at * (slices - 1) / (looked_at - 1).max(1), slice.view_mut())?;
        checksum::add_greys(&mut hash, flat(&slice), &mut bytes);
    }
    Ok(checksum::text(hash))
}
