//! Validation after each epoch, on slices that are not used for training.

use ndarray::Array2;
use undulator_compute::{Frame, Loss, SliceRunner, Trainer};

use super::{Preview, TrainError};
use crate::{
    dataset::{Pair, leave_out_unmeasured},
    measure::{WHITE_8, psnr::SquaredError, to_8_bit},
    stack::{flat, flat_mut, read_measured},
};

/// The result of a validation.
pub(super) struct Validation {
    pub loss: f64,
    pub psnr: f64,
    pub preview: Preview,
}

/// Scores a network on the validation slices.
pub(super) struct Validator<'a> {
    pub pair: &'a Pair<'a>,
    pub slices: &'a [usize],
    /// The one that is shown.
    pub shown: usize,
    pub frame: Frame,
    pub loss: Loss,
}

impl Validator<'_> {
    /// Restores the slices: their mean loss, and their PSNR on 8 bits in the reference's window; `None` without slices.
    pub fn validate(
        &self,
        trainer: &mut dyn Trainer,
        network: &mut SliceRunner,
        epoch: usize,
    ) -> Result<Option<Validation>, TrainError> {
        let Self { pair, frame, shown, .. } = *self;
        let (slices, window) = (self.slices, pair.reference_window);
        let mut slice = Array2::<f32>::zeros((frame.height, frame.width));
        let (mut target, mut restored) = (slice.clone(), slice.clone());
        let (mut error, mut loss, mut preview) = (SquaredError::default(), 0.0, None);
        for &z in slices {
            read_measured(pair.low, z, slice.view_mut())?;
            let input = (z == shown).then(|| bytes(&slice, |grey| pair.low_window.to_8_bit(grey)));
            slice.mapv_inplace(|grey| pair.low_window.normalise(grey));
            read_measured(pair.reference, z, target.view_mut())?;
            leave_out_unmeasured(flat_mut(&mut slice), flat_mut(&mut target));
            network.run(trainer, flat(&slice), flat_mut(&mut restored))?;
            slice.zip_mut_with(&target, |value, grey| *value = window.normalise(*grey));
            loss += self.loss.of(flat(&restored), flat(&slice), frame.width);

            restored.zip_mut_with(&target, |value, grey| {
                // Black in the preview, like the target.
                *value = if grey.is_nan() { f32::NAN } else { window.restore(*value) };
            });
            to_8_bit(window, &mut restored);
            to_8_bit(window, &mut target);
            error.add(SquaredError::of(restored.view(), target.view()));
            let [now, reference] = [&restored, &target].map(|slice| bytes(slice, |grey| grey as u8));
            if let Some(input) = input {
                let (width, height) = (frame.width, frame.height);
                preview = Some(Preview { epoch, slice: z, width, height, input, restored: now, reference });
            }
        }
        let (loss, psnr) = (loss / slices.len() as f64, error.psnr(WHITE_8));
        Ok(preview.map(|preview| Validation { loss, psnr, preview }))
    }
}

fn bytes(values: &Array2<f32>, to_8_bit: impl Fn(f32) -> u8) -> Vec<u8> {
    flat(values).iter().map(|value| to_8_bit(*value)).collect()
}
