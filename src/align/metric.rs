//! Similarity of the moving volume's grey values to the reference's at the same positions.
//!
//! Both measures are largest at the best alignment. Normalised cross-correlation is invariant to a linear map of the grey
//! values, mutual information to any map.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use undulator_compute::UnknownName;

use super::sampler::CHUNK;

/// What the alignment maximises.
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
pub enum Metric {
    /// Normalised cross-correlation, −1 to 1: grey scales may differ by offset and gain.
    #[default]
    #[strum(serialize = "NCC")]
    Ncc,
    /// Mutual information in nats (Mattes et al., IEEE Trans. Med. Imaging 22, 120, 2003): grey scales may differ in
    /// any way.
    #[strum(serialize = "Mutual information")]
    MutualInformation,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Metric>("metric", name)
}

/// A measure and its derivative.
#[derive(Clone, Debug)]
pub(super) struct Score {
    /// The measure.
    pub value: f64,
    /// Its derivative with respect to each moving grey value; 0 where there is none.
    pub weights: Vec<f32>,
    /// How many samples lie in both volumes.
    pub count: usize,
}

const BINS: usize = 32;

impl Metric {
    /// The measure over all samples at which neither value is NaN; 0 for constant grey values.
    pub(super) fn score(self, reference: &[f32], moving: &[f32]) -> Score {
        match self {
            Self::Ncc => correlation(reference, moving),
            Self::MutualInformation => information(reference, moving),
        }
    }
}

impl Metric {
    /// The measure as a correlation, 0 to 1 (or from −1), and the derivative of that: the informational coefficient of
    /// correlation (Linfoot, Information and Control 1, 85, 1957), which is |NCC| for normally distributed grey values.
    /// Both measures then have similar curvature at their maximum.
    pub(super) fn as_correlation(self, value: f64) -> (f64, f64) {
        match self {
            Self::Ncc => (value, 1.0),
            Self::MutualInformation => {
                let rest = (-2.0 * value.max(0.0)).exp();
                let r = (1.0 - rest).sqrt();
                (r, rest / r.max(1e-3))
            }
        }
    }
}

/// Sums `part` over chunks of samples, in their order.
fn sum_chunks<const N: usize>(f: &[f32], g: &[f32], part: impl Fn(&mut [f64; N], f64, f64) + Sync) -> [f64; N] {
    let chunks = f.par_chunks(CHUNK).zip(g.par_chunks(CHUNK)).map(|(f, g)| {
        let mut sum = [0.0; N];
        for (f, g) in f.iter().zip(g).filter(|(_, g)| !g.is_nan()) {
            part(&mut sum, f64::from(*f), f64::from(*g));
        }
        sum
    });
    let chunks: Vec<_> = chunks.collect();
    chunks.into_iter().fold([0.0; N], |total, sum| std::array::from_fn(|i| total[i] + sum[i]))
}

fn correlation(f: &[f32], g: &[f32]) -> Score {
    let [n, sf, sg, sff, sgg, sfg] = sum_chunks(f, g, |sum: &mut [f64; 6], f, g| {
        for (s, term) in sum.iter_mut().zip([1.0, f, g, f * f, g * g, f * g]) {
            *s += term;
        }
    });
    let none = || Score { value: 0.0, weights: vec![0.0; f.len()], count: n as usize };
    if n < 2.0 {
        return none();
    }
    let (mean_f, mean_g) = (sf / n, sg / n);
    let (var_f, var_g) = (sff - sf * mean_f, sgg - sg * mean_g);
    if var_f <= 1e-9 * n || var_g <= 1e-9 * n {
        return none();
    }
    let value = (sfg - sf * mean_g) / (var_f * var_g).sqrt();
    let (a, b) = (1.0 / (var_f * var_g).sqrt(), value / var_g);
    let weigh = |f: f32, g: f32| (a * (f64::from(f) - mean_f) - b * (f64::from(g) - mean_g)) as f32;
    let weights = f.par_iter().zip(g).map(|(f, g)| if g.is_nan() { 0.0 } else { weigh(*f, *g) }).collect();
    Score { value, weights, count: n as usize }
}

/// Grey values are standardised; those further than this from the mean share the outermost bins.
const REACH: f32 = 4.0;
const STEP: f32 = 2.0 * REACH / BINS as f32;

/// The bin of a grey value, the place within it (0 to 1), and whether it lies within reach.
fn find(v: f32) -> (usize, f64, bool) {
    let at = (v + REACH) / STEP;
    let bin = at.floor().clamp(0.0, BINS as f32 - 1.0);
    (bin as usize, f64::from(at - bin).clamp(0.0, 1.0), v.abs() < REACH)
}

/// Bins of the moving volume: a cubic B-spline reaches one bin below and two above.
const WIDE: usize = BINS + 3;

fn spline(t: f64) -> [f64; 4] {
    let u = 1.0 - t;
    let inner = |t: f64| 2.0 / 3.0 - t * t * (2.0 - t) / 2.0;
    [u * u * u / 6.0, inner(t), inner(u), t * t * t / 6.0]
}

fn spline_slope(t: f64) -> [f64; 4] {
    let u = 1.0 - t;
    let inner = |t: f64| t * (1.5 * t - 2.0);
    [-u * u / 2.0, inner(t), -inner(u), t * t / 2.0]
}

fn information(f: &[f32], g: &[f32]) -> Score {
    let count = g.iter().filter(|g| !g.is_nan()).count();
    // The histogram is a large part: fewer, longer chunks.
    let parts: Vec<Vec<f64>> = f
        .par_chunks(16 * CHUNK)
        .zip(g.par_chunks(16 * CHUNK))
        .map(|(f, g)| {
            let mut joint = vec![0.0; BINS * WIDE];
            for (f, g) in f.iter().zip(g).filter(|(_, g)| !g.is_nan()) {
                let (row, _, _) = find(*f);
                let (first, t, _) = find(*g);
                for (bin, weight) in joint[row * WIDE + first..].iter_mut().zip(spline(t)) {
                    *bin += weight;
                }
            }
            joint
        })
        .collect();
    let mut joint = vec![0.0; BINS * WIDE];
    for part in parts {
        joint.iter_mut().zip(part).for_each(|(bin, p)| *bin += p / count.max(1) as f64);
    }
    let mut column = [0.0; WIDE];
    for row in joint.chunks_exact(WIDE) {
        column.iter_mut().zip(row).for_each(|(c, p)| *c += p);
    }
    // From here on `joint` becomes log(p(f, g) / p(g)), whose mean gives the information and its slope.
    let mut value = 0.0;
    for row in joint.chunks_exact_mut(WIDE) {
        let total: f64 = row.iter().sum();
        for (p, c) in row.iter_mut().zip(column) {
            if *p > 0.0 {
                let log = (*p / c).ln();
                value += *p * (log - total.ln());
                *p = log;
            }
        }
    }
    let norm = 1.0 / (count.max(1) as f64 * f64::from(STEP));
    let weigh = |f: f32, g: f32| {
        let (row, _, _) = find(f);
        let (first, t, within) = find(g);
        if !within {
            return 0.0;
        }
        let logs = &joint[row * WIDE + first..];
        (spline_slope(t).iter().zip(logs).map(|(s, log)| s * log).sum::<f64>() * norm) as f32
    };
    let weights = f.par_iter().zip(g).map(|(f, g)| if g.is_nan() { 0.0 } else { weigh(*f, *g) }).collect();
    Score { value, weights, count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Vec<f32>, Vec<f32>) {
        let f: Vec<f32> = (0..5000).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0).powi(3)).collect();
        let g = f.iter().enumerate().map(|(i, f)| 0.5 - 2.0 * f + ((i * 53 % 97) as f32 / 97.0)).collect();
        (f, g)
    }

    #[test]
    fn weights_are_the_derivative() {
        for metric in [Metric::Ncc, Metric::MutualInformation] {
            let (f, mut g) = pair();
            g[17] = f32::NAN;
            let score = metric.score(&f, &g);
            assert_eq!((score.count, score.weights[17]), (4999, 0.0));
            let direction = |i: usize| ((i as f32) * 0.7).sin();
            let moved = |step: f32| {
                let at = |(i, g): (usize, &f32)| g + step * direction(i);
                metric.score(&f, &g.iter().enumerate().map(at).collect::<Vec<_>>()).value
            };
            let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            let expected: f64 = (0..f.len()).map(|i| f64::from(score.weights[i] * direction(i))).sum();
            assert!((slope - expected).abs() < 1e-3 * expected.abs().max(1e-3), "{metric:?}: {slope} {expected}");
        }
    }

    #[test]
    fn linear_grey_scales_do_not_matter_to_ncc() {
        let (f, _) = pair();
        let g: Vec<f32> = f.iter().map(|f| 40.0 - 3.0 * f).collect();
        assert!((Metric::Ncc.score(&f, &g).value + 1.0).abs() < 1e-6);
    }

    #[test]
    fn information_of_independent_values_is_small_and_of_equal_ones_large() {
        let (f, g) = pair();
        let shuffled: Vec<f32> = (0..g.len()).map(|i| g[i * 2741 % g.len()]).collect();
        assert!(
            Metric::MutualInformation.score(&f, &g).value > 5.0 * Metric::MutualInformation.score(&f, &shuffled).value
        );
    }

    #[test]
    fn constants_have_no_score() {
        for metric in [Metric::Ncc, Metric::MutualInformation] {
            assert!(metric.score(&[1.0; 50], &[2.0; 50]).value.abs() < 1e-12);
        }
    }
}
