//! What is refused, in which words, and with which exit code.

use std::{fs, path::Path};

use tempfile::{TempDir, tempdir};

use super::{Ended, names, run};

/// A folder with a pair of two slices in it.
fn pair() -> TempDir {
    let folder = tempdir().unwrap();
    run(folder.path(), "sample-data width=32 height=32 slices=2 --quiet").succeeded();
    folder
}

fn refused(folder: &Path, arguments: &str, code: i32, words: &str) -> Ended {
    let ended = run(folder, arguments);
    assert_eq!(ended.code, code, "{arguments}: {}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(words), "{arguments}: {}", ended.stderr);
    ended
}

#[test]
fn every_kind_of_reason_has_its_exit_code() {
    let folder = pair();
    let at = folder.path();
    refused(at, "measure test=laboratory.tif", 2, "reference");
    refused(at, "resample voxel=1", 2, "image is missing: name a file: image=FILE");
    refused(at, "resample image=laboratory.tif voxel=thick", 2, "Voxel size is a number");
    refused(at, "resample image=laboratory.tif voxle=1", 2, "Resample has no option \"voxle\": its options are image=");
    refused(at, "resample image=laboratory.tif voxel=1 voxel=2", 2, "voxel is given twice");
    refused(at, "resample image", 2, "image has no value: image=FILE");
    refused(at, "resemble", 2, "resample");
    refused(at, "resample image=laboratory.tif --folder missing", 4, "there is no folder missing");
    refused(at, "resample image=missing.tif", 4, "missing.tif cannot be read");
    fs::write(at.join("text.tif"), "a text that is long enough for a header").unwrap();
    refused(at, "resample image=text.tif", 4, "not a TIFF");
    fs::write(at.join("no-model.zip"), "no model").unwrap();
    refused(at, "apply image=laboratory.tif model=no-model.zip", 5, "no-model.zip");
    refused(at, "apply image=laboratory.tif model=sample-cathode device=cuda:99", 6, "cuda");
    run(at, "resample image=laboratory.tif voxel=1").succeeded();
    refused(at, "measure test=laboratory.tif reference=laboratory-resampled.tif", 3, "the same grid");
}

#[test]
fn errors_are_json_on_demand() {
    let folder = pair();
    let ended = refused(folder.path(), "resample image=laboratory.tif voxle=1 --json", 2, "voxle");
    let json = ended.json();
    assert_eq!((&json["error"]["code"], &json["exit"]), (&"option".into(), &2.into()));
    assert_eq!(json["error"]["message"], "Resample has no option \"voxle\"");
    assert_eq!(json["command"], "resample");
    let usage = refused(folder.path(), "resample --no-such-flag --json", 2, "--no-such-flag").json();
    assert_eq!(usage["error"]["code"], "option");
}

#[test]
fn nothing_is_written_over() {
    let folder = pair();
    let at = folder.path();
    fs::write(at.join("laboratory-resampled.tif"), "mine").unwrap();
    refused(at, "resample image=laboratory.tif voxel=1", 4, "exists already");
    refused(at, "sample-data width=32 height=32 slices=2", 4, "laboratory.tif exists already");
    assert_eq!(fs::read(at.join("laboratory-resampled.tif")).unwrap(), b"mine");
    assert_eq!(names(at), ["laboratory-resampled.tif", "laboratory.tif", "synchrotron.tif"]);
}

#[test]
fn what_failed_leaves_no_image() {
    let folder = pair();
    let at = folder.path();
    let whole = fs::read(at.join("laboratory.tif")).unwrap();
    fs::write(at.join("cut-off.tif"), &whole[..whole.len() - 1]).unwrap();
    refused(at, "resample image=cut-off.tif", 3, "ends before the end of");
    assert_eq!(names(at), ["cut-off.tif", "laboratory.tif", "synchrotron.tif"]);
}

#[test]
fn quiet_runs_say_nothing_but_the_result() {
    let folder = pair();
    let ended = run(folder.path(), "measure test=laboratory.tif reference=synchrotron.tif --quiet").succeeded();
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.starts_with("Slice  PSNR (dB)"), "{}", ended.stdout);
}
