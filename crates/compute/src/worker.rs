//! The one thread on which devices compute.
//!
//! Burn and CubeCL keep memory pools for each thread and recurse deeply while they differentiate, so all their work
//! runs on one long-lived thread with a large stack.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, OnceLock,
        mpsc::{Sender, channel},
    },
    thread,
};

use crate::error::EngineError;

type Job = Box<dyn FnOnce() + Send>;

const STACK_BYTES: usize = 64 << 20;

static WORKER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();

/// Runs `job` on the device thread, waits for it, and turns a panic into an error.
///
/// # Errors
/// When the job panicked: drivers and kernels do that when memory runs out or a library is missing.
pub fn run<T: Send>(job: impl FnOnce() -> T + Send) -> Result<T, EngineError> {
    let (reply, answer) = channel();
    let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
        let result = catch(job);
        // Nobody waits any more when the caller's thread was killed: then the result is not wanted.
        let _ = reply.send(result);
    });
    // SAFETY: what the job borrows outlives it, because this function waits until the job has sent its reply or has
    // been dropped with its end of the channel, and the job touches nothing that it borrowed after that.
    let job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Job>(job) };
    let gone = || EngineError::Device { reason: "the device thread has ended: restart the program".to_owned() };
    sender().send(job).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

/// Runs `job` here and turns a panic into an error.
///
/// # Errors
/// When the job panicked.
pub fn catch<T>(job: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|panic| failure(describe(panic.as_ref())))
}

/// What a device said, as an error: that its memory is full, where it said so.
pub fn failure(reason: String) -> EngineError {
    let said = reason.to_lowercase();
    let full = [
        "out of memory",
        "out_of_memory",
        "outofmemory",
        "memory is full",
        "bufferallocation",
        "buffertoobig",
        "can't allocate buffer",
    ];
    let is_full = full.iter().any(|words| said.contains(words));
    let reason = cause(&reason);
    if is_full { EngineError::Memory { reason } } else { EngineError::Device { reason } }
}

/// The cause in what a library said, which may go on for pages: the driver's error, or else the compiler's first, or
/// else the first line.
fn cause(said: &str) -> String {
    const MOST: usize = 300;
    // Texts within texts have their line breaks written out.
    let said = said.replace("\\n", "\n").replace('\\', "");
    let drivers = said.find("CUDA_ERROR_").map(|at| said[at..].split([')', '}', '\n']).next().unwrap_or_default());
    let compilers = || said.lines().find(|line| line.contains("error:"));
    let first = || said.trim_start_matches("called `Result::unwrap()` on an `Err` value: ").lines().next();
    let cause = drivers.or_else(compilers).or_else(first).unwrap_or_default().trim();
    cause.chars().take(MOST).collect()
}

fn sender() -> Sender<Job> {
    let worker = WORKER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        thread::Builder::new()
            .name("undulator-device".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || jobs.iter().for_each(|job| job()))
            .expect("the system can start one more thread");
        Mutex::new(sender)
    });
    worker.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// What a panic said.
pub fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_job_runs() {
        let error = run(|| panic!("no memory for {} slices", 3)).unwrap_err();
        assert_eq!(error.to_string(), "the device failed: no memory for 3 slices");
        let borrowed = String::from("still here");
        assert_eq!(run(|| borrowed.len()).unwrap(), 10);
    }

    #[test]
    fn full_memory_is_told_from_other_failures() {
        for said in ["CUDA_ERROR_OUT_OF_MEMORY", "cudaMalloc: out of memory"] {
            assert!(matches!(run(|| panic!("{said}")), Err::<(), _>(EngineError::Memory { .. })));
        }
        assert!(matches!(catch(|| panic!("no such kernel")), Err::<(), _>(EngineError::Device { .. })));
    }

    #[test]
    fn the_cause_is_found_in_what_goes_on_for_pages() {
        let launch =
            r#"Launch { reason: "DriverError(CUDA_ERROR_LAUNCH_FAILED, \"unspecified launch failure\")", backtrace"#;
        assert_eq!(cause(launch), r#"CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure""#);
        let compiler = "Generic { reason: \"[Compilation Error] \\n    k.cu(3): error: no such thing\\n[Source]\"";
        assert_eq!(cause(compiler), "k.cu(3): error: no such thing");
        assert_eq!(cause("called `Result::unwrap()` on an `Err` value: no buffer of 7\nstack"), "no buffer of 7");
        assert_eq!(cause(&"x".repeat(5000)).len(), 300);
        assert_eq!(cause(""), "");
    }

    #[test]
    fn deep_recursion_has_room() {
        fn deep(n: usize) -> usize {
            let frame = std::hint::black_box([n; 1024]);
            if n == 0 { frame[7] } else { 1 + deep(n - 1) }
        }
        assert_eq!(run(|| deep(2000)).unwrap(), 2000);
    }
}
