//! The size of a training step, and how it follows from the free memory.

use undulator_compute::{Frame, memory::mebibytes};

use super::TrainError;

/// Batch size and patch size of a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepSize {
    /// Images per step.
    pub batch: usize,
    /// Edge of the patches, 0 for whole slices.
    pub patch: usize,
}

/// Limits for reducing batch and patch size.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchRules {
    /// The slices.
    pub frame: Frame,
    /// Edges of patches are whole multiples of this.
    pub multiple: usize,
    /// The shortest edge that the loss takes.
    pub least: usize,
}

/// The memory available to a training.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryLimit {
    /// Free bytes, including those that the training already holds.
    pub free: u64,
    /// Bytes reserved for the smallest validation tile.
    pub tile: u64,
}

/// One of so many parts of the free memory is left to the validation and to other programs. Applying leaves half: its
/// tiles may be small and leave no trace. Smaller steps change what is learnt, so a training takes what there is.
const RESERVE: u64 = 8;

impl MemoryLimit {
    /// Bytes that a step may take.
    fn step_bytes(self) -> u64 {
        self.free.saturating_sub(self.tile.max(self.free / RESERVE))
    }
}

impl StepSize {
    /// Half the batch; for a batch of one, patches of half the edge. `None` when it cannot be smaller.
    pub fn halved(self, patch_rules: PatchRules) -> Option<Self> {
        if self.batch > 1 {
            return Some(Self { batch: self.batch / 2, ..self });
        }
        let PatchRules { frame, multiple, least } = patch_rules;
        let edge = if self.patch > 0 { self.patch } else { frame.width.min(frame.height) };
        let patch = edge / 2 / multiple * multiple;
        (patch >= least.max(multiple)).then_some(Self { patch, ..self })
    }

    /// This one, halved until a step fits the limit. The smallest may also take the reserve.
    ///
    /// # Errors
    /// [`TrainError::InsufficientMemory`] when not even the smallest fits.
    pub fn fitting(
        self,
        limit: MemoryLimit,
        patch_rules: PatchRules,
        needs: impl Fn(Self) -> Option<u64>,
    ) -> Result<Self, TrainError> {
        let mut step_size = self;
        while let Some(needed) = needs(step_size).filter(|needed| *needed > limit.step_bytes()) {
            step_size = match step_size.halved(patch_rules) {
                Some(smaller) => smaller,
                None if needed <= limit.free.saturating_sub(limit.tile) => break,
                None => {
                    let (needed, free) = (mebibytes(Some(needed)), mebibytes(Some(limit.free)));
                    return Err(TrainError::InsufficientMemory { step: step_size.to_string(), needed, free });
                }
            };
        }
        Ok(step_size)
    }

    /// Why it became `smaller`, for the log, when a step with it needs so many bytes.
    pub fn describe_reduction(self, smaller: Self, needed: Option<u64>, limit: MemoryLimit, frame: Frame) -> String {
        let images = match self.patch {
            0 => format!("whole slices of {}×{}", frame.padded_width, frame.padded_height),
            edge => format!("patches of {edge}×{edge}"),
        };
        format!(
            "a step with batch={} on {images} takes {}, and {} are free, of which a training leaves an eighth: going on \
             with {smaller}",
            self.batch,
            mebibytes(needed),
            mebibytes(Some(limit.free)),
        )
    }
}

impl std::fmt::Display for StepSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.patch {
            0 => write!(f, "batch={}, whole slices", self.batch),
            patch => write!(f, "batch={}, patch={patch}", self.batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A MB for each thousand pixels.
    fn needs(step_size: StepSize) -> Option<u64> {
        let pixels = if step_size.patch == 0 { 512 * 512 } else { step_size.patch * step_size.patch };
        Some(((step_size.batch * pixels / 1000) as u64) << 20)
    }

    fn patch_rules() -> PatchRules {
        PatchRules { frame: Frame::new(500, 512, 32), multiple: 32, least: 1 }
    }

    #[test]
    fn a_step_is_halved_until_its_step_fits_and_leaves_an_eighth() {
        let first = StepSize { batch: 4, patch: 0 };
        for (free, batch, patch) in [
            (1199, 4, 0),
            (1197, 2, 0),
            (599, 2, 0),
            (597, 1, 0),
            (299, 1, 224),
            (30, 1, 96),
            (12, 1, 96),
            (10, 1, 32),
            (1, 1, 32),
        ] {
            let limit = MemoryLimit { free: free << 20, tile: 0 };
            let found = first.fitting(limit, patch_rules(), needs).unwrap();
            assert_eq!(found, StepSize { batch, patch }, "{free} MB");
        }
        // What is not known sets no limit.
        assert_eq!(first.fitting(MemoryLimit { free: 0, tile: 0 }, patch_rules(), |_| None).unwrap(), first);
        // The tiles of the validation need memory, too.
        let limit = MemoryLimit { free: 1400 << 20, tile: 400 << 20 };
        assert_eq!(first.fitting(limit, patch_rules(), needs).unwrap().batch, 2);
    }

    #[test]
    fn what_was_made_smaller_and_why_is_said_with_numbers() {
        let (first, limit) = (StepSize { batch: 4, patch: 0 }, MemoryLimit { free: 1000 << 20, tile: 0 });
        let smaller = first.fitting(limit, patch_rules(), needs).unwrap();
        let line = first.describe_reduction(smaller, needs(first), limit, patch_rules().frame);
        assert!(line.contains("batch=4 on whole slices of 512×512 takes 1048 MB, and 1000 MB are free"), "{line}");
        assert!(line.ends_with("going on with batch=2, whole slices"), "{line}");
    }

    #[test]
    fn a_memory_too_small_for_the_smallest_step_is_an_error_with_advice() {
        let limit = MemoryLimit { free: 1 << 19, tile: 0 };
        let error = StepSize { batch: 4, patch: 64 }.fitting(limit, patch_rules(), needs).unwrap_err().to_string();
        assert!(error.contains("batch=1, patch=32, takes 1 MB, and 0 MB are free: close other programs"), "{error}");
    }
}
