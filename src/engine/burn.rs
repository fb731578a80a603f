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

use super::{
    ADAM, EngineError, Images, Loss, Runner, Trainer, TrainerState, check_images,
    loss::{CHARBONNIER, SSIM_SHARE},
    worker,
};
use crate::measure::ssim::{K1, K2, WINDOW, window};
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
        let parameters = weights.0.iter().map(|tensor| upload(&tensor.values, &tensor.shape, &device)).collect();
        Self { plan: plan.clone(), device, parameters }
    }
}

impl Runner for BurnRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        worker::catch(|| download(forward(&self.plan, &self.parameters, upload_images(images, &self.device))))?
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        // What the kernels take beside their images is not known: as much again is assumed. Too little costs only a
        // second try with smaller tiles.
        Some((2.0 * self.plan.peak() * (height * width * size_of::<f32>()) as f64) as u64)
    }
}

/// Trains a network on a Burn device.
pub struct BurnTrainer {
    runner: BurnRunner,
    moments: Vec<[Parameter; 2]>,
    loss: Loss,
    steps: u32,
    /// Sum of the losses since it was last read, and of how many steps.
    summed: Option<(Device<1>, u32)>,
}

impl BurnTrainer {
    /// Puts the weights and Adam's state on the device.
    ///
    /// # Errors
    /// When the state is not the plan's.
    pub fn new(plan: &Plan, state: &TrainerState, loss: Loss, device: DispatchDevice) -> Result<Self, EngineError> {
        state.check(plan)?;
        let TrainerState { weights, first, second, steps } = state;
        let moments = weights
            .0
            .iter()
            .zip(first)
            .zip(second)
            .map(|((tensor, first), second)| [first, second].map(|values| upload(values, &tensor.shape, &device)));
        let moments = moments.collect();
        let runner = BurnRunner::new(plan, weights, device);
        Ok(Self { runner, moments, loss, steps: *steps, summed: None })
    }
}

impl Runner for BurnTrainer {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        self.runner.run(images)
    }
}

impl Trainer for BurnTrainer {
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        check_images(&self.runner.plan, images)?;
        // Drivers panic when the memory is full: what comes back then tells that from a defect.
        worker::catch(|| self.descend(images, targets, rate))
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        match self.summed.take() {
            None => Ok(0.0),
            Some((sum, steps)) => worker::catch(|| Ok(f64::from(download(sum)?[0]) / f64::from(steps)))?,
        }
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        let shapes = self.runner.plan.weight_shapes().into_iter();
        let mut state = TrainerState::start(Weights(Vec::with_capacity(self.moments.len())));
        for (((name, shape), parameter), [first, second]) in shapes.zip(&self.runner.parameters).zip(&self.moments) {
            state.weights.0.push(Tensor { name, shape, values: parameter.download()? });
            state.first.push(first.download()?);
            state.second.push(second.download()?);
        }
        Ok(TrainerState { steps: self.steps, ..state })
    }
}

impl BurnTrainer {
    fn descend(&mut self, images: &Images, targets: &Images, rate: f64) {
        let BurnRunner { plan, device, parameters } = &mut self.runner;
        let tracked: Vec<_> = parameters.iter().map(track).collect();
        let input = Device::from_inner(upload_images(images, device));
        let target = Device::from_inner(upload_images(targets, device));
        let loss = mean_loss(self.loss, forward(plan, &tracked, input), target);
        let mut gradients = loss.backward();

        self.steps += 1;
        for ((tracked, parameter), [first, second]) in tracked.iter().zip(parameters).zip(&mut self.moments) {
            match (tracked, parameter, first, second) {
                (
                    Parameter::Kernel(tracked),
                    Parameter::Kernel(value),
                    Parameter::Kernel(first),
                    Parameter::Kernel(second),
                ) => {
                    let gradient = tracked.grad_remove(&mut gradients).expect("every weight has a gradient");
                    adam(value, gradient, [first, second], rate, self.steps);
                }
                (
                    Parameter::Vector(tracked),
                    Parameter::Vector(value),
                    Parameter::Vector(first),
                    Parameter::Vector(second),
                ) => {
                    let gradient = tracked.grad_remove(&mut gradients).expect("every weight has a gradient");
                    adam(value, gradient, [first, second], rate, self.steps);
                }
                _ => unreachable!("gradients and moments have their parameter's kind"),
            }
        }
        // The sum stays on the device: reading it after every step would make the device wait.
        let loss = loss.inner();
        self.summed = Some(match self.summed.take() {
            Some((sum, steps)) => (sum + loss, steps + 1),
            None => (loss, 1),
        });
    }
}

fn track(parameter: &Parameter) -> Parameter {
    match parameter {
        Parameter::Kernel(tensor) => Parameter::Kernel(Device::from_inner(tensor.clone()).require_grad()),
        Parameter::Vector(tensor) => Parameter::Vector(Device::from_inner(tensor.clone()).require_grad()),
    }
}

impl Parameter {
    fn download(&self) -> Result<Vec<f32>, EngineError> {
        match self {
            Self::Kernel(tensor) => download(tensor.clone()),
            Self::Vector(tensor) => download(tensor.clone()),
        }
    }
}

fn upload(values: &[f32], shape: &[usize], device: &DispatchDevice) -> Parameter {
    let data = TensorData::new(values.to_vec(), shape.to_vec());
    match shape.len() {
        4 => Parameter::Kernel(Device::from_data(data, device)),
        _ => Parameter::Vector(Device::from_data(data, device)),
    }
}

fn upload_images(images: &Images, device: &DispatchDevice) -> Device<4> {
    let Images { count, height, width, values } = images;
    Device::from_data(TensorData::new(values.clone(), [*count, 1, *height, *width]), device)
}

fn download<const D: usize>(tensor: Device<D>) -> Result<Vec<f32>, EngineError> {
    let data = tensor.try_into_data().map_err(|error| worker::failure(format!("{error:?}")))?;
    data.into_vec::<f32>().map_err(|error| worker::failure(format!("{error:?}")))
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

fn mean_loss(loss: Loss, output: Device<4>, target: Device<4>) -> Device<1> {
    let difference = output.clone() - target.clone();
    match loss {
        Loss::Mse => difference.square().mean(),
        Loss::L1 => difference.abs().mean(),
        Loss::Charbonnier => difference.square().add_scalar(CHARBONNIER * CHARBONNIER).sqrt().mean(),
        Loss::SsimL1 => {
            let dissimilarity = similarity(output, target).neg().add_scalar(1.0).mul_scalar(SSIM_SHARE);
            dissimilarity + difference.abs().mean().mul_scalar(1.0 - SSIM_SHARE)
        }
    }
}

/// The mean structural similarity of images of a peak of one, by the formula of [`measure::ssim`](crate::measure::ssim).
fn similarity(x: Device<4>, y: Device<4>) -> Device<1> {
    let weights: Vec<f32> = window().into_iter().flat_map(|a| window().map(|b| (a * b) as f32)).collect();
    let weights = Device::from_data(TensorData::new(weights, [1, 1, WINDOW, WINDOW]), &x.device());
    let mean = |image: Device<4>| conv2d(image, weights.clone(), None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1));
    let (mean_x, mean_y) = (mean(x.clone()), mean(y.clone()));
    let squares = mean(x.clone().square() + y.clone().square());
    let products = mean(x * y);
    let (mean_squares, mean_products) = (mean_x.clone().square() + mean_y.clone().square(), mean_x * mean_y);
    let (c1, c2) = (K1 * K1, K2 * K2);
    let above = mean_products.clone().mul_scalar(2.0).add_scalar(c1)
        * (products - mean_products).mul_scalar(2.0).add_scalar(c2);
    let below = mean_squares.clone().add_scalar(c1) * (squares - mean_squares).add_scalar(c2);
    (above / below).mean()
}

/// One step of Adam on one parameter and its running means, the `step`th, counted from one.
fn adam<const D: usize>(
    value: &mut Device<D>,
    gradient: Device<D>,
    [first, second]: [&mut Device<D>; 2],
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
