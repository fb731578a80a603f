//! Scores, slice by slice.

use ndarray::ArrayView2;
use undulator_compute::ssim::ssim;

use super::psnr::SquaredError;
use super::{Measurement, Score};
use crate::stack::flat;

/// Scores slices of one size, and the stack that they make up. What is NaN in either takes no part.
pub(crate) struct Scorer {
    peak: f64,
    error: SquaredError,
    slices: Vec<Score>,
}

impl Scorer {
    pub(crate) fn new(peak: f64) -> Self {
        Self { peak, error: SquaredError::default(), slices: Vec::new() }
    }

    pub(crate) fn add(&mut self, test: ArrayView2<'_, f32>, reference: ArrayView2<'_, f32>) {
        let error = SquaredError::of(test, reference);
        let (height, width) = test.dim();
        let ssim = ssim(flat(&test), flat(&reference), width, height, self.peak);
        self.slices.push(Score { psnr: error.psnr(self.peak), ssim });
        self.error.add(error);
    }

    pub(crate) fn finish(self) -> Measurement {
        let similar = || self.slices.iter().map(|slice| slice.ssim).filter(|ssim| !ssim.is_nan());
        let ssim = similar().sum::<f64>() / similar().count() as f64;
        Measurement { stack: Score { psnr: self.error.psnr(self.peak), ssim }, slices: self.slices }
    }
}
