//! The inner loops, and all of this engine's `unsafe` code. What they read and write is checked where they are entered.

mod convolve;
#[cfg(target_arch = "aarch64")]
mod neon;
mod outer;
mod portable;
mod reduce;
mod simd;
mod winograd;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use convolve::{ConvolveBand, GROUP, Geometry, Rows};
pub(super) use outer::OuterProducts;
pub(super) use reduce::ReduceBand;
pub(super) use simd::{Isa, Simd, Task, read, write};
pub(super) use winograd::{VALUES, WinogradBand, transformed};

/// The value above zero, `slope` times the value below. What is not a number stays so.
#[inline(always)]
fn activate<S: Simd>(value: S::V, slope: S::V) -> S::V {
    let zero = S::splat(0.0);
    S::fma(slope, S::min(zero, value), S::max(zero, value))
}
