//! Convolutions that keep an image's size, and their gradients, in the requested precision.
//!
//! The gradient of the input is another convolution, with the kernel flipped. So the same GPU kernels run forward and
//! backward, and Burn's gradient of unpadded convolutions, which is wrong on tensor cores, is never used
//! (docs/upstream-faults.md).

use burn::tensor::{TensorPrimitive, module::conv2d, ops::ConvOptions, ops::ModuleOps};

use super::array::{Array, Backend};
use crate::matmul_precision::MatmulPrecision;

impl MatmulPrecision {
    /// `x` (image, channel, y, x) convolved with `kernel` (output, input, y, x), with zeros beyond the border, plus one
    /// bias per output.
    pub(super) fn convolve(self, x: Array<4>, kernel: Array<4>, bias: Array<1>) -> Array<4> {
        let options = same_size(&kernel);
        match self {
            Self::Float32 | Self::Tf32 => conv2d(x, kernel, Some(bias), options),
            Self::SplitTf32 => {
                let bias = bias.reshape([1, -1, 1, 1]);
                self.bilinear(x, kernel, |x, kernel| conv2d(x, kernel, None, options.clone())) + bias
            }
        }
    }

    /// [`convolve`](Self::convolve)'s gradient with respect to `x`.
    pub(super) fn input_gradient(self, gradient: Array<4>, kernel: Array<4>) -> Array<4> {
        let turned = kernel.swap_dims(0, 1).flip([2, 3]);
        let options = same_size(&turned);
        self.bilinear(gradient, turned, |gradient, turned| conv2d(gradient, turned, None, options.clone()))
    }

    /// [`convolve`](Self::convolve)'s gradient with respect to `kernel`.
    pub(super) fn kernel_gradient(self, x: Array<4>, gradient: Array<4>, kernel: &Array<4>) -> Array<4> {
        let options = same_size(kernel);
        self.bilinear(x, gradient, |x, gradient| {
            let [x, kernel, gradient] = [x, kernel.clone(), gradient].map(|array| array.into_primitive().tensor());
            let options = options.clone();
            Array::from_primitive(TensorPrimitive::Float(Backend::conv2d_weight_backward(x, kernel, gradient, options)))
        })
    }

    /// `product`, which must be linear in both factors.
    pub(super) fn bilinear(
        self,
        a: Array<4>,
        b: Array<4>,
        product: impl Fn(Array<4>, Array<4>) -> Array<4>,
    ) -> Array<4> {
        match self {
            Self::Float32 | Self::Tf32 => product(a, b),
            Self::SplitTf32 => {
                let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
                // The product of both low parts is below the precision of 32-bit floats.
                product(a_low, b_high.clone()) + product(a_high.clone(), b_low) + product(a_high, b_high)
            }
        }
    }
}

/// Each value as the sum of a TF32 number, of at most 11 significant bits, and the remainder (Veltkamp 1968).
fn split(x: Array<4>) -> (Array<4>, Array<4>) {
    // A division, because a multiplication may be fused with the subtraction that follows, and would then not round.
    let scaled = x.clone().div_scalar(1.0 / 16385.0);
    let high = scaled.clone() - (scaled - x.clone());
    let low = x - high.clone();
    (high, low)
}

fn same_size(kernel: &Array<4>) -> ConvOptions<2> {
    let [_, _, height, width] = kernel.dims();
    ConvOptions::new([1, 1], [height / 2, width / 2], [1, 1], 1)
}
