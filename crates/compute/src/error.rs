//! Errors of names that are unknown and of devices that could not compute.

use strum::VariantNames;

/// A name that is none of the known ones.
///
/// ```
/// use undulator_compute::Loss;
///
/// let error = "Huber".parse::<Loss>().unwrap_err();
/// assert_eq!(error.to_string(), "loss \"Huber\" is unknown: choose MSE, L1, Charbonnier or SSIM+L1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} is unknown: choose {}", or_list(choices))]
pub struct UnknownName {
    /// What was to be named: `loss`.
    pub what: &'static str,
    /// The name given.
    pub name: String,
    /// The names there are.
    pub choices: &'static [&'static str],
}

impl UnknownName {
    /// A `name` that is none of those of the enum `T`.
    pub fn of<T: VariantNames>(what: &'static str, name: &str) -> Self {
        Self { what, name: name.to_owned(), choices: T::VARIANTS }
    }
}

/// `A, B or C`.
fn or_list(choices: &[&str]) -> String {
    match choices {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => choices.concat(),
    }
}

/// An error of a device.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
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
