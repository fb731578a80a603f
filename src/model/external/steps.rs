//! What is done to grey values before and after a network, as `bioimageio.core` does it.

use super::statistics::{Measure, Statistics};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// `gain` × grey value + `offset`.
    Linear { gain: f64, offset: f64 },
    /// No less and no more than these.
    Clip { low: Option<End>, high: Option<End> },
    /// One above the threshold, else zero.
    Binarize { threshold: f32 },
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// Less the mean, by the standard deviation and `epsilon`.
    Standardise { mean: Measure, deviation: Measure, epsilon: f64 },
    /// From the lower quantile to the upper: less the lower, by their distance and `epsilon`.
    Range { lower: Measure, upper: Measure, epsilon: f64 },
    /// Cut off to whole numbers, within these.
    Whole { low: f32, high: f32 },
    /// One for all but zero.
    Truth,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    At(f32),
    Measured(Measure),
}

impl End {
    fn value(self, measured: &Statistics) -> f32 {
        match self {
            Self::At(value) => value,
            Self::Measured(measure) => measured.get(measure) as f32,
        }
    }

    fn measure(self) -> Option<Measure> {
        match self {
            Self::At(_) => None,
            Self::Measured(measure) => Some(measure),
        }
    }
}

impl Step {
    /// The statistics that it needs.
    pub fn measures(self) -> Vec<Measure> {
        match self {
            Self::Standardise { mean, deviation, .. } => vec![mean, deviation],
            Self::Range { lower, upper, .. } => vec![lower, upper],
            Self::Clip { low, high } => [low, high].into_iter().flatten().filter_map(End::measure).collect(),
            _ => Vec::new(),
        }
    }

    fn apply(self, measured: &Statistics, values: &mut [f32]) {
        let mut each = |change: &dyn Fn(f32) -> f32| values.iter_mut().for_each(|value| *value = change(*value));
        match self {
            Self::Linear { gain, offset } => each(&|x| (f64::from(x) * gain + offset) as f32),
            Self::Clip { low, high } => {
                let low = low.map_or(f32::NEG_INFINITY, |end| end.value(measured));
                let high = high.map_or(f32::INFINITY, |end| end.value(measured));
                each(&|x| x.max(low).min(high));
            }
            Self::Binarize { threshold } => each(&|x| f32::from(u8::from(x > threshold))),
            Self::Sigmoid => each(&|x| 1.0 / (1.0 + (-x).exp())),
            Self::Whole { low, high } => each(&|x| x.trunc().clamp(low, high)),
            Self::Truth => each(&|x| f32::from(u8::from(x != 0.0))),
            Self::Standardise { mean, deviation, epsilon } => {
                let (mean, deviation) = (measured.get(mean), measured.get(deviation));
                each(&|x| ((f64::from(x) - mean) / (deviation + epsilon)) as f32);
            }
            Self::Range { lower, upper, epsilon } => {
                let (low, high) = (measured.get(lower), measured.get(upper));
                each(&|x| ((f64::from(x) - low) / (high - low + epsilon)) as f32);
            }
        }
    }
}

/// Takes values through the steps.
pub(super) fn apply(steps: &[Step], measured: &Statistics, values: &mut [f32]) {
    steps.iter().for_each(|step| step.apply(measured, values));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::external::statistics::{Scope, Statistic};

    #[test]
    fn statistics_are_those_of_the_raw_slice() {
        let quantile = |share| Measure { what: Statistic::Quantile(share), scope: Scope::Slice };
        let (lower, upper) = (quantile(0.0), quantile(0.5));
        let steps = [Step::Linear { gain: 10.0, offset: 0.0 }, Step::Range { lower, upper, epsilon: 0.0 }];
        let mut values = [0.0, 1.0, 2.0, 5.0];
        let measured = Statistics::of(&values, &[lower, upper], Scope::Slice);
        apply(&steps, &measured, &mut values);
        // The median of the raw slice is 1.5.
        assert_eq!(values.map(|value| (value * 3.0).round()), [0.0, 20.0, 40.0, 100.0]);
    }

    #[test]
    fn one_end_of_a_clip_may_be_a_number_and_the_other_measured_or_absent() {
        let median = Measure { what: Statistic::Quantile(0.5), scope: Scope::Slice };
        let clipped = |low, high| {
            let mut values = [-4.0, 1.0, 2.0, 9.0];
            let measured = Statistics::of(&values, &[median], Scope::Slice);
            apply(&[Step::Clip { low, high }], &measured, &mut values);
            values
        };
        assert_eq!(clipped(Some(End::At(0.0)), Some(End::Measured(median))), [0.0, 1.0, 1.5, 1.5]);
        assert_eq!(clipped(None, Some(End::Measured(median))), [-4.0, 1.0, 1.5, 1.5]);
        assert_eq!(clipped(Some(End::Measured(median)), None), [1.5, 1.5, 2.0, 9.0]);
    }
}
