//! The program as people run it: its files, its tables and its exit codes.

mod errors;
mod images;
mod interrupted;
#[cfg(target_os = "linux")]
mod memory;
mod path;
#[path = "../../../../tests/common/python.rs"]
mod python;
mod shells;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// How a run ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What it printed as JSON.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }
}

/// The program, to be run in a folder.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undulator"));
    command.current_dir(folder).env("XDG_DATA_HOME", folder.join("data")).stdin(Stdio::null());
    command
}

/// Runs it with arguments, separated by spaces.
fn run(folder: &Path, arguments: &str) -> Ended {
    Ended::of(program(folder).args(arguments.split_whitespace()).output().unwrap())
}

/// The first row of the first table that has a column.
fn found(json: &Value, column: &str) -> f64 {
    let rows = json["tables"].as_array().unwrap().iter().flat_map(|table| table["rows"].as_array().unwrap());
    rows.filter_map(|row| row.get(column)).find_map(Value::as_f64).unwrap_or_else(|| panic!("no {column} in {json}"))
}

/// The names of all files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
