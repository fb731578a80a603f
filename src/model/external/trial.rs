//! A model of another program on its own test image.

use undulator_compute::{device::Device, memory};
use undulator_onnx::{Axis, Input, Placed, TractRunner, transposed};

use super::{ExternalModel, StackMeasures};
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
    /// Row by row.
    input: Vec<f32>,
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
        let (size, input) = slice("input", self.description.test_axes()[0], input)?;
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
    pub fn verify(mut self, output: Tensor) -> Result<Verification, String> {
        let (made_size, expected) = slice("output", self.model.description.test_axes()[1], output)?;
        if self.placed.size() != made_size {
            return Err(format!("its test output has the size {made_size:?}, its input {:?}", self.placed.size()));
        }
        if let Some(free) = memory::free(&Device::Cpu { threads: 1 }).filter(|free| *free < self.bytes) {
            let (needs, free) = (self.bytes >> 20, free >> 20);
            return Err(format!("its test image takes {needs} MB of memory, and {free} are free"));
        }
        // The test image is a stack of its own.
        let mut stack = StackMeasures::default();
        self.model.measure_stack(&self.input, &mut stack);
        let measured = self.model.measure(&self.input, &stack.finish());
        self.model.preprocess(&measured, &mut self.input);
        let mut made = self.runner.slice(self.placed, &self.input)?;
        self.model.postprocess(&measured, &mut made);
        Ok(compare(&made, &expected))
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

/// Height and width of a test image, and its pixels row by row. Axes of length one may be left out.
fn slice(what: &str, axes: &[Axis], tensor: Tensor) -> Result<([usize; 2], Vec<f32>), String> {
    let Tensor { shape, values } = tensor;
    let plane: Vec<Axis> = axes.iter().copied().filter(|axis| *axis != Axis::One).collect();
    let lengths: Vec<usize> = shape.iter().copied().filter(|length| *length != 1).collect();
    let find = |axes: &[Axis], lengths: &[usize]| {
        let at = |wanted: Axis| Some(lengths[axes.iter().position(|axis| *axis == wanted)?]);
        at(Axis::Y)
            .zip(at(Axis::X))
            .filter(|(height, width)| Input::shape(axes, [*height, *width]) == lengths && height * width > 0)
    };
    let whole = if shape.len() == axes.len() { find(axes, &shape) } else { None };
    let bare = || if lengths.len() == plane.len() { find(&plane, &lengths) } else { None };
    let (height, width) =
        whole.or_else(bare).ok_or_else(|| format!("its test {what} has the shape {shape:?}, which is no slice"))?;
    let rows = if Input::by_rows(axes) { values } else { transposed(&values, height) };
    Ok(([height, width], rows))
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

    #[test]
    fn test_images_lie_as_the_axes_say() {
        use Axis::{One, X, Y};
        let tensor = |shape: &[usize]| Tensor { shape: shape.to_vec(), values: (0..6).map(|at| at as f32).collect() };
        let rows: Vec<f32> = (0..6).map(|at| at as f32).collect();
        for shape in [&[1, 2, 3, 1][..], &[2, 3], &[1, 1, 1, 2, 3]] {
            assert_eq!(slice("input", &[One, Y, X, One], tensor(shape)), Ok(([2, 3], rows.clone())), "{shape:?}");
        }
        let columns = slice("input", &[One, X, Y], tensor(&[1, 2, 3])).unwrap();
        assert_eq!(columns, ([3, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        assert_eq!(slice("input", &[One, Y, X], tensor(&[1, 1, 6])).unwrap().0, [1, 6]);
        for shape in [&[6][..], &[2, 1, 3], &[6, 1, 1]] {
            assert!(slice("input", &[One, X, Y, One], tensor(shape)).is_err() || shape.len() == 3, "{shape:?}");
        }
        assert!(slice("input", &[Y, X], tensor(&[6])).unwrap_err().contains("no slice"));
    }
}
