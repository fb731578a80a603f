//! Undulator on the command line: the commands of the core, with TIFF files as images.
//!
//! | file | what it does |
//! | --- | --- |
//! | `arguments` | what may be typed, as clap knows it, and what was typed |
//! | `keys` | the keys of a command in words, for help and manual |
//! | `shell` | completions and the manual page |
//! | `host` | images, models and rows of a running command |
//! | `results` | new images: written aside, and put in place when the command has ended well |
//! | `models` | models by their names |
//! | `tiff` | TIFF files as images |
//! | `show` | progress and lines for the log, on stderr |
//! | `interrupt` | Ctrl-C |
//! | `report` | what a command found, as tables or JSON, on stdout |
//! | `status` | exit codes |

mod arguments;
mod host;
mod interrupt;
mod keys;
mod models;
mod report;
mod results;
mod shell;
mod show;
mod status;
mod tiff;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use arguments::{Asked, Run};
use host::FileHost;
use report::Outcome;
use undulator::command::{self, CommandError};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match arguments::read(&arguments) {
        Ok(Asked::Run(run)) => carry_out(&run),
        Ok(Asked::Completions(shell)) => print(&shell::completions(shell)),
        Ok(Asked::Manual) => print(&shell::manual()),
        Err(refusal) => refusal.tell(&arguments),
    }
}

fn print(bytes: &[u8]) -> ExitCode {
    match io::stdout().write_all(bytes) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(status::FILE)
        }
    }
}

fn carry_out(run: &Run) -> ExitCode {
    interrupt::watch();
    #[cfg(feature = "cuda")]
    undulator_gpu::register();
    let host = match FileHost::new(run) {
        Ok(host) => host,
        Err(error) => return tell(run, &Outcome::refused(error)),
    };
    let ended = command::run(&run.command, &run.options, &host).and_then(|report| {
        host.keep_images()?;
        Ok(report.sentence)
    });
    tell(run, &host.outcome(ended))
}

fn tell(run: &Run, outcome: &Outcome) -> ExitCode {
    let (text, code) = match &outcome.ended {
        Ok(_) => (None, status::OK),
        Err(error) => (Some(error), status::of(error.code)),
    };
    let shown = if run.json { outcome.json(&run.command) } else { outcome.tables() };
    let printed = print(shown.as_bytes());
    if let Some(error) = text {
        complain(error);
    }
    if printed == ExitCode::SUCCESS { ExitCode::from(code) } else { printed }
}

fn complain(error: &CommandError) {
    eprintln!("error: {error}");
}
