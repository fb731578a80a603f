//! ONNX files: Undulator's networks for other programs, and the networks of other programs, checked and run.
//!
//! `write` makes files, with the few lines of protocol buffers that they take. A file of a stranger is looked through by
//! `graph`, on `protobuf`, before tract reads it (`network`): the `operators` that run, and the `constants` of which some say
//! how large others become, computed by `fold`. `input` says which images it takes, `placed` continues a slice to
//! a size among them, and `runner` is an engine like the others.

mod constants;
mod fold;
mod graph;
mod input;
mod network;
mod operators;
mod placed;
mod protobuf;
mod runner;
mod write;

pub use input::{Axis, Input, Lengths, Padding};
pub use network::{Network, Ready};
pub use placed::Placed;
pub use runner::{TractRunner, transposed};
pub use write::{INPUT, OPSET, OUTPUT, to_onnx};
