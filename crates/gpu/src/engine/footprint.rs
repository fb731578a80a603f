//! Estimates of the engine's memory on a device. What kernels and their layouts need besides the images is internal to
//! Burn. An underestimate costs a second attempt with smaller batches or tiles, an overestimate makes them smaller than
//! necessary.

use undulator_compute::{
    Loss,
    network::{Plan, Step},
};

use crate::matmul_precision::MatmulPrecision;

/// Copies of the largest image that kernels need besides their input and output: in another layout, or split.
fn copies(matmul: MatmulPrecision) -> f64 {
    if matmul == MatmulPrecision::SplitTf32 { 6.0 } else { 2.0 }
}

/// Bytes for applying the network to one image.
pub(super) fn of_run(plan: &Plan, matmul: MatmulPrecision, height: usize, width: usize) -> u64 {
    let values = plan.peak() + copies(matmul) * sizes(plan).fold(0.0, f64::max);
    bytes(values, height * width)
}

/// Bytes for a training step with `count` images.
pub(super) fn of_step(plan: &Plan, matmul: MatmulPrecision, loss: Loss, [count, height, width]: [usize; 3]) -> u64 {
    // All images are kept for the backward pass, besides two gradients and the copies of a kernel.
    let kept: f64 = sizes(plan).sum();
    let pooled: f64 =
        plan.steps.iter().zip(sizes(plan)).map(|(step, size)| if *step == Step::MaxPool { size } else { 0.0 }).sum();
    let working = (2.0 + copies(matmul)) * sizes(plan).fold(0.0, f64::max);
    // SSIM works on four images at once, several times.
    let similarity = if loss == Loss::SsimL1 { 4.0 * (6.0 + copies(matmul)) } else { 0.0 };
    bytes(kept + pooled + working.max(similarity), count * height * width)
}

fn bytes(values: f64, pixels: usize) -> u64 {
    (values * pixels as f64 * size_of::<f32>() as f64) as u64
}

/// Values of each step's result per pixel of the input; none for a step without a new image.
fn sizes(plan: &Plan) -> impl Iterator<Item = f64> + '_ {
    plan.steps.iter().scan((1.0, 1.0), |(channels, area), step| {
        match step {
            Step::Convolve { outputs, .. } => *channels = *outputs as f64,
            Step::MaxPool => *area /= 4.0,
            Step::Unpool => *area *= 4.0,
            _ => {}
        }
        Some(if matches!(step, Step::Remember) { 0.0 } else { *channels * *area })
    })
}
