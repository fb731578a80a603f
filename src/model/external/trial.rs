//! A model of another program on its own test image.

use undulator_compute::{device::Device, memory};
use undulator_onnx::{Placed, TractRunner};

use super::ExternalModel;
use crate::model::package::{npy::Tensor, verify::Verification};

/// What two programs may differ by in a number, and beside it this part of the number: what bioimage.io allows where a
/// description does not say.
const TOLERANCE: f32 = 1e-3;
/// So many of a million numbers may differ by more: those that are cut off or compared with a threshold.
const STRAY: usize = 100;

/// A test is quick that takes no more multiplications, some two seconds on two cores, and no more memory.
const QUICK_MULTIPLICATIONS: u64 = 20_000_000_000;
const QUICK_BYTES: u64 = 128 << 20;

/// A model that is ready for its test image.
pub(in crate::model) struct Trial {
    model: ExternalModel,
    runner: TractRunner,
    input: Tensor,
    placed: Placed,
    multiplications: u64,
    bytes: u64,
}

impl ExternalModel {
    /// Gets the model ready for its test input.
    ///
    /// # Errors
    /// In words: when that is no slice of a size that the network takes.
    pub(in crate::model) fn trial(&self, input: Tensor) -> Result<Trial, String> {
        let size = slice("input", &input)?;
        let placed =
            Placed::new(&self.description.input, false, size[0], size[1]).filter(|placed| placed.size() == size);
        let placed = placed.ok_or_else(|| format!("its test input has the size {size:?}, which it does not take"))?;
        let mut runner = self.tract_runner(false);
        let ready = runner.ready(placed)?;
        let (multiplications, bytes) = (ready.multiplications, ready.bytes);
        Ok(Trial { model: self.clone(), runner, input, placed, multiplications, bytes })
    }
}

impl Trial {
    /// Whether it takes neither long nor much memory.
    pub fn is_quick(&self) -> bool {
        self.multiplications <= QUICK_MULTIPLICATIONS && self.bytes <= QUICK_BYTES
    }

    /// Runs the model, and compares what it makes with its test output.
    ///
    /// # Errors
    /// In words: when the output is of another size, the network fails, or there is no memory for it.
    pub fn verify(mut self, output: &Tensor) -> Result<Verification, String> {
        let made_size = slice("output", output)?;
        if self.placed.size() != made_size {
            return Err(format!("its test output has the size {made_size:?}, its input {:?}", self.placed.size()));
        }
        if let Some(free) = memory::free(&Device::Cpu { threads: 1 }).filter(|free| *free < self.bytes) {
            let (needs, free) = (self.bytes >> 20, free >> 20);
            return Err(format!("its test image takes {needs} MB of memory, and {free} are free"));
        }
        self.model.preprocess(&mut self.input.values);
        let mut made = self.runner.slice(self.placed, &self.input.values)?;
        self.model.postprocess(&mut made);
        Ok(compare(&made, &output.values))
    }
}

/// The largest difference, against what is allowed for that number; but for a few strays.
fn compare(made: &[f32], expected: &[f32]) -> Verification {
    let allowed = |expected: f32| TOLERANCE + TOLERANCE * expected.abs();
    // A value that is not a number differs from every other.
    let apart = |made: f32, expected: f32| if made.is_finite() { (made - expected).abs() } else { f32::INFINITY };
    let pairs = made.iter().zip(expected).map(|(made, expected)| (apart(*made, *expected), allowed(*expected)));
    let mut pairs: Vec<(f32, f32)> = pairs.collect();
    let strays = (pairs.len() * STRAY / 1_000_000).min(pairs.len() - 1);
    let by_share = |a: &(f32, f32), b: &(f32, f32)| (b.0 / b.1).total_cmp(&(a.0 / a.1));
    let (_, &mut (worst, tolerance), _) = pairs.select_nth_unstable_by(strays, by_share);
    Verification { worst, tolerance }
}

/// Height and width of an image whose other axes have the length one.
fn slice(what: &str, tensor: &Tensor) -> Result<[usize; 2], String> {
    match &tensor.shape[..] {
        [leading @ .., height, width] if leading.iter().all(|length| *length == 1) && height * width > 0 => {
            Ok([*height, *width])
        }
        shape => Err(format!("its test {what} has the shape {shape:?}, which is no slice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_own_tolerance_and_strays_are_few() {
        let expected: Vec<f32> = (0..10_000).map(|value| value as f32).collect();
        let mut made = expected.clone();
        made[9_999] += 9.0;
        assert!(compare(&made, &expected).passed());
        made[1] += 0.5;
        // One of ten thousand is a stray: the worse of the two, by what it may be.
        let compared = compare(&made, &expected);
        assert!(compared.passed() && compared.worst == 9.0);
        made[2] += 0.5;
        let compared = compare(&made, &expected);
        assert!(!compared.passed() && compared.worst == 0.5);
        assert!(!compare(&[1.0, f32::NAN], &[1.0, 1.0]).passed());
    }
}
