//! A plan forward, and backward from the gradient of its output to those of its weights.
//!
//! The gradient is written by hand instead of using automatic differentiation: it needs almost only forward kernels, so
//! there are fewer kernels to compile and to trust.

use burn::tensor::{
    Int, Tensor, TensorPrimitive,
    module::{avg_pool2d, interpolate, max_pool2d, max_pool2d_with_indices},
    ops::{InterpolateMode, InterpolateOptions, ModuleOps},
};
use undulator_compute::network::{Plan, Step};

use super::{
    array::{Array, Backend},
    parameters::Parameter,
};
use crate::matmul_precision::MatmulPrecision;

/// Called after each step of the plan; `false` stops the walk.
pub(super) type Watch<'a> = dyn FnMut() -> bool + 'a;

/// A plan with its weights.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub plan: &'a Plan,
    pub parameters: &'a [Parameter],
    pub matmul: MatmulPrecision,
}

/// What the backward pass needs of one step.
struct Kept {
    /// The input of a convolution, an activation or a pooling.
    input: Option<Array<4>>,
    /// Positions of a pooling's maxima.
    places: Option<Tensor<Backend, 4, Int>>,
}

/// What the forward pass keeps for the backward pass, step by step.
pub(super) struct Tape(Vec<Kept>);

impl Network<'_> {
    /// The network's output; nothing is kept for a gradient.
    pub fn run(&self, input: Array<4>) -> Array<4> {
        let walked = self.walk(input, &mut |_| {}, false, &mut || true);
        walked.expect("nobody stops this walk")
    }

    /// The network's output, and what [`backward`](Self::backward) needs; `None` when `watch` stopped the walk.
    pub fn forward(&self, input: Array<4>, watch: &mut Watch) -> Option<(Array<4>, Tape)> {
        let mut tape = Vec::with_capacity(self.plan.steps.len());
        let output = self.walk(input, &mut |kept| tape.push(kept), true, watch)?;
        Some((output, Tape(tape)))
    }

    fn walk(&self, input: Array<4>, keep: &mut dyn FnMut(Kept), training: bool, watch: &mut Watch) -> Option<Array<4>> {
        let mut parameters = self.parameters.iter();
        let mut parameter = || parameters.next().expect("the weights fit the plan").clone();
        let mut remembered = Vec::new();
        let mut x = input.clone();
        for step in &self.plan.steps {
            let needed = matches!(step, Step::Convolve { .. } | Step::Relu | Step::Prelu { .. } | Step::MaxPool);
            let mut kept = Kept { input: (training && needed).then(|| x.clone()), places: None };
            x = match step {
                Step::Convolve { .. } => {
                    let (kernel, bias) = (parameter().kernel(), parameter().vector());
                    self.matmul.convolve(x, kernel, bias)
                }
                Step::Relu => x.clone() * positive(x),
                Step::Prelu { .. } => x.clone() * slopes(x, parameter().vector()),
                Step::Remember => {
                    remembered.push(x.clone());
                    x
                }
                Step::MaxPool if training => {
                    let (pooled, places) = max_pool2d_with_indices(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
                    kept.places = Some(places);
                    pooled
                }
                Step::MaxPool => max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false),
                Step::Unpool => unpool(x),
                Step::AddRemembered => x + remembered.pop().expect("a plan remembers before it adds"),
                Step::AddInput => x + input.clone(),
            };
            keep(kept);
            if !watch() {
                return None;
            }
        }
        Some(x)
    }

    /// The gradients of all parameters, in their order, from that of the output; `None` when `watch` stopped the walk.
    pub fn backward(&self, tape: Tape, gradient: Array<4>, watch: &mut Watch) -> Option<Vec<Parameter>> {
        let mut parameters = self.parameters.iter().rev();
        let mut parameter = || parameters.next().expect("the weights fit the plan").clone();
        let first = self.plan.steps.iter().position(|step| matches!(step, Step::Convolve { .. })).unwrap_or(0);
        let (mut gradients, mut skips, mut gradient) =
            (Vec::with_capacity(self.parameters.len()), Vec::new(), gradient);
        for ((at, step), kept) in self.plan.steps.iter().enumerate().zip(tape.0).skip(first).rev() {
            let Kept { input, places } = kept;
            let input = || input.expect("the tape is this plan's");
            gradient = match step {
                Step::Convolve { .. } => {
                    let (_, kernel) = (parameter(), parameter().kernel());
                    gradients.push(Parameter::Vector(gradient.clone().sum_dims_squeeze(&[0, 2, 3])));
                    let of_kernel = self.matmul.kernel_gradient(input(), gradient.clone(), &kernel);
                    gradients.push(Parameter::Kernel(of_kernel));
                    // No parameter lies before the first convolution.
                    if at == first { gradient } else { self.matmul.input_gradient(gradient, kernel) }
                }
                Step::Relu => gradient * positive(input()),
                Step::Prelu { .. } => {
                    let x = input();
                    let below = x.clone() * positive(x.clone()).neg().add_scalar(1.0);
                    gradients.push(Parameter::Vector((gradient.clone() * below).sum_dims_squeeze(&[0, 2, 3])));
                    gradient * slopes(x, parameter().vector())
                }
                Step::MaxPool => pool_gradient(input(), gradient, places.expect("the tape is this plan's")),
                Step::Unpool => unpool_gradient(gradient),
                Step::AddRemembered => {
                    skips.push(gradient.clone());
                    gradient
                }
                Step::Remember => gradient + skips.pop().expect("what is remembered is added"),
                Step::AddInput => gradient,
            };
            if !watch() {
                return None;
            }
        }
        gradients.reverse();
        Some(gradients)
    }
}

/// One where a value is above zero, else zero.
fn positive(x: Array<4>) -> Array<4> {
    x.greater_elem(0.0).float()
}

/// One where a value is above zero, else its channel's slope.
fn slopes(x: Array<4>, slope: Array<1>) -> Array<4> {
    let positive = positive(x);
    positive.clone() + positive.neg().add_scalar(1.0) * slope.reshape([1, -1, 1, 1])
}

/// Each value repeated 2×2.
fn unpool(x: Array<4>) -> Array<4> {
    let [_, _, height, width] = x.dims();
    interpolate(x, [2 * height, 2 * width], InterpolateOptions::new(InterpolateMode::Nearest))
}

/// The sum of each 2×2 block. Burn's own gradient of `interpolate` is wrong where channels lie side by side in memory
/// (docs/upstream-faults.md).
fn unpool_gradient(gradient: Array<4>) -> Array<4> {
    avg_pool2d(gradient, [2, 2], [2, 2], [0, 0], true, false).mul_scalar(4.0)
}

fn pool_gradient(x: Array<4>, gradient: Array<4>, places: Tensor<Backend, 4, Int>) -> Array<4> {
    let [x, gradient] = [x, gradient].map(|array| array.into_primitive().tensor());
    let places = places.into_primitive();
    let (size, padding, dilation) = ([2, 2], [0, 0], [1, 1]);
    let made = Backend::max_pool2d_with_indices_backward(x, size, size, padding, dilation, false, gradient, places);
    Array::from_primitive(TensorPrimitive::Float(made.x_grad))
}
