//! Commands as data and functions: what the menu, macros, scripts and the command line offer, written once.
//!
//! A [`Command`] has [`Key`]s, which say everything that a dialog, a parser or a manual needs to know of an option, and a
//! function that does the work. It gets its images from a [`Host`] and gives new ones to it: ImageJ, the command line, or
//! a test. What it found comes back as a [`Report`].
//!
//! | file | command |
//! | --- | --- |
//! | `sample_data` | a laboratory and a synchrotron scan of one simulated sample |
//! | `resample` | a stack on cubic voxels |
//! | `align` | a stack on the grid of another that shows the same place |
//! | `train` | a network from a pair of stacks |
//! | `apply` | a stack restored by a trained model |
//! | `measure` | PSNR and SSIM of one stack against another |
//! | `compare_networks` | several networks on one pair |
//! | `models` | model files, installed, listed, exported |
//! | `devices` | what there is to compute with |
//!
//! `schema` says what a command takes, `options` checks what it was given, `paths` finds the files that it names, `host` is
//! what it needs from whoever runs it, `report` and `error` are what comes back. A new command is one file with a function
//! `command()`, and one line in [`all`].

mod align;
mod apply;
mod compare_networks;
mod devices;
mod error;
mod host;
mod lengths;
mod measure;
mod models;
mod options;
mod paths;
mod report;
mod resample;
mod result_file;
mod sample_data;
mod schema;
mod train;
mod training_keys;
mod training_rows;

use std::sync::LazyLock;

pub use error::{Code, CommandError};
pub use host::{Axes, FILLER, Greys, Grid, Host, Image, ImageSink, NewImage, Volume};
pub use options::Options;
pub use paths::absolute;
pub use report::{Column, Report, Row, Value};
pub use schema::{Absent, Command, Key, Kind, Preset};

use crate::progress::Event;
use host::Recording;

/// Every command, in the order of the menu.
pub fn all() -> &'static [Command] {
    static ALL: LazyLock<Vec<Command>> = LazyLock::new(|| {
        vec![
            sample_data::command(),
            resample::command(),
            align::command(),
            train::command(),
            apply::command(),
            measure::command(),
            compare_networks::command(),
            models::command(),
            devices::command(),
        ]
    });
    &ALL
}

/// The command with that name: `Compare Networks`, or `compare-networks` as the command line has it.
///
/// # Errors
/// [`Code::Option`] when there is none.
pub fn find(name: &str) -> Result<&'static Command, CommandError> {
    let known = all().iter().find(|command| command.name == name || command.slug() == name);
    known.ok_or_else(|| {
        let names: Vec<String> = all().iter().map(Command::slug).collect();
        CommandError::new(Code::Option, format!("there is no command {name}"))
            .advice(format!("choose one of {}", names.join(", ")))
    })
}

/// Runs a command with the options that were given, keys and values; the others take their defaults.
///
/// # Errors
/// [`CommandError`] for unknown keys, values that cannot be used, and whatever stops the work.
pub fn run(name: &str, given: &[(String, String)], host: &dyn Host) -> Result<Report, CommandError> {
    let command = find(name)?;
    let options = Options::read(command, given)?;
    let recording = Recording::new(host);
    let sentence = (command.run)(&options, &recording).map_err(|error| recording.judge(error))?;
    host.event(Event::Fraction(1.0));
    Ok(Report { sentence, rows: recording.into_rows() })
}
