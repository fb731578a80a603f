//! Why a device could not compute.

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
    #[error("device={device} cannot be used: {reason}")]
    Unusable {
        /// What was asked for.
        device: String,
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
