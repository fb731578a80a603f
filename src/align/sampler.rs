//! What the optimiser looks at: some of the reference's voxels, and the moving volume's grey values at their places.
//!
//! Sums run over chunks of a fixed length and are added in order, so results do not hang on the number of threads.

use nalgebra::{Matrix3, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::drift::{Basis, Drift};
use super::grid::Grid;
use super::transform::Transform;

/// Samples that one task handles.
pub(super) const CHUNK: usize = 1 << 14;

/// Some voxels of the reference.
#[derive(Debug)]
pub(super) struct Samples {
    /// Places (z, y, x) about the centre of the reference's field.
    pub places: Vec<[f32; 3]>,
    /// Grey values of the reference.
    pub grey: Vec<f32>,
}

/// The moving volume at the samples' places.
#[derive(Debug, Default)]
pub(super) struct Warped {
    /// Grey values; NaN where the moving volume shows nothing.
    pub grey: Vec<f32>,
    /// How the grey value changes with a shift of the place in the moving volume (z, y, x), drift included.
    pub slope: Vec<[f32; 3]>,
}

/// How a sum of weighed grey values changes with the transform.
#[derive(Clone, Debug)]
pub(super) struct Slopes {
    /// With the linear part.
    pub linear: Matrix3<f64>,
    /// With the shift.
    pub shift: Vector3<f64>,
    /// With the drift's coefficients.
    pub drift: Vec<[f64; 2]>,
}

impl Samples {
    /// All usable voxels of `reference`, or a reproducible choice of about `most` of them. The choice is random because
    /// a regular one would beat with the other volume's grid.
    pub fn of(reference: &Grid, most: usize) -> Self {
        let usable = reference.grey.iter().filter(|v| !v.is_nan()).count();
        let share = most as f64 / usable.max(1) as f64;
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (mut places, mut grey) = (Vec::new(), Vec::new());
        for (index, v) in reference.grey.iter().enumerate() {
            if !v.is_nan() && (share >= 1.0 || random.random_bool(share)) {
                places.push(reference.place(index).map(|p| p as f32));
                grey.push(*v);
            }
        }
        Self { places, grey }
    }

    /// About `most` of these samples, evenly chosen.
    pub fn thinned(&self, most: usize) -> Self {
        let stride = self.grey.len().div_ceil(most).max(1);
        Self {
            places: self.places.iter().copied().step_by(stride).collect(),
            grey: self.grey.iter().copied().step_by(stride).collect(),
        }
    }

    /// Looks up the moving volume at every sample.
    pub fn warp(&self, moving: &Grid, transform: &Transform, out: &mut Warped) {
        out.grey.resize(self.grey.len(), 0.0);
        out.slope.resize(self.grey.len(), [0.0; 3]);
        let chunks = out.grey.par_chunks_mut(CHUNK).zip(out.slope.par_chunks_mut(CHUNK));
        chunks.zip(self.places.par_chunks(CHUNK)).for_each(|((grey, slope), places)| {
            let samples = grey.iter_mut().zip(slope).zip(places);
            samples.for_each(|((grey, slope), place)| (*grey, *slope) = look(moving, transform, place));
        });
    }

    /// `Σ weight ∂grey/∂(linear, shift, drift)` over the samples.
    pub fn slopes(&self, warped: &Warped, weights: &[f32], transform: &Transform) -> Slopes {
        let coefficients = transform.drift.as_ref().map_or(0, |d| d.coefficients_um.len());
        let zero = || Slopes { linear: Matrix3::zeros(), shift: Vector3::zeros(), drift: vec![[0.0; 2]; coefficients] };
        let parts: Vec<Slopes> = (0..self.grey.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut sum = zero();
                let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(self.grey.len());
                let samples = self.places[range.clone()].iter().zip(&warped.slope[range.clone()]);
                for ((place, slope), weight) in samples.zip(&weights[range]).filter(|(_, weight)| **weight != 0.0) {
                    let slope = Vector3::from(slope.map(|s| f64::from(s * weight)));
                    let place = Vector3::from(place.map(f64::from));
                    sum.linear += slope * place.transpose();
                    sum.shift += slope;
                    if let Some(drift) = &transform.drift {
                        let Basis { first, weight, .. } = basis_at(drift, transform, &place);
                        for (c, weight) in sum.drift[first..].iter_mut().zip(weight) {
                            *c = [c[0] + weight * slope[1], c[1] + weight * slope[2]];
                        }
                    }
                }
                sum
            })
            .collect();
        parts.into_iter().fold(zero(), |mut sum, part| {
            sum.linear += part.linear;
            sum.shift += part.shift;
            for (s, p) in sum.drift.iter_mut().zip(part.drift) {
                *s = [s[0] + p[0], s[1] + p[1]];
            }
            sum
        })
    }
}

/// The drift's coefficients that act at a place of the reference.
pub(super) fn basis_at(drift: &Drift, transform: &Transform, place: &Vector3<f64>) -> Basis {
    drift.basis(transform.linear.row(0).transpose().dot(place) + transform.shift[0])
}

#[inline]
fn look(moving: &Grid, transform: &Transform, place: &[f32; 3]) -> (f32, [f32; 3]) {
    let mut at = transform.linear * Vector3::from(place.map(f64::from)) + transform.shift;
    let mut drifting = [0.0; 2];
    if let Some(drift) = &transform.drift {
        let (value, slope) = drift.value_and_slope(at[0]);
        at[1] += value[0];
        at[2] += value[1];
        drifting = slope;
    }
    let voxel = moving.voxel;
    let (grey, slope) = moving.sample(std::array::from_fn(|a| (at[a] - moving.origin[a]) / voxel[a]));
    let mut slope: [f32; 3] = std::array::from_fn(|a| slope[a] / voxel[a] as f32);
    slope[0] += slope[1] * drifting[0] as f32 + slope[2] * drifting[1] as f32;
    (grey, slope)
}
