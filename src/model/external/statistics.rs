//! Statistics of grey values that the steps of a description ask for: of each slice, or of the whole stack.

use std::borrow::Cow;

/// One statistic of the grey values as they were before all steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measure {
    pub what: Statistic,
    pub scope: Scope,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    Mean,
    /// The standard deviation of the population.
    Deviation,
    /// The value that this part of all, from 0 to 1, is not above: between two of them as NumPy's `linear` has it.
    Quantile(f64),
    /// The same, but a value that is there: NumPy's `inverted_cdf`.
    PresentQuantile(f64),
}

/// Of which grey values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scope {
    Slice,
    Stack,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Statistics(Vec<(Measure, f64)>);

impl Statistics {
    /// The measures of one scope, of one slice. NaN takes no part.
    pub(super) fn of(slice: &[f32], measures: &[Measure], scope: Scope) -> Self {
        let slice = &*measured(slice);
        let wanted: Vec<Measure> = measures.iter().copied().filter(|measure| measure.scope == scope).collect();
        let is_quantile = |measure: &Measure| !matches!(measure.what, Statistic::Mean | Statistic::Deviation);
        let mut sorted = if wanted.iter().any(is_quantile) { slice.to_vec() } else { Vec::new() };
        sorted.sort_unstable_by(f32::total_cmp);
        let (mean, deviation) = if wanted.iter().all(is_quantile) { (0.0, 0.0) } else { moments(slice) };
        let value = |measure: &Measure| match measure.what {
            Statistic::Mean => mean,
            Statistic::Deviation => deviation,
            Statistic::Quantile(share) => between(&sorted, share),
            Statistic::PresentQuantile(share) => present(&sorted, share),
        };
        Self(wanted.iter().map(|measure| (*measure, value(measure))).collect())
    }

    /// Both together.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self([&self.0[..], &other.0].concat())
    }

    pub(super) fn get(&self, measure: Measure) -> f64 {
        let found = self.0.iter().find(|(other, _)| *other == measure);
        found.expect("every measure of the steps was taken").1
    }
}

/// The measures of a whole stack, taken slice by slice. NaN takes no part.
#[derive(Default)]
pub(crate) struct StackMeasures {
    slices: f64,
    pixels: f64,
    sums: Vec<(Measure, f64)>,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

impl StackMeasures {
    /// Takes one slice more.
    pub(super) fn add(&mut self, slice: &[f32], measures: &[Measure]) {
        if slice.iter().all(|value| value.is_nan()) {
            return;
        }
        let Statistics(of_slice) = Statistics::of(slice, measures, Scope::Stack);
        let measured = measured(slice);
        let (mean, deviation) = moments(&measured);
        let (before, added, apart) = (self.pixels, measured.len() as f64, mean - self.mean);
        self.slices += 1.0;
        self.pixels += added;
        self.mean += apart * added / self.pixels;
        self.squares += added * (deviation.powi(2) + apart.powi(2) * before / self.pixels);
        if self.sums.is_empty() {
            self.sums = of_slice;
        } else {
            self.sums.iter_mut().zip(of_slice).for_each(|(sum, (_, value))| sum.1 += value);
        }
    }

    /// Mean and deviation of all grey values; quantiles are the means of those of the slices, as `bioimageio.core`
    /// takes them for a dataset.
    pub(crate) fn finish(self) -> Statistics {
        let Self { slices, pixels, sums, mean, squares } = self;
        let value = |measure: Measure, sum: f64| match measure.what {
            Statistic::Mean => mean,
            Statistic::Deviation => (squares / pixels).sqrt(),
            Statistic::Quantile(_) | Statistic::PresentQuantile(_) => sum / slices,
        };
        Statistics(sums.into_iter().map(|(measure, sum)| (measure, value(measure, sum))).collect())
    }
}

/// The values without NaN; a single 0 if there are no others, for a slice of which nothing is kept.
fn measured(values: &[f32]) -> Cow<'_, [f32]> {
    if values.iter().all(|value| !value.is_nan()) {
        return Cow::Borrowed(values);
    }
    let mut measured: Vec<f32> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    if measured.is_empty() {
        measured.push(0.0);
    }
    Cow::Owned(measured)
}

/// Mean, and standard deviation of the population.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// A quantile, linear between neighbours.
fn between(sorted: &[f32], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = share * last as f64;
    let (below, part) = (place as usize, place.fract());
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[(below + 1).min(last)]));
    low + part * (high - low)
}

/// The least value that so large a part is not above.
fn present(sorted: &[f32], share: f64) -> f64 {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted[place.saturating_sub(1)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(slice: &[f32], statistics: &[Statistic]) -> Vec<f64> {
        let measures: Vec<Measure> =
            statistics.iter().map(|what| Measure { what: *what, scope: Scope::Slice }).collect();
        let measured = Statistics::of(slice, &measures, Scope::Slice);
        measures.iter().map(|measure| measured.get(*measure)).collect()
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        use Statistic::{PresentQuantile, Quantile};
        let slice = [3.0, 1.0, 2.0, 10.0];
        // np.quantile(v, [0.1, 0.9], method="linear"), and method="inverted_cdf" of 0.25 and 0.9.
        let linear = values(&slice, &[Quantile(0.1), Quantile(0.9)]);
        assert_eq!(linear.iter().map(|value| (value * 100.0).round()).collect::<Vec<_>>(), [130.0, 790.0]);
        assert_eq!(values(&slice, &[PresentQuantile(0.25), PresentQuantile(0.9)]), [1.0, 10.0]);
        assert_eq!(values(&slice, &[PresentQuantile(0.0), PresentQuantile(1.0)]), [1.0, 10.0]);
    }

    #[test]
    fn the_spread_is_that_of_the_population() {
        assert_eq!(values(&[1.0, 3.0], &[Statistic::Mean, Statistic::Deviation]), [2.0, 1.0]);
    }

    #[test]
    fn a_stack_has_the_moments_of_all_its_pixels_and_mean_quantiles() {
        let of = |what| Measure { what, scope: Scope::Stack };
        let measures = [of(Statistic::Mean), of(Statistic::Deviation), of(Statistic::Quantile(0.5))];
        let slices = [[1.0, 2.0, 6.0], [10.0, 20.0, 21.0], [0.0, 0.0, 12.0]];
        let mut stack = StackMeasures::default();
        slices.iter().for_each(|slice| stack.add(slice, &measures));
        let (measured, all) = (stack.finish(), slices.concat());
        let (mean, deviation) = moments(&all);
        assert!((measured.get(measures[0]) - mean).abs() < 1e-12);
        assert!((measured.get(measures[1]) - deviation).abs() < 1e-12);
        assert!((measured.get(measures[2]) - 22.0 / 3.0).abs() < 1e-12);
    }
}
