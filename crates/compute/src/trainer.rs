//! What trains a network.

use crate::{
    error::EngineError,
    images::Images,
    network::{Plan, Weights},
    runner::Runner,
};

/// A network that can be trained (Adam, Kingma and Ba 2015: β 0.9 and 0.999, ε 1e-8) and applied as it stands.
pub trait Trainer: Runner {
    /// Compiles and tunes what steps with `count` images of `height` × `width` need, and takes none. A step does the same
    /// for a size that is new; this can be watched and stopped. `go_on` hears the share that is done, from 0 to 1, and
    /// answers whether to go on. Gives back whether it went to the end.
    ///
    /// # Errors
    /// [`EngineError`] when the device fails. A full memory is no error here: the step will tell.
    fn prepare(
        &mut self,
        _count: usize,
        _height: usize,
        _width: usize,
        _go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<bool, EngineError> {
        Ok(true)
    }

    /// Bytes that a step with `count` images of `height` × `width` takes on the device; `None` where that is not known.
    fn training_footprint(&self, _count: usize, _height: usize, _width: usize) -> Option<u64> {
        None
    }

    /// One step of Adam towards `targets`.
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError>;

    /// Mean loss of the steps since the last call. Devices that compute ahead wait here.
    fn loss(&mut self) -> Result<f64, EngineError>;

    /// The weights and Adam's state as they stand: a trainer that starts from them takes the same next step.
    fn state(&mut self) -> Result<TrainerState, EngineError>;
}

/// All that a training carries from one step to the next.
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
    /// That before the first step.
    pub fn start(weights: Weights) -> Self {
        let zeros: Vec<Vec<f32>> = weights.0.iter().map(|tensor| vec![0.0; tensor.values.len()]).collect();
        Self { first: zeros.clone(), second: zeros, weights, steps: 0 }
    }

    /// Refuses what is not the plan's, weight by weight in its order.
    ///
    /// # Errors
    /// When it is not.
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
