//! The memory that is free on a device, and memory that is asked for in a way that may fail.
//!
//! Long work adds up beforehand what it takes, and compares it with [`free`]. What grows with the input is then allocated
//! by [`zeros`] and [`reserve`], which fail with [`EngineError::Memory`] where a plain `vec!` would end the program.
//! Before many smaller allocations, [`check_room`] asks for all of them at once.

mod limits;

use std::{
    alloc::{Layout, alloc_zeroed},
    hint::black_box,
};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use crate::{device::Device, error::EngineError};

/// Bytes that are free on the device; `None` where the system or the device does not say.
///
/// On the CPU it is what the system can hand out without swapping, and no more than the limits of the process leave:
/// that of its address space (`ulimit -v`), and those of the container or batch job that it runs in.
pub fn free(device: &Device) -> Option<u64> {
    match device {
        Device::Cpu { .. } => {
            let mut system = System::new();
            system.refresh_memory();
            // A system that is not supported says nought.
            let available = Some(system.available_memory()).filter(|bytes| *bytes > 0);
            available.into_iter().chain(limits::left()).min()
        }
        Device::Accelerator(accelerator) => accelerator.free_memory(),
    }
}

/// Bytes that this process holds in memory; `None` where the system does not say.
pub fn used() -> Option<u64> {
    let process = get_current_pid().ok()?;
    let (mut system, memory) = (System::new(), ProcessRefreshKind::nothing().with_memory());
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), false, memory);
    system.process(process).map(|process| process.memory()).filter(|bytes| *bytes > 0)
}

/// A number of bytes as text, for messages.
pub fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("an unknown number of MB".to_owned(), |bytes| format!("{} MB", bytes >> 20))
}

/// So many zeros.
///
/// # Errors
/// [`EngineError::Memory`] where the memory does not hold them.
pub fn zeros(count: usize) -> Result<Vec<f32>, EngineError> {
    let full = || refusal(count.saturating_mul(size_of::<f32>()) as u64);
    let layout = Layout::array::<f32>(count).map_err(|_| full())?;
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // `try_reserve` and `resize` would write every page from one thread; the system hands out zeros anyway.
    // SAFETY: the layout's size is not zero.
    let zeros = unsafe { alloc_zeroed(layout) }.cast::<f32>();
    if zeros.is_null() {
        return Err(full());
    }
    // SAFETY: the allocator gave memory for an array of `count` floats, and bits of zero are 0.0.
    Ok(unsafe { Vec::from_raw_parts(zeros, count, count) })
}

/// Makes room for `more` items.
///
/// # Errors
/// [`EngineError::Memory`] where the memory does not hold them.
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> Result<(), EngineError> {
    let bytes = more.saturating_mul(size_of::<T>()) as u64;
    items.try_reserve_exact(more).map_err(|_| refusal(bytes))
}

/// Bytes of all the small things that nobody counts: they are left when work begins.
pub const SMALL_THINGS: u64 = 16 << 20;

/// Refuses work that will allocate so many bytes in pieces that cannot fail in words, unless they are to be had now
/// beside [`SMALL_THINGS`].
///
/// # Errors
/// [`EngineError::Memory`].
pub fn check_room(bytes: u64) -> Result<(), EngineError> {
    ask_for(bytes.saturating_add(SMALL_THINGS))
}

/// [`check_room`] for work that goes on: some of the small things are there by then.
///
/// # Errors
/// [`EngineError::Memory`].
pub fn check_more_room(bytes: u64) -> Result<(), EngineError> {
    ask_for(bytes.saturating_add(SMALL_THINGS / 4))
}

fn ask_for(bytes: u64) -> Result<(), EngineError> {
    let mut room: Vec<u8> = Vec::new();
    let had = usize::try_from(bytes).is_ok_and(|bytes| room.try_reserve_exact(bytes).is_ok());
    // Or the compiler might leave the pair of allocating and freeing out.
    black_box(room.as_mut_ptr());
    drop(room);
    if had { Ok(()) } else { Err(refusal(bytes)) }
}

fn refusal(bytes: u64) -> EngineError {
    EngineError::Memory { reason: format!("{} could not be allocated", mebibytes(Some(bytes))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_some_memory() {
        let held = std::hint::black_box(vec![1u8; 64 << 20]);
        let used = used().unwrap();
        assert!(used > 64 << 20, "{used}, {} held", std::hint::black_box(&held).len());
    }

    #[test]
    fn the_cpu_has_free_memory_and_not_more_than_there_is() {
        let mut system = System::new();
        system.refresh_memory();
        let free = free(&Device::Cpu { threads: 1 }).unwrap();
        assert!(free > 1 << 20 && free <= system.total_memory(), "{free} of {}", system.total_memory());
    }

    #[test]
    fn what_no_memory_holds_is_an_error_in_words() {
        assert_eq!(zeros(3).unwrap(), [0.0; 3]);
        assert!(zeros(0).unwrap().is_empty() && check_room(1 << 20).is_ok());
        let error = zeros(1 << 60).unwrap_err().to_string();
        assert!(error.contains("memory is full: 4398046511104 MB could not be allocated"), "{error}");
        assert!(matches!(zeros(usize::MAX), Err(EngineError::Memory { .. })));
        assert!(matches!(reserve(&mut vec![1u16], usize::MAX / 2), Err(EngineError::Memory { .. })));
        assert!(matches!(check_room(u64::MAX), Err(EngineError::Memory { .. })));
    }
}
