//! Work that CubeCL loses without a word, as errors.
//!
//! CubeCL computes on threads of its own, named `DSU-…` and `DSD-…`. A task that panics there, because memory or a kernel
//! is not to be had, is dropped with a log line, and the tasks after it compute with whatever is there
//! (docs/upstream-faults.md). So what panics there is kept, and asked for after each piece of work.

use std::{
    panic,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use undulator_compute::{EngineError, worker};

/// What the first panic said since this was last asked.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what panics on CubeCL's threads say from now on. All other panics go where they went before.
pub(super) fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let here = thread::current();
            match here.name() {
                Some(name) if name.starts_with("DSU-") || name.starts_with("DSD-") => {
                    let said = worker::describe(panic.payload());
                    log::debug!("lost work on {name}: {said}");
                    lost().get_or_insert(said);
                }
                _ => before(panic),
            }
        }));
    });
}

/// Runs `job`, and turns a panic, here or on one of CubeCL's threads, into an error.
pub(super) fn checked<T>(job: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    let outcome = worker::catch(job);
    // Work that was lost is the cause of whatever else went wrong.
    match lost().take() {
        Some(said) => Err(worker::failure(said)),
        None => outcome.flatten(),
    }
}

fn lost() -> MutexGuard<'static, Option<String>> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose(name: &str, said: &'static str) {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || panic!("{said}"));
        assert!(thread.unwrap().join().is_err());
    }

    #[test]
    fn what_panics_on_cubecls_threads_is_an_error_once() {
        watch();
        let error = checked(|| {
            lose("DSD-0-7", "can't allocate buffer of size: 7");
            lose("DSU-0-7", "a consequence");
            Ok(1)
        });
        assert!(matches!(error, Err(EngineError::Memory { reason }) if reason.contains("size: 7")));
        assert!(matches!(checked(|| Ok(2)), Ok(2)));
        let panicked = checked(|| -> Result<(), _> { panic!("no such kernel") });
        assert!(matches!(panicked, Err(EngineError::Device { reason }) if reason == "no such kernel"));
    }
}
