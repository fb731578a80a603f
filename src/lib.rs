//! Undulator gives a laboratory X-ray CT the look of a synchrotron CT.
//!
//! The modules follow the data's way: [`stack`] → [`volume`] → [`resample`] → [`align`] → [`dataset`] → [`train`] →
//! [`model`] → [`apply`] → [`measure`]. [`compare`] trains several networks on one pair, [`grey`] says what is black and white, [`network`] holds the networks as plain
//! data, [`engine`] computes them, and [`sample`] makes a pair of stacks for those who have none. Only the JNI border
//! knows of Java.
#![deny(missing_docs)]

pub mod align;
pub mod apply;
mod checksum;
pub mod command;
pub mod compare;
pub mod dataset;
mod disk;
pub mod engine;
pub mod frame;
pub mod grey;
mod jni;
pub mod measure;
pub mod model;
pub mod network;
pub mod picture;
pub mod progress;
pub mod resample;
pub mod sample;
mod simd;
pub mod stack;
pub mod stack_file;
mod stream;
pub mod train;
pub mod volume;
