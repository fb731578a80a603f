//! Scores, slice by slice.

use undulator_compute::ssim::ssim;

use super::psnr::SquaredError;
use super::{Measurement, Score};

/// Scores slices of one width, and the stack that they make up.
pub(crate) struct Scorer {
    width: usize,
    peak: f64,
    error: SquaredError,
    slices: Vec<Score>,
}

impl Scorer {
    pub(crate) fn new(width: usize, peak: f64) -> Self {
        Self { width, peak, error: SquaredError::default(), slices: Vec::new() }
    }

    pub(crate) fn add(&mut self, test: &[f32], reference: &[f32]) {
        let error = SquaredError::of(test, reference);
        let height = test.len() / self.width;
        let ssim = ssim(test, reference, self.width, height, self.peak);
        self.slices.push(Score { psnr: error.psnr(self.peak), ssim });
        self.error.add(error);
    }

    pub(crate) fn finish(self) -> Measurement {
        let ssim = self.slices.iter().map(|slice| slice.ssim).sum::<f64>() / self.slices.len() as f64;
        Measurement { stack: Score { psnr: self.error.psnr(self.peak), ssim }, slices: self.slices }
    }
}
