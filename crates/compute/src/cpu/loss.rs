//! The loss of a batch, from the engine's layout and back to it.

use rayon::prelude::*;

use super::layout::Image;
use crate::{error::EngineError, loss::Loss, memory};

/// What [`loss_gradient`] takes for each pixel beside what the loss itself does: output and gradient, plain.
pub(super) const BYTES_A_PIXEL: u64 = 2 * size_of::<f32>() as u64;

/// Mean loss of the output against the targets (image, y, x), and its gradient for each pixel of the output.
///
/// # Errors
/// [`EngineError::Memory`].
pub(super) fn loss_gradient(
    loss: Loss,
    output: &Image,
    targets: &[f32],
    gradient: &mut Image,
) -> Result<f64, EngineError> {
    let (count, plane) = (output.shape.count, output.shape.height * output.shape.width);
    let mut values: Vec<f32> = Vec::new();
    memory::reserve(&mut values, count * plane)?;
    output.pixels().for_each(|row| values.extend_from_slice(row));
    let mut slopes = memory::zeros(values.len())?;
    let images = values.par_chunks_exact(plane).zip(targets.par_chunks_exact(plane));
    let width = output.shape.width;
    let share = 1.0 / count as f64;
    let losses: Vec<f64> = images
        .zip(slopes.par_chunks_exact_mut(plane))
        .map(|((output, target), slopes)| loss.gradient(output, target, width, share, slopes))
        .collect();
    gradient.pixels_mut().zip(slopes.chunks_exact(output.shape.width)).for_each(|(to, from)| to.copy_from_slice(from));
    Ok(losses.iter().sum::<f64>() * share)
}
