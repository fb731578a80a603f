//! The engine on Burn: CUDA, and Burn's CPU backend for checks.
//!
//! One backend type, `Dispatch`, chooses the device at run time, so that this engine is compiled once. `network` walks a
//! plan forward and backward, `convolution` multiplies in the requested precision, `parameters` holds and updates the
//! weights, and `lost_work` turns failures that CubeCL does not report into errors.

mod array;
mod convolution;
mod footprint;
mod loss;
mod lost_work;
mod network;
mod parameters;

use std::collections::HashSet;

use burn::{
    DispatchDevice,
    tensor::{TensorData, backend::Backend as _},
};
use undulator_compute::{
    EngineError, Images, Loss, Runner, Trainer, TrainerState, check_images,
    network::{Plan, Tensor, Weights},
    worker,
};

use crate::matmul_precision::MatmulPrecision;
use array::{Array, Backend, download};
use network::{Network, Watch};
use parameters::{Layout, Moments, Parameter};

/// Runs a network on a Burn device.
pub struct BurnRunner {
    plan: Plan,
    matmul: MatmulPrecision,
    layout: Layout,
    weights: Array<1>,
    /// The weights again, as separate arrays.
    parameters: Vec<Parameter>,
    /// (images, height, width) that were run before: their kernels are compiled and autotuned.
    known: HashSet<[usize; 3]>,
    /// The last field, so that it is dropped when all arrays are.
    device: Open,
}

impl BurnRunner {
    /// Puts the weights on the device. They must fit the plan.
    ///
    /// # Errors
    /// When the device has no memory for them, or fails.
    pub fn new(
        plan: &Plan,
        weights: &Weights,
        device: DispatchDevice,
        matmul: MatmulPrecision,
    ) -> Result<Self, EngineError> {
        lost_work::watch();
        let (device, layout) = (Open(device), Layout::new(plan));
        let weights = device.checked(|| {
            let weights = layout.upload(weights.0.iter().map(|tensor| &tensor.values), &device.0);
            Ok((layout.parameters(&weights), weights))
        });
        let (parameters, weights) = weights?;
        Ok(Self { plan: plan.clone(), matmul, layout, weights, parameters, known: HashSet::new(), device })
    }

    fn network(&self) -> Network<'_> {
        Network { plan: &self.plan, parameters: &self.parameters, matmul: self.matmul }
    }

    fn run_once(&self, images: &Images) -> Result<Vec<f32>, EngineError> {
        let output = self.device.checked(|| Ok(self.network().run(upload_images(images, &self.device.0))))?;
        download(output)
    }
}

impl Runner for BurnRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        let is_new = self.known.insert([images.count, images.height, images.width]);
        match self.run_once(images) {
            // The first run of a size tries several kernels, some of which may need more memory than there is.
            Err(EngineError::Memory { .. }) if is_new => self.run_once(images),
            outcome => outcome,
        }
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        Some(footprint::of_run(&self.plan, self.matmul, height, width))
    }
}

/// Trains a network on a Burn device.
pub struct BurnTrainer {
    moments: Moments,
    loss: Loss,
    /// Sum of the losses since it was last read, and of how many steps.
    summed: Option<(Array<1>, u32)>,
    /// (images, height, width) for which steps are prepared.
    prepared: HashSet<[usize; 3]>,
    /// The last field, so that the device gives its memory back when all arrays are dropped.
    runner: BurnRunner,
}

impl BurnTrainer {
    /// Puts the weights and Adam's state on the device.
    ///
    /// # Errors
    /// When the state is not the plan's, or the device has no memory for it, or fails.
    pub fn new(
        plan: &Plan,
        state: &TrainerState,
        loss: Loss,
        device: DispatchDevice,
        matmul: MatmulPrecision,
    ) -> Result<Self, EngineError> {
        state.check(plan)?;
        let runner = BurnRunner::new(plan, &state.weights, device, matmul)?;
        let moments = runner.device.checked(|| {
            let [first, second] =
                [&state.first, &state.second].map(|means| runner.layout.upload(means, &runner.device.0));
            Ok(Moments { first, second, steps: state.steps })
        })?;
        Ok(Self { moments, loss, summed: None, prepared: HashSet::new(), runner })
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
        match self.rehearse(&images, go_on) {
            Ok(false) => return Ok(false),
            // Some of the kernels tried may need more memory than there is. If none works, the step reports it.
            Ok(true) | Err(EngineError::Memory { .. }) => {}
            Err(error) => return Err(error),
        }
        self.prepared.insert(size);
        Ok(true)
    }

    fn training_footprint(&self, count: usize, height: usize, width: usize) -> Option<u64> {
        let BurnRunner { plan, matmul, .. } = &self.runner;
        Some(footprint::of_step(plan, *matmul, self.loss, [count, height, width]))
    }

    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        check_images(&self.runner.plan, images)?;
        self.prepare(images.count, images.height, images.width, &mut |_| true)?;
        // This does not wait for the device: lost work is reported by a later step, or by `loss`.
        lost_work::checked(|| {
            let (loss, gradients) = self.gradients(images, targets, &mut || true).expect("nobody stops this step");
            let runner = &mut self.runner;
            runner.weights = self.moments.step(&runner.layout, runner.weights.clone(), gradients, rate);
            runner.parameters = runner.layout.parameters(&runner.weights);
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
        self.runner.device.checked(|| Ok(()))?;
        Ok(f64::from(download(sum)?[0]) / f64::from(steps))
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        let BurnRunner { plan, layout, weights, device, .. } = &self.runner;
        device.checked(|| Ok(()))?;
        let [values, first, second] =
            [weights, &self.moments.first, &self.moments.second].map(|flat| layout.download(flat.clone()));
        let shapes = plan.weight_shapes().into_iter();
        let weights = shapes.zip(values?).map(|((name, shape), values)| Tensor { name, shape, values });
        Ok(TrainerState {
            weights: Weights(weights.collect()),
            first: first?,
            second: second?,
            steps: self.moments.steps,
        })
    }
}

impl BurnTrainer {
    /// A step's work, of which nothing is kept; `false` when `go_on` stopped it.
    fn rehearse(&self, images: &Images, go_on: &mut dyn FnMut(f64) -> bool) -> Result<bool, EngineError> {
        // Forward, the loss, and backward.
        let all = 2 * self.runner.plan.steps.len() + 1;
        let (mut done, mut failed) = (0, None);
        let rehearsed = self.runner.device.checked(|| {
            let mut watch = || {
                done += 1;
                // Step by step, to report the progress of compilation.
                failed = self.runner.device.checked(|| Ok(())).err();
                failed.is_none() && go_on(done as f64 / all as f64)
            };
            Ok(self.gradients(images, images, &mut watch).is_some())
        });
        match failed {
            Some(error) => Err(error),
            None => rehearsed,
        }
    }

    /// The mean loss and the gradients of all parameters; `None` when `watch` stopped the walk.
    fn gradients(&self, images: &Images, targets: &Images, watch: &mut Watch) -> Option<(Array<1>, Vec<Parameter>)> {
        let BurnRunner { device: Open(device), matmul, .. } = &self.runner;
        let network = self.runner.network();
        let (output, tape) = network.forward(upload_images(images, device), watch)?;
        let (target, weights) = upload_targets(targets, self.loss, device);
        let (loss, gradient) = loss::loss_and_gradient(self.loss, *matmul, output, target, weights);
        if !watch() {
            return None;
        }
        Some((loss, network.backward(tape, gradient, watch)?))
    }
}

/// A device in use, which frees its memory at the end: CubeCL would keep it, although a smaller batch or another program
/// may need it.
struct Open(DispatchDevice);

impl Open {
    /// Runs `job` and waits for the device, so that whatever went wrong since the last time is reported.
    ///
    /// # Errors
    /// When the job, or work that it left to the device, failed.
    fn checked<T>(&self, job: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        lost_work::checked(|| {
            let done = worker::catch(job).flatten();
            // Failed launches are reported by `sync` alone, not by reading what they should have written.
            let synced = Backend::sync(&self.0).map_err(|error| worker::failure(format!("{error:?}")));
            done.and_then(|done| synced.map(|()| done))
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let DispatchDevice::Cuda(device) = &self.0 {
            // Failures here were already reported by the work itself.
            let _ = self.checked(|| Ok(()));
            let _ = self.checked(|| {
                burn_cuda::Cuda::<f32, i32>::memory_cleanup(device);
                Ok(())
            });
        }
    }
}

/// Values from 0 to 1, as windowed grey values are, with no ties between neighbours.
fn ramp(length: usize) -> Vec<f32> {
    (0..length).map(|i| (i % 1009) as f32 / 1009.0).collect()
}

fn upload_images(images: &Images, device: &DispatchDevice) -> Array<4> {
    let Images { count, height, width, values } = images;
    Array::from_data(TensorData::new(values.clone(), [*count, 1, *height, *width]), device)
}

/// Targets, and what they weigh if some pixels were not measured: those are zero on the device.
fn upload_targets(targets: &Images, loss: Loss, device: &DispatchDevice) -> (Array<4>, Option<loss::Weights>) {
    let Some(weights) = undulator_compute::loss::Weights::of(targets) else {
        return (upload_images(targets, device), None);
    };
    let values = targets.values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
    let Images { count, height, width, .. } = *targets;
    let upload = |values: Vec<f32>, [height, width]: [usize; 2]| {
        Array::from_data(TensorData::new(values, [count, 1, height, width]), device)
    };
    let windows = (loss == Loss::SsimL1).then(|| [height, width].map(|length| length + 1 - loss.least_length()));
    let weights = loss::Weights {
        pixels: upload(weights.pixels, [height, width]),
        windows: windows.map(|size| upload(weights.windows, size)),
    };
    (upload(values, [height, width]), Some(weights))
}
