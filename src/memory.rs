//! Memory for whatever grows with the input.
//!
//! Long work adds up beforehand what it will take, and asks for it by `require`: a system that hands out more memory
//! than it has would end the program later. What grows with the input is then allocated by [`zeros`] and `filled`, which
//! fail in words where a plain `vec!` would end the program.

use ndarray::{Array, Dimension, IntoDimension};
use undulator_compute::{device::Device, memory};

/// Allocations from this size on must leave [`memory::SMALL_THINGS`].
const LARGE: usize = 1 << 20;

/// There is too little memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} takes {} of memory, and {} are free: {advice}", memory::mebibytes(*needed), memory::mebibytes(*free))]
pub struct OutOfMemory {
    /// What takes the memory.
    pub what: String,
    /// Bytes that it takes; `None` for more than can be counted.
    pub needed: Option<u64>,
    /// Bytes that are free, where the system says it.
    pub free: Option<u64>,
    /// What to do.
    pub advice: String,
}

impl OutOfMemory {
    /// An allocation of so many bytes failed.
    fn at_once(what: String, needed: Option<u64>) -> Self {
        Self {
            what,
            needed,
            free: free(),
            advice: "close other programs, or take a smaller part of the stack".to_owned(),
        }
    }
}

/// Bytes that are free to this program; `None` where the system does not say.
pub(crate) fn free() -> Option<u64> {
    memory::free(&Device::Cpu { threads: 1 })
}

/// What long work may take of `free` bytes: an eighth is left to others and to small things that nobody adds up.
pub(crate) fn usable(free: Option<u64>) -> u64 {
    free.map_or(u64::MAX, |free| free - free / 8)
}

/// A number of bytes that was reckoned in floating point: `None` where it is beyond 64 bits or not a number.
pub(crate) fn bytes(number: f64) -> Option<u64> {
    (number < u64::MAX as f64).then_some(number as u64)
}

/// Refuses work that takes more memory than is free; `what` it is and what `advice` helps are told only then.
///
/// # Errors
/// [`OutOfMemory`], with both numbers.
pub(crate) fn require(
    needed: Option<u64>,
    what: impl FnOnce() -> String,
    advice: impl FnOnce() -> String,
) -> Result<(), OutOfMemory> {
    let free = free();
    match needed.is_some_and(|needed| needed <= usable(free)) {
        true => Ok(()),
        false => Err(OutOfMemory { what: what(), needed, free, advice: advice() }),
    }
}

/// An empty vector with room for `len` items.
///
/// # Errors
/// [`OutOfMemory`] where a plain allocation would end the program.
pub(crate) fn with_capacity<T>(len: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut items = Vec::new();
    let size = len.checked_mul(size_of::<T>());
    // A large one must leave room for the many small ones that cannot fail in words.
    let leaves_room = || size.is_none_or(|size| size < LARGE) || memory::check_room(0).is_ok();
    let reserved = items.try_reserve_exact(len).is_ok() && leaves_room();
    match reserved {
        true => Ok(items),
        false => {
            // Given back before the message needs memory.
            drop(items);
            Err(OutOfMemory::at_once(format!("an array of {len} numbers"), size.map(|size| size as u64)))
        }
    }
}

/// `len` copies of `value`.
///
/// # Errors
/// [`OutOfMemory`] where a plain allocation would end the program.
pub(crate) fn filled<T: Clone>(value: T, len: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut items = with_capacity(len)?;
    items.resize(len, value);
    Ok(items)
}

/// A copy of numbers.
///
/// # Errors
/// [`OutOfMemory`] where a plain allocation would end the program.
pub(crate) fn copied<T: Clone>(of: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut items = with_capacity(of.len())?;
    items.extend_from_slice(of);
    Ok(items)
}

/// An array of zeros, in standard layout.
///
/// # Errors
/// [`OutOfMemory`] where a plain allocation would end the program.
pub fn zeros<T: Clone + Default, D: Dimension>(dim: impl IntoDimension<Dim = D>) -> Result<Array<T, D>, OutOfMemory> {
    let dim = dim.into_dimension();
    let sizes: Vec<String> = dim.slice().iter().rev().map(ToString::to_string).collect();
    let what = || format!("an array of {} numbers", sizes.join("×"));
    let values = match dim.size_checked() {
        Some(len) => filled(T::default(), len).map_err(|error| OutOfMemory { what: what(), ..error })?,
        None => return Err(OutOfMemory::at_once(what(), None)),
    };
    Ok(Array::from_shape_vec(dim, values).expect("as many values as the array has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_that_no_memory_holds_are_errors_in_words() {
        let error = zeros::<f32, _>((1 << 20, 1 << 20, 1 << 20)).unwrap_err().to_string();
        assert!(error.contains("1048576×1048576×1048576 numbers"), "{error}");
        let error = zeros::<f32, _>((usize::MAX, 3)).unwrap_err().to_string();
        assert!(error.contains("an unknown number of MB") && error.contains("close other programs"), "{error}");
        assert!(filled(0u64, usize::MAX / 2).is_err());
        assert_eq!(zeros::<u16, _>((2, 3)).unwrap(), ndarray::Array2::<u16>::zeros((2, 3)));
        assert_eq!(copied(&[1, 2]).unwrap(), [1, 2]);
    }

    #[test]
    fn work_is_refused_before_it_begins() {
        assert!(require(Some(1 << 20), String::new, String::new).is_ok());
        let refused = |needed| require(needed, || "work".to_owned(), || "do less".to_owned()).unwrap_err();
        let error = refused(Some(1 << 60)).to_string();
        assert!(
            error.starts_with("work takes 1099511627776 MB of memory, and ") && error.ends_with("do less"),
            "{error}"
        );
        assert_eq!(refused(None).needed, None);
        assert_eq!((usable(Some(800)), usable(None)), (700, u64::MAX));
        assert_eq!([1e6, 1e30, f64::NAN].map(bytes), [Some(1_000_000), None, None]);
    }
}
