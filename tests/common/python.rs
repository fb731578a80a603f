//! Runs the Python peers in `tests/peers`.
#![allow(dead_code)] // Each test that includes it uses a part.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs a peer with a JSON request and returns its JSON answer.
///
/// Python is that of `UNDULATOR_PYTHON`, of `.venv` in the repository, or `python3`.
///
/// # Panics
/// If the peer fails, for instance because its modules are missing: a comparison that did not happen has not passed.
pub fn ask(peer: &str, request: &Value) -> Value {
    // Tests of every crate of the workspace come here.
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = crates.filter(|folder| folder.join("tests/peers").exists()).last().expect("the workspace has the peers");
    let python = std::env::var_os("UNDULATOR_PYTHON").map(PathBuf::from).unwrap_or_else(|| {
        let own = root.join(".venv/bin/python");
        if own.exists() { own } else { PathBuf::from("python3") }
    });
    let hint = "install the peers first: python3 -m venv .venv && .venv/bin/pip install -r tests/requirements.txt \
                (or name a Python that has them in UNDULATOR_PYTHON)";
    let script = root.join("tests/peers").join(peer);
    let output = Command::new(&python).arg(&script).arg(request.to_string()).output();
    let output = output.unwrap_or_else(|error| panic!("{} does not run ({error}): {hint}", python.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{peer} failed under {}: {said}\nIf a module is missing, {hint}",
        python.display()
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{peer} does not answer in JSON: {error}"))
}

/// Writes values for a peer to read as little-endian `float32`.
pub fn write_floats(path: &Path, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(path, bytes).unwrap();
}

/// Reads what a peer wrote as little-endian `float32`.
pub fn read_floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}
