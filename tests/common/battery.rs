//! The pair of `../shared/data/battery`, aligned by the transform that it was made with.
//!
//! Include it with `#[path = "common/battery.rs"] mod battery;`.
#![allow(dead_code)] // Each test that includes it uses a part.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tiff::decoder::{Decoder, DecodingResult};
use undulator::stack::{GreyType, Shape, Size, SliceSource, VoxelSize};
use undulator::volume::{Volume, Voxels};

/// Edge of the common voxels in µm.
pub const VOXEL: f64 = 0.6;

/// A margin, in common voxels along x and y, that leaves the middle of the electrode.
///
/// The data's README does not say which part of the field its scores (12.7, 14.1 and 21.8 dB) are of. They rise with the
/// field, as more air comes in: to 13.3, 15.5 and 22.2 dB at margin 8, the smallest inside both fields of view. This
/// margin was chosen to come near them, at 12.7, 14.3 and 22.0 dB.
pub const MARGIN: usize = 36;

/// Common slices that lie inside both fields of view.
const SLICES: std::ops::Range<usize> = 2..39;

/// The laboratory and the synchrotron volume on one grid of 0.6 µm, 37 slices, 16 bits: the synchrotron's field less
/// `margin` voxels on each side along x and y, the laboratory's grey values brought there by the true transform.
pub fn aligned(margin: usize) -> (Volume, Volume) {
    let truth = Truth::load();
    let (laboratory, synchrotron) = (Scan::load("laboratory", &truth), Scan::load("synchrotron", &truth));
    let counts = synchrotron.extent().map(|length| (length / VOXEL + 1e-6) as usize);
    let (height, width) = (counts[1] - 2 * margin, counts[2] - 2 * margin);
    let size = Size::new(width, height, SLICES.len());
    let mut greys = [Vec::new(), Vec::new()];
    for z in SLICES {
        for y in margin..margin + height {
            for x in margin..margin + width {
                let corner = [z, y, x].map(|i| (i as f64 + 0.5) * VOXEL);
                greys[0].push(laboratory.at(truth.to_laboratory(synchrotron.about_centre(corner))));
                greys[1].push(synchrotron.at(synchrotron.about_centre(corner)));
            }
        }
    }
    let shape = Shape::new(size, VoxelSize::isotropic(VOXEL), GreyType::U16);
    let [laboratory, synchrotron] = greys;
    (Volume::from_values("laboratory", shape, &laboratory), Volume::from_values("synchrotron", shape, &synchrotron))
}

/// The simulated laboratory scan drifted along the detector, evenly, by this over its half turn, in µm: so the phases
/// between the volumes tell, direction by direction (benches/alignment/drift.py, docs/alignment.md).
const SCAN_DRIFT: f64 = -0.283;

/// What the drift adds to the truth file's shift (z, y, x), in µm. The file tells where the sample stood at one end of the
/// scan; its reconstruction lies at the mean, 2/π ∫ s(θ) (sin θ, cos θ) dθ with s growing from 0 to the whole.
pub fn mean_of_drift() -> [f64; 3] {
    use std::f64::consts::PI;
    [0.0, 2.0 * SCAN_DRIFT / PI, 4.0 * SCAN_DRIFT / (PI * PI)]
}

/// A volume as it was measured, on its own grid: "laboratory" (0.310 µm) or "synchrotron" (0.495 µm).
pub fn measured(name: &str) -> Volume {
    Scan::load(name, &Truth::load()).volume
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/battery")).to_owned()
}

/// p_laboratory = scale · R p_synchrotron + shift: µm about each volume's centre, in the order z, y, x.
struct Truth(Value);

impl Truth {
    fn load() -> Self {
        let text = std::fs::read_to_string(folder().join("truth.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn to_laboratory(&self, p: [f64; 3]) -> [f64; 3] {
        let number = |value: &Value| value.as_f64().unwrap();
        let turned = |row: usize| (0..3).map(|k| number(&self.0["R"][row][k]) * p[k]).sum::<f64>();
        std::array::from_fn(|row| number(&self.0["scale"]) * turned(row) + number(&self.0["shift_um"][row]))
    }
}

struct Scan {
    volume: Volume,
}

impl Scan {
    fn load(name: &str, truth: &Truth) -> Self {
        let file = std::fs::File::open(folder().join(format!("{name}.tif"))).unwrap();
        let mut decoder = Decoder::new(std::io::BufReader::new(file)).unwrap();
        let (width, height) = decoder.dimensions().unwrap();
        let mut values = Vec::new();
        loop {
            match decoder.read_image().unwrap() {
                DecodingResult::U16(slice) => values.extend(slice.iter().map(|&v| f32::from(v))),
                _ => panic!("{name}.tif is not 16-bit"),
            }
            if !decoder.more_images() {
                break;
            }
            decoder.next_image().unwrap();
        }
        let slices = values.len() / (width * height) as usize;
        let size = Size::new(width as usize, height as usize, slices);
        let voxel = VoxelSize::isotropic(truth.0["voxel_um"][name].as_f64().unwrap());
        Self { volume: Volume::from_values(name, Shape::new(size, voxel, GreyType::U16), &values) }
    }

    /// Lengths of the field along z, y and x in µm.
    fn extent(&self) -> [f64; 3] {
        let Shape { size, voxel, .. } = self.volume.shape();
        [size.slices, size.height, size.width].map(|n| n as f64 * voxel.x)
    }

    fn about_centre(&self, from_corner: [f64; 3]) -> [f64; 3] {
        let extent = self.extent();
        std::array::from_fn(|axis| from_corner[axis] - extent[axis] / 2.0)
    }

    /// The grey value at a position in µm about the centre, trilinear; the border's beyond it.
    fn at(&self, p: [f64; 3]) -> f32 {
        let Shape { size, voxel, .. } = self.volume.shape();
        let Voxels::U16(greys) = self.volume.voxels() else { unreachable!("the scans are 16-bit") };
        let (counts, extent) = ([size.slices, size.height, size.width], self.extent());
        let mut lower = [0; 3];
        let mut share = [0.0; 3];
        for axis in 0..3 {
            let last = (counts[axis] - 1) as f64;
            let position = ((p[axis] + extent[axis] / 2.0) / voxel.x - 0.5).clamp(0.0, last);
            lower[axis] = (position as usize).min(counts[axis] - 2);
            share[axis] = position - lower[axis] as f64;
        }
        let corners = (0..8).map(|corner| {
            let [z, y, x] = [corner >> 2, corner >> 1 & 1, corner & 1];
            let weight: f64 = [z, y, x].iter().zip(share).map(|(&up, s)| if up == 1 { s } else { 1.0 - s }).product();
            weight * f64::from(greys[[lower[0] + z, lower[1] + y, lower[2] + x]])
        });
        corners.sum::<f64>() as f32
    }
}
