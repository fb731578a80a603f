//! One slice that shows what a model does, and the test tensors made of it.

use ndarray::{Array2, ArrayView2, s};
use undulator_compute::{EngineError, Frame, network::Plan};

use crate::{
    grey::Window,
    model::{Model, run},
    stack::flat,
};

/// One validation slice before and after, in raw grey values.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The laboratory slice.
    pub input: Array2<f32>,
    /// What the model makes of it.
    pub restored: Array2<f32>,
    /// The synchrotron slice.
    pub reference: Array2<f32>,
}

impl Example {
    /// Standard deviation of the restored slice as a share of the reference's; `None` where the reference has none.
    pub(crate) fn contrast(&self) -> Option<f64> {
        let [restored, reference] = [&self.restored, &self.reference].map(deviation);
        (reference > 0.0).then(|| restored / reference).filter(|share| share.is_finite())
    }

    /// Whether all pictures are of one size and have pixels, and every one is a finite number.
    pub(super) fn is_whole(&self) -> bool {
        let pictures = [&self.input, &self.restored, &self.reference];
        let whole =
            |values: &&Array2<f32>| values.dim() == self.input.dim() && values.iter().all(|grey| grey.is_finite());
        !self.input.is_empty() && pictures.iter().all(whole)
    }
}

/// The standard deviation of those grey values that are finite.
fn deviation(greys: &Array2<f32>) -> f64 {
    let finite = || greys.iter().filter(|grey| grey.is_finite()).map(|grey| f64::from(*grey));
    let count = finite().count() as f64;
    let mean = finite().sum::<f64>() / count;
    (finite().map(|grey| (grey - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// What a model makes of one square image, in raw grey values: others check with it that they compute the same.
pub(super) struct TestTensors {
    /// Pixels along x and along y.
    pub edge: usize,
    pub input: Vec<f32>,
    /// Without rounding.
    pub output: Vec<f32>,
}

impl TestTensors {
    /// The input as an image.
    pub fn input(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.edge, self.edge), &self.input).expect("a square image")
    }

    /// The output as an image.
    pub fn output(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.edge, self.edge), &self.output).expect("a square image")
    }

    /// The middle of the slice, reflected where it is too small, or without one a pattern of waves.
    pub fn new(model: &Model, plan: &Plan, example: Option<&Example>) -> Result<Self, EngineError> {
        let edge = plan.least_tile();
        let input = match example {
            Some(example) => middle(example.input.view(), edge),
            None => waves(edge, model.card.input_window),
        };
        let output = run::restored(model, plan, &input, edge)?;
        Ok(Self { edge, input, output })
    }
}

/// A square from the middle of a slice.
fn middle(slice: ArrayView2<'_, f32>, edge: usize) -> Vec<f32> {
    let (height, width) = slice.dim();
    let (across, down) = (width.min(edge), height.min(edge));
    let (left, top) = ((width - across) / 2, (height - down) / 2);
    let cropped = slice.slice(s![top..top + down, left..left + across]).as_standard_layout().into_owned();
    let frame = Frame { width: across, height: down, padded_width: edge, padded_height: edge };
    let mut square = Vec::with_capacity(frame.padded_pixels());
    frame.pad_into(flat(&cropped), |grey| grey, &mut square);
    square
}

/// Waves of several lengths over the middle of the grey window, in whole grey values where it is wide.
fn waves(edge: usize, window: Window) -> Vec<f32> {
    let wave = |at: usize| {
        let (x, y) = ((at % edge) as f32, (at / edge) as f32);
        let scaled = 0.5 + 0.2 * (0.09 * x).sin() * (0.07 * y).cos() + 0.2 * (0.9 * x + 0.5 * y).sin();
        let grey = window.restore(scaled);
        if window.high - window.low >= 100.0 { grey.round() } else { grey }
    };
    (0..edge * edge).map(wave).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_slice_is_cropped_or_reflected() {
        let slice = |dim| Array2::from_shape_vec(dim, (0..12).map(|v| v as f32).collect()).unwrap();
        assert_eq!(middle(slice((3, 4)).view(), 2), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(middle(slice((1, 12)).view(), 3), [4.0, 5.0, 6.0, 4.0, 5.0, 6.0, 4.0, 5.0, 6.0]);
        assert_eq!(middle(ndarray::array![[7.0, 8.0]].view(), 3)[..3], [7.0, 8.0, 7.0]);
    }
}
