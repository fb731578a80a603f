//! Undulator gives a laboratory X-ray CT the look of a synchrotron CT.
#![deny(missing_docs)]

pub mod apply;
pub mod dataset;
pub mod engine;
pub mod frame;
pub mod grey;
pub mod measure;
pub mod model;
pub mod monitor;
pub mod network;
pub mod stack;
pub mod train;
pub mod volume;
