//! Local optimisation of a transform: L-BFGS (crate `argmin`) on whitened parameters.
//!
//! Rotations, scales and shifts have different units and are coupled, which a quasi-Newton method would have to learn
//! step by step. So the parameters are first whitened with the Gauss–Newton matrix of the moving volume at the start: a
//! unit step in any direction then changes the grey values equally, the first step is close to Newton's, and the same code
//! serves both metrics, which have no Newton matrix in common. Gradients are analytic.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use nalgebra::DVector;

use crate::progress::Progress;

use super::AlignError;
use super::grid::Grid;
use super::metric::Metric;
use super::model::{Family, Step};
use super::sampler::{Samples, Warped};
use super::transform::Transform;
use super::whitening::Whitening;

/// Most evaluations of the metric in one optimisation.
const EVALUATIONS: usize = 80;

/// The objective.
pub(super) struct Landscape<'a> {
    /// Voxels of the reference.
    pub samples: &'a Samples,
    /// The moving volume.
    pub moving: &'a Grid,
    /// What to maximise.
    pub metric: Metric,
    /// How many samples the smaller of the two fields of view holds.
    pub smaller: usize,
    /// Fewest samples that must lie in both volumes: otherwise a tiny overlap may win.
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

    /// The metric itself, not as a correlation, at one transform.
    pub fn measure(&self, transform: &Transform, metric: Metric) -> f64 {
        let mut warped = Warped::default();
        self.samples.warp(self.moving, transform, &mut warped);
        metric.score(&self.samples.grey, &warped.grey).value
    }

    /// Finds the local maximum near `start`.
    pub fn climb(&self, family: Family, start: &Transform, progress: Progress<'_>) -> Result<Found, AlignError> {
        let origin = self.at(start);
        if origin.value == f64::NEG_INFINITY {
            return Ok(origin);
        }
        let Some(whitening) = Whitening::new(self.samples, self.moving, family, start) else {
            return Ok(origin);
        };
        let climb = Climb {
            landscape: self,
            family,
            start,
            whitening,
            warped: RefCell::default(),
            last: RefCell::default(),
            best: RefCell::new(origin),
            evaluations: RefCell::new(0),
            progress,
        };
        let count = count_of(family, start);
        // Errors of the line search (no descent, no evaluations left) end it like convergence: the best point so far counts.
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
        progress.check()?;
        Ok(climb.best.into_inner())
    }
}

fn count_of(family: Family, start: &Transform) -> usize {
    family.count() + 2 * start.drift.as_ref().map_or(0, |d| d.coefficients_um.len())
}

/// Cost and gradient at a point.
struct Evaluation {
    point: Vec<f64>,
    cost: f64,
    gradient: Vec<f64>,
}

/// One optimisation as `argmin` sees it: cost `1 − metric` of whitened parameters.
struct Climb<'a> {
    landscape: &'a Landscape<'a>,
    family: Family,
    start: &'a Transform,
    whitening: Whitening,
    warped: RefCell<Warped>,
    /// The optimiser asks for cost and gradient one after the other at the same point.
    last: RefCell<Option<Evaluation>>,
    best: RefCell<Found>,
    evaluations: RefCell<usize>,
    progress: Progress<'a>,
}

impl Climb<'_> {
    fn evaluate(&self, u: &[f64]) -> Result<(f64, Vec<f64>), Error> {
        if let Some(last) = &*self.last.borrow()
            && last.point == u
        {
            return Ok((last.cost, last.gradient.clone()));
        }
        let spent = self.evaluations.replace_with(|n| *n + 1);
        if spent >= EVALUATIONS || self.progress.check().is_err() {
            return Err(Error::msg("stopped"));
        }
        let q = self.whitening.numbers(u).ok_or_else(|| Error::msg("singular"))?;
        let step = Step::new(self.family, self.start, q.as_slice());
        let mut warped = self.warped.borrow_mut();
        let landscape = self.landscape;
        landscape.samples.warp(landscape.moving, &step.transform, &mut warped);
        let score = landscape.metric.score(&landscape.samples.grey, &warped.grey);
        let (cost, gradient) = if score.count < landscape.fewest {
            // Worse than any valid cost, so that the line search turns back.
            (10.0, vec![0.0; u.len()])
        } else {
            let slopes = landscape.samples.slopes(&warped, &score.weights, &step.transform);
            let (correlation, rate) = landscape.metric.as_correlation(score.value);
            let mut gradient = DVector::from_vec(step.gradient(&slopes)) * -rate;
            let bending = self.bending(&step.transform, &mut gradient);
            let white = self.whitening.gradient(&gradient).ok_or_else(|| Error::msg("singular"))?;
            let mut best = self.best.borrow_mut();
            let value = correlation - bending;
            if value > best.value {
                *best = Found { transform: step.transform, value, count: score.count };
            }
            (1.0 - value, white.as_slice().to_vec())
        };
        *self.last.borrow_mut() = Some(Evaluation { point: u.to_vec(), cost, gradient: gradient.clone() });
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
                sum += self.whitening.bend * bend * bend;
                for (j, weight) in [1.0, -2.0, 1.0].iter().enumerate() {
                    gradient[first + 2 * (k + j) + axis] += 2.0 * self.whitening.bend * bend * weight;
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
