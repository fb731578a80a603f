//! The loss of a batch, from the engine's layout and back to it.

use rayon::prelude::*;

use super::layout::Image;
use crate::loss::Loss;

/// What [`loss_gradient`] takes for each pixel beside what the loss itself does: output and gradient, plain.
pub(super) const BYTES_A_PIXEL: u64 = 2 * size_of::<f32>() as u64;

/// Mean loss of the output against the targets (image, y, x), and its gradient for each pixel of the output.
pub(super) fn loss_gradient(loss: Loss, output: &Image, targets: &[f32], gradient: &mut Image) -> f64 {
    let (count, plane) = (output.shape.count, output.shape.height * output.shape.width);
    let values: Vec<f32> = output.pixels().flatten().copied().collect();
    let mut slopes = vec![0.0; values.len()];
    let images = values.par_chunks_exact(plane).zip(targets.par_chunks_exact(plane));
    let width = output.shape.width;
    let share = 1.0 / count as f64;
    let losses: Vec<f64> = images
        .zip(slopes.par_chunks_exact_mut(plane))
        .map(|((output, target), slopes)| loss.gradient(output, target, width, share, slopes))
        .collect();
    gradient.pixels_mut().zip(slopes.chunks_exact(output.shape.width)).for_each(|(to, from)| to.copy_from_slice(from));
    losses.iter().sum::<f64>() * share
}
