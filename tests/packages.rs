//! Packages over the optional fields of bioimage.io's format 0.5: what runs in `bioimageio.core` runs here, with the same
//! numbers, but for what stands in a table with its reason.

#[path = "common/python.rs"]
mod python;

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use undulator::{
    apply::apply_external,
    model::{Loaded, inspect, load},
    progress::Progress,
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

/// What is to become of a package.
enum Expected {
    /// It runs in both programs, and makes the same of an image.
    Same,
    /// It runs here alone.
    Here(&'static str),
    /// It runs in neither, or there alone. The error here has these words.
    Nowhere(&'static str),
    There(&'static str),
    /// It runs in both, and the numbers differ for this reason.
    Other(&'static str),
}

/// All differences.
fn expected(name: &str) -> Expected {
    match name {
        // bioimageio.core compares kinds of numbers that ONNX Runtime does not convert.
        "data_mismatch" => Expected::Nowhere("takes numbers of the kind float32, its description gives it float64"),
        "binary_last" => Expected::Here("ONNX Runtime does not take truth values for floats: here they are 0 and 1"),
        // A slice is not a volume of one slice, though the network takes one.
        "free_z" => Expected::There("needs 3D"),
        // Neither knows which of its axes is which of the image's.
        "other_names" => Expected::Nowhere("an axis \"h\""),
        "standardise_rows" => Expected::There("does not take the axes x and y together"),
        "softmax_rows" => Expected::There("along the axis x"),
        "standardise_eps" => Expected::Other("bioimageio.core 0.11 takes 1e-6 for every eps"),
        // Statistics of the output are looked for before it is made.
        "post_range_self" | "post_standardise" | "post_matched" => Expected::Nowhere("the whole output"),
        _ => Expected::Same,
    }
}

/// The result for a stack of two slices.
fn applied(path: &Path, [width, height]: [usize; 2], slices: [&[f32]; 2]) -> Result<Volume, String> {
    let Loaded::External(model) = load(path, false).map_err(|error| error.to_string())? else {
        panic!("{}: not of another program", path.display())
    };
    let shape = Shape::new(Size::new(width, height, 2), VoxelSize::isotropic(1.0), GreyType::F32);
    let stack = Volume::from_values("image", shape, &slices.concat());
    let mut result = Volume::black("result", Shape { grey: model.grey(), ..shape });
    apply_external(&stack, &model, &mut result, Progress::silent()).map_err(|error| error.to_string())?;
    Ok(result)
}

/// How far a result is from what the other program made, as a part of that one's range.
fn apart(own: &[f32], theirs: &[f32]) -> f32 {
    let (least, most) =
        theirs.iter().fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    assert_eq!(own.len(), theirs.len());
    let worst = own.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    worst / (most - least).max(1.0)
}

#[test]
fn packages_over_all_optional_fields_do_what_they_do_there() {
    let folder = TempDir::new().unwrap();
    let answers = python::ask("packages.py", &json!({ "folder": folder.path() }));
    let cases = answers.as_object().unwrap();
    assert!(cases.len() > 100);
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let path = folder.path().join(format!("{name}.zip"));
        let size = ["width", "height"].map(|key| case[key].as_u64().unwrap() as usize);
        let image = python::read_floats(&folder.path().join(format!("{name}.in")));
        let own = applied(&path, size, [&image, &image]);
        let there = case["error"].as_str();
        let far = match (&own, there) {
            (Ok(own), None) => {
                let theirs = python::read_floats(&folder.path().join(format!("{name}.out")));
                Some(apart(&own.to_values(), &[&theirs[..], &theirs].concat()))
            }
            _ => None,
        };
        if let Expected::Here(reason) | Expected::Other(reason) = expected(name) {
            println!("{name}: {reason}");
        }
        let tested = inspect(&path).map_err(|error| error.to_string()).and_then(|facts| facts.runs);
        let right = match expected(name) {
            Expected::Same => far.is_some_and(|far| far <= 1e-4),
            Expected::Other(_) => far.is_some_and(|far| far > 1e-4),
            Expected::Here(_) => own.is_ok() && there.is_some(),
            Expected::There(words) => own.as_ref().is_err_and(|error| error.contains(words)) && there.is_none(),
            Expected::Nowhere(words) => own.as_ref().is_err_and(|error| error.contains(words)) && there.is_some(),
        };
        if case["stack"].as_bool().unwrap() {
            let unlike: Vec<f32> = image.iter().map(|grey| 2.0 * grey + 30.0).collect();
            let theirs = python::read_floats(&folder.path().join(format!("{name}.stack")));
            let far = apart(&applied(&path, size, [&image, &unlike]).unwrap().to_values(), &theirs);
            if far > 1e-4 {
                wrong.push(format!("{name}: {far} apart in a stack of unlike slices"));
            }
        }
        if !right || tested.is_err() != own.is_err() {
            let here = own.as_ref().map(|_| "runs").unwrap_or_else(|error| error);
            wrong.push(format!("{name}: here {here}, there {}, {far:?} apart, {tested:?}", there.unwrap_or("runs")));
        }
    }
    let untried = inspect(&folder.path().join("no_test.zip")).unwrap().untried;
    assert!(untried.is_some_and(|why| why.contains("no test image")), "{untried:?}");
    println!("{} packages", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
