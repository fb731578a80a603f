//! Undulator gives a laboratory X-ray CT the look of a synchrotron CT.
#![deny(missing_docs)]

pub mod engine;
pub mod monitor;
pub mod network;
pub mod stack;
pub mod volume;
