//! Turns work that CubeCL silently drops into errors.
//!
//! CubeCL computes on its own threads, named `DSU-…` and `DSD-…`. A task that panics there, for want of memory or of a
//! kernel, is dropped with a log line, and the following tasks compute with undefined data (docs/upstream-faults.md). So
//! panics there are recorded, and checked after each piece of work.

use std::{
    panic,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use undulator_compute::{EngineError, worker};

/// Message of the first panic since the last check.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Records panics on CubeCL's threads from now on. All others go to the previous hook.
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
    // Lost work is the cause of any other failure.
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
