//! What a description asks to be done to grey values before and after its network, as `bioimageio.core` does it.

use super::tensor::{is_older, kind};
use crate::model::package::yaml::Yaml;

/// What `bioimageio.core` adds to spreads before it divides by them, where the description does not say.
const EPSILON: f64 = 1e-6;

const CAST: &str = "ensure_dtype";
const FLOAT: &str = "float32";

/// One step. Statistics are those of the slice as it was before all steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// `gain` × grey value + `offset`.
    Linear { gain: f64, offset: f64 },
    /// No less and no more than these.
    Clip { low: f32, high: f32 },
    /// One above the threshold, else zero.
    Binarize { threshold: f32 },
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// Less the slice's mean, by its standard deviation and `epsilon`.
    Standardise { epsilon: f64 },
    /// From the lower quantile (of 0 to 1) to the upper: less the lower, by their distance and `epsilon`.
    Range { lower: f64, upper: f64, epsilon: f64 },
    /// No less and no more than these quantiles (of 0 to 1).
    ClipAt { lower: f64, upper: f64 },
    /// Cut off to whole numbers, within these.
    Whole { low: f32, high: f32 },
}

impl Step {
    /// Whether it depends on more than one pixel.
    fn measures(self) -> bool {
        matches!(self, Self::Standardise { .. } | Self::Range { .. } | Self::ClipAt { .. })
    }

    fn apply(self, raw: &[f32], values: &mut [f32]) {
        let mut each = |change: &dyn Fn(f32) -> f32| values.iter_mut().for_each(|value| *value = change(*value));
        match self {
            Self::Linear { gain, offset } => each(&|x| (f64::from(x) * gain + offset) as f32),
            Self::Clip { low, high } => each(&|x| x.max(low).min(high)),
            Self::Binarize { threshold } => each(&|x| f32::from(u8::from(x > threshold))),
            Self::Sigmoid => each(&|x| 1.0 / (1.0 + (-x).exp())),
            Self::Whole { low, high } => each(&|x| x.trunc().clamp(low, high)),
            Self::Standardise { epsilon } => {
                let (mean, deviation) = moments(raw);
                each(&|x| ((f64::from(x) - mean) / (deviation + epsilon)) as f32);
            }
            Self::Range { lower, upper, epsilon } => {
                let [low, high] = quantiles(raw, [lower, upper], between);
                each(&|x| ((f64::from(x) - low) / (high - low + epsilon)) as f32);
            }
            Self::ClipAt { lower, upper } => {
                let [low, high] = quantiles(raw, [lower, upper], present).map(|value| value as f32);
                each(&|x| x.max(low).min(high));
            }
        }
    }
}

/// Takes a slice through the steps.
pub(super) fn apply(steps: &[Step], values: &mut [f32]) {
    let raw = if steps.iter().any(|step| step.measures()) { values.to_vec() } else { Vec::new() };
    steps.iter().for_each(|step| step.apply(&raw, values));
}

/// Mean, and standard deviation of the population.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Two quantiles of the values, as `at` finds them among those in order.
fn quantiles(values: &[f32], quantiles: [f64; 2], at: fn(&[f32], f64) -> f64) -> [f64; 2] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    quantiles.map(|quantile| at(&sorted, quantile))
}

/// A quantile, linear between neighbours: NumPy's `linear`.
fn between(sorted: &[f32], quantile: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = quantile * last as f64;
    let (below, part) = (place as usize, place.fract());
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[(below + 1).min(last)]));
    low + part * (high - low)
}

/// The least value that so large a part is not above: NumPy's `inverted_cdf`.
fn present(sorted: &[f32], quantile: f64) -> f64 {
    let place = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[place.saturating_sub(1)].into()
}

/// The steps from grey values to what the network is given.
///
/// # Errors
/// In words: for steps that do not run here, and networks that are given whole numbers.
pub(super) fn preprocessing(input: &Yaml) -> Result<Vec<Step>, String> {
    let (listed, kind) = (list(input, "preprocessing")?, kind(input));
    let older = is_older(input);
    let mut steps = Vec::new();
    if older || listed.first().is_none_or(|(id, _)| *id != CAST) {
        steps.extend(cast(kind)?);
    }
    for (id, kwargs) in &listed {
        steps.extend(step(id, *kwargs).map_err(|what| format!("the step {id} of its preprocessing {what}"))?);
    }
    let ends = match listed.last() {
        Some((CAST, kwargs)) => kwargs.map_or("", |kwargs| kwargs.text_at("dtype")),
        _ if older => FLOAT,
        _ => kind,
    };
    match ends {
        FLOAT => Ok(steps),
        other => Err(format!("its network is given numbers of the kind {other:?}, only {FLOAT} runs here")),
    }
}

/// The steps from what the network answers to grey values.
///
/// # Errors
/// In words: for steps that do not run here.
pub(super) fn postprocessing(output: &Yaml) -> Result<Vec<Step>, String> {
    let (listed, kind) = (list(output, "postprocessing")?, kind(output));
    let mut steps = Vec::new();
    if is_older(output) {
        steps.extend(cast(kind)?);
    }
    for (id, kwargs) in &listed {
        let step = step(id, *kwargs).map_err(|what| format!("the step {id} of its postprocessing {what}"))?;
        if step.is_some_and(Step::measures) {
            return Err(format!(
                "the step {id} of its postprocessing depends on the whole output, which does not run here"
            ));
        }
        steps.extend(step);
    }
    if !is_older(output) && listed.last().is_none_or(|(id, _)| *id != CAST) {
        steps.extend(cast(kind)?);
    }
    Ok(steps)
}

/// Names and keywords of the steps, in order.
fn list<'a>(tensor: &'a Yaml, when: &str) -> Result<Vec<(&'a str, Option<&'a Yaml>)>, String> {
    let Some(list) = tensor.get(when) else { return Ok(Vec::new()) };
    let Yaml::List(items) = list else { return Err(format!("its {when} is not a list")) };
    let name = |item: &'a Yaml| item.get("id").or_else(|| item.get("name")).and_then(Yaml::as_text).unwrap_or_default();
    Ok(items.iter().map(|item| (name(item), item.get("kwargs"))).collect())
}

fn step(id: &str, kwargs: Option<&Yaml>) -> Result<Option<Step>, String> {
    let number = |key: &str, default: Option<f64>| number(kwargs, key, default);
    let epsilon = || number("eps", Some(EPSILON));
    let given = |key: &str| value(kwargs, key).is_some();
    Ok(Some(match id {
        CAST => return cast(kwargs.map_or("", |kwargs| kwargs.text_at("dtype"))),
        "scale_linear" => Step::Linear { gain: number("gain", Some(1.0))?, offset: number("offset", Some(0.0))? },
        "clip" if given("min_percentile") || given("max_percentile") => {
            if given("min") || given("max") {
                return Err("mixes percentiles and numbers, which does not run here".to_owned());
            }
            let [lower, upper] = percentiles(kwargs)?;
            Step::ClipAt { lower, upper }
        }
        "clip" => {
            let end =
                |key: &str, none: f32| if given(key) { number(key, None).map(|end| end as f32) } else { Ok(none) };
            Step::Clip { low: end("min", f32::NEG_INFINITY)?, high: end("max", f32::INFINITY)? }
        }
        "binarize" => Step::Binarize { threshold: number("threshold", None)? as f32 },
        "sigmoid" => Step::Sigmoid,
        "fixed_zero_mean_unit_variance" => fixed(kwargs)?,
        // So format 0.4 writes it.
        "zero_mean_unit_variance" if kwargs.is_some_and(|kwargs| kwargs.text_at("mode") == "fixed") => fixed(kwargs)?,
        "zero_mean_unit_variance" => {
            check_axes(kwargs)?;
            Step::Standardise { epsilon: epsilon()? }
        }
        "scale_range" => {
            check_axes(kwargs)?;
            if given("reference_tensor") {
                return Err("takes another tensor's range, which does not run here".to_owned());
            }
            let [lower, upper] = percentiles(kwargs)?;
            Step::Range { lower, upper, epsilon: epsilon()? }
        }
        _ => return Err("does not run here".to_owned()),
    }))
}

/// Less a mean, by a standard deviation that the description gives.
fn fixed(kwargs: Option<&Yaml>) -> Result<Step, String> {
    let (mean, deviation) = (number(kwargs, "mean", None)?, number(kwargs, "std", None)? + EPSILON);
    Ok(Step::Linear { gain: 1.0 / deviation, offset: -mean / deviation })
}

/// A lower and an upper quantile of 0 to 1, from percentiles.
fn percentiles(kwargs: Option<&Yaml>) -> Result<[f64; 2], String> {
    let ends = [number(kwargs, "min_percentile", Some(0.0))?, number(kwargs, "max_percentile", Some(100.0))?];
    match ends {
        [lower, upper] if 0.0 <= lower && lower < upper && upper <= 100.0 => Ok(ends.map(|end| end / 100.0)),
        [lower, upper] => Err(format!("has the percentiles {lower} and {upper}")),
    }
}

/// What a kind of numbers does to 32-bit floats.
fn cast(kind: &str) -> Result<Option<Step>, String> {
    let (low, high) = match kind {
        FLOAT | "float64" => return Ok(None),
        "uint8" => (0.0, f32::from(u8::MAX)),
        "uint16" => (0.0, f32::from(u16::MAX)),
        "int8" => (f32::from(i8::MIN), f32::from(i8::MAX)),
        "int16" => (f32::from(i16::MIN), f32::from(i16::MAX)),
        other => return Err(format!("asks for numbers of the kind {other:?}, which do not run here")),
    };
    Ok(Some(Step::Whole { low, high }))
}

/// A keyword's value, unless it is null.
fn value<'a>(kwargs: Option<&'a Yaml>, key: &str) -> Option<&'a Yaml> {
    kwargs?.get(key).filter(|value| !value.is_null())
}

/// A finite number, or a list of one, as descriptions give for one channel.
fn number(kwargs: Option<&Yaml>, key: &str, default: Option<f64>) -> Result<f64, String> {
    let given = match value(kwargs, key) {
        Some(Yaml::List(items)) if items.len() == 1 => Some(&items[0]),
        given => given,
    };
    let Some(given) = given else { return default.ok_or_else(|| format!("has no {key}")) };
    let number = given.as_text().and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("has a {key} that is not one number"))
}

/// Refuses statistics over one axis of the slice alone.
fn check_axes(kwargs: Option<&Yaml>) -> Result<(), String> {
    let has = match value(kwargs, "axes") {
        None => return Ok(()),
        Some(Yaml::List(axes)) => ["y", "x"].map(|name| axes.iter().any(|axis| axis.as_text() == Some(name))),
        // So format 0.4 writes them.
        Some(axes) => ["y", "x"].map(|name| axes.as_text().is_some_and(|letters| letters.contains(name))),
    };
    if has == [true, true] { Ok(()) } else { Err("does not take the axes x and y together".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_raw_slice() {
        let steps = [Step::Linear { gain: 10.0, offset: 0.0 }, Step::Range { lower: 0.0, upper: 0.5, epsilon: 0.0 }];
        let mut values = [0.0, 1.0, 2.0, 5.0];
        apply(&steps, &mut values);
        // The median of the raw slice is 1.5.
        assert_eq!(values.map(|value| (value * 3.0).round()), [0.0, 20.0, 40.0, 100.0]);
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [3.0, 1.0, 2.0, 10.0];
        // np.quantile(v, [0.1, 0.9], method="linear"), and method="inverted_cdf" of 0.25 and 0.9.
        assert_eq!(quantiles(&values, [0.1, 0.9], between).map(|value| (value * 100.0).round()), [130.0, 790.0]);
        assert_eq!(quantiles(&values, [0.25, 0.9], present), [1.0, 10.0]);
        assert_eq!(quantiles(&values, [0.0, 1.0], present), [1.0, 10.0]);
    }

    fn described(text: &str) -> Yaml {
        crate::model::package::yaml::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_are_cast_where_the_formats_say() {
        let bytes = Step::Whole { low: 0.0, high: 255.0 };
        let gain = Step::Linear { gain: 2.0, offset: 0.0 };
        let steps = "[{id: scale_linear, name: scale_linear, kwargs: {gain: 2.0}}]";
        let newer = described(&format!("{{data: {{type: uint8}}, preprocessing: {steps}, postprocessing: {steps}}}"));
        let older = described(&format!("{{data_type: uint8, preprocessing: {steps}, postprocessing: {steps}}}"));
        assert!(preprocessing(&newer).unwrap_err().contains("\"uint8\""));
        assert_eq!(preprocessing(&older).unwrap(), [bytes, gain]);
        assert_eq!(postprocessing(&newer).unwrap(), [gain, bytes]);
        assert_eq!(postprocessing(&older).unwrap(), [bytes, gain]);
        let plain = described("{data: {type: float32}}");
        assert_eq!((preprocessing(&plain), postprocessing(&plain)), (Ok(vec![]), Ok(vec![])));
    }

    #[test]
    fn what_does_not_run_is_named() {
        for (step, reason) in [
            ("{id: softmax}", "softmax"),
            ("{id: ensure_dtype, kwargs: {dtype: complex64}}", "complex64"),
            ("{id: scale_range, kwargs: {axes: [x]}}", "together"),
            ("{name: scale_range, kwargs: {axes: c}}", "together"),
            ("{id: scale_range, kwargs: {min_percentile: 5, max_percentile: 5}}", "5 and 5"),
            ("{id: scale_range, kwargs: {reference_tensor: other}}", "another tensor"),
            ("{id: clip, kwargs: {min_percentile: 5, max: 1}}", "mixes"),
            ("{id: binarize}", "no threshold"),
            ("{id: scale_linear, kwargs: {gain: [1, 2]}}", "gain"),
            ("{id: scale_linear, kwargs: {gain: .nan}}", "gain"),
        ] {
            let error = preprocessing(&described(&format!("{{data: {{type: float32}}, preprocessing: [{step}]}}")))
                .unwrap_err();
            assert!(error.contains(reason), "{step}: {error}");
        }
        let measured = described("{data: {type: float32}, postprocessing: [{id: zero_mean_unit_variance}]}");
        assert!(postprocessing(&measured).unwrap_err().contains("whole output"));
    }

    #[test]
    fn the_spread_is_that_of_the_population() {
        let mut values = [1.0, 3.0];
        apply(&[Step::Standardise { epsilon: 0.0 }], &mut values);
        assert_eq!(values, [-1.0, 1.0]);
    }
}
