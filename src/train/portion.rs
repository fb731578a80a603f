//! How much the device computes at once, and how that follows from the memory that is free.

use undulator_compute::{Frame, memory::mebibytes};

use super::TrainError;

/// How much the device computes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// Images a step.
    pub batch: usize,
    /// Edge of the patches, 0 for whole slices.
    pub patch: usize,
}

/// What portions are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grain {
    /// The slices.
    pub frame: Frame,
    /// Edges of patches are whole multiples of this.
    pub multiple: usize,
    /// The shortest edge that the loss takes.
    pub least: usize,
}

/// Memory for a training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes that are free, those that the training has already among them.
    pub free: u64,
    /// Bytes that are not for steps: the smallest tile of the validation takes them.
    pub tile: u64,
}

/// One of so many parts of the free memory is left to the validation and to other programs. Applying leaves half: its
/// tiles may be small and leave no trace. Smaller steps change what is learnt, so a training takes what there is.
const RESERVE: u64 = 8;

impl Room {
    /// Bytes that a step may take.
    fn step(self) -> u64 {
        self.free.saturating_sub(self.tile.max(self.free / RESERVE))
    }
}

impl Portion {
    /// Half the images a step; of one image, patches of half its edge. `None` when it cannot be smaller.
    pub fn halved(self, grain: Grain) -> Option<Self> {
        if self.batch > 1 {
            return Some(Self { batch: self.batch / 2, ..self });
        }
        let Grain { frame, multiple, least } = grain;
        let edge = if self.patch > 0 { self.patch } else { frame.width.min(frame.height) };
        let patch = edge / 2 / multiple * multiple;
        (patch >= least.max(multiple)).then_some(Self { patch, ..self })
    }

    /// This one, halved until a step fits the room. The smallest may also take the reserve.
    ///
    /// # Errors
    /// [`TrainError::Room`] when not even the smallest fits.
    pub fn fitting(self, room: Room, grain: Grain, needs: impl Fn(Self) -> Option<u64>) -> Result<Self, TrainError> {
        let mut portion = self;
        while let Some(needed) = needs(portion).filter(|needed| *needed > room.step()) {
            portion = match portion.halved(grain) {
                Some(smaller) => smaller,
                None if needed <= room.free.saturating_sub(room.tile) => break,
                None => {
                    let (needed, free) = (mebibytes(Some(needed)), mebibytes(Some(room.free)));
                    return Err(TrainError::Room { portion: portion.to_string(), needed, free });
                }
            };
        }
        Ok(portion)
    }

    /// Why it became `smaller`, for the log, when a step with it needs so many bytes.
    pub fn why(self, smaller: Self, needed: Option<u64>, room: Room, frame: Frame) -> String {
        let images = match self.patch {
            0 => format!("whole slices of {}×{}", frame.padded_width, frame.padded_height),
            edge => format!("patches of {edge}×{edge}"),
        };
        format!(
            "a step with batch={} on {images} takes {}, and {} are free, of which a training leaves an eighth: going on \
             with {smaller}",
            self.batch,
            mebibytes(needed),
            mebibytes(Some(room.free)),
        )
    }
}

impl std::fmt::Display for Portion {
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
    fn needs(portion: Portion) -> Option<u64> {
        let pixels = if portion.patch == 0 { 512 * 512 } else { portion.patch * portion.patch };
        Some(((portion.batch * pixels / 1000) as u64) << 20)
    }

    fn grain() -> Grain {
        Grain { frame: Frame::new(500, 512, 32), multiple: 32, least: 1 }
    }

    #[test]
    fn a_portion_is_halved_until_its_step_fits_and_leaves_an_eighth() {
        let first = Portion { batch: 4, patch: 0 };
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
            let room = Room { free: free << 20, tile: 0 };
            let found = first.fitting(room, grain(), needs).unwrap();
            assert_eq!(found, Portion { batch, patch }, "{free} MB");
        }
        // What is not known sets no limit.
        assert_eq!(first.fitting(Room { free: 0, tile: 0 }, grain(), |_| None).unwrap(), first);
        // The tiles of the validation need their room, too.
        let room = Room { free: 1400 << 20, tile: 400 << 20 };
        assert_eq!(first.fitting(room, grain(), needs).unwrap().batch, 2);
    }

    #[test]
    fn what_was_made_smaller_and_why_is_said_with_numbers() {
        let (first, room) = (Portion { batch: 4, patch: 0 }, Room { free: 1000 << 20, tile: 0 });
        let smaller = first.fitting(room, grain(), needs).unwrap();
        let line = first.why(smaller, needs(first), room, grain().frame);
        assert!(line.contains("batch=4 on whole slices of 512×512 takes 1048 MB, and 1000 MB are free"), "{line}");
        assert!(line.ends_with("going on with batch=2, whole slices"), "{line}");
    }

    #[test]
    fn a_memory_too_small_for_the_smallest_step_is_an_error_with_advice() {
        let room = Room { free: 1 << 19, tile: 0 };
        let error = Portion { batch: 4, patch: 64 }.fitting(room, grain(), needs).unwrap_err().to_string();
        assert!(error.contains("batch=1, patch=32, takes 1 MB, and 0 MB are free: close other programs"), "{error}");
    }
}
