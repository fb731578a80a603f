//! Models of other programs: bioimage.io packages that `bioimageio.core` runs, and those that do not run here.

#[path = "common/models.rs"]
mod models;
#[path = "common/python.rs"]
mod python;

use std::{
    io::{Read, Write},
    path::Path,
};

use serde_json::json;
use tempfile::TempDir;
use undulator::{
    apply::{apply, apply_external},
    model::{ExternalModel, Loaded, Model, inspect, load},
    progress::Progress,
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Architecture, Spec},
};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bioimageio/tiny_rednet.bioimage.io.zip");

fn external(path: &Path) -> ExternalModel {
    match load(path, false) {
        Ok(Loaded::External(model)) => model,
        other => panic!("{}: {other:?}", path.display()),
    }
}

fn forced(path: &Path) -> ExternalModel {
    match load(path, true) {
        Ok(Loaded::External(model)) => model,
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// Applies the model to a stack of the image and the image again.
fn applied(model: &ExternalModel, width: usize, height: usize, image: &[f32]) -> Volume {
    let shape = Shape::new(Size::new(width, height, 2), VoxelSize::isotropic(1.0), GreyType::F32);
    let stack = Volume::from_values("image", shape, &[image, image].concat());
    let mut result = Volume::black("result", Shape { grey: model.grey(), ..shape });
    apply_external(&stack, model, &mut result, Progress::silent()).unwrap();
    result
}

#[test]
fn packages_of_other_tools_do_what_they_do_there() {
    let folder = TempDir::new().unwrap();
    let answers = python::ask("external.py", &json!({ "folder": folder.path(), "sample": SAMPLE }));
    let cases = answers.as_object().unwrap();
    assert_eq!(cases.len(), 13);
    for (name, case) in cases {
        let path = match name.as_str() {
            "sample" => SAMPLE.into(),
            name => folder.path().join(format!("{name}.zip")),
        };
        assert!(inspect(&path).unwrap().runs.unwrap().unwrap().passed(), "{name}");
        let model = external(&path);
        let [height, width] = ["height", "width"].map(|key| case[key].as_u64().unwrap() as usize);
        let image = python::read_floats(&folder.path().join(format!("{name}.in")));
        let theirs = python::read_floats(&folder.path().join(format!("{name}.out")));
        let own = applied(&model, width, height, &image).to_values();
        assert_eq!(model.grey() == GreyType::U8, case["kind"] == "uint8", "{name}");
        let (least, most) = theirs.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let apart: Vec<f32> = own.iter().zip(theirs.iter().chain(&theirs)).map(|(a, b)| (a - b).abs()).collect();
        let worst = apart.iter().copied().fold(0.0, f32::max);
        println!("{name}: {worst:.1e} apart, values from {least:.2} to {most:.2}");
        assert!(own.len() == 2 * theirs.len() && most > least, "{name}");
        // Numbers that are cut off, or compared with a threshold, may fall to either side of it.
        match name.as_str() {
            "bytes" => assert!(worst <= 1.0 && apart.iter().filter(|one| **one > 0.0).count() <= 2, "{name}: {worst}"),
            "mask" => assert!(apart.iter().filter(|one| **one > 0.0).count() <= 2, "{name}"),
            _ => assert!(worst <= 1e-4 * (most - least), "{name}: {worst}"),
        }
        match name.as_str() {
            "fixed" => smaller_slices_are_padded_and_larger_ones_refused(&model, &image),
            "tiled" => tiles_are_the_whole(&model, &path, folder.path()),
            _ => {}
        }
    }
}

fn smaller_slices_are_padded_and_larger_ones_refused(model: &ExternalModel, image: &[f32]) {
    let small = applied(model, 40, 30, &image[..40 * 30]);
    assert!(small.to_values().iter().all(|value| value.is_finite()));
    let shape = Shape { size: Size::new(49, 20, 1), ..small.shape() };
    let (large, mut result) = (Volume::black("large", shape), Volume::black("result", shape));
    let error = apply_external(&large, model, &mut result, Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("no slices of 49×20 pixels"), "{error}");
}

/// A model that takes one size, and has a halo, does in tiles what it does at once where it takes all sizes.
fn tiles_are_the_whole(model: &ExternalModel, path: &Path, folder: &Path) {
    let (width, height) = (101, 77);
    let image: Vec<f32> = (0..width * height).map(|at| 100.0 + (at * 7919 % 1009) as f32 / 20.0).collect();
    let fixed = folder.join("fixed size.zip");
    let free = "size:\n          min: 10\n          step: 1\n";
    changed(path, &fixed, &[(free, "size: 40\n"), (free, "size: 32\n")]);
    // Its test image is as large as it was.
    let (whole, tiles) = (applied(model, width, height, &image), applied(&forced(&fixed), width, height, &image));
    let apart = whole.to_values().iter().zip(tiles.to_values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= 1e-4, "{apart}");
}

/// The bytes of a file in a package.
fn file(package: &Path, name: &str) -> Vec<u8> {
    let mut package = zip::ZipArchive::new(std::fs::File::open(package).unwrap()).unwrap();
    let mut bytes = Vec::new();
    package.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// A package with its description changed: the first of what is found.
fn changed(package: &Path, to: &Path, changes: &[(&str, &str)]) {
    let names: Vec<String> = {
        let package = zip::ZipArchive::new(std::fs::File::open(package).unwrap()).unwrap();
        package.file_names().map(str::to_owned).collect()
    };
    let mut out = zip::ZipWriter::new(std::fs::File::create(to).unwrap());
    for name in &names {
        let mut bytes = file(package, name);
        if name == "rdf.yaml" {
            let mut text = String::from_utf8(bytes).unwrap();
            for (from, into) in changes {
                assert!(text.contains(from), "{from}");
                text = text.replacen(from, into, 1);
            }
            bytes = text.into_bytes();
        }
        out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(&bytes).unwrap();
    }
    out.finish().unwrap();
}

/// What the engine of this project, tract and ONNX Runtime make of a stack.
fn three(model: &Model, folder: &Path, stack: &Volume) -> [Vec<f32>; 3] {
    let Size { width, height, slices } = stack.shape().size;
    let [own, other, onnx] = ["own.zip", "other.zip", "weights.onnx"].map(|name| folder.join(name));
    model.save(&own).unwrap();
    // The same for strangers, without a halo: as it stands, slices would be continued by it first.
    let halo = format!("halo: {}", model.card.network.plan().unwrap().halo());
    changed(&own, &other, &[("undulator:", "stranger:"), (&halo, "halo: 0"), (&halo, "halo: 0")]);
    let shape = Shape { grey: model.card.output_grey, ..stack.shape() };
    let mut here = Volume::black("own", shape);
    apply(stack, None, &Model::load(&own).unwrap(), DeviceRequest::Cpu, &mut here, Progress::silent()).unwrap();
    let mut tract = Volume::black("tract", shape);
    apply_external(stack, &external(&other), &mut tract, Progress::silent()).unwrap();

    std::fs::write(&onnx, file(&own, "weights.onnx")).unwrap();
    let [input, output] = ["input", "output"].map(|name| folder.join(name));
    let card = &model.card;
    let values: Vec<f32> = stack.to_values().iter().map(|grey| card.input_window.normalise(*grey)).collect();
    python::write_floats(&input, &values);
    python::ask(
        "package.py",
        &json!({ "what": "onnx", "model": onnx, "input": input, "output": output, "shape": [slices, 1, height, width] }),
    );
    let restored = python::read_floats(&output);
    let runtime = restored.iter().map(|value| card.output_grey.nearest(card.output_window.restore(*value))).collect();
    [here.to_values(), tract.to_values(), runtime]
}

#[test]
fn three_programs_agree_on_whole_stacks() {
    let folder = TempDir::new().unwrap();
    let specs = models::specs();
    // A network, and the grey type that its place gives it: 32, 16, 8, 32 bits.
    for (at, spec) in
        [(0, specs[1]), (1, specs[7]), (2, specs[9]), (3, specs[12]), (6, specs[13]), (4, specs[3]), (0, specs[0])]
    {
        let spec = Spec { channels: 8, ..spec };
        let model = models::model(at, spec);
        let plan = spec.plan().unwrap();
        let edge = plan.least_tile();
        let size = Size::new(edge + 2 * plan.multiple, edge, if spec.network == Architecture::Srcnn { 7 } else { 3 });
        let shape = Shape::new(size, VoxelSize::isotropic(1.0), GreyType::F32);
        let greys = models::images(size.slices, size.height, size.width).values;
        let window = model.card.input_window;
        let stack = Volume::from_values(
            "stack",
            shape,
            &greys.iter().map(|value| window.restore(0.5 + 0.4 * value)).collect::<Vec<_>>(),
        );
        let [own, tract, runtime] = three(&model, folder.path(), &stack);
        let window = model.card.output_window;
        let allowed = match model.card.output_grey {
            GreyType::F32 => 1e-4 * (window.high - window.low),
            _ => 1.0,
        };
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let [first, second, third] = [apart(&own, &tract), apart(&own, &runtime), apart(&tract, &runtime)];
        println!("{spec}, {:?}: tract {first:.1e}, ONNX Runtime {second:.1e} apart", model.card.output_grey);
        assert!(own.len() == tract.len() && own.len() == runtime.len() && own.len() as u64 == size.voxels());
        assert!(first <= allowed && second <= allowed && third <= allowed, "{spec}: {first} {second} {third}");
        let (least, most) = own.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        assert!(most - least > 10.0 * allowed, "{spec}: the stack says nothing");
    }
}

#[test]
fn what_cannot_run_is_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changed.zip");
    for (from, into, reason) in [
        ("  onnx:\n", "  torchscript:\n", "in torchscript"),
        ("id: y\n    size: {min", "id: z\n    size: {min", "needs 3D"),
        ("[raw]", "[red, green]", "2 channels"),
        ("- type: batch", "- type: time", "\"time\""),
        ("outputs:\n", "- id: second\noutputs:\n", "2 inputs"),
        ("{min: 64, step: 32}", "{min: 64}", "size"),
        ("id: scale_linear", "id: stardist_postprocessing", "stardist_postprocessing"),
        ("gain: [0.04]", "gain: [0.04, 0.1]", "gain"),
        ("dtype: float32", "dtype: complex64", "complex64"),
        ("gain: [25.0]", "gain: [20.0]", "does not reproduce"),
        ("source: weights.onnx", "source: ../weights.onnx", "bare names"),
        ("source: weights.onnx", "source: README.md", "was changed"),
        ("format_version: 0.5.3", "format_version: 0.3.6", "0.3.6"),
        ("opset_version: 17", "external_data: {source: weights.bin}", "another file"),
    ] {
        changed(SAMPLE.as_ref(), &path, &[(from, into)]);
        let error = load(&path, false).unwrap_err().to_string();
        assert!(error.contains(reason), "{into}: {error}");
        let shown = match inspect(&path).unwrap().runs {
            Err(reason) => reason,
            Ok(verification) => verification.unwrap().to_string(),
        };
        assert!(shown.contains(reason), "{into}: {shown}");
    }
    changed(SAMPLE.as_ref(), &path, &[("gain: [25.0]", "gain: [20.0]")]);
    assert!(load(&path, true).is_ok());
}
