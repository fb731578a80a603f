//! Runs that are stopped: by Ctrl-C, once or twice, and by force.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::{TempDir, tempdir};
use undulator::model::Model;

use super::{Ended, names, program, run};

/// Work of many seconds that is cancelled at any slice.
const LONG: &str = "sample-data width=512 height=512 slices=400";

fn start(folder: &Path, arguments: &str) -> Child {
    let mut command = program(folder);
    command.args(arguments.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn end(child: Child) -> Ended {
    Ended::of(child.wait_with_output().unwrap())
}

/// Waits until new images grow.
fn growing(folder: &Path) {
    let start = Instant::now();
    let grows = || names(folder).iter().any(|name| name.starts_with(".undulator-"));
    while !grows() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing grows");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pair() -> TempDir {
    let folder = tempdir().unwrap();
    run(folder.path(), "sample-data width=48 height=48 slices=24 --quiet").succeeded();
    folder
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    for signals in [&["-INT"][..], &["-TERM"], &["-INT", "-INT"]] {
        let folder = tempdir().unwrap();
        let child = start(folder.path(), LONG);
        growing(folder.path());
        for name in signals {
            signal(&child, name);
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = end(child);
        assert_eq!(ended.code, 130, "{}", ended.stderr);
        assert_eq!(names(folder.path()), [""; 0], "{}", ended.stderr);
    }
}

#[test]
fn a_killed_run_leaves_no_half_image_under_its_name() {
    let folder = tempdir().unwrap();
    let mut child = start(folder.path(), LONG);
    growing(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(names(folder.path()).iter().all(|name| !name.ends_with(".tif")), "{:?}", names(folder.path()));
    // What it left is in nobody's way.
    run(folder.path(), "sample-data width=16 height=16 slices=1 --quiet").succeeded();
}

#[test]
fn a_stopped_training_keeps_its_best_model() {
    let folder = pair();
    let keys = "layers=3 channels=4 epochs=100000 validation=4 device=cpu model=best.zip";
    let arguments = format!("train low=laboratory.tif reference=synchrotron.tif {keys} --json");
    let mut child = start(folder.path(), &arguments);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("epoch 3")).collect();
    signal(&child, "-INT");
    // Nobody else reads them.
    let rest: Vec<String> = lines.collect();
    let ended = end(child);
    assert_eq!(ended.code, 130, "{said:?} {rest:?}");
    let json = ended.json();
    assert_eq!(json["error"]["code"], "cancelled");
    assert!(json["files"][0].as_str().unwrap().ends_with("best.zip"), "{json}");
    assert!(json["tables"][0]["rows"].as_array().unwrap().len() > 2, "{json}");
    assert!(Model::load(&folder.path().join("best.zip")).unwrap().card.training.best_epoch >= 1);
}
