//! Model files in the hands of other tools.

#[path = "common/models.rs"]
mod models;
#[path = "common/python.rs"]
mod python;

use ndarray::Array2;

use models::{images, model, specs, weights};
use serde_json::json;
use tempfile::TempDir;
use undulator::{
    grey::Window,
    model::{Author, Citation, Credits, Example, Export, Model, Packaging, export, inspect, install, verify},
};
use undulator_compute::{
    Runner, cpu,
    network::{Architecture, Spec},
};
use undulator_onnx::to_onnx;

#[test]
fn onnx_runtime_agrees_with_the_cpu_engine_on_every_network() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for spec in specs() {
        let (plan, weights) = (spec.plan().unwrap(), weights(&spec));
        std::fs::write(path("model.onnx"), to_onnx(&plan, &weights)).unwrap();
        // The networks without poolings take odd sizes, the others odd multiples.
        let images = images(2, plan.multiple * 3, plan.multiple * if plan.multiple == 1 { 37 } else { 1 });
        python::write_floats(&path("input"), &images.values);
        let request = json!({
            "what": "onnx", "model": path("model.onnx"), "input": path("input"), "output": path("output"),
            "shape": [images.count, 1, images.height, images.width],
        });
        let answer = python::ask("package.py", &request);
        assert_eq!((&answer["ir"], &answer["opset"]), (&json!(8), &json!(17)));
        assert_eq!(answer["shape"], request["shape"]);
        let height = if plan.multiple == 1 { "h".to_owned() } else { format!("{}*h", plan.multiple) };
        assert_eq!(answer["axes"][2], json!(height));
        let own = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
        let theirs = python::read_floats(&path("output"));
        let apart = own.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let scale = own.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        println!("{spec}: {apart:.1e} apart, values to {scale:.2}");
        assert!(own.len() == theirs.len() && apart <= 1e-5 * scale.max(1.0), "{spec}: {apart} apart");
        assert!(scale > 1e-3, "{spec}: the output says nothing");
    }
}

/// A slice of another size than the tile, or none.
fn packaging(at: usize, model: &Model) -> Packaging {
    let (width, height) = (300, 20 + 7 * at);
    let picture = |window: Window| {
        let values = images(1, height, width).values.iter().map(|v| window.restore(0.5 + 0.4 * v)).collect();
        Array2::from_shape_vec((height, width), values).unwrap()
    };
    let example = Example {
        input: picture(model.card.input_window),
        restored: picture(model.card.output_window),
        reference: picture(model.card.output_window),
    };
    let author =
        |name: &str| Author { name: name.to_owned(), affiliation: "Institut für \"Batterien\": #3".to_owned() };
    let credits = Credits {
        name: "Kathode: 3/4 'größer'\n".to_owned(),
        authors: vec![author("Jürgen O'Neill / Müller"), author(" ")],
        licence: "CC0-1.0".to_owned(),
        cite: vec![Citation { text: "yes: no".to_owned(), doi: "10.1000/182".to_owned() }],
    };
    if at.is_multiple_of(2) { Packaging::default() } else { Packaging { credits, example: Some(example) } }
}

#[test]
fn bioimage_ios_own_test_passes_on_packages_of_every_network() {
    let folder = TempDir::new().unwrap();
    let mut packages = Vec::new();
    for (at, spec) in specs().into_iter().enumerate() {
        let path = folder.path().join(format!("größe {at}.bioimage.io.zip"));
        let model = model(at, spec);
        model.save_as(&path, &packaging(at, &model)).unwrap();
        assert!(Model::load(&path).unwrap() == model, "{spec}");
        packages.push(path);
    }
    let again = TempDir::new().unwrap();
    let request = json!({ "what": "bioimageio", "packages": packages, "again": again.path() });
    let answer = python::ask("package.py", &request);
    for (at, (spec, one)) in specs().iter().zip(answer["answers"].as_array().unwrap()).enumerate() {
        println!("{at} {spec}: {}", one["status"]);
        assert_eq!((&one["status"], &one["errors"]), (&json!("passed"), &json!([])), "{spec}: {one}");
        // Two batches of three sizes, besides the test tensors.
        assert!(one["steps"].as_array().unwrap().len() == 6, "{spec}: {one}");
    }
    // What bioimage.io's tools write anew still is a model of this project.
    let again = answer["again"].as_str().unwrap();
    assert!(Model::load(again.as_ref()).unwrap() == model(0, specs()[0]));
}

#[test]
fn a_model_is_installed_and_exported_whole_or_not_at_all() {
    let place = tempfile::tempdir().unwrap();
    let [models, file] = ["models", "cathode.zip"].map(|name| place.path().join(name));
    let network = specs()[0];
    let made = model(1, network);
    made.save_as(&file, &packaging(1, &made)).unwrap();
    assert!(inspect(&file).unwrap().runs.unwrap().unwrap().passed());
    assert!(verify(&file).unwrap().passed());

    let installed = install(&file, &models, false).unwrap();
    assert_eq!(installed, models.join("cathode.zip"));
    assert_eq!(Model::load(&installed).unwrap(), made);
    // The same again is no other.
    assert_eq!(install(&file, &models, false).unwrap(), installed);
    let other = model(2, network);
    other.save(&file).unwrap();
    let said = install(&file, &models, false).unwrap_err().to_string();
    assert!(said.contains("cathode.zip") && said.contains("force"), "{said}");
    assert_eq!(Model::load(&installed).unwrap(), made);
    install(&file, &models, true).unwrap();
    assert_eq!(Model::load(&installed).unwrap(), other);

    for (what, name) in [(Export::Onnx, "cathode.onnx"), (Export::Safetensors, "cathode.safetensors")] {
        let exported = export(&file, what, &models, false).unwrap();
        assert_eq!(exported, models.join(name));
        assert!(std::fs::metadata(&exported).unwrap().len() > 1000);
        assert!(export(&file, what, &models, false).unwrap_err().to_string().contains("is there already"));
    }
    assert_eq!(std::fs::read_dir(&models).unwrap().count(), 3);

    std::fs::write(&file, b"no model").unwrap();
    for error in [inspect(&file).unwrap_err(), install(&file, &models, true).unwrap_err()] {
        assert!(error.to_string().contains("not a zip file"), "{error}");
    }
    assert_eq!(Model::load(&installed).unwrap(), other);
}

/// `cargo test --test package -- --ignored` writes the package that the fuzz targets start from.
#[test]
#[ignore = "writes fuzz/seeds/tiny.zip"]
fn the_seed_of_the_fuzz_targets() {
    let network = Spec { channels: 1, ..specs()[5] };
    assert_eq!(network.network, Architecture::Srcnn);
    let mut made = model(0, network);
    made.card.training.history.truncate(1);
    made.save(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/tiny.zip"))).unwrap();
}
