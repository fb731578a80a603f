//! `Sample Data`: a laboratory and a synchrotron scan of one simulated sample.

use super::{Command, CommandError, Greys, Grid, Host, Key, NewImage, Options, Row};
use crate::{
    progress::Progress,
    sample::{SampleOptions, sample_pair},
    stack::length::MICROMETRE,
};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Sample Data",
        summary: "Simulates a laboratory and a synchrotron scan of the same battery cathode.",
        help: "The sample is the cathode of a solid-state battery as in Kodama et al. (2023). The synchrotron scans it at \
               20 keV, the laboratory with a molybdenum anode at 44 kV. The same options give the same pair.",
        result: "images `laboratory` and `synchrotron`",
        keys: vec![
            Key::whole("width", "Width", 128, 16, 2048).unit("voxels"),
            Key::whole("height", "Height", 128, 16, 2048).unit("voxels"),
            Key::whole("slices", "Slices", 40, 1, 4096),
            Key::number("voxel", "Voxel size", 0.6, 0.1, 3.0).unit("µm"),
            Key::whole("seed", "Seed", 1, 0, Key::MOST).help("Different numbers give different samples and noise."),
            Key::number("psnr", "PSNR of the laboratory scan", 12.8, 10.0, 18.0)
                .unit("dB")
                .help("How close the laboratory scan comes to the synchrotron scan before any restoration."),
            Key::flag("misaligned", "Misaligned")
                .help("Keep the pair as scanned: with different voxel sizes, shifted and rotated."),
        ],
        run,
    }
}

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let sample = SampleOptions {
        width: options.get("width"),
        height: options.get("height"),
        slices: options.get("slices"),
        voxel: options.get("voxel"),
        seed: options.get("seed"),
        psnr: options.get("psnr"),
        misaligned: options.get("misaligned"),
    };
    let image = |name, main| NewImage {
        name,
        source: None,
        grid: Grid::Same,
        greys: Greys::Other,
        unit: MICROMETRE.to_owned(),
        value_unit: String::new(),
        channels: 1,
        frames: 1,
        main,
    };
    let mut laboratory = host.create(&image("laboratory", false))?;
    let mut synchrotron = host.create(&image("synchrotron", true))?;
    let summary = sample_pair(&sample, laboratory.as_mut(), synchrotron.as_mut(), Progress::new(host))?;
    laboratory.display_range(summary.laboratory_window);
    synchrotron.display_range(summary.synchrotron_window);
    if let Some(transform) = &summary.transform {
        let transform = transform.to_json();
        laboratory.property(TRANSFORM, &transform);
        synchrotron.property(TRANSFORM, &transform);
    }
    laboratory.finish()?;
    synchrotron.finish()?;
    host.row(Row::new().number("PSNR", "dB", summary.psnr));
    Ok(String::new())
}

/// The property that says how a misaligned pair lies.
const TRANSFORM: &str = "undulator.transform";
