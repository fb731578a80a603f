//! The interface of engines that train networks.

use crate::{
    error::EngineError,
    images::Images,
    network::{Plan, Weights},
    runner::Runner,
};

/// A network that can be trained (Adam, Kingma and Ba 2015: β 0.9 and 0.999, ε 1e-8) and applied as it stands.
pub trait Trainer: Runner {
    /// Compiles and tunes kernels for steps with `count` images of `height` × `width` pixels, without taking a step. A step
    /// does the same for a new size; this can be watched and stopped. `go_on` is called with the completed fraction, from
    /// 0 to 1, and returns whether to continue. Returns whether it was completed.
    ///
    /// # Errors
    /// [`EngineError`] when the device fails. Lack of memory is not an error here, but in the step.
    fn prepare(
        &mut self,
        _count: usize,
        _height: usize,
        _width: usize,
        _go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<bool, EngineError> {
        Ok(true)
    }

    /// Bytes of device memory that a step with `count` images of `height` × `width` pixels takes; `None` if unknown.
    fn training_footprint(&self, _count: usize, _height: usize, _width: usize) -> Option<u64> {
        None
    }

    /// Takes one step of Adam with learning rate `rate`. `images` and `targets` have the same size, in units of the grey
    /// windows.
    ///
    /// # Errors
    /// When the sizes do not fit the network, or the device fails or runs out of memory.
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError>;

    /// Mean loss of the steps since the last call. Waits for devices that compute asynchronously.
    ///
    /// # Errors
    /// When the device failed.
    fn loss(&mut self) -> Result<f64, EngineError>;

    /// The current weights and Adam's state: a trainer that starts from them takes the same next step.
    ///
    /// # Errors
    /// When the device fails.
    fn state(&mut self) -> Result<TrainerState, EngineError>;
}

/// The state that a training carries from one step to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerState {
    /// The weights.
    pub weights: Weights,
    /// Adam's running mean of each weight's gradient, in the order of the weights.
    pub first: Vec<Vec<f32>>,
    /// Adam's running mean of the gradient's square, in the order of the weights.
    pub second: Vec<Vec<f32>>,
    /// Steps taken.
    pub steps: u32,
}

impl TrainerState {
    /// The state before the first step.
    pub fn start(weights: Weights) -> Self {
        let zeros: Vec<Vec<f32>> = weights.0.iter().map(|tensor| vec![0.0; tensor.values.len()]).collect();
        Self { first: zeros.clone(), second: zeros, weights, steps: 0 }
    }

    /// Checks names, shapes and lengths against the plan, in its order.
    ///
    /// # Errors
    /// When they do not fit the plan.
    pub fn check(&self, plan: &Plan) -> Result<(), EngineError> {
        let shapes = plan.weight_shapes();
        let lengths =
            |means: &[Vec<f32>]| means.iter().map(Vec::len).eq(shapes.iter().map(|(_, s)| s.iter().product::<usize>()));
        let weights = self.weights.0.iter().map(|tensor| (&tensor.name, &tensor.shape, tensor.values.len()));
        let wanted = shapes.iter().map(|(name, shape)| (name, shape, shape.iter().product::<usize>()));
        if weights.eq(wanted) && lengths(&self.first) && lengths(&self.second) {
            return Ok(());
        }
        Err(EngineError::Device { reason: "the weights to train from are not this network's".to_owned() })
    }
}
