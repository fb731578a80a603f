//! What is found out about a pair before the first epoch, once for all networks that are trained on it.

use std::sync::OnceLock;

use ndarray::Array2;
use sha2::{Digest, Sha256};
use undulator_compute::memory;

use super::TrainError;
use crate::{
    checksum,
    dataset::{Pair, Split},
    grey::{HIGH_PERCENT, LOW_PERCENT, Window},
    measure::{Baselines, baselines_of},
    progress::Progress,
    stack::{self, Measured, SliceSource, flat, read_measured},
};

/// Two stacks of one size that are ready to be trained on.
pub(crate) struct Prepared<'a> {
    low: Measured<'a>,
    reference: Measured<'a>,
    low_window: Window,
    reference_window: Window,
    pub split: Split,
    /// The validation slices that are scored.
    pub validation: Vec<usize>,
    /// The slice that stands for all when one is shown.
    pub shown: usize,
    /// Of the validation slices; absent when there are none.
    pub baselines: Option<Baselines>,
    fingerprint: OnceLock<String>,
}

impl<'a> Prepared<'a> {
    /// Checks the stacks, of which the last `validation` slices validate, finds their grey windows and scores the
    /// baselines.
    ///
    /// # Errors
    /// [`TrainError`] for stacks that do not fit or of which nothing was measured, too few slices, and when the user asks
    /// to stop.
    pub fn new(
        low: &'a dyn SliceSource,
        reference: &'a dyn SliceSource,
        validation: usize,
        progress: Progress<'_>,
    ) -> Result<Self, TrainError> {
        let split = split(low, reference, validation)?;
        let low = Measured::told(low, progress.share(0.0..0.2))?;
        let reference = Measured::told(reference, progress.share(0.2..0.4))?;
        let window = |stack, share| {
            let reading = progress.share(share);
            Window::of_percentiles_in(stack, split.training.clone(), LOW_PERCENT, HIGH_PERCENT, reading)
        };
        let (low_window, reference_window) = (window(&low, 0.4..0.6)?, window(&reference, 0.6..0.8)?);
        let pair = Pair { low: &low, reference: &reference, low_window, reference_window };
        let size = low.shape().size;
        if !split.training.clone().any(|z| pair.shows(z, 0..size.width, 0..size.height)) {
            return Err(TrainError::NothingShown { slices: split.training.len() });
        }
        let validation = scored_slices(&pair, &split, progress)?;
        let baselines = match validation.is_empty() {
            true => None,
            false => {
                let (windows, scoring) = ([low_window, reference_window], progress.share(0.8..1.0));
                Some(baselines_of(&low, &reference, windows, &validation, scoring)?)
            }
        };
        let shown = validation.get(validation.len() / 2).copied().unwrap_or(split.shown());
        let fingerprint = OnceLock::new();
        Ok(Self { low, reference, low_window, reference_window, split, validation, shown, baselines, fingerprint })
    }

    /// The pair with its windows.
    pub fn pair(&self) -> Pair<'_> {
        let Self { low, reference, low_window, reference_window, .. } = self;
        Pair { low, reference, low_window: *low_window, reference_window: *reference_window }
    }

    /// What tells the pair from every other: the SHA-256 of sizes and grey values of both stacks. They are read once.
    ///
    /// # Errors
    /// When a slice cannot be read, and when the user asks to stop.
    pub fn fingerprint(&self, progress: Progress<'_>) -> Result<&str, TrainError> {
        if let Some(known) = self.fingerprint.get() {
            return Ok(known);
        }
        let found = fingerprint([&self.low, &self.reference], progress)?;
        Ok(self.fingerprint.get_or_init(|| found))
    }
}

/// Which slices train and which validate.
///
/// # Errors
/// [`TrainError`] for stacks that do not fit, and too few slices.
pub(super) fn split(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    validation: usize,
) -> Result<Split, TrainError> {
    stack::check(low)?;
    stack::check(reference)?;
    stack::check_same_size(low, reference)?;
    let slices = low.shape().size.slices;
    Split::new(slices, validation).ok_or(TrainError::TooFewSlices { slices, validation })
}

fn fingerprint(stacks: [&dyn SliceSource; 2], progress: Progress<'_>) -> Result<String, TrainError> {
    let mut hash = Sha256::new();
    let total: usize = stacks.iter().map(|stack| stack.shape().size.slices).sum();
    let mut done = 0;
    for stack in stacks {
        let size = stack.shape().size;
        [size.width, size.height, size.slices].iter().for_each(|count| hash.update((*count as u64).to_le_bytes()));
        // The slice, and its bytes.
        memory::check_room(2 * (size.plane() * size_of::<f32>()) as u64)?;
        let (mut slice, mut bytes) = (Array2::zeros(size.slice_dim()), Vec::with_capacity(4 * size.plane()));
        for z in 0..size.slices {
            progress.step(done, total)?;
            read_measured(stack, z, slice.view_mut())?;
            checksum::add_greys(&mut hash, flat(&slice), &mut bytes);
            done += 1;
        }
    }
    Ok(checksum::text(hash))
}

/// The validation slices on which something can be scored. A score on others would choose a wrong epoch, so they are named
/// and left out.
fn scored_slices(pair: &Pair, split: &Split, progress: Progress<'_>) -> Result<Vec<usize>, TrainError> {
    let (mut scored, mut left_out) = (Vec::new(), Vec::new());
    for z in split.validation.clone() {
        progress.check()?;
        if pair.has_contrast(z)? { scored.push(z) } else { left_out.push(z) }
    }
    if !left_out.is_empty() {
        let chosen = match scored.is_empty() {
            true => "no validation slice is left, so the best epoch is that of the least training loss",
            false => "the best epoch is chosen on the others",
        };
        progress.warning(&format!(
            "validation slices without contrast, or not measured, are left out: {}; {chosen} (crop the stacks to what both \
             show)",
            ranges(&left_out)
        ));
    }
    Ok(scored)
}

/// Slices from zero, in rising order, as people count and write them: `3, 7-9`.
fn ranges(slices: &[usize]) -> String {
    let parts = slices.chunk_by(|a, b| a + 1 == *b).map(|part| match part {
        [one] => (one + 1).to_string(),
        [first, .., last] => format!("{}-{}", first + 1, last + 1),
        [] => String::new(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::tests::ramp, volume::Volume};

    #[test]
    fn a_fingerprint_tells_pairs_apart() {
        let (a, b) = (ramp(4, 3, 2, 1.0), ramp(4, 3, 2, 2.0));
        let of = |low: &Volume, reference: &Volume| fingerprint([low, reference], Progress::silent()).unwrap();
        assert_eq!(of(&a, &b), of(&a, &b));
        assert_eq!(of(&a, &b).len(), 64);
        let others = [of(&b, &a), of(&a, &a), of(&ramp(3, 4, 2, 1.0), &b), of(&a, &ramp(4, 3, 2, 2.001))];
        assert!(others.iter().all(|other| *other != of(&a, &b)));
    }
}
