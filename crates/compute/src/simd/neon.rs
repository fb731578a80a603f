//! The vectors of AArch64.

use std::arch::aarch64::*;

use super::Simd;

/// Eight floats in two NEON registers: a convolution's tile then holds 24 of the 32.
pub(super) struct Neon;

/// Does the same with both registers of up to four vectors.
macro_rules! both {
    ($operation:path, $($v:expr),+) => {
        // SAFETY: every AArch64 has NEON.
        unsafe { [$operation($($v[0]),+), $operation($($v[1]),+)] }
    };
}

impl Simd for Neon {
    const LANES: usize = 8;
    type V = [float32x4_t; 2];

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller promises eight floats.
        unsafe { [vld1q_f32(from), vld1q_f32(from.add(4))] }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: as for `load`.
        unsafe {
            vst1q_f32(to, v[0]);
            vst1q_f32(to.add(4), v[1]);
        }
    }
    #[inline(always)]
    fn splat(value: f32) -> Self::V {
        // SAFETY: every AArch64 has NEON.
        unsafe { [vdupq_n_f32(value); 2] }
    }
    #[inline(always)]
    fn add(a: Self::V, b: Self::V) -> Self::V {
        both!(vaddq_f32, a, b)
    }
    #[inline(always)]
    fn sub(a: Self::V, b: Self::V) -> Self::V {
        both!(vsubq_f32, a, b)
    }
    #[inline(always)]
    fn mul(a: Self::V, b: Self::V) -> Self::V {
        both!(vmulq_f32, a, b)
    }
    #[inline(always)]
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        both!(vfmaq_f32, c, a, b)
    }
    // NEON's own minimum and maximum treat what is not a number in another way.
    #[inline(always)]
    fn max(a: Self::V, b: Self::V) -> Self::V {
        Self::greater(a, b, a, b)
    }
    #[inline(always)]
    fn min(a: Self::V, b: Self::V) -> Self::V {
        Self::greater(b, a, a, b)
    }
    #[inline(always)]
    fn greater(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        let greater = both!(vcgtq_f32, a, b);
        both!(vbslq_f32, greater, yes, no)
    }
    #[inline(always)]
    fn sum(v: Self::V) -> f32 {
        // SAFETY: every AArch64 has NEON.
        unsafe { vaddvq_f32(vaddq_f32(v[0], v[1])) }
    }
}
