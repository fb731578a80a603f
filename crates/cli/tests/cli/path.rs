//! The whole way from a simulated pair to a score, beside the same work done by the core itself.

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use undulator::{
    align::{AlignOptions, align},
    apply::apply,
    measure::{self, measure},
    model::Model,
    progress::{Progress, Silent},
    sample::{SampleOptions, sample_pair},
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    train::{TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

use super::{found, names, run};

fn pair(options: &SampleOptions) -> (Volume, Volume) {
    let shape = Shape::new(Size::new(1, 1, 1), VoxelSize::isotropic(1.0), GreyType::U16);
    let (mut laboratory, mut synchrotron) =
        (Volume::black("laboratory.tif", shape), Volume::black("synchrotron.tif", shape));
    sample_pair(options, &mut laboratory, &mut synchrotron, Progress::silent()).unwrap();
    (laboratory, synchrotron)
}

fn psnr(test: &Volume, reference: &Volume) -> f64 {
    let options = measure::Options { windowed: false };
    measure(test, reference, options, Progress::silent()).unwrap().stack.psnr
}

fn json(folder: &Path, arguments: &str) -> Value {
    let json = run(folder, &format!("{arguments} --json")).succeeded().json();
    assert_eq!((&json["error"], &json["exit"]), (&Value::Null, &Value::from(0)));
    json
}

#[test]
fn a_pair_is_made_trained_on_restored_and_measured() {
    let folder = tempdir().unwrap();
    let (at, sample) =
        (folder.path(), SampleOptions { width: 48, height: 48, slices: 24, seed: 3, ..Default::default() });
    let (laboratory, synchrotron) = pair(&sample);

    let made = json(at, "sample-data width=48 height=48 slices=24 seed=3");
    assert_eq!(names(at), ["laboratory.tif", "synchrotron.tif"]);
    assert_eq!(made["images"].as_array().unwrap().len(), 2);
    let measured = json(at, "measure test=laboratory.tif reference=synchrotron.tif");
    assert_eq!(found(&measured, "PSNR"), psnr(&laboratory, &synchrotron));
    assert_eq!(measured["tables"][0]["rows"].as_array().unwrap().len(), 25);
    assert_eq!(measured["tables"][0]["columns"][1]["unit"], "dB");

    let keys = "layers=3 channels=4 epochs=2 validation=4 device=cpu model=tiny.zip";
    let trained = json(at, &format!("train low=laboratory.tif reference=synchrotron.tif {keys}"));
    let elsewhere = at.join("core.zip");
    let spec =
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 4, residual: false };
    let options = TrainOptions {
        spec,
        epochs: 2,
        validation: 4,
        device: DeviceRequest::Cpu,
        model: elsewhere.clone(),
        ..TrainOptions::default()
    };
    let core = train(&laboratory, &synchrotron, &options, &Silent).unwrap();
    let last = trained["tables"][0]["rows"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["PSNR"].as_f64(), core.model.card.scores.map(|scores| scores.restored));
    assert_eq!(trained["files"][0], at.canonicalize().unwrap().join("tiny.zip").display().to_string());
    assert_eq!(Model::load(&at.join("tiny.zip")).unwrap().weights, Model::load(&elsewhere).unwrap().weights);

    let applied = json(at, "apply image=laboratory.tif model=tiny.zip reference=synchrotron.tif device=cpu");
    let mut restored = Volume::black("restored", synchrotron.shape());
    let model = Model::load(&elsewhere).unwrap();
    let core =
        apply(&laboratory, Some(&synchrotron), &model, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
    let comparison = core.comparison.unwrap();
    assert_eq!(found(&applied, "PSNR"), comparison.restored.psnr);
    assert_eq!(found(&applied, "Filtered SSIM"), comparison.baselines.filtered.ssim);
    json(at, "apply image=laboratory.tif model=tiny.zip device=cpu output=to-file.tif");
    for file in ["laboratory-restored.tif", "to-file.tif"] {
        let measured = json(at, &format!("measure test={file} reference=synchrotron.tif"));
        assert_eq!(found(&measured, "PSNR"), psnr(&restored, &synchrotron), "{file}");
    }
}

#[test]
fn a_misaligned_pair_is_aligned_as_by_the_core() {
    let folder = tempdir().unwrap();
    let (at, size) = (folder.path(), "width=64 height=64 slices=40");
    let sample = SampleOptions { width: 64, height: 64, slices: 40, misaligned: true, ..Default::default() };
    let (laboratory, synchrotron) = pair(&sample);
    let made = json(at, &format!("sample-data {size} misaligned --folder ."));
    let transform = made["images"][0]["properties"]["undulator.transform"].as_str().unwrap();
    assert!(transform.starts_with('{'), "{transform}");

    let aligned =
        json(at, "align moving=laboratory.tif reference=synchrotron.tif overlay=Red-green crop save=found.json");
    let core = align(&laboratory, &synchrotron, &AlignOptions::default(), Progress::silent()).unwrap();
    assert_eq!(found(&aligned, "NCC after"), core.ncc_after);
    let new = ["laboratory-aligned-overlay.tif", "laboratory-aligned.tif", "synchrotron-matched.tif"];
    let images: Vec<_> =
        aligned["images"].as_array().unwrap().iter().map(|image| image["path"].as_str().unwrap()).collect();
    assert!(new.iter().all(|name| images.iter().any(|path| path.ends_with(name))), "{images:?}");
    assert_eq!(aligned["files"].as_array().unwrap().len(), 1);
    // Both lie on one grid now.
    json(at, "measure test=laboratory-aligned.tif reference=synchrotron-matched.tif windowed");

    // The same again is refused before the search, as its results are there.
    let again = run(at, "align moving=laboratory.tif reference=synchrotron.tif");
    assert_eq!(again.code, 4, "{}", again.stderr);
    assert!(again.stderr.contains("laboratory-aligned.tif exists already"), "{}", again.stderr);
}

#[test]
fn shipped_and_installed_models_are_found_by_name() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let inspected = json(at, "models model=sample-cathode");
    assert_eq!(inspected["tables"][0]["rows"][0]["Runs"], "yes");
    json(at, "models action=Export model=sample-cathode folder=.");
    json(at, "models action=Install model=sample-cathode");
    assert!(at.join("data/undulator/models/sample-cathode.zip").exists() || cfg!(not(target_os = "linux")));
    let listed = json(at, "models action=List");
    assert_eq!(listed["tables"][0]["rows"].as_array().unwrap().len(), 1);
}

#[test]
fn devices_are_listed() {
    let folder = tempdir().unwrap();
    let ended = run(folder.path(), "devices").succeeded();
    assert!(ended.stdout.starts_with("Item "), "{}", ended.stdout);
}
