//! The pair of `tests/data/battery`: as it was measured, and aligned by the transform that it was made with.

use serde_json::Value;
use undulator::align::Transform;
use undulator::stack::{GreyType, Shape, Size, SliceSource, VoxelSize};
use undulator::volume::{Volume, Voxels};

use super::tiff_volume;

/// The file of the transform that the pair was made with, and of the voxel sizes.
const TRUTH: &str = "battery/truth.json";

/// Edge of the common voxels in µm.
pub const VOXEL: f64 = 0.6;

/// A margin, in common voxels along x and y. What it leaves is the middle of the electrode, 64 µm wide, where the raw,
/// grey-matched and filtered laboratory volume score about what the README of the data says.
pub const MARGIN: usize = 3;

/// Common slices that lie inside both fields of view.
const SLICES: std::ops::Range<usize> = 2..39;

/// The laboratory and the synchrotron volume on one grid of 0.6 µm, 37 slices, 16 bits: the synchrotron's field less
/// `margin` voxels on each side along x and y, the laboratory's grey values brought there by the true transform.
pub fn aligned(margin: usize) -> (Volume, Volume) {
    let truth = truth();
    let (laboratory, synchrotron) = (Scan::load("laboratory"), Scan::load("synchrotron"));
    let counts = synchrotron.extent().map(|length| (length / VOXEL + 1e-6) as usize);
    let (height, width) = (counts[1] - 2 * margin, counts[2] - 2 * margin);
    let size = Size::new(width, height, SLICES.len());
    let mut greys = [Vec::new(), Vec::new()];
    for z in SLICES {
        for y in margin..margin + height {
            for x in margin..margin + width {
                let corner = [z, y, x].map(|i| (i as f64 + 0.5) * VOXEL);
                greys[0].push(laboratory.at(truth.apply(synchrotron.about_centre(corner))));
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
    Scan::load(name).volume
}

/// The transform that the pair was made with.
pub fn truth() -> Transform {
    Transform::load(&super::path(TRUTH)).unwrap()
}

struct Scan {
    volume: Volume,
}

impl Scan {
    fn load(name: &str) -> Self {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(super::path(TRUTH)).unwrap()).unwrap();
        let voxel = truth["voxel_um"][name].as_f64().unwrap();
        Self { volume: tiff_volume(&format!("battery/{name}.tif"), voxel) }
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
