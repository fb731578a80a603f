//! What computes: networks run and trained on a device, behind two small interfaces of plain numbers.
//!
//! [`device`] finds out what there is and picks, [`worker`] is the one thread on which devices compute. [`cpu`] computes
//! on the CPU, `burn` on CUDA; both walk the same [`Plan`].

#[cfg(feature = "cuda")]
pub mod burn;
pub mod cpu;
pub mod device;
mod driver;
pub mod worker;

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

/// Width of the rounded corner of [`Loss::Charbonnier`].
pub const CHARBONNIER: f64 = 1e-3;

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

/// What a training makes small. The difference `d` is output minus target; each loss is a mean over all pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Loss {
    /// Mean squared error, `d²`.
    #[serde(rename = "MSE")]
    Mse,
    /// Mean absolute error, `|d|`.
    L1,
    /// `√(d² + 0.001²)`, a smooth L1 (Charbonnier et al. 1994).
    Charbonnier,
}

/// A network that can be applied.
pub trait Runner {
    /// The network's output for each image, as long as `images.values`.
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError>;
}

/// A network that can be trained (Adam, Kingma and Ba 2015: β 0.9 and 0.999, ε 1e-8) and applied as it stands.
pub trait Trainer: Runner {
    /// One step of Adam towards `targets`.
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError>;

    /// Mean loss of the steps since the last call. Devices that compute ahead wait here.
    fn loss(&mut self) -> Result<f64, EngineError>;

    /// The weights as they stand.
    fn weights(&mut self) -> Result<Weights, EngineError>;
}

/// Why a device could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A loss that is none of the known ones.
    #[error("loss={name} is not known: choose MSE, L1 or Charbonnier")]
    Loss {
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

impl std::str::FromStr for Loss {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "MSE" => Ok(Self::Mse),
            "L1" => Ok(Self::L1),
            "Charbonnier" => Ok(Self::Charbonnier),
            _ => Err(EngineError::Loss { name: name.to_owned() }),
        }
    }
}
