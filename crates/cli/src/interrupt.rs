//! Ctrl-C and the signals that end a program: the first asks the work to stop, the second ends it at once.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

static ASKED: AtomicBool = AtomicBool::new(false);
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Listens from now on.
pub fn watch() {
    let heard = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|folder| {
                // What is left behind is named in the error of the next run, at worst.
                let _ = fs::remove_dir_all(folder);
            });
            process::exit(130);
        }
        eprintln!("stopping (press Ctrl-C again to exit immediately)");
    });
    if let Err(error) = heard {
        eprintln!("warning: Ctrl-C will exit immediately, without saving: {error}");
    }
}

/// Whether the work should stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// A folder of unfinished files, which goes even when the program ends at once.
pub fn clear_up(folder: PathBuf) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
}
