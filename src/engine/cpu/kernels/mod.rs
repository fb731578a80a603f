//! The inner loops, and all of this engine's `unsafe` code. What they read and write is checked where they are entered.

mod convolve;
mod outer;
mod reduce;
mod simd;

pub(super) use convolve::{ConvolveBand, GROUP, Geometry};
pub(super) use outer::OuterProducts;
pub(super) use reduce::ReduceBand;
pub(super) use simd::{Isa, Simd, Task, read, write};
