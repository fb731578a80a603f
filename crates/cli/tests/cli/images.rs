//! Images that other programs write, and what they read of ours.

use serde_json::json;
use tempfile::tempdir;

use super::{python, run};

#[test]
fn images_of_other_programs_are_resampled_as_they_are() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    python::ask("tiff_variants.py", &json!({ "folder": at }));
    let same = "voxel=1 --quiet";
    for (file, result) in [
        ("signed-16.tif", "signed-16"),
        ("tiles-deflate.tif", "tiles-deflate"),
        ("deflate-32-motorola.tif", "deflate-32-motorola"),
    ] {
        run(at, &format!("resample image={file} {same}")).succeeded();
        let read = python::ask("read_tiff.py", &json!({ "path": at.join(format!("{result}-resampled.tif")) }));
        let source = python::ask("read_tiff.py", &json!({ "path": at.join(file) }));
        assert_eq!(read["values"], source["values"], "{file}");
    }
}

#[test]
fn hyperstacks_stay_hyperstacks() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    python::ask("tiff_variants.py", &json!({ "folder": at }));
    for (file, result) in
        [("ome-other-order.ome.tif", "ome-other-order"), ("imagej-contiguous.tif", "imagej-contiguous")]
    {
        run(at, &format!("resample image={file} voxel=1.2")).succeeded();
        let read = python::ask("read_tiff.py", &json!({ "path": at.join(format!("{result}-resampled.tif")) }));
        let frames = if file.starts_with("ome") { 3 } else { 1 };
        let count = |key: &str| read["imagej"].get(key).map_or(1, |count| count.as_u64().unwrap());
        assert_eq!((count("channels"), count("frames")), (2, frames), "{read}");
    }
    // A measurement is of one volume.
    let refused = run(at, "measure test=ome-big.ome.tif reference=ome-big.ome.tif");
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("2 channels and 3 frames"), "{}", refused.stderr);
}

#[test]
fn unit_voxel_and_display_range_are_imagejs() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    run(at, "sample-data width=32 height=32 slices=2 voxel=0.7 --quiet").succeeded();
    let read = python::ask("read_tiff.py", &json!({ "path": at.join("laboratory.tif") }));
    let imagej = &read["imagej"];
    assert_eq!(imagej["unit"].as_str().unwrap().replace("\\u00B5", "µ").replace("\\u00b5", "µ"), "µm", "{read}");
    assert_eq!(imagej["spacing"], 0.7);
    assert!(imagej["min"].as_f64().unwrap() < imagej["max"].as_f64().unwrap(), "{read}");
    run(at, "resample image=laboratory.tif voxel=1.4 --quiet").succeeded();
    let half = python::ask("read_tiff.py", &json!({ "path": at.join("laboratory-resampled.tif") }));
    assert_eq!((&half["imagej"]["min"], &half["imagej"]["max"]), (&imagej["min"], &imagej["max"]));
}

#[test]
fn calibrations_and_units_come_back() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    python::ask("tiff_variants.py", &json!({ "folder": at }));
    run(at, "resample image=imagej-hounsfield.tif voxel=0.6 --quiet").succeeded();
    let read = python::ask("read_tiff.py", &json!({ "path": at.join("imagej-hounsfield-resampled.tif") }));
    let imagej = &read["imagej"];
    assert_eq!(
        (imagej["cf"].as_f64(), imagej["c0"].as_f64(), imagej["c1"].as_f64()),
        (Some(0.0), Some(-1000.0), Some(0.5))
    );
    assert_eq!(imagej["vunit"], "HU");
    // 1200 nm, of a file in nm.
    let ended = run(at, "resample image=imagej-nanometres.tif voxel=1200").succeeded();
    assert!(ended.stderr.contains("become 18×10×2 voxels of 1200×1200×1200 nm"), "{}", ended.stderr);
    let read = python::ask("read_tiff.py", &json!({ "path": at.join("imagej-nanometres-resampled.tif") }));
    assert_eq!((read["imagej"]["unit"].as_str(), read["imagej"]["spacing"].as_f64()), (Some("nm"), Some(1200.0)));
    let refused = run(at, "resample image=imagej-nanometres.tif voxel=1e6");
    assert!(refused.stderr.contains("1000000 nm is larger than"), "{}", refused.stderr);
}

#[test]
fn slices_that_are_called_channels_are_a_volume() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    python::ask("tiff_variants.py", &json!({ "folder": at }));
    run(at, "resample image=imagej-no-axes.tif voxel=2 --quiet").succeeded();
    let read = python::ask("read_tiff.py", &json!({ "path": at.join("imagej-no-axes-resampled.tif") }));
    assert_eq!(read["shape"], json!([2, 10, 18]));
    assert_eq!(read["imagej"]["slices"], 2);
}

#[test]
fn a_missing_slice_distance_is_said() {
    let folder = tempdir().unwrap();
    python::ask("tiff_variants.py", &json!({ "folder": folder.path() }));
    let ended = run(folder.path(), "resample image=centimetres.tif voxel=1 --json").succeeded();
    assert!(ended.stderr.contains("has no slice spacing"), "{}", ended.stderr);
    assert!(ended.json()["warnings"][0].as_str().unwrap().contains("0.5×0.5×1 µm"), "{}", ended.stdout);
}
