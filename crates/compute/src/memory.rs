//! The memory that is free on a device.

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use crate::device::Device;

/// Bytes that are free on the device; `None` where the system or the device does not say.
///
/// On the CPU it is what the system can hand out without swapping, and no more than is left to the container that the
/// process may run in.
pub fn free(device: &Device) -> Option<u64> {
    match device {
        Device::Cpu { .. } => {
            let mut system = System::new();
            system.refresh_memory();
            let available = system.available_memory();
            let container = system.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
            // A system that is not supported says nought.
            Some(container.map_or(available, |left| left.min(available))).filter(|bytes| *bytes > 0)
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
}
