//! One step of Adam, on the device.

use super::{Array, Parameter};
use crate::engine::ADAM;

/// Moves `parameter` against its gradient; `moments` are the running means of the gradient and of its square, and the
/// steps are counted from one.
pub(super) fn descend(
    parameter: &mut Parameter,
    gradient: Parameter,
    moments: &mut [Parameter; 2],
    rate: f64,
    step: u32,
) {
    let [first, second] = moments;
    match (parameter, gradient, first, second) {
        (
            Parameter::Kernel(value),
            Parameter::Kernel(gradient),
            Parameter::Kernel(first),
            Parameter::Kernel(second),
        ) => {
            adam(value, gradient, [first, second], rate, step);
        }
        (
            Parameter::Vector(value),
            Parameter::Vector(gradient),
            Parameter::Vector(first),
            Parameter::Vector(second),
        ) => {
            adam(value, gradient, [first, second], rate, step);
        }
        _ => unreachable!("gradients and moments have their parameter's kind"),
    }
}

fn adam<const D: usize>(
    value: &mut Array<D>,
    gradient: Array<D>,
    [first, second]: [&mut Array<D>; 2],
    rate: f64,
    step: u32,
) {
    let square = gradient.clone().square().mul_scalar(1.0 - ADAM.beta_2);
    *first = first.clone().mul_scalar(ADAM.beta_1) + gradient.mul_scalar(1.0 - ADAM.beta_1);
    *second = second.clone().mul_scalar(ADAM.beta_2) + square;
    let bias_1 = 1.0 - ADAM.beta_1.powf(step.into());
    let bias_2 = 1.0 - ADAM.beta_2.powf(step.into());
    let divisor = second.clone().sqrt().div_scalar(bias_2.sqrt()).add_scalar(ADAM.epsilon);
    *value = value.clone() - first.clone().div(divisor).mul_scalar(rate / bias_1);
}
