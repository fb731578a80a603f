//! Climbing to the best transform from a start near it: L-BFGS (crate `argmin`) on whitened numbers.
//!
//! Rotations, scales and shifts have different units and act on each other, which a quasi-Newton method would have to
//! learn step by step. So the numbers are whitened first with the Gauss–Newton matrix of the moving volume at the start:
//! a unit step in any direction then changes the grey values equally, the first step is nearly Newton's, and the same
//! code serves both metrics, for which no common Newton matrix exists. Gradients are analytic.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Vector3};

use crate::monitor::Monitor;

use super::AlignError;
use super::grid::Grid;
use super::metric::Metric;
use super::model::{Family, Step};
use super::sampler::{Samples, Warped, basis_at};
use super::transform::Transform;

/// Evaluations of the metric that one climb may take.
const EVALUATIONS: usize = 80;
/// Samples from which the whitening matrix is estimated.
const WHITENING: usize = 30_000;

/// What to climb on.
pub(super) struct Landscape<'a> {
    /// Voxels of the reference.
    pub samples: &'a Samples,
    /// The moving volume.
    pub moving: &'a Grid,
    /// What to maximise.
    pub metric: Metric,
    /// Fewest samples that must lie in both volumes: without a floor the best overlap may be a tiny one.
    pub fewest: usize,
}

/// A transform and how good it is.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The transform.
    pub transform: Transform,
    /// The metric there as a correlation; −∞ if too few samples lie in both volumes.
    pub value: f64,
    /// Samples in both volumes.
    pub count: usize,
}

impl Landscape<'_> {
    /// The metric at one transform.
    pub fn at(&self, transform: &Transform) -> Found {
        let mut warped = Warped::default();
        self.samples.warp(self.moving, transform, &mut warped);
        let score = self.metric.score(&self.samples.grey, &warped.grey);
        let value =
            if score.count < self.fewest { f64::NEG_INFINITY } else { self.metric.as_correlation(score.value).0 };
        Found { transform: transform.clone(), value, count: score.count }
    }

    /// A metric of its own kind (not as a correlation) at one transform.
    pub fn measure(&self, transform: &Transform, metric: Metric) -> f64 {
        let mut warped = Warped::default();
        self.samples.warp(self.moving, transform, &mut warped);
        metric.score(&self.samples.grey, &warped.grey).value
    }

    /// Climbs from `start` to the next maximum.
    pub fn climb(&self, family: Family, start: &Transform, monitor: &dyn Monitor) -> Result<Found, AlignError> {
        let origin = self.at(start);
        if origin.value == f64::NEG_INFINITY {
            return Ok(origin);
        }
        let whitening = self.whitening(family, start);
        let climb = Climb {
            landscape: self,
            family,
            start,
            bend: whitening.bend,
            factor: whitening.factor,
            warped: RefCell::default(),
            last: RefCell::default(),
            best: RefCell::new(origin),
            evaluations: RefCell::new(0),
            monitor,
        };
        let count = count_of(family, start);
        // Errors of the search (no descent left, evaluations spent) end it like convergence does: the best point counts.
        let search = MoreThuenteLineSearch::new().with_bounds(1e-4, 4.0).and_then(|s| s.with_width_tolerance(1e-2));
        let solver = search.and_then(|s| LBFGS::new(s, 8).with_tolerance_cost(1e-8));
        let solver = solver.and_then(|s| s.with_tolerance_grad(1e-6));
        let solver = solver.map_err(|e| AlignError::Optimiser(e.to_string()))?;
        let run = Executor::new(&climb, solver)
            .configure(|state| state.param(vec![0.0; count]).max_iters(40))
            .timer(false)
            .ctrlc(false)
            .run();
        if let Ok(result) = &run {
            log::trace!(
                "climb: {} iterations, {:?}",
                result.state().get_iter(),
                result.state().get_termination_status()
            );
        }
        if monitor.cancelled() {
            return Err(AlignError::Cancelled);
        }
        Ok(climb.best.into_inner())
    }

    /// The Gauss–Newton matrix at `start`, in units in which the metric bends by about one.
    fn whitening(&self, family: Family, start: &Transform) -> Whitening {
        let step = Step::new(family, start, &vec![0.0; count_of(family, start)]);
        let count = count_of(family, start);
        let rigid = family.count();
        let stride = (self.samples.grey.len() / WHITENING).max(1);
        let chosen = Samples {
            places: self.samples.places.iter().copied().step_by(stride).collect(),
            grey: self.samples.grey.iter().copied().step_by(stride).collect(),
        };
        let mut warped = Warped::default();
        chosen.warp(self.moving, start, &mut warped);
        let (mut curvature, mut motions) = (DMatrix::zeros(count, count), DMatrix::zeros(count, count));
        let (mut n, mut sum, mut square) = (0.0f64, 0.0f64, 0.0f64);
        for i in (0..chosen.grey.len()).filter(|i| !warped.grey[*i].is_nan()) {
            let place = Vector3::from(chosen.places[i].map(f64::from));
            let slope = Vector3::from(warped.slope[i].map(f64::from));
            let mut motion = DMatrix::zeros(3, count);
            for (j, m) in step.motion(&place).iter().enumerate() {
                motion.set_column(j, m);
            }
            if let Some(drift) = &start.drift {
                let basis = basis_at(drift, start, &place);
                for k in 0..4 {
                    for axis in 0..2 {
                        motion[(1 + axis, rigid + 2 * (basis.first + k) + axis)] = basis.weight[k];
                    }
                }
            }
            let change: DVector<f64> = motion.tr_mul(&slope);
            curvature.ger(1.0, &change, &change, 1.0);
            motions.gemm_tr(1.0, &motion, &motion, 1.0);
            let grey = f64::from(warped.grey[i]);
            n += 1.0;
            sum += grey;
            square += grey * grey;
        }
        let variance = (square - sum * sum / n.max(1.0)).max(f64::MIN_POSITIVE);
        // Directions that change no grey value are held by a small share of the mean curvature of a shift.
        let ridge = 1e-3 * curvature.trace() / motions.trace().max(f64::MIN_POSITIVE);
        let shifts: f64 = (rigid - 3..rigid).map(|i| curvature[(i, i)]).sum::<f64>() / 3.0;
        let mut matrix = (curvature + motions * ridge) / variance;
        let knots = (count - rigid) / 2;
        let bend = if knots > 0 { 0.01 * shifts / variance / knots as f64 } else { 0.0 };
        for k in 1..knots.saturating_sub(1) {
            for axis in 0..2 {
                let at = |k: usize| rigid + 2 * k + axis;
                for (a, wa) in [(k - 1, 1.0), (k, -2.0), (k + 1, 1.0)] {
                    for (b, wb) in [(k - 1, 1.0), (k, -2.0), (k + 1, 1.0)] {
                        matrix[(at(a), at(b))] += 2.0 * bend * wa * wb;
                    }
                }
            }
        }
        for i in 0..count {
            matrix[(i, i)] += 1e-12 + 1e-9 * matrix[(i, i)];
        }
        // A sum of squares plus a ridge is positive definite; numbers stay as they are should rounding spoil that.
        let factor = Cholesky::new(matrix).unwrap_or_else(|| Cholesky::pack_dirty(DMatrix::identity(count, count)));
        Whitening { factor, bend }
    }
}

fn count_of(family: Family, start: &Transform) -> usize {
    family.count() + 2 * start.drift.as_ref().map_or(0, |d| d.coefficients_um.len())
}

struct Whitening {
    factor: Cholesky<f64, Dyn>,
    /// Weight of the drift's squared second differences.
    bend: f64,
}

/// One climb, as the optimiser sees it: cost `1 − metric` of whitened numbers.
struct Climb<'a> {
    landscape: &'a Landscape<'a>,
    family: Family,
    start: &'a Transform,
    bend: f64,
    factor: Cholesky<f64, Dyn>,
    warped: RefCell<Warped>,
    /// The optimiser asks for cost and gradient one after the other at the same point.
    last: RefCell<Option<(Vec<f64>, f64, Vec<f64>)>>,
    best: RefCell<Found>,
    evaluations: RefCell<usize>,
    monitor: &'a dyn Monitor,
}

impl Climb<'_> {
    fn evaluate(&self, u: &[f64]) -> Result<(f64, Vec<f64>), Error> {
        if let Some((point, cost, gradient)) = &*self.last.borrow()
            && point == u
        {
            return Ok((*cost, gradient.clone()));
        }
        let spent = self.evaluations.replace_with(|n| *n + 1);
        if spent >= EVALUATIONS || self.monitor.cancelled() {
            return Err(Error::msg("stopped"));
        }
        let whitened = DVector::from_column_slice(u);
        let Some(q) = self.factor.l().tr_solve_lower_triangular(&whitened) else {
            return Err(Error::msg("singular"));
        };
        let step = Step::new(self.family, self.start, q.as_slice());
        let mut warped = self.warped.borrow_mut();
        let landscape = self.landscape;
        landscape.samples.warp(landscape.moving, &step.transform, &mut warped);
        let score = landscape.metric.score(&landscape.samples.grey, &warped.grey);
        let (cost, gradient) = if score.count < landscape.fewest {
            // Worse than anything, so that the line search turns back.
            (10.0, vec![0.0; u.len()])
        } else {
            let slopes = landscape.samples.slopes(&warped, &score.weights, &step.transform);
            let (correlation, rate) = landscape.metric.as_correlation(score.value);
            let mut gradient = DVector::from_vec(step.gradient(&slopes)) * -rate;
            let bending = self.bending(&step.transform, &mut gradient);
            let white = self.factor.l().solve_lower_triangular(&gradient).ok_or_else(|| Error::msg("singular"))?;
            let mut best = self.best.borrow_mut();
            let value = correlation - bending;
            if value > best.value {
                *best = Found { transform: step.transform, value, count: score.count };
            }
            (1.0 - value, white.as_slice().to_vec())
        };
        *self.last.borrow_mut() = Some((u.to_vec(), cost, gradient.clone()));
        Ok((cost, gradient))
    }

    /// The penalty on a drift that is not smooth, and its part of the gradient.
    fn bending(&self, transform: &Transform, gradient: &mut DVector<f64>) -> f64 {
        let Some(drift) = &transform.drift else { return 0.0 };
        let first = self.family.count();
        let mut sum = 0.0;
        for (k, c) in drift.coefficients_um.windows(3).enumerate() {
            for axis in 0..2 {
                let bend = c[0][axis] - 2.0 * c[1][axis] + c[2][axis];
                sum += self.bend * bend * bend;
                for (j, weight) in [1.0, -2.0, 1.0].iter().enumerate() {
                    gradient[first + 2 * (k + j) + axis] += 2.0 * self.bend * bend * weight;
                }
            }
        }
        sum
    }
}

impl CostFunction for &Climb<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, u: &Vec<f64>) -> Result<f64, Error> {
        self.evaluate(u).map(|(cost, _)| cost)
    }
}

impl Gradient for &Climb<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, u: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.evaluate(u).map(|(_, gradient)| gradient)
    }
}
