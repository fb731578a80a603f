//! The engine on Burn: CUDA, and Burn's own CPU backend as a second opinion.
//!
//! One backend type, `Dispatch`, chooses the device at run time, so that this engine is compiled once. `network` walks a
//! plan forward and backward, `convolution` multiplies in the precision asked for, `loss` and `adam` are what their names
//! say.

mod adam;
mod convolution;
mod footprint;
mod loss;
mod lost_work;
mod network;

use std::collections::HashSet;

use burn::{
    Dispatch as Backend, DispatchDevice,
    tensor::{Tensor as BurnTensor, TensorData, backend::Backend as _},
};

use super::{EngineError, Images, Loss, Multiply, Runner, Trainer, TrainerState, check_images, worker};
use crate::network::{Plan, Tensor, Weights};
use lost_work::checked;
use network::{Network, Watch};

type Array<const D: usize> = BurnTensor<Backend, D>;

/// One array of weights on the device: kernels have four axes, biases and slopes one.
#[derive(Clone)]
enum Parameter {
    Kernel(Array<4>),
    Vector(Array<1>),
}

/// Runs a network on a Burn device.
pub struct BurnRunner {
    plan: Plan,
    device: DispatchDevice,
    multiply: Multiply,
    parameters: Vec<Parameter>,
    /// (images, height, width) that were run before, so that their kernels are compiled and chosen.
    known: HashSet<[usize; 3]>,
}

impl BurnRunner {
    /// Puts the weights on the device. They must fit the plan.
    pub fn new(plan: &Plan, weights: &Weights, device: DispatchDevice, multiply: Multiply) -> Self {
        lost_work::watch();
        let parameters = weights.0.iter().map(|tensor| upload(&tensor.values, &tensor.shape, &device)).collect();
        Self { plan: plan.clone(), device, multiply, parameters, known: HashSet::new() }
    }

    fn network(&self) -> Network<'_> {
        Network { plan: &self.plan, parameters: &self.parameters, multiply: self.multiply }
    }

    fn run_once(&self, images: &Images) -> Result<Vec<f32>, EngineError> {
        checked(|| {
            let output = self.network().run(upload_images(images, &self.device));
            self.sync()?;
            download(output)
        })
    }

    /// Waits for the device, and hears of launches that failed since.
    fn sync(&self) -> Result<(), EngineError> {
        Backend::sync(&self.device).map_err(|error| worker::failure(format!("{error:?}")))
    }
}

impl Runner for BurnRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        let is_new = self.known.insert([images.count, images.height, images.width]);
        match self.run_once(images) {
            // The first run of a size tries several kernels, and some may take more memory than there is.
            Err(EngineError::Memory { .. }) if is_new => self.run_once(images),
            outcome => outcome,
        }
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        Some(footprint::of_run(&self.plan, self.multiply, height, width))
    }
}

impl Drop for BurnRunner {
    /// Gives the device's memory back: CubeCL would keep it, and a smaller portion or another program needs it.
    fn drop(&mut self) {
        self.parameters.clear();
        if let DispatchDevice::Cuda(device) = &self.device {
            type Cuda = burn_cuda::Cuda<f32, i32>;
            // What fails here has been told by the work itself.
            let _ = checked(|| {
                let _ = Cuda::sync(device);
                Cuda::memory_cleanup(device);
                let _ = Cuda::sync(device);
                Ok(())
            });
        }
    }
}

/// Trains a network on a Burn device.
pub struct BurnTrainer {
    moments: Vec<[Parameter; 2]>,
    loss: Loss,
    steps: u32,
    /// Sum of the losses since it was last read, and of how many steps.
    summed: Option<(Array<1>, u32)>,
    /// (images, height, width) of which steps are prepared.
    prepared: HashSet<[usize; 3]>,
    /// Dropped last, because it gives the memory back.
    runner: BurnRunner,
}

impl BurnTrainer {
    /// Puts the weights and Adam's state on the device.
    ///
    /// # Errors
    /// When the state is not the plan's.
    pub fn new(
        plan: &Plan,
        state: &TrainerState,
        loss: Loss,
        device: DispatchDevice,
        multiply: Multiply,
    ) -> Result<Self, EngineError> {
        state.check(plan)?;
        let TrainerState { weights, first, second, steps } = state;
        let moments = weights
            .0
            .iter()
            .zip(first)
            .zip(second)
            .map(|((tensor, first), second)| [first, second].map(|values| upload(values, &tensor.shape, &device)));
        let moments = moments.collect();
        let runner = BurnRunner::new(plan, weights, device, multiply);
        Ok(Self { moments, loss, steps: *steps, summed: None, prepared: HashSet::new(), runner })
    }
}

impl Runner for BurnTrainer {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        self.runner.run(images)
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        self.runner.footprint(height, width)
    }
}

impl Trainer for BurnTrainer {
    fn prepare(
        &mut self,
        count: usize,
        height: usize,
        width: usize,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<bool, EngineError> {
        let size = [count, height, width];
        if self.prepared.contains(&size) {
            return Ok(true);
        }
        let images = Images { count, height, width, values: ramp(count * height * width) };
        check_images(&self.runner.plan, &images)?;
        // Forward, the loss, and backward.
        let all = 2 * self.runner.plan.steps.len() + 1;
        let (mut done, mut failed) = (0, Ok(()));
        let rehearsed = checked(|| {
            let mut watch = || {
                done += 1;
                // Each step by itself, so that it is known how far the compiler has come.
                failed = self.runner.sync();
                failed.is_ok() && go_on(done as f64 / all as f64)
            };
            Ok(self.gradients(&images, &images, &mut watch).is_some())
        });
        match (rehearsed, failed) {
            // Some of the kernels that are tried may take more memory than there is; others then remain.
            (Err(EngineError::Memory { .. }), _) | (_, Err(EngineError::Memory { .. })) => {}
            (Err(error), _) | (_, Err(error)) => return Err(error),
            (Ok(false), _) => return Ok(false),
            (Ok(true), _) => {}
        }
        self.prepared.insert(size);
        Ok(true)
    }

    fn training_footprint(&self, count: usize, height: usize, width: usize) -> Option<u64> {
        let BurnRunner { plan, multiply, .. } = &self.runner;
        Some(footprint::of_step(plan, *multiply, self.loss, [count, height, width]))
    }

    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        check_images(&self.runner.plan, images)?;
        self.prepare(images.count, images.height, images.width, &mut |_| true)?;
        checked(|| {
            let (loss, gradients) = self.gradients(images, targets, &mut || true).expect("nobody stops this step");
            self.steps += 1;
            let parameters = self.runner.parameters.iter_mut().zip(gradients).zip(&mut self.moments);
            for ((parameter, gradient), moments) in parameters {
                adam::descend(parameter, gradient, moments, rate, self.steps);
            }
            // The sum stays on the device: reading it after every step would make the device wait.
            self.summed = Some(match self.summed.take() {
                Some((sum, steps)) => (sum + loss, steps + 1),
                None => (loss, 1),
            });
            Ok(())
        })
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        let Some((sum, steps)) = self.summed.take() else { return Ok(0.0) };
        checked(|| {
            self.runner.sync()?;
            Ok(f64::from(download(sum)?[0]) / f64::from(steps))
        })
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        checked(|| {
            self.runner.sync()?;
            let shapes = self.runner.plan.weight_shapes().into_iter();
            let mut state = TrainerState::start(Weights(Vec::with_capacity(self.moments.len())));
            for (((name, shape), parameter), [first, second]) in shapes.zip(&self.runner.parameters).zip(&self.moments)
            {
                state.weights.0.push(Tensor { name, shape, values: parameter.download()? });
                state.first.push(first.download()?);
                state.second.push(second.download()?);
            }
            Ok(TrainerState { steps: self.steps, ..state })
        })
    }
}

impl BurnTrainer {
    /// The mean loss and the gradients of all parameters; `None` when `watch` stopped the walk.
    fn gradients(&self, images: &Images, targets: &Images, watch: &mut Watch) -> Option<(Array<1>, Vec<Parameter>)> {
        let BurnRunner { device, multiply, .. } = &self.runner;
        let network = self.runner.network();
        let (output, tape) = network.forward(upload_images(images, device), watch)?;
        let target = upload_images(targets, device);
        let (loss, gradient) = loss::loss_and_gradient(self.loss, *multiply, output, target);
        if !watch() {
            return None;
        }
        Some((loss, network.backward(tape, gradient, watch)?))
    }
}

/// Values of the range that windows of grey values have, without ties.
fn ramp(length: usize) -> Vec<f32> {
    (0..length).map(|i| (i % 1009) as f32 / 1009.0).collect()
}

impl Parameter {
    fn kernel(self) -> Array<4> {
        match self {
            Self::Kernel(tensor) => tensor,
            Self::Vector(_) => unreachable!("the weights fit the plan"),
        }
    }

    fn vector(self) -> Array<1> {
        match self {
            Self::Vector(tensor) => tensor,
            Self::Kernel(_) => unreachable!("the weights fit the plan"),
        }
    }

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
        4 => Parameter::Kernel(Array::from_data(data, device)),
        _ => Parameter::Vector(Array::from_data(data, device)),
    }
}

fn upload_images(images: &Images, device: &DispatchDevice) -> Array<4> {
    let Images { count, height, width, values } = images;
    Array::from_data(TensorData::new(values.clone(), [*count, 1, *height, *width]), device)
}

fn download<const D: usize>(tensor: Array<D>) -> Result<Vec<f32>, EngineError> {
    let data = tensor.try_into_data().map_err(|error| worker::failure(format!("{error:?}")))?;
    data.into_vec::<f32>().map_err(|error| worker::failure(format!("{error:?}")))
}
