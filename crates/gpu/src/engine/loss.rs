//! The losses of [`Loss`] and their gradients, on the device.

use burn::{
    DispatchDevice,
    tensor::{Tensor, TensorData, module::conv2d, ops::ConvOptions},
};
use undulator_compute::{
    loss::{CHARBONNIER, Loss, SSIM_SHARE},
    ssim::{K1, K2, WINDOW, window},
};

use super::array::Array;
use crate::matmul_precision::MatmulPrecision;

/// What pixels and the similarity's windows weigh, where not all of a batch was measured.
pub(super) struct Weights {
    /// One a pixel of the output; zero where the target was not measured.
    pub pixels: Array<4>,
    /// One a window; `None` for losses that have none.
    pub windows: Option<Array<4>>,
}

/// The mean loss of a batch, and its derivative with respect to each value of `output`. With `weights` it is the weighted
/// sum over pixels and windows instead of the mean; `target` is finite everywhere.
pub(super) fn loss_and_gradient(
    loss: Loss,
    matmul: MatmulPrecision,
    output: Array<4>,
    target: Array<4>,
    weights: Option<Weights>,
) -> (Array<1>, Array<4>) {
    let difference = output.clone() - target.clone();
    let (pixels, windows) = weights.map_or((None, None), |weights| (Some(weights.pixels), weights.windows));
    match loss {
        Loss::Mse => (mean(difference.clone().square(), &pixels), share(difference, 2.0, &pixels)),
        Loss::L1 => (mean(difference.clone().abs(), &pixels), share(difference.sign(), 1.0, &pixels)),
        Loss::Charbonnier => {
            let smooth = difference.clone().square().add_scalar(CHARBONNIER * CHARBONNIER).sqrt();
            (mean(smooth.clone(), &pixels), share(difference / smooth, 1.0, &pixels))
        }
        Loss::SsimL1 => {
            let (dissimilarity, gradient) = dissimilarity_and_gradient(matmul, output, target, &windows);
            let value = mean(difference.clone().abs(), &pixels).mul_scalar(1.0 - SSIM_SHARE);
            let slope = share(difference.sign(), 1.0 - SSIM_SHARE, &pixels);
            (dissimilarity.mul_scalar(SSIM_SHARE) + value, slope - gradient.mul_scalar(SSIM_SHARE))
        }
    }
}

/// The mean, or the weighted sum.
fn mean(values: Array<4>, weights: &Option<Array<4>>) -> Array<1> {
    match weights {
        None => values.mean(),
        Some(weights) => (values * weights.clone()).sum(),
    }
}

/// What each value adds to the [`mean`], times `factor`.
fn share(values: Array<4>, factor: f64, weights: &Option<Array<4>>) -> Array<4> {
    match weights {
        None => {
            let count = values.shape().num_elements() as f64;
            values.mul_scalar(factor / count)
        }
        Some(weights) => (values * weights.clone()).mul_scalar(factor),
    }
}

/// One less the mean structural similarity of images of a peak of one, and the similarity's gradient with respect to `x`, by
/// the formulas of [`undulator_compute::loss`].
fn dissimilarity_and_gradient(
    matmul: MatmulPrecision,
    x: Array<4>,
    y: Array<4>,
    weights: &Option<Array<4>>,
) -> (Array<1>, Array<4>) {
    let filter = Filter::new(matmul, &x.device());
    let squares = x.clone().square() + y.clone().square();
    let products = x.clone() * y.clone();
    let [mean_x, mean_y, squares, products] = filter.gather([x.clone(), y.clone(), squares, products]);
    let (c1, c2) = (K1 * K1, K2 * K2);
    let mean_squares = mean_x.clone().square() + mean_y.clone().square();
    let mean_products = mean_x.clone() * mean_y.clone();
    let above_1 = mean_products.clone().mul_scalar(2.0).add_scalar(c1);
    let above_2 = (products - mean_products).mul_scalar(2.0).add_scalar(c2);
    let below_1 = mean_squares.clone().add_scalar(c1);
    let below_2 = (squares - mean_squares).add_scalar(c2);
    let below = below_1.clone() * below_2.clone();
    let similarity = above_1.clone() * above_2.clone() / below.clone();

    let by_mean =
        (mean_y.clone() * above_2 / below.clone() - mean_x.clone() * similarity.clone() / below_1).mul_scalar(2.0);
    let by_variance = (similarity.clone() / below_2).neg();
    let by_covariance = above_1.mul_scalar(2.0) / below;
    let constant = by_mean - by_variance.clone().mul_scalar(2.0) * mean_x - by_covariance.clone() * mean_y;
    let factors = [constant, by_variance.mul_scalar(2.0), by_covariance];
    let windows = similarity.shape().num_elements() as f64;
    let (dissimilarity, factors, share) = match weights {
        None => (similarity.mean().neg().add_scalar(1.0), factors, 1.0 / windows),
        Some(weights) => {
            let dissimilarity = (similarity.neg().add_scalar(1.0) * weights.clone()).sum();
            (dissimilarity, factors.map(|factor| factor * weights.clone()), 1.0)
        }
    };
    let [constant, by_x, by_y] = filter.scatter(factors);
    (dissimilarity, (constant + by_x * x + by_y * y).mul_scalar(share))
}

/// Weighted sums over windows that lie inside an image, by two convolutions of one axis each.
struct Filter {
    matmul: MatmulPrecision,
    weights: Array<1>,
}

impl Filter {
    fn new(matmul: MatmulPrecision, device: &DispatchDevice) -> Self {
        let weights = window().map(|weight| weight as f32).to_vec();
        // The variances are differences of nearly equal numbers, for which TF32 is too coarse.
        let matmul = if matmul == MatmulPrecision::Tf32 { MatmulPrecision::SplitTf32 } else { matmul };
        Self { matmul, weights: Tensor::from_data(TensorData::new(weights, [WINDOW]), device) }
    }

    /// One sum for each window, of every image.
    fn gather<const N: usize>(&self, images: [Array<4>; N]) -> [Array<4>; N] {
        self.sums(images, 0)
    }

    /// Each window's value spread over its pixels: the transpose of [`gather`](Self::gather).
    fn scatter<const N: usize>(&self, images: [Array<4>; N]) -> [Array<4>; N] {
        self.sums(images, WINDOW - 1)
    }

    fn sums<const N: usize>(&self, images: [Array<4>; N], border: usize) -> [Array<4>; N] {
        let stacked = Tensor::cat(images.to_vec(), 0);
        let down = self.along(stacked, [WINDOW, 1], [border, 0]);
        let both = self.along(down, [1, WINDOW], [0, border]);
        let mut parts = both.chunk(N, 0).into_iter();
        std::array::from_fn(|_| parts.next().expect("as many images as went in"))
    }

    fn along(&self, images: Array<4>, [height, width]: [usize; 2], border: [usize; 2]) -> Array<4> {
        let weights = self.weights.clone().reshape([1, 1, height, width]);
        let options = ConvOptions::new([1, 1], border, [1, 1], 1);
        self.matmul.bilinear(images, weights, |images, weights| conv2d(images, weights, None, options.clone()))
    }
}
