//! Undulator gives a laboratory X-ray CT the look of a synchrotron CT: it learns from one sample that was measured on both.
//!
//! # The way of the data
//!
//! | module | in | out |
//! | --- | --- | --- |
//! | [`stack`], [`volume`] | slices, wherever they live | [`SliceSource`](stack::SliceSource), [`SliceSink`](stack::SliceSink) |
//! | [`resample`] | a stack | the stack on cubic voxels |
//! | [`align`] | two stacks of one place | a transform, and one stack on the grid of the other |
//! | [`dataset`] | an aligned pair | batches of slices or patches |
//! | [`train`] | an aligned pair | a model file |
//! | [`model`] | a file | a [`Model`](model::Model), checked |
//! | [`apply`] | a model and a stack | the restored stack |
//! | [`measure`] | two stacks | PSNR, SSIM, baselines |
//!
//! [`compare`] trains several networks on one pair, [`grey`] finds what is black and white, [`stack_file`] writes results that no
//! memory holds, and [`sample`] simulates a pair for those who have none. Networks and what computes them are in
//! [`undulator_compute`].
//!
//! Sizes are given as (z, y, x) wherever a tuple or an array has no names; lengths are in the unit of the stack.
//!
//! # Two ways in
//!
//! Programs in Rust call these modules. Everything that shows commands to a user, such as ImageJ's menu or the command line, goes through
//! [`command`], where each command is a schema and a function:
//!
//! ```
//! use undulator::command;
//!
//! let measure = command::find("measure")?;
//! assert!(measure.keys.iter().any(|key| key.name == "reference"));
//! # Ok::<(), command::CommandError>(())
//! ```
//!
//! Long work reports to a [`Listener`](progress::Listener) and learns from it that it should stop.

pub mod align;
pub mod apply;
mod checksum;
pub mod command;
pub mod compare;
pub mod dataset;
mod disk;
pub mod grey;
pub mod measure;
pub mod memory;
pub mod model;
pub mod picture;
pub mod progress;
pub mod resample;
pub mod sample;
pub mod stack;
pub mod stack_file;
mod stream;
mod tensors;
pub mod train;
pub mod volume;
