//! The engine on Burn: CUDA, and Burn's own CPU backend as a second opinion.
//!
//! One backend type, `Dispatch`, chooses the device at run time, so that this file is compiled once.

use burn::{
    Dispatch, DispatchDevice,
    tensor::{
        Tensor as BurnTensor, TensorData,
        activation::{prelu, relu},
        module::{conv2d, interpolate, max_pool2d},
        ops::{ConvOptions, InterpolateMode, InterpolateOptions},
    },
};

use super::{ADAM, CHARBONNIER, EngineError, Images, Loss, Runner, Trainer, check_images};
use crate::network::{Plan, Step, Tensor, Weights};

type Device<const D: usize> = BurnTensor<Dispatch, D>;

/// One array of weights on the device: kernels have four axes, biases and slopes one.
#[derive(Clone)]
enum Parameter {
    Kernel(Device<4>),
    Vector(Device<1>),
}

/// Runs a network on a Burn device.
pub struct BurnRunner {
    plan: Plan,
    device: DispatchDevice,
    parameters: Vec<Parameter>,
}

impl BurnRunner {
    /// Puts the weights on the device. They must fit the plan.
    pub fn new(plan: &Plan, weights: &Weights, device: DispatchDevice) -> Self {
        let parameters = weights.0.iter().map(|tensor| upload(tensor, &device)).collect();
        Self { plan: plan.clone(), device, parameters }
    }
}

impl Runner for BurnRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        download(forward(&self.plan, &self.parameters, upload_images(images, &self.device)))
    }
}

/// Trains a network on a Burn device.
pub struct BurnTrainer {
    runner: BurnRunner,
    moments: Vec<Option<Moments>>,
    loss: Loss,
    steps: i32,
    /// Sum of the losses since it was last read, and of how many steps.
    summed: Option<(Device<1>, u32)>,
}

/// Adam's running means of one parameter's gradient and of its square.
enum Moments {
    Kernel(Device<4>, Device<4>),
    Vector(Device<1>, Device<1>),
}

impl BurnTrainer {
    /// Puts the weights on the device, with Adam at its start. They must fit the plan.
    pub fn new(plan: &Plan, weights: &Weights, loss: Loss, device: DispatchDevice) -> Self {
        let runner = BurnRunner::new(plan, weights, device);
        let moments = runner.parameters.iter().map(|_| None).collect();
        Self { runner, moments, loss, steps: 0, summed: None }
    }
}

impl Runner for BurnTrainer {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        self.runner.run(images)
    }
}

impl Trainer for BurnTrainer {
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        let BurnRunner { plan, device, parameters } = &mut self.runner;
        check_images(plan, images)?;
        let tracked: Vec<_> = parameters.iter().map(track).collect();
        let input = Device::from_inner(upload_images(images, device));
        let target = Device::from_inner(upload_images(targets, device));
        let loss = mean_loss(self.loss, forward(plan, &tracked, input) - target);
        let mut gradients = loss.backward();

        self.steps += 1;
        for ((tracked, parameter), moments) in tracked.iter().zip(parameters).zip(&mut self.moments) {
            let before = moments.take();
            *moments = match (tracked, parameter) {
                (Parameter::Kernel(tracked), Parameter::Kernel(value)) => {
                    let before = before.map(|moments| match moments {
                        Moments::Kernel(first, second) => (first, second),
                        Moments::Vector(..) => unreachable!("moments have their parameter's kind"),
                    });
                    let gradient = tracked.grad_remove(&mut gradients).expect("every weight has a gradient");
                    let (first, second) = adam(value, gradient, before, rate, self.steps);
                    Some(Moments::Kernel(first, second))
                }
                (Parameter::Vector(tracked), Parameter::Vector(value)) => {
                    let before = before.map(|moments| match moments {
                        Moments::Vector(first, second) => (first, second),
                        Moments::Kernel(..) => unreachable!("moments have their parameter's kind"),
                    });
                    let gradient = tracked.grad_remove(&mut gradients).expect("every weight has a gradient");
                    let (first, second) = adam(value, gradient, before, rate, self.steps);
                    Some(Moments::Vector(first, second))
                }
                _ => unreachable!("tracked parameters are copies of the parameters"),
            };
        }
        // The sum stays on the device: reading it after every step would make the device wait.
        let loss = loss.inner();
        self.summed = Some(match self.summed.take() {
            Some((sum, steps)) => (sum + loss, steps + 1),
            None => (loss, 1),
        });
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        match self.summed.take() {
            None => Ok(0.0),
            Some((sum, steps)) => Ok(f64::from(download(sum)?[0]) / f64::from(steps)),
        }
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let shapes = self.runner.plan.weight_shapes().into_iter();
        let tensors = shapes.zip(&self.runner.parameters).map(|((name, shape), parameter)| {
            let values = match parameter {
                Parameter::Kernel(tensor) => download(tensor.clone())?,
                Parameter::Vector(tensor) => download(tensor.clone())?,
            };
            Ok(Tensor { name, shape, values })
        });
        Ok(Weights(tensors.collect::<Result<_, EngineError>>()?))
    }
}

fn track(parameter: &Parameter) -> Parameter {
    match parameter {
        Parameter::Kernel(tensor) => Parameter::Kernel(Device::from_inner(tensor.clone()).require_grad()),
        Parameter::Vector(tensor) => Parameter::Vector(Device::from_inner(tensor.clone()).require_grad()),
    }
}

fn upload(tensor: &Tensor, device: &DispatchDevice) -> Parameter {
    let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
    match tensor.shape.len() {
        4 => Parameter::Kernel(Device::from_data(data, device)),
        _ => Parameter::Vector(Device::from_data(data, device)),
    }
}

fn upload_images(images: &Images, device: &DispatchDevice) -> Device<4> {
    let Images { count, height, width, values } = images;
    Device::from_data(TensorData::new(values.clone(), [*count, 1, *height, *width]), device)
}

fn download<const D: usize>(tensor: Device<D>) -> Result<Vec<f32>, EngineError> {
    let data = tensor.try_into_data().map_err(|error| EngineError::Device { reason: format!("{error:?}") })?;
    data.into_vec::<f32>().map_err(|error| EngineError::Device { reason: format!("{error:?}") })
}

/// Hands out parameters in the order in which the plan's steps use them.
struct Cursor<'a>(std::slice::Iter<'a, Parameter>);

impl Cursor<'_> {
    fn kernel(&mut self) -> Device<4> {
        match self.0.next() {
            Some(Parameter::Kernel(tensor)) => tensor.clone(),
            _ => unreachable!("the weights fit the plan"),
        }
    }

    fn vector(&mut self) -> Device<1> {
        match self.0.next() {
            Some(Parameter::Vector(tensor)) => tensor.clone(),
            _ => unreachable!("the weights fit the plan"),
        }
    }
}

fn forward(plan: &Plan, parameters: &[Parameter], input: Device<4>) -> Device<4> {
    let mut parameters = Cursor(parameters.iter());
    let mut remembered = Vec::new();
    let mut x = input.clone();
    for step in &plan.steps {
        x = match step {
            Step::Convolve { kernel, .. } => {
                let (weight, bias) = (parameters.kernel(), parameters.vector());
                let pad = kernel / 2;
                conv2d(x, weight, Some(bias), ConvOptions::new([1, 1], [pad, pad], [1, 1], 1))
            }
            Step::Relu => relu(x),
            Step::Prelu { .. } => prelu(x, parameters.vector()),
            Step::Remember => {
                remembered.push(x.clone());
                x
            }
            Step::MaxPool => max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false),
            Step::Unpool => {
                let [_, _, height, width] = x.dims();
                interpolate(x, [2 * height, 2 * width], InterpolateOptions::new(InterpolateMode::Nearest))
            }
            Step::AddRemembered => x + remembered.pop().expect("a plan remembers before it adds"),
            Step::AddInput => x + input.clone(),
        };
    }
    x
}

fn mean_loss(loss: Loss, difference: Device<4>) -> Device<1> {
    match loss {
        Loss::Mse => difference.square().mean(),
        Loss::L1 => difference.abs().mean(),
        Loss::Charbonnier => difference.square().add_scalar(CHARBONNIER * CHARBONNIER).sqrt().mean(),
    }
}

/// One step of Adam on one parameter: changes it and gives back the new running means.
fn adam<const D: usize>(
    value: &mut Device<D>,
    gradient: Device<D>,
    before: Option<(Device<D>, Device<D>)>,
    rate: f64,
    step: i32,
) -> (Device<D>, Device<D>) {
    let square = gradient.clone().square().mul_scalar(1.0 - ADAM.beta_2);
    let gradient = gradient.mul_scalar(1.0 - ADAM.beta_1);
    let (first, second) = match before {
        None => (gradient, square),
        Some((first, second)) => (first.mul_scalar(ADAM.beta_1) + gradient, second.mul_scalar(ADAM.beta_2) + square),
    };
    let bias_1 = 1.0 - ADAM.beta_1.powi(step);
    let bias_2 = 1.0 - ADAM.beta_2.powi(step);
    let divisor = second.clone().sqrt().div_scalar(bias_2.sqrt()).add_scalar(ADAM.epsilon);
    *value = value.clone() - first.clone().div(divisor).mul_scalar(rate / bias_1);
    (first, second)
}
