//! Equally scaled parameters for the optimiser.
//!
//! The Gauss–Newton matrix `H = Σ ∂g ∂gᵀ / Σ (g − mean)²` over the moving volume's grey values `g` says how fast they change
//! with the parameters `q` of a step; for `q = L⁻ᵀ u` with `H = L Lᵀ` they change equally fast with every `u`.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Vector3};

use super::grid::Grid;
use super::model::{Family, Step};
use super::sampler::{Samples, Warped, basis_at};
use super::transform::Transform;

/// Samples from which the matrix is estimated.
const SAMPLES: usize = 30_000;
/// Regularisation of directions that change no grey value, as a fraction of the mean rate.
const RIDGE: f64 = 1e-3;
/// Stiffness of the drift, as a fraction of the rate of a shift.
const STIFFNESS: f64 = 0.01;

/// A change of the optimiser's parameters.
pub(super) struct Whitening {
    factor: Cholesky<f64, Dyn>,
    /// Weight of the drift's squared second differences, which keeps it smooth, also where there is no data.
    pub bend: f64,
}

impl Whitening {
    /// Whitens steps away from `start`. `None` if the grey values there are not finite.
    pub fn new(samples: &Samples, moving: &Grid, family: Family, start: &Transform) -> Option<Self> {
        let rigid = family.count();
        let knots = start.drift.as_ref().map_or(0, |d| d.coefficients_um.len());
        let count = rigid + 2 * knots;
        let step = Step::new(family, start, &vec![0.0; count]);
        let few = samples.thinned(SAMPLES);
        let mut warped = Warped::default();
        few.warp(moving, start, &mut warped);
        let (mut curvature, mut motions) = (DMatrix::zeros(count, count), DMatrix::zeros(count, count));
        let (mut n, mut sum, mut square) = (0.0f64, 0.0f64, 0.0f64);
        for ((place, grey), slope) in few.places.iter().zip(&warped.grey).zip(&warped.slope) {
            if grey.is_nan() {
                continue;
            }
            let motion = motion(&step, start, rigid, count, &Vector3::from(place.map(f64::from)));
            let change: DVector<f64> = motion.tr_mul(&Vector3::from(slope.map(f64::from)));
            curvature.ger(1.0, &change, &change, 1.0);
            motions.gemm_tr(1.0, &motion, &motion, 1.0);
            let grey = f64::from(*grey);
            n += 1.0;
            sum += grey;
            square += grey * grey;
        }
        let variance = (square - sum * sum / n).max(f64::MIN_POSITIVE);
        let shifts = (rigid - 3..rigid).map(|i| curvature[(i, i)]).sum::<f64>() / 3.0 / variance;
        let ridge = RIDGE * curvature.trace() / motions.trace();
        let mut matrix = (curvature + motions * ridge) / variance;
        let bend = STIFFNESS * shifts / knots.max(1) as f64;
        for first in (0..knots.saturating_sub(2)).flat_map(|k| [rigid + 2 * k, rigid + 2 * k + 1]) {
            let terms = [(first, 1.0), (first + 2, -2.0), (first + 4, 1.0)];
            for ((a, weight_a), (b, weight_b)) in terms.iter().flat_map(|a| terms.iter().map(move |b| (*a, *b))) {
                matrix[(a, b)] += 2.0 * bend * weight_a * weight_b;
            }
        }
        // Coefficients of the drift without influence.
        let least = 1e-9 * matrix.diagonal().amax();
        matrix += DMatrix::identity(count, count) * least;
        Some(Self { factor: Cholesky::new(matrix)?, bend })
    }

    /// The step's parameters for whitened ones.
    pub fn numbers(&self, whitened: &[f64]) -> Option<DVector<f64>> {
        self.factor.l_dirty().tr_solve_lower_triangular(&DVector::from_column_slice(whitened))
    }

    /// A gradient with respect to whitened parameters.
    pub fn gradient(&self, gradient: &DVector<f64>) -> Option<DVector<f64>> {
        self.factor.l_dirty().solve_lower_triangular(gradient)
    }
}

/// Derivative of the position in the moving volume (rows z, y, x) with respect to each parameter (columns), for the
/// reference's point `p`.
fn motion(step: &Step, start: &Transform, rigid: usize, count: usize, p: &Vector3<f64>) -> DMatrix<f64> {
    let mut motion = DMatrix::zeros(3, count);
    for (j, column) in step.motion(p).iter().enumerate() {
        motion.set_column(j, column);
    }
    if let Some(drift) = &start.drift {
        let basis = basis_at(drift, start, p);
        for (k, weight) in basis.weight.iter().enumerate() {
            let column = rigid + 2 * (basis.first + k);
            motion[(1, column)] = *weight;
            motion[(2, column + 1)] = *weight;
        }
    }
    motion
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_change_grey_values_equally() {
        let size = [12, 16, 20];
        let mut grid = Grid { size, voxel: [1.0; 3], origin: [-5.5, -7.5, -9.5], grey: Vec::new() };
        let wave = |p: [f64; 3]| ((0.7 * p[0]).sin() + (0.5 * p[1] + 0.2 * p[0]).cos() * (0.9 * p[2]).sin()) as f32;
        grid.grey = (0..12 * 16 * 20).map(|i| wave(grid.place(i))).collect();
        let (samples, start) = (Samples::of(&grid, usize::MAX), Transform::identity());
        let whitening = Whitening::new(&samples, &grid, Family::Similarity, &start).unwrap();
        let grey = |size: f64, i: usize| {
            let mut u = vec![0.0; 7];
            u[i] = size;
            let q = whitening.numbers(&u).unwrap();
            let mut warped = Warped::default();
            samples.warp(&grid, &Step::new(Family::Similarity, &start, q.as_slice()).transform, &mut warped);
            warped.grey
        };
        let here = grey(0.0, 0);
        let mean = here.iter().filter(|v| !v.is_nan()).sum::<f32>() / here.len() as f32;
        let spread = |values: &[f32], others: &dyn Fn(usize) -> f32| -> f64 {
            let both = values.iter().enumerate().filter(|(i, v)| !v.is_nan() && !others(*i).is_nan());
            both.map(|(i, v)| f64::from(v - others(i)).powi(2)).sum()
        };
        let all = spread(&here, &|_| mean);
        for i in 0..7 {
            let moved = grey(0.01, i);
            let rate = (spread(&moved, &|j| here[j]) / all).sqrt() / 0.01;
            // Voxels at the border drop out as the volume moves; unwhitened, the rates differ twentyfold.
            assert!((0.65..1.35).contains(&rate), "number {i}: {rate}");
        }
    }
}
