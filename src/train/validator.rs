//! Validation after each epoch, on slices that are not used for training.

use std::ops::Range;

use ndarray::Array2;
use undulator_compute::{Frame, Loss, SliceRunner, Trainer};

use super::{Preview, TrainError};
use crate::{
    dataset::Pair,
    measure::{WHITE_8, psnr::SquaredError},
    stack::{flat, flat_mut, read_finite},
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
    pub slices: Range<usize>,
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
        let (slices, window) = (self.slices.clone(), pair.reference_window);
        let mut slice = Array2::<f32>::zeros((frame.height, frame.width));
        let (mut target, mut restored) = (slice.clone(), slice.clone());
        let (mut error, mut loss, mut preview) = (SquaredError::default(), 0.0, None);
        for z in slices.clone() {
            read_finite(pair.low, z, slice.view_mut())?;
            let input = (z == shown).then(|| bytes(&slice, |grey| pair.low_window.to_8_bit(grey)));
            slice.mapv_inplace(|grey| pair.low_window.normalise(grey));
            network.run(trainer, flat(&slice), flat_mut(&mut restored))?;
            read_finite(pair.reference, z, slice.view_mut())?;
            target.zip_mut_with(&slice, |value, grey| *value = window.normalise(*grey));
            loss += self.loss.of(flat(&restored), flat(&target), frame.width);

            let now = bytes(&restored, |value| window.to_8_bit(window.restore(value)));
            let reference = bytes(&slice, |grey| window.to_8_bit(grey));
            flat_mut(&mut restored).iter_mut().zip(&now).for_each(|(value, byte)| *value = f32::from(*byte));
            flat_mut(&mut target).iter_mut().zip(&reference).for_each(|(value, byte)| *value = f32::from(*byte));
            error.add(SquaredError::of(restored.view(), target.view()));
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
