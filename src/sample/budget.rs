//! The memory that making a pair takes, reckoned from the options alone.
//!
//! A wide field of large voxels is scanned, for a misaligned pair, at the small voxels of the scanners, so sinograms and
//! the sample's grains can take many times what the options seem to ask for.

use super::acquisition::{Field, Stage};
use super::calibrate;
use super::microstructure::Microstructure;
use super::scanner::{Detector, Scanner};
use super::{KEPT, SampleOptions};
use crate::memory::{self, OutOfMemory};

/// Bytes of a pair of lengths, and of a number.
const PAIR: f64 = 8.0;
const NUMBER: f64 = 4.0;

/// Refuses a pair for which there is too little memory.
///
/// # Errors
/// [`OutOfMemory`], before any work.
pub(super) fn require(options: &SampleOptions, fields: &[Field]) -> Result<(), OutOfMemory> {
    let what = || {
        let size = options.aligned().size;
        let how = if options.misaligned { "misaligned pair" } else { "pair" };
        format!("making a {how} of {size} voxels of {} µm", options.voxel)
    };
    let advice = || "close other programs, or choose a smaller width and height".to_owned();
    memory::require(memory::bytes(bytes(options, fields)), what, advice)
}

/// Bytes at the most. The pair is tried out on the aligned field, then scanned on `fields`.
fn bytes(options: &SampleOptions, fields: &[Field]) -> f64 {
    let aligned = options.aligned();
    let scanners = [Scanner::laboratory(1.0, options.voxel), Scanner::synchrotron(options.voxel)];
    let trial = Work::new(options, &aligned, &scanners);
    let scans = fields.iter().map(|field| Work::new(options, field, &scanners).scan());
    let kept = fields.iter().map(|field| field.size.plane().max(KEPT.min(field.size.voxels() as usize)) as f64);
    let kept: Vec<f64> = kept.collect();
    // When both stacks are compared, one is there in 8 bits, as numbers, and the other on its way there.
    let comparing = 3.0 * NUMBER * kept.iter().copied().fold(0.0, f64::max);
    scans.fold(trial.calibrate(options, &aligned).max(comparing), f64::max) + 2.0 * kept.iter().sum::<f64>()
}

/// What one field's arrays take.
struct Work {
    /// Numbers of a sinogram.
    sinogram: f64,
    /// Bytes of the slice that is projected, and of the grains in it.
    slice: f64,
    /// Exposures that a slice is developed from, of all scanners together.
    exposures: f64,
    /// The same of the scanner that needs the most.
    most: f64,
}

impl Work {
    fn new(options: &SampleOptions, field: &Field, scanners: &[Scanner]) -> Self {
        let geometry = Stage::geometry(options.radius(), field);
        let side = geometry.columns as f64;
        let lean = field.transform.rotation[0][1].abs() + field.transform.rotation[0][2].abs();
        let grains = Microstructure::slab_bytes(options.radius(), lean * side * field.voxel);
        let reach = |scanner: &Scanner| Detector::new(scanner.clone(), &geometry, options.seed).reach();
        let exposures: Vec<f64> = scanners.iter().map(|scanner| (2 * reach(scanner) + 1) as f64).collect();
        let (all, most) = (exposures.iter().sum(), exposures.iter().copied().fold(0.0, f64::max));
        let sinogram = side * geometry.views() as f64;
        Self { sinogram, slice: PAIR * side * side + grains, exposures: all, most }
    }

    /// While a slice is scanned: its paths, what passes, the exposures, the developed and the filtered sinogram.
    fn scan(&self) -> f64 {
        self.slice + self.sinogram * (2.0 * PAIR + NUMBER * (self.exposures + 2.0))
    }

    /// While scanners are tried: what passes in all heights around the slices, for both.
    fn calibrate(&self, options: &SampleOptions, aligned: &Field) -> f64 {
        let heights = calibrate::heights(aligned.size).len() as f64;
        // Heights near each other share theirs.
        let around = (heights * self.most).min(options.slices as f64 + self.most);
        self.slice + self.sinogram * (PAIR + 2.0 * PAIR * around + NUMBER * (self.exposures + 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(width: usize, slices: usize, voxel: f64, misaligned: bool) -> SampleOptions {
        SampleOptions { width, height: width, slices, voxel, misaligned, ..SampleOptions::default() }
    }

    fn megabytes(options: &SampleOptions) -> f64 {
        bytes(options, &options.fields()) / f64::from(1 << 20)
    }

    #[test]
    fn the_usual_pairs_take_little_and_the_largest_are_refused() {
        let usual = megabytes(&options(128, 40, 0.6, false));
        assert!((5.0..100.0).contains(&usual), "{usual} MB");
        let wide = megabytes(&options(2048, 100, 0.6, false));
        assert!((1000.0..5000.0).contains(&wide), "{wide} MB");
        // 19,819 pixels of 0.31 µm along each edge.
        let huge = options(2048, 4096, 3.0, true);
        assert!(megabytes(&huge) > 40_000.0, "{} MB", megabytes(&huge));
    }
}
