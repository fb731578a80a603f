//! The optimiser's parameters: a step away from a starting transform.
//!
//! Rigid: a rotation vector about (z, y, x) and a shift; similarity: the logarithm of a scale too; affine: nine changes
//! of the linear part and a shift. Rotation and scale multiply the start from the left, so a mirrored start stays mirrored.
//! Refined drift adds the coefficients of its spline.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};
use undulator_compute::UnknownName;

use super::sampler::Slopes;
use super::transform::Transform;

/// Degrees of freedom of the transform.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Family {
    /// Rotation, shift and one scale, since voxel sizes are never exact: seven parameters.
    #[default]
    Similarity,
    /// Rotation and shift: six parameters.
    Rigid,
    /// Any linear map and a shift: twelve parameters.
    Affine,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Family>("transform", name)
}

impl Family {
    fn linear_count(self) -> usize {
        match self {
            Self::Rigid => 3,
            Self::Similarity => 4,
            Self::Affine => 9,
        }
    }

    /// Number of parameters without drift: the linear part first, then the shift.
    pub(super) fn count(self) -> usize {
        self.linear_count() + 3
    }
}

/// The matrix of the cross product with `w`, in the order (z, y, x), which is left-handed: hence the minus sign.
fn cross(w: Vector3<f64>) -> Matrix3<f64> {
    -w.cross_matrix()
}

/// The rotation by the vector `w` (Rodrigues' formula) and its derivative with each of `w`'s components (Gallego and
/// Yezzi, J. Math. Imaging Vis. 51, 378, 2015).
fn rotation(w: Vector3<f64>) -> (Matrix3<f64>, [Matrix3<f64>; 3]) {
    let angle2 = w.norm_squared();
    let k = cross(w);
    if angle2 < 1e-16 {
        let derivatives = std::array::from_fn(|i| cross(Vector3::ith(i, 1.0)));
        return (Matrix3::identity() + k, derivatives);
    }
    let angle = angle2.sqrt();
    let r = Matrix3::identity() + k * (angle.sin() / angle) + k * k * ((1.0 - angle.cos()) / angle2);
    let derivatives = std::array::from_fn(|i| {
        let e: Vector3<f64> = Vector3::ith(i, 1.0);
        let turned = k * ((Matrix3::identity() - r) * e);
        (cross(w) * w[i] + cross(turned)) / angle2 * r
    });
    (r, derivatives)
}

/// A transform and its derivatives with respect to the optimiser's parameters.
#[derive(Debug)]
pub(super) struct Step {
    /// The transform.
    pub transform: Transform,
    /// Derivative of its linear part with respect to each parameter of that part.
    linear: Vec<Matrix3<f64>>,
}

impl Step {
    /// The transform `q` away from `start`.
    pub fn new(family: Family, start: &Transform, q: &[f64]) -> Self {
        let count = family.linear_count();
        let (linear, derivatives) = match family {
            Family::Affine => {
                let unit = |i: usize| Matrix3::from_fn(|r, c| if 3 * r + c == i { 1.0 } else { 0.0 });
                (start.linear + Matrix3::from_fn(|r, c| q[3 * r + c]), (0..9).map(unit).collect())
            }
            Family::Rigid | Family::Similarity => {
                let (r, slopes) = rotation(Vector3::new(q[0], q[1], q[2]));
                let scaled = if family == Family::Similarity { start.linear * q[3].exp() } else { start.linear };
                let linear = r * scaled;
                let mut derivatives: Vec<_> = slopes.iter().map(|s| s * scaled).collect();
                derivatives.extend((family == Family::Similarity).then_some(linear));
                (linear, derivatives)
            }
        };
        let shift = start.shift + Vector3::new(q[count], q[count + 1], q[count + 2]);
        let mut transform = Transform { linear, shift, drift: start.drift.clone(), known: start.known };
        if let Some(drift) = &mut transform.drift {
            for (c, dq) in drift.coefficients_um.iter_mut().zip(q[count + 3..].chunks_exact(2)) {
                *c = [c[0] + dq[0], c[1] + dq[1]];
            }
        }
        Self { transform, linear: derivatives }
    }

    /// The derivative of a sum with respect to each parameter.
    pub fn gradient(&self, slopes: &Slopes) -> Vec<f64> {
        let linear = self.linear.iter().map(|d| d.dot(&slopes.linear));
        linear.chain(slopes.shift.iter().copied()).chain(slopes.drift.iter().flatten().copied()).collect()
    }

    /// Derivative of the position in the moving volume of the reference's point `p`, with respect to each parameter but the
    /// drift's.
    pub fn motion(&self, p: &Vector3<f64>) -> Vec<Vector3<f64>> {
        let units = (0..3).map(|i| Vector3::ith(i, 1.0));
        self.linear.iter().map(|d| d * p).chain(units).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_every_family() {
        let start = Transform::similarity([40.0, -10.0, 5.0], 1.1, [1.0, 2.0, 3.0]);
        for family in [Family::Rigid, Family::Similarity, Family::Affine] {
            for size in [0.0, 0.3] {
                let q: Vec<f64> = (0..family.count()).map(|i| size * (i as f64 * 1.3).sin()).collect();
                let p = Vector3::new(3.0, -2.0, 7.0);
                let step = Step::new(family, &start, &q);
                for (i, motion) in step.motion(&p).iter().enumerate() {
                    let at = |h: f64| {
                        let mut q = q.clone();
                        q[i] += h;
                        Vector3::from(Step::new(family, &start, &q).transform.apply(p.into()))
                    };
                    let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!((motion - expected).amax() < 1e-6, "{family:?} {i}: {motion} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_rotation_vector_along_z_turns_x_towards_y() {
        let step = Step::new(Family::Rigid, &Transform::identity(), &[0.2, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let expected = Transform::similarity([0.2f64.to_degrees(), 0.0, 0.0], 1.0, [0.0; 3]);
        assert!((step.transform.linear - expected.linear).amax() < 1e-12);
    }
}
