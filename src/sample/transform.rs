//! The transform between the volumes of a misaligned pair.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::point::Point;

/// The largest rotation about each axis, in degrees.
const ANGLE: f64 = 3.0;
/// The largest error of the laboratory scanner's scale.
const SCALE: f64 = 0.015;
/// The largest shift along each axis, as a fraction of the field, and in µm.
const SHIFT: (f64, f64) = (0.06, 4.0);
/// Each component is at least this fraction of the largest, so that no pair is aligned by chance.
const LEAST: f64 = 0.25;

/// The similarity between the two volumes of a pair: `p_laboratory = scale * R p_synchrotron + shift_um`.
///
/// Coordinates are micrometres about the centre of each volume's field, in the order (z, y, x). Serialised, it is a
/// transform file that alignment reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownTransform {
    /// The convention, in words.
    pub about: String,
    /// Ratio of distances in the laboratory volume to those in the synchrotron volume.
    pub scale: f64,
    /// A rotation matrix, rows and columns in the order (z, y, x).
    #[serde(rename = "R")]
    pub rotation: [[f64; 3]; 3],
    /// The shift (z, y, x) in µm.
    pub shift_um: [f64; 3],
}

impl KnownTransform {
    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text can be written")
    }

    /// The transform that leaves both volumes aligned.
    pub(super) fn identity() -> Self {
        Self::new(1.0, [0.0; 3], [0.0; 3])
    }

    /// A transform that depends on the seed and the size of the field (z, y, x) in µm alone.
    pub(super) fn random(seed: u64, field: [f64; 3]) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from_le_bytes(*b"misalign"));
        let mut component = |most: f64| {
            let size = most * random.random_range(LEAST..1.0);
            if random.random() { size } else { -size }
        };
        let angles = [ANGLE; 3].map(&mut component);
        let scale = 1.0 + component(SCALE);
        let shift = field.map(|extent| component((SHIFT.0 * extent).min(SHIFT.1)));
        Self::new(scale, angles, shift)
    }

    /// Rotations in degrees about z, y and x, the last applied first.
    fn new(scale: f64, angles: [f64; 3], shift_um: [f64; 3]) -> Self {
        let about = "p_laboratory = scale * R p_synchrotron + shift_um; coordinates in micrometres about each volume's \
                     centre, order (z, y, x)";
        // Which two axes each rotation turns into each other: x towards y, z towards x, y towards z.
        let planes = [(2, 1), (0, 2), (1, 0)];
        let mut rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        for ((from, to), angle) in planes.into_iter().zip(angles) {
            let (sin, cos) = angle.to_radians().sin_cos();
            for row in &mut rotation {
                let (a, b) = (row[from], row[to]);
                row[from] = a * cos + b * sin;
                row[to] = b * cos - a * sin;
            }
        }
        Self { about: about.to_owned(), scale, rotation, shift_um }
    }

    /// Maps a point of the synchrotron volume to the laboratory volume.
    pub fn to_laboratory(&self, p: [f64; 3]) -> [f64; 3] {
        let turned = |row: [f64; 3]| row.iter().zip(p).map(|(r, p)| r * p).sum::<f64>();
        std::array::from_fn(|axis| self.scale * turned(self.rotation[axis]) + self.shift_um[axis])
    }

    /// Maps a point of the laboratory volume to the synchrotron volume.
    pub(super) fn to_synchrotron(&self, p: Point) -> Point {
        let moved: Point = std::array::from_fn(|axis| (p[axis] - self.shift_um[axis]) / self.scale);
        std::array::from_fn(|axis| (0..3).map(|row| self.rotation[row][axis] * moved[row]).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_undo_each_other_and_the_matrix_is_a_rotation() {
        let transform = KnownTransform::random(7, [24.0, 76.8, 76.8]);
        let p = [3.0, -20.0, 31.0];
        let back = transform.to_synchrotron(transform.to_laboratory(p));
        assert!(p.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-9), "{back:?}");
        let r = transform.rotation;
        let dot = |a: usize, b: usize| (0..3).map(|k| r[a][k] * r[b][k]).sum::<f64>();
        for (a, b, expected) in [(0, 0, 1.0), (1, 1, 1.0), (0, 1, 0.0), (1, 2, 0.0)] {
            assert!((dot(a, b) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_rotation_about_z_turns_x_towards_y() {
        let turned = KnownTransform::new(1.0, [90.0, 0.0, 0.0], [0.0; 3]).to_laboratory([0.0, 0.0, 1.0]);
        assert!((turned[1] - 1.0).abs() < 1e-12 && turned[2].abs() < 1e-12, "{turned:?}");
    }

    #[test]
    fn it_is_written_in_the_keys_of_a_transform_file() {
        let written = serde_json::to_value(KnownTransform::random(1, [24.0, 76.8, 76.8])).unwrap();
        assert!(written["R"][2][2].as_f64().unwrap() > 0.99);
        assert!(written["about"].as_str().unwrap().contains("order (z, y, x)"));
        let shift = written["shift_um"][0].as_f64().unwrap().abs();
        assert!((0.3..1.5).contains(&shift), "{shift}");
    }
}
