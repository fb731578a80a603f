//! Arrays, which the compiler may turn into whatever vectors the target always has.

use super::Simd;

/// Arrays of `N` floats.
pub(super) struct Portable<const N: usize>;

impl<const N: usize> Portable<N> {
    #[inline(always)]
    fn map(f: impl Fn(usize) -> f32) -> [f32; N] {
        std::array::from_fn(f)
    }
}

impl<const N: usize> Simd for Portable<N> {
    const LANES: usize = N;
    type V = [f32; N];

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller promises N floats; arrays of f32 need no more alignment than f32.
        unsafe { from.cast::<[f32; N]>().read() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: as for `load`.
        unsafe { to.cast::<[f32; N]>().write(v) }
    }
    #[inline(always)]
    fn splat(value: f32) -> Self::V {
        [value; N]
    }
    #[inline(always)]
    fn add(a: Self::V, b: Self::V) -> Self::V {
        Self::map(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(a: Self::V, b: Self::V) -> Self::V {
        Self::map(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(a: Self::V, b: Self::V) -> Self::V {
        Self::map(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Without the instruction, `mul_add` is a slow call into the mathematics library.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            Self::map(|i| a[i].mul_add(b[i], c[i]))
        } else {
            Self::map(|i| a[i] * b[i] + c[i])
        }
    }
    #[inline(always)]
    fn max(a: Self::V, b: Self::V) -> Self::V {
        Self::map(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn min(a: Self::V, b: Self::V) -> Self::V {
        Self::map(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn greater(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        Self::map(|i| if a[i] > b[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn sum(v: Self::V) -> f32 {
        v.iter().sum()
    }
}
