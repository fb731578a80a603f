//! The inner loops, and all `unsafe` code of this engine but its vectors. What they read and write is checked where they
//! are entered.

mod convolve;
mod outer;
mod reduce;
mod winograd;

pub(super) use convolve::{ConvolveBand, GROUP, Geometry, Rows};
pub(super) use outer::OuterProducts;
pub(super) use reduce::ReduceBand;
pub(super) use winograd::{VALUES, WinogradBand, transformed};

use crate::simd::Simd;

/// The value above zero, `slope` times the value below. What is not a number stays so.
#[inline(always)]
fn activate<S: Simd>(value: S::V, slope: S::V) -> S::V {
    let zero = S::splat(0.0);
    S::fma(slope, S::min(zero, value), S::max(zero, value))
}
