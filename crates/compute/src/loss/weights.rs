//! What pixels and windows weigh in the loss of a batch of which not all was measured: for engines that compute whole
//! batches at once.

use crate::{images::Images, ssim::WINDOW};

/// Weights of the pixels and of the similarity's windows. Those of a whole batch add up to one, if something of each image
/// was measured, as the loss of a batch is the mean of its images' losses.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// One a pixel, (image, y, x); zero where the target was not measured.
    pub pixels: Vec<f32>,
    /// One a window that lies inside an image, (image, y, x); zero where it touches what was not measured. Empty for images
    /// smaller than a window.
    pub windows: Vec<f32>,
}

impl Weights {
    /// The weights for targets in which NaN says that a pixel was not measured; `None` where all pixels were.
    pub fn of(targets: &Images) -> Option<Self> {
        let Images { count, height, width, ref values } = *targets;
        if values.iter().all(|value| !value.is_nan()) {
            return None;
        }
        let (mut pixels, mut windows) = (Vec::with_capacity(values.len()), Vec::new());
        for image in values.chunks_exact(height * width) {
            let seen: Vec<bool> = image.iter().map(|value| !value.is_nan()).collect();
            pixels.extend(spread(&seen, count));
            if height >= WINDOW && width >= WINDOW {
                windows.extend(spread(&whole_windows(&seen, width), count));
            }
        }
        Some(Self { pixels, windows })
    }
}

/// The same weight for all that is seen, and for all images the same in sum.
fn spread(seen: &[bool], images: usize) -> impl Iterator<Item = f32> {
    let measured = seen.iter().filter(|seen| **seen).count().max(1);
    let weight = (1.0 / (measured as f64 * images as f64)) as f32;
    seen.iter().map(move |seen| if *seen { weight } else { 0.0 })
}

/// Whether each window has only pixels that are seen.
fn whole_windows(seen: &[bool], width: usize) -> Vec<bool> {
    let rows = seen.chunks_exact(width).flat_map(|row| row.windows(WINDOW).map(|part| part.iter().all(|seen| *seen)));
    let (rows, across): (Vec<bool>, usize) = (rows.collect(), width - WINDOW + 1);
    let tops = 0..rows.len() / across - WINDOW + 1;
    let column = |top: usize, x: usize| (top..top + WINDOW).all(|y| rows[y * across + x]);
    tops.flat_map(|top| (0..across).map(move |x| (top, x))).map(|(top, x)| column(top, x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;

    #[test]
    fn weighted_sums_are_the_losses() {
        let (count, height, width) = (2, 14, 16);
        let mut targets = Images { count, height, width, values: (0..448).map(|i| (i % 13) as f32 / 13.0).collect() };
        assert_eq!(Weights::of(&targets), None);
        [3, 20, 21].iter().for_each(|at| targets.values[*at] = f32::NAN);
        let weights = Weights::of(&targets).unwrap();
        let output = vec![0.25f32; 448];
        let squares = output.iter().zip(&targets.values).zip(&weights.pixels);
        let sum: f64 = squares.filter(|(_, w)| **w > 0.0).map(|((o, t), w)| f64::from((o - t).powi(2) * w)).sum();
        let images = output.chunks(224).zip(targets.values.chunks(224));
        let expected = images.map(|(output, target)| Loss::Mse.of(output, target, width)).sum::<f64>() / 2.0;
        assert!((sum - expected).abs() < 1e-7, "{sum} {expected}");
        assert!((weights.windows.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        // The first row of windows touches pixel 3 of the first image up to its fourth column.
        assert_eq!(
            weights.windows[..6].iter().map(|w| *w > 0.0).collect::<Vec<_>>(),
            [false, false, false, false, false, false]
        );
        assert!(weights.windows[12..24].iter().all(|w| *w > 0.0) && weights.windows.len() == 2 * 4 * 6);
    }
}
