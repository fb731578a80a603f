//! The processor's vectors, and the choice among its instruction sets at run time.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
use neon::Neon;
use portable::Portable;
#[cfg(target_arch = "x86_64")]
use x86::{Avx2, Avx512};

/// A vector of `f32` with the few operations that are needed.
///
/// Those of x86 may only run where [`Isa`] has found their instructions: reach them through [`Isa::run`].
/// `load` and `store` take pointers of any alignment.
pub trait Simd {
    /// Floats in a vector.
    const LANES: usize;
    /// The vector.
    type V: Copy;

    /// The floats at a pointer.
    ///
    /// # Safety
    /// `LANES` floats can be read there.
    unsafe fn load(from: *const f32) -> Self::V;
    /// Writes the floats to a pointer.
    ///
    /// # Safety
    /// `LANES` floats can be written there.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// `value` in all lanes.
    fn splat(value: f32) -> Self::V;
    /// `a + b`.
    fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a × b`.
    fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a × b + c`.
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger; `b` where one is not a number.
    fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where one is not a number.
    fn min(a: Self::V, b: Self::V) -> Self::V;
    /// In each lane `yes` where `a > b`, else `no`.
    fn greater(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Sum over the lanes.
    fn sum(v: Self::V) -> f32;
}

/// The first vector of a slice.
#[inline(always)]
pub fn read<S: Simd>(from: &[f32]) -> S::V {
    let from = &from[..S::LANES];
    // SAFETY: the slice is as long as a vector.
    unsafe { S::load(from.as_ptr()) }
}

/// Overwrites the first vector of a slice.
#[inline(always)]
pub fn write<S: Simd>(to: &mut [f32], v: S::V) {
    let to = &mut to[..S::LANES];
    // SAFETY: the slice is as long as a vector.
    unsafe { S::store(to.as_mut_ptr(), v) }
}

/// Work written once for all instruction sets. Implementations are `#[inline(always)]`, so that they compile to the
/// instructions of the caller in [`Isa::run`].
pub trait Task {
    /// What it computes.
    type Output;
    /// Computes it with the vectors `S`.
    fn run<S: Simd>(self) -> Self::Output;
}

/// An instruction set that this processor has: values exist only for those found at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable8,
    /// As wide as AVX-512, for tests on processors without it.
    #[cfg(test)]
    Portable16,
}

impl Isa {
    /// The widest that this processor has.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// All that this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                found.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self(Kind::Avx2));
            }
        }
        // Every AArch64 has it.
        #[cfg(target_arch = "aarch64")]
        found.push(Self(Kind::Neon));
        found.push(Self(Kind::Portable8));
        #[cfg(test)]
        found.push(Self(Kind::Portable16));
        found
    }

    /// Floats in a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => 8,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => 8,
            Kind::Portable8 => 8,
            #[cfg(test)]
            Kind::Portable16 => 16,
        }
    }

    /// Runs the task on blocks of `lanes` channels: 1 for images of one channel, else [`Isa::lanes`].
    pub fn run<T: Task>(self, lanes: usize, task: T) -> T::Output {
        if lanes == 1 {
            return task.run::<Portable<1>>();
        }
        assert_eq!(lanes, self.lanes(), "blocks of another instruction set");
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found AVX-512F, and nothing else makes this value.
            Kind::Avx512 => unsafe { avx512(task) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found AVX2 and FMA, and nothing else makes this value.
            Kind::Avx2 => unsafe { avx2(task) },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => task.run::<Neon>(),
            Kind::Portable8 => task.run::<Portable<8>>(),
            #[cfg(test)]
            Kind::Portable16 => task.run::<Portable<16>>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<T: Task>(task: T) -> T::Output {
    task.run::<Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<T: Task>(task: T) -> T::Output {
    task.run::<Avx2>()
}
