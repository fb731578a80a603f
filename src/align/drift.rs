//! Drift during a scan: a small in-plane shift of the moving volume that varies smoothly with its z.
//!
//! The shift is a uniform cubic B-spline (Unser, IEEE Signal Process. Mag. 16(6), 22, 1999): few coefficients, a
//! continuous slope, and constant beyond its ends.

use serde::{Deserialize, Serialize};

/// A shift (y, x) that depends on the moving volume's z, both in the stacks' unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Where the first interval between knots starts, about the moving volume's centre.
    pub start_um: f64,
    /// Distance between knots.
    pub step_um: f64,
    /// B-spline coefficients (y, x): three more than there are intervals.
    pub coefficients_um: Vec<[f64; 2]>,
}

/// The four coefficients that act at one z, their weights, and the slopes of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis {
    pub first: usize,
    pub weight: [f64; 4],
    pub slope: [f64; 4],
}

impl Drift {
    /// No movement yet, over a field of `extent` centred on zero, with knots about `spacing` apart.
    pub(super) fn flat(extent: f64, spacing: f64) -> Self {
        let intervals = (extent / spacing).ceil().max(1.0);
        Self {
            start_um: -extent / 2.0,
            step_um: extent / intervals,
            coefficients_um: vec![[0.0; 2]; intervals as usize + 3],
        }
    }

    /// The reason why these numbers are not a valid drift, if any.
    pub(super) fn fault(&self) -> Option<String> {
        let finite = self.coefficients_um.iter().flatten().all(|c| c.is_finite()) && self.start_um.is_finite();
        if self.coefficients_um.len() < 4 {
            Some(format!("its drift has {} coefficients, at least 4 are needed", self.coefficients_um.len()))
        } else if !(finite && self.step_um.is_finite() && self.step_um > 0.0) {
            Some("its drift holds a number that is not finite, or a step that is not above zero".to_owned())
        } else {
            None
        }
    }

    pub(super) fn basis(&self, z: f64) -> Basis {
        let intervals = (self.coefficients_um.len() - 3) as f64;
        let at = ((z - self.start_um) / self.step_um).clamp(0.0, intervals);
        let first = at.floor().min(intervals - 1.0);
        let t = at - first;
        let u = 1.0 - t;
        let inside = at > 0.0 && at < intervals;
        let slope = [-u * u / 2.0, t * (1.5 * t - 2.0), -u * (1.5 * u - 2.0), t * t / 2.0];
        Basis {
            first: first as usize,
            weight: [
                u * u * u / 6.0,
                2.0 / 3.0 - t * t * (2.0 - t) / 2.0,
                2.0 / 3.0 - u * u * (2.0 - u) / 2.0,
                t * t * t / 6.0,
            ],
            slope: if inside { slope.map(|s| s / self.step_um) } else { [0.0; 4] },
        }
    }

    /// The shift (y, x) at the moving volume's `z`.
    pub fn at(&self, z: f64) -> [f64; 2] {
        self.value_and_slope(z).0
    }

    /// The shift (y, x) at `z` and its derivative.
    pub(super) fn value_and_slope(&self, z: f64) -> ([f64; 2], [f64; 2]) {
        let basis = self.basis(z);
        let (mut value, mut slope) = ([0.0; 2], [0.0; 2]);
        for k in 0..4 {
            let c = self.coefficients_um[basis.first + k];
            for axis in 0..2 {
                value[axis] += basis.weight[k] * c[axis];
                slope[axis] += basis.slope[k] * c[axis];
            }
        }
        (value, slope)
    }

    /// An upper bound of the length of the shift.
    pub fn largest(&self) -> f64 {
        self.coefficients_um.iter().map(|[y, x]| y.hypot(*x)).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_is_the_derivative() {
        let mut drift = Drift::flat(20.0, 3.0);
        for (k, c) in drift.coefficients_um.iter_mut().enumerate() {
            *c = [(k as f64).sin(), (2.0 * k as f64).cos()];
        }
        for z in [-9.9, -3.3, 0.0, 0.1, 7.7] {
            let h = 1e-6;
            let (_, slope) = drift.value_and_slope(z);
            let (above, below) = (drift.at(z + h), drift.at(z - h));
            for axis in 0..2 {
                assert!(((above[axis] - below[axis]) / (2.0 * h) - slope[axis]).abs() < 1e-6);
            }
        }
        assert_eq!(drift.at(10.0), drift.at(50.0));
    }

    #[test]
    fn equal_coefficients_give_a_constant() {
        let mut drift = Drift::flat(10.0, 4.0);
        drift.coefficients_um.fill([0.5, -2.0]);
        for z in [-20.0, -4.0, 1.2, 5.0] {
            let [y, x] = drift.at(z);
            assert!((y - 0.5).abs() < 1e-12 && (x + 2.0).abs() < 1e-12);
        }
    }
}
