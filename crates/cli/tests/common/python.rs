//! Runs the Python peers in `tests/peers`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Runs a peer with a JSON request and returns its JSON answer.
///
/// Python is that of `UNDULATOR_PYTHON`, of `.venv` in the repository, or `python3`.
///
/// # Panics
/// If the peer fails, for instance because its modules are missing: a comparison that did not happen has not passed.
pub fn ask(peer: &str, request: &Value) -> Value {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("UNDULATOR_PYTHON").map(PathBuf::from).unwrap_or_else(|| {
        let installed = own.join("../../.venv/bin/python");
        if installed.exists() { installed } else { PathBuf::from("python3") }
    });
    let output = Command::new(&python).arg(own.join("tests/peers").join(peer)).arg(request.to_string()).output();
    let hint = "python3 -m venv .venv && .venv/bin/pip install -r tests/requirements.txt";
    let output = output.unwrap_or_else(|error| panic!("{} does not run ({error}): {hint}", python.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{peer} failed: {said}\nIf a module is missing: {hint}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{peer} does not answer in JSON: {error}"))
}
