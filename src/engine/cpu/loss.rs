//! The losses and their gradients.

use super::{
    super::{CHARBONNIER, Loss},
    layout::Image,
};

/// Mean loss of the output against the targets (image, y, x), and its gradient for each pixel of the output.
pub(super) fn loss_gradient(loss: Loss, output: &Image, targets: &[f32], gradient: &mut Image) -> f64 {
    let mean = 1.0 / targets.len() as f64;
    let rows = output.pixels().zip(targets.chunks_exact(output.shape.width)).zip(gradient.pixels_mut());
    let mut sum = 0.0;
    for ((output, targets), gradient) in rows {
        for ((&output, &target), gradient) in output.iter().zip(targets).zip(gradient) {
            let difference = f64::from(output) - f64::from(target);
            let (value, slope) = of_difference(loss, difference);
            sum += value;
            *gradient = (slope * mean) as f32;
        }
    }
    sum * mean
}

/// The loss of one pixel and its derivative.
fn of_difference(loss: Loss, d: f64) -> (f64, f64) {
    match loss {
        Loss::Mse => (d * d, 2.0 * d),
        Loss::L1 if d == 0.0 => (0.0, 0.0),
        Loss::L1 => (d.abs(), d.signum()),
        Loss::Charbonnier => {
            let smooth = (d * d + CHARBONNIER * CHARBONNIER).sqrt();
            (smooth, d / smooth)
        }
    }
}
