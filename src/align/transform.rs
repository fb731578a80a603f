//! The transform between two volumes: conventions, decomposition, and the JSON file that holds it.
//!
//! A point `p` of the reference goes to `linear * p + shift` in the moving volume. Coordinates are in the stacks' unit
//! (micrometres), about the centre of each volume's field, in the order (z, y, x). For a similarity the linear part is
//! `scale * R` with an orthogonal `R`; its determinant is −1 when one stack holds its slices in reverse order.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use crate::stack::length::MICROMETRE;

/// How a transform file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// The file could not be read or written.
    #[error("the transform file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not a transform.
    #[error(
        "{path} is not a transform file: {reason} (expected JSON with scale, R and shift_um, or matrix and shift_um)"
    )]
    Format {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where each point of the reference lies in the moving volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Linear part, rows and columns in the order (z, y, x), without unit.
    pub linear: Matrix3<f64>,
    /// Shift (z, y, x), in micrometres where [`known`](Self::known), in the stacks' unit otherwise.
    pub shift: Vector3<f64>,
    /// Slow movement of the moving volume's slices against each other, if it was refined.
    pub drift: Option<Drift>,
    /// Whether lengths are micrometres: the voxel sizes of the stacks that it was found on had a unit of length.
    pub known: bool,
}

/// A transform taken apart: `linear = scale * R`, `R = Rz(α) Ry(β) Rx(γ)`, behind a mirror in z if `mirrored`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// Cube root of the determinant's absolute value.
    pub scale: f64,
    /// Rotations about z, y and x in degrees. A positive rotation about z turns x towards y.
    pub angles_deg: [f64; 3],
    /// Whether the slices run the other way: the reference's z changes sign before the rotation.
    pub mirrored: bool,
}

#[derive(Serialize, Deserialize)]
struct Record {
    about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    #[serde(default, rename = "R", skip_serializing_if = "Option::is_none")]
    rotation: Option<[[f64; 3]; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matrix: Option<[[f64; 3]; 3]>,
    shift_um: [f64; 3],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drift: Option<Drift>,
}

/// Bytes: a transform with drift needs some thousands.
const LARGEST_FILE: u64 = 1 << 20;

/// The unit of transforms between stacks without a unit of length.
const UNKNOWN: &str = "unknown";

const ABOUT: &str = "about each volume's centre, order (z, y, x)";

impl Transform {
    /// A transform without drift.
    pub fn new(linear: Matrix3<f64>, shift: Vector3<f64>) -> Self {
        Self { linear, shift, drift: None, known: true }
    }

    /// The transform that lays centre on centre.
    pub fn identity() -> Self {
        Self::new(Matrix3::identity(), Vector3::zeros())
    }

    /// A similarity: rotations in degrees about z, y and x (`Rz Ry Rx`), then the scale, then the shift (z, y, x).
    ///
    /// ```
    /// use undulator::align::Transform;
    /// let turned = Transform::similarity([90.0, 0.0, 0.0], 2.0, [0.0; 3]);
    /// let [z, y, x] = turned.apply([0.0, 0.0, 1.0]);
    /// assert!((y - 2.0).abs() < 1e-12 && x.abs() < 1e-12 && z == 0.0);
    /// ```
    pub fn similarity(angles_deg: [f64; 3], scale: f64, shift: [f64; 3]) -> Self {
        let [a, b, c] = angles_deg.map(|angle| angle.to_radians().sin_cos());
        let about_z = Matrix3::new(1.0, 0.0, 0.0, 0.0, a.1, a.0, 0.0, -a.0, a.1);
        let about_y = Matrix3::new(b.1, 0.0, -b.0, 0.0, 1.0, 0.0, b.0, 0.0, b.1);
        let about_x = Matrix3::new(c.1, c.0, 0.0, -c.0, c.1, 0.0, 0.0, 0.0, 1.0);
        Self::new(about_z * about_y * about_x * scale, Vector3::from(shift))
    }

    /// Where the reference's point `p` (z, y, x) lies in the moving volume, drift included.
    pub fn apply(&self, p: [f64; 3]) -> [f64; 3] {
        let q = self.linear * Vector3::from(p) + self.shift;
        match &self.drift {
            None => q.into(),
            Some(drift) => {
                let [dy, dx] = drift.at(q[0]);
                [q[0], q[1] + dy, q[2] + dx]
            }
        }
    }

    /// Whether the linear part is a scaled orthogonal matrix, to 1e-6.
    pub fn is_similarity(&self) -> bool {
        let scale = self.scale();
        let rotation = self.linear / scale;
        scale > 0.0 && (rotation.transpose() * rotation - Matrix3::identity()).amax() < 1e-6
    }

    /// Cube root of the determinant's absolute value.
    pub fn scale(&self) -> f64 {
        self.linear.determinant().abs().cbrt()
    }

    /// Scale, angles and mirror; of an affine transform, those of its nearest rotation (polar decomposition,
    /// Higham, SIAM J. Sci. Stat. Comput. 7, 1160, 1986).
    pub fn parts(&self) -> Parts {
        let svd = self.linear.svd(true, true);
        let mut rotation = match (svd.u, svd.v_t) {
            (Some(u), Some(v_t)) => u * v_t,
            _ => Matrix3::identity(),
        };
        let mirrored = rotation.determinant() < 0.0;
        if mirrored {
            rotation.column_mut(0).neg_mut();
        }
        let about_y = (-rotation[(0, 2)]).clamp(-1.0, 1.0).asin();
        let about_z = rotation[(1, 2)].atan2(rotation[(2, 2)]);
        let about_x = rotation[(0, 1)].atan2(rotation[(0, 0)]);
        Parts { scale: self.scale(), angles_deg: [about_z, about_y, about_x].map(f64::to_degrees), mirrored }
    }

    /// Refuses a path where no transform could be saved, before the long work of finding it.
    pub fn check_writable(path: &Path) -> Result<(), TransformError> {
        let failed = |source| TransformError::File { path: path.display().to_string(), source };
        crate::disk::check_writable(path).map_err(failed)
    }

    /// Writes the transform as JSON: to a temporary file beside `path`, which then takes its name.
    pub fn save(&self, path: &Path) -> Result<(), TransformError> {
        let rows = |m: &Matrix3<f64>| std::array::from_fn(|r| std::array::from_fn(|c| m[(r, c)]));
        let similar = self.is_similarity();
        let formula = if similar {
            "p_moving = scale * R p_reference + shift_um"
        } else {
            "p_moving = matrix p_reference + shift_um"
        };
        let record = Record {
            about: match self.known {
                true => format!("{formula}; coordinates in micrometres {ABOUT}"),
                false => format!("{formula}; coordinates in an unknown unit, not micrometres, {ABOUT}"),
            },
            unit: Some(if self.known { MICROMETRE } else { UNKNOWN }.to_owned()),
            scale: similar.then(|| self.scale()),
            rotation: similar.then(|| rows(&(self.linear / self.scale()))),
            matrix: (!similar).then(|| rows(&self.linear)),
            shift_um: self.shift.into(),
            drift: self.drift.clone(),
        };
        let failed = |source| TransformError::File { path: path.display().to_string(), source };
        let text = serde_json::to_string_pretty(&record).map_err(|e| failed(e.into()))?;
        crate::disk::write_whole(path, |file| file.write_all(text.as_bytes())).map_err(failed)
    }

    /// Reads a transform that [`save`](Self::save) wrote.
    pub fn load(path: &Path) -> Result<Self, TransformError> {
        let name = path.display().to_string();
        let format = |reason: String| TransformError::Format { path: name.clone(), reason };
        let file = File::open(path).map_err(|source| TransformError::File { path: name.clone(), source })?;
        let record: Record = serde_json::from_reader(std::io::BufReader::new(file).take(LARGEST_FILE))
            .map_err(|e| format(e.to_string()))?;
        let matrix = |rows: [[f64; 3]; 3]| Matrix3::from_fn(|r, c| rows[r][c]);
        let linear = match (record.matrix, record.scale, record.rotation) {
            (Some(rows), None, None) => matrix(rows),
            (None, Some(scale), Some(rows)) => matrix(rows) * scale,
            _ => return Err(format("it needs either matrix, or scale and R".to_owned())),
        };
        let shift = Vector3::from(record.shift_um);
        let determinant = linear.determinant();
        if !(linear.iter().chain(shift.iter()).all(|v| v.is_finite()) && determinant.abs() > 1e-6) {
            return Err(format(format!("its matrix cannot be inverted (determinant {determinant})")));
        }
        if let Some(reason) = record.drift.as_ref().and_then(Drift::fault) {
            return Err(format(reason));
        }
        let known = match record.unit.as_deref() {
            None | Some(MICROMETRE) => true,
            Some(UNKNOWN) => false,
            Some(other) => return Err(format(format!("its unit is {other}, and {MICROMETRE} is expected"))),
        };
        Ok(Self { linear, shift, drift: record.drift, known })
    }
}
