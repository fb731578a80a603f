//! The available devices, and which one `auto` selects.
//!
//! The CPU is always there. What computes elsewhere is a [`Backend`] in a crate of its own, which it is told of by
//! [`register`]: nothing here knows that crate.

mod absent;
mod backend;
mod devices;
mod precision;
mod request;
mod usable;

pub use backend::{Accelerator, Backend, Picked, Row};
pub use devices::{Devices, register};
pub use precision::{ComputeOptions, Precision};
pub use request::DeviceRequest;
pub use usable::{Device, compute, runner, trainer};

use crate::error::EngineError;

/// Selects the device, with log messages: why `auto` is the CPU, and other differences from the request.
///
/// # Errors
/// When an accelerator was asked for by name and cannot be used: there is no silent fallback to the CPU.
pub fn pick(request: DeviceRequest, precision: Precision) -> Result<(Device, Vec<String>), EngineError> {
    Devices::here().pick(request, precision)
}

/// Everything that was found and what is missing, in rows of item, state and detail, for a table. Every accelerator computes
/// something small for it.
pub fn report() -> Vec<Row> {
    Devices::here().report()
}
