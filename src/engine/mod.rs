//! What computes: networks run and trained on a device, behind two small interfaces of plain numbers.
//!
//! [`device`] finds out what there is and picks, [`worker`] is the one thread on which devices compute. [`cpu`] computes
//! on the CPU, `burn` on CUDA; both walk the same [`Plan`].

#[cfg(feature = "cuda")]
pub mod burn;
pub mod cpu;
pub mod device;
mod driver;
#[cfg(feature = "cuda")]
mod kernel_cache;
pub mod line;
pub mod loss;
pub mod memory;
mod schedule;
mod slice;
pub mod worker;

pub use loss::Loss;
pub use schedule::Schedule;
pub use slice::SliceRunner;

use crate::network::{Plan, Weights};

/// Adam's constants, as Kingma and Ba (2015) propose them and PyTorch has them.
pub struct Adam {
    /// Decay of the running mean of the gradient.
    pub beta_1: f64,
    /// Decay of the running mean of its square.
    pub beta_2: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
}

/// The one Adam of this project.
pub const ADAM: Adam = Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 };

/// Images of one size, normalised grey values, (image, y, x) row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// How many images.
    pub count: usize,
    /// Pixels along y; a multiple of the plan's.
    pub height: usize,
    /// Pixels along x; a multiple of the plan's.
    pub width: usize,
    /// `count × height × width` values.
    pub values: Vec<f32>,
}

/// A network that can be applied.
pub trait Runner {
    /// The network's output for each image, as long as `images.values`.
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError>;

    /// Bytes that it takes for its own images when an image of `height` × `width` is run, both whole multiples of the
    /// plan's; `None` where that is not known.
    fn footprint(&self, _height: usize, _width: usize) -> Option<u64> {
        None
    }
}

/// How the convolutions of a device multiply. Sums are always of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiply {
    /// 32-bit floats.
    Float32,
    /// TF32, the 19-bit floats of NVIDIA's tensor cores: results differ from those of 32 bits by about 1e-3 of the range.
    Tf32,
    /// Each factor as the sum of two TF32 numbers: three products, as exact as 32-bit floats to about 1e-6 of the range.
    SplitTf32,
}

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
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), EngineError> {
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

/// Why a device could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A loss that is none of the known ones.
    #[error("loss={name} is not known: choose MSE, L1, Charbonnier or SSIM+L1")]
    Loss {
        /// The name given.
        name: String,
    },
    /// A schedule that is none of the known ones.
    #[error("schedule={name} is not known: choose Constant, Cosine or Plateau")]
    Schedule {
        /// The name given.
        name: String,
    },
    /// A precision that is none of the known ones.
    #[error("precision={name} is not known: choose auto, TF32 or float32")]
    Precision {
        /// The name given.
        name: String,
    },
    /// The device asked for is not there or cannot be used.
    #[error("device={wanted} cannot be used: {reason}")]
    Unusable {
        /// What was asked for.
        wanted: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The device failed while it computed.
    #[error("the device failed: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
    /// The network of another program failed.
    #[error("the model does not run: {reason}")]
    Model {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The device has too little memory for what was asked.
    #[error("the device's memory is full: {reason}")]
    Memory {
        /// What it said.
        reason: String,
    },
    /// Images of a size that the network does not take.
    #[error("{width}×{height} pixels: width and height must be whole multiples of {multiple} for this network")]
    Size {
        /// The width given.
        width: usize,
        /// The height given.
        height: usize,
        /// What the network needs.
        multiple: usize,
    },
}

/// Refuses images that the plan cannot take.
pub fn check_images(plan: &Plan, images: &Images) -> Result<(), EngineError> {
    let Images { width, height, .. } = *images;
    if width > 0 && height > 0 && width % plan.multiple == 0 && height % plan.multiple == 0 {
        return Ok(());
    }
    Err(EngineError::Size { width, height, multiple: plan.multiple })
}
