//! A slow, simple evaluation of a plan in `f64`, following the steps' definitions, as a reference for tests.

use crate::{
    images::Images,
    loss::{CHARBONNIER, Loss},
    network::{Plan, Step},
};

/// Channels of f64 images, (channel, y, x).
#[derive(Clone)]
struct Volume {
    channels: usize,
    height: usize,
    width: usize,
    values: Vec<f64>,
}

impl Volume {
    fn of(channels: usize, height: usize, width: usize, value: impl Fn(usize, usize, usize) -> f64) -> Self {
        let pixels = (0..channels).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))));
        Self { channels, height, width, values: pixels.map(|(c, y, x)| value(c, y, x)).collect() }
    }

    fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        self.values[(c * self.height + y) * self.width + x]
    }
}

/// The network's output for one image, following the steps' definitions.
fn walk(plan: &Plan, weights: &[Vec<f64>], input: &Volume) -> Volume {
    let mut weights = weights.iter();
    let mut remembered = Vec::new();
    let mut x = input.clone();
    for step in &plan.steps {
        let (channels, height, width) = (x.channels, x.height, x.width);
        x = match step {
            Step::Convolve { inputs, outputs, kernel, .. } => {
                let (weight, bias) = (weights.next().unwrap(), weights.next().unwrap());
                Volume::of(*outputs, height, width, |o, y, column| {
                    let mut sum = bias[o];
                    for i in 0..*inputs {
                        for ky in 0..*kernel {
                            for kx in 0..*kernel {
                                let (sy, sx) = (y + ky, column + kx);
                                let pad = kernel / 2;
                                if sy >= pad && sx >= pad && sy - pad < height && sx - pad < width {
                                    let weight = weight[((o * inputs + i) * kernel + ky) * kernel + kx];
                                    sum += weight * x.at(i, sy - pad, sx - pad);
                                }
                            }
                        }
                    }
                    sum
                })
            }
            Step::Relu => Volume::of(channels, height, width, |c, y, column| x.at(c, y, column).max(0.0)),
            Step::Prelu { .. } => {
                let slope = weights.next().unwrap();
                Volume::of(channels, height, width, |c, y, column| match x.at(c, y, column) {
                    value if value > 0.0 => value,
                    value => slope[c] * value,
                })
            }
            Step::Remember => {
                remembered.push(x.clone());
                x
            }
            Step::MaxPool => Volume::of(channels, height / 2, width / 2, |c, y, column| {
                let upper = x.at(c, 2 * y, 2 * column).max(x.at(c, 2 * y, 2 * column + 1));
                upper.max(x.at(c, 2 * y + 1, 2 * column)).max(x.at(c, 2 * y + 1, 2 * column + 1))
            }),
            Step::Unpool => Volume::of(channels, 2 * height, 2 * width, |c, y, column| x.at(c, y / 2, column / 2)),
            Step::AddRemembered => {
                let other = remembered.pop().unwrap();
                Volume::of(channels, height, width, |c, y, column| x.at(c, y, column) + other.at(c, y, column))
            }
            Step::AddInput => {
                Volume::of(channels, height, width, |c, y, column| x.at(c, y, column) + input.at(c, y, column))
            }
        };
    }
    x
}

/// The network's output for each image.
pub(super) fn images(plan: &Plan, weights: &[Vec<f64>], given: &Images) -> Vec<f64> {
    let Images { count, height, width, values } = given;
    let outputs = (0..*count).flat_map(|image| {
        let value = |y: usize, x: usize| f64::from(values[(image * height + y) * width + x]);
        walk(plan, weights, &Volume::of(1, *height, *width, |_, y, x| value(y, x))).values
    });
    outputs.collect()
}

/// The mean loss of the network's output.
pub(super) fn loss(plan: &Plan, weights: &[Vec<f64>], given: &Images, targets: &Images, loss: Loss) -> f64 {
    let outputs = images(plan, weights, given);
    let losses = outputs.iter().zip(&targets.values).map(|(output, target)| {
        let difference = output - f64::from(*target);
        match loss {
            Loss::Mse => difference * difference,
            Loss::L1 => difference.abs(),
            Loss::Charbonnier => (difference * difference + CHARBONNIER * CHARBONNIER).sqrt(),
            Loss::SsimL1 => panic!("no sum over pixels: its gradient is tested where it is computed"),
        }
    });
    losses.sum::<f64>() / outputs.len() as f64
}
