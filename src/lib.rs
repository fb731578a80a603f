//! Undulator gives a laboratory X-ray CT the look of a synchrotron CT.
//!
//! The modules follow the data's way: [`stack`] → [`volume`] → [`resample`] → [`align`] → [`dataset`] → [`train`] →
//! [`model`] → [`apply`] → [`measure`]. [`compare`] trains several networks on one pair, [`grey`] says what is black and
//! white, and [`sample`] makes a pair of stacks for those who have none. Networks and what computes them are in
//! [`undulator_compute`]. Nothing here knows of Java.

pub mod align;
pub mod apply;
mod checksum;
pub mod command;
pub mod compare;
pub mod dataset;
mod disk;
pub mod grey;
pub mod measure;
pub mod model;
pub mod picture;
pub mod progress;
pub mod resample;
pub mod sample;
pub mod stack;
pub mod stack_file;
mod stream;
pub mod train;
pub mod volume;
