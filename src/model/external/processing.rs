//! What a description asks to be done to grey values before and after its network.

use super::{
    statistics::{Measure, Scope, Statistic},
    steps::{End, Step},
    tensor::{is_older, kind, name},
};
use crate::model::package::yaml::Yaml;

/// What is added to spreads before something is divided by them, where the description does not say.
const EPSILON: f64 = 1e-6;

const CAST: &str = "ensure_dtype";
const BINARIZE: &str = "binarize";
const FLOAT: &str = "float32";
const TRUTH: &str = "bool";

const WHOLE_OUTPUT: &str = "depends on the whole output, which does not run here";

/// The steps on one side of the network, and the kind of numbers after them.
pub(super) type Steps<'a> = (Vec<Step>, &'a str);

/// The steps from grey values to what the network is given.
///
/// # Errors
/// In words: for steps that do not run here.
pub(super) fn preprocessing(input: &Yaml) -> Result<Steps<'_>, String> {
    let (listed, kind) = (list(input, "preprocessing")?, kind(input));
    let place = Place { when: "preprocessing", own: Some(name(input, "input")), input: name(input, "input") };
    let read = || place.steps(&listed);
    if is_older(input) {
        // Nothing is cast where nothing is done, and the network is given floats.
        let cast = if listed.is_empty() { None } else { cast(kind)? };
        return Ok((cast.into_iter().chain(read()?).collect(), FLOAT));
    }
    let first = if listed.first().is_some_and(|(id, _)| *id == CAST) { None } else { cast(kind)? };
    let (last, kind) = ending(&listed, TRUTH, kind)?;
    Ok((first.into_iter().chain(read()?).chain(last).collect(), kind))
}

/// The steps from what the network answers to grey values.
///
/// # Errors
/// In words: for steps that do not run here.
pub(super) fn postprocessing<'a>(input: &Yaml, output: &'a Yaml) -> Result<Steps<'a>, String> {
    let (listed, kind) = (list(output, "postprocessing")?, kind(output));
    let steps = Place { when: "postprocessing", own: None, input: name(input, "input") }.steps(&listed)?;
    if is_older(output) {
        if listed.is_empty() {
            return Ok((steps, kind));
        }
        return Ok((cast(kind)?.into_iter().chain(steps).collect(), FLOAT));
    }
    let (last, kind) = ending(&listed, kind, kind)?;
    Ok((steps.into_iter().chain(last).collect(), kind))
}

/// The cast that format 0.5 adds at the end, unless there is one, and the kind of numbers after it. Step [`BINARIZE`]
/// leaves the kind `binary`.
fn ending<'a>(
    listed: &[(&str, Option<&'a Yaml>)],
    binary: &'a str,
    kind: &'a str,
) -> Result<(Option<Step>, &'a str), String> {
    Ok(match listed.last() {
        Some((CAST, kwargs)) => (None, kwargs.map_or("", |kwargs| kwargs.text_at("dtype"))),
        Some((BINARIZE, _)) => (None, binary),
        _ => (cast(kind)?, kind),
    })
}

/// Names and keywords of the steps, in order.
fn list<'a>(tensor: &'a Yaml, when: &str) -> Result<Vec<(&'a str, Option<&'a Yaml>)>, String> {
    let Some(list) = tensor.given(when) else { return Ok(Vec::new()) };
    let Yaml::List(items) = list else { return Err(format!("its {when} is not a list")) };
    let name = |item: &'a Yaml| item.get("id").or_else(|| item.get("name")).and_then(Yaml::as_text).unwrap_or_default();
    Ok(items.iter().map(|item| (name(item), item.given("kwargs"))).collect())
}

/// Where steps stand.
struct Place<'a> {
    when: &'a str,
    /// The tensor that they change, if it is one whose statistics can be taken.
    own: Option<&'a str>,
    input: &'a str,
}

impl Place<'_> {
    fn steps(&self, listed: &[(&str, Option<&Yaml>)]) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for (id, kwargs) in listed {
            let step = self.step(id, *kwargs).map_err(|what| format!("the step {id} of its {} {what}", self.when))?;
            steps.extend(step);
        }
        Ok(steps)
    }

    fn step(&self, id: &str, kwargs: Option<&Yaml>) -> Result<Option<Step>, String> {
        let number = |key: &str, default: Option<f64>| number(kwargs, key, default);
        let epsilon = || number("eps", Some(EPSILON));
        let older_fixed = || match value(kwargs, "mode") {
            Some(mode) => mode.as_text() == Some("fixed"),
            // The default of format 0.4, where both are required with it.
            None => value(kwargs, "mean").is_some() && value(kwargs, "std").is_some(),
        };
        Ok(Some(match id {
            CAST => return cast(kwargs.map_or("", |kwargs| kwargs.text_at("dtype"))),
            "scale_linear" => Step::Linear { gain: number("gain", Some(1.0))?, offset: number("offset", Some(0.0))? },
            "clip" => self.clip(kwargs)?,
            BINARIZE => Step::Binarize { threshold: number("threshold", None)? as f32 },
            "sigmoid" => Step::Sigmoid,
            "softmax" => match value(kwargs, "axis").and_then(Yaml::as_text).unwrap_or("channel") {
                axis @ ("y" | "x") => return Err(format!("runs along the axis {axis}, which does not run here")),
                // Alone on its axis, each number has all the weight.
                _ => Step::Linear { gain: 0.0, offset: 1.0 },
            },
            "fixed_zero_mean_unit_variance" => fixed(kwargs)?,
            "zero_mean_unit_variance" if older_fixed() => fixed(kwargs)?,
            "zero_mean_unit_variance" => {
                let scope = self.scope(kwargs)?;
                let [mean, deviation] = [Statistic::Mean, Statistic::Deviation].map(|what| Measure { what, scope });
                Step::Standardise { mean, deviation, epsilon: epsilon()? }
            }
            "scale_range" => {
                let scope = self.scope(kwargs)?;
                let [lower, upper] = [number("min_percentile", Some(0.0))?, number("max_percentile", Some(100.0))?];
                check_percentiles(lower, upper)?;
                let [lower, upper] =
                    [lower, upper].map(|part| Measure { what: Statistic::Quantile(part / 100.0), scope });
                Step::Range { lower, upper, epsilon: epsilon()? }
            }
            "scale_mean_variance" => return Err(WHOLE_OUTPUT.to_owned()),
            "" => return Err("has no name".to_owned()),
            _ => return Err("does not run here".to_owned()),
        }))
    }

    /// Each end is a number, a percentile or absent.
    fn clip(&self, kwargs: Option<&Yaml>) -> Result<Step, String> {
        let given = |key: &str| value(kwargs, key).map(|_| number(kwargs, key, None)).transpose();
        let [lower, upper] = [given("min_percentile")?, given("max_percentile")?];
        let [low, high] = [given("min")?, given("max")?];
        if low.is_some() && lower.is_some() || high.is_some() && upper.is_some() {
            return Err("has a number and a percentile for the same end".to_owned());
        }
        check_percentiles(lower.unwrap_or(0.0), upper.unwrap_or(100.0))?;
        let scope = if lower.or(upper).is_some() { self.scope(kwargs)? } else { Scope::Slice };
        let measured = |part: f64| {
            let share = part / 100.0;
            // `bioimageio.core` takes percentiles of single images and of all in two different ways.
            let what = match scope {
                Scope::Slice => Statistic::PresentQuantile(share),
                Scope::Stack => Statistic::Quantile(share),
            };
            End::Measured(Measure { what, scope })
        };
        let end = |number: Option<f64>, part: Option<f64>| {
            number.map(|number| End::At(number as f32)).or_else(|| part.map(measured))
        };
        Ok(Step::Clip { low: end(low, lower), high: end(high, upper) })
    }

    /// Which grey values the statistics of a step are of: those of the input as it was. Refuses others, and those over
    /// one axis of the slice alone.
    fn scope(&self, kwargs: Option<&Yaml>) -> Result<Scope, String> {
        match value(kwargs, "reference_tensor").and_then(Yaml::as_text).or(self.own) {
            Some(reference) if reference == self.input => {}
            Some(other) => return Err(format!("takes statistics of {other:?}, which is not its input")),
            None => return Err(WHOLE_OUTPUT.to_owned()),
        }
        let mode = value(kwargs, "mode").and_then(Yaml::as_text);
        let (plane, batch) = match value(kwargs, "axes") {
            None => (true, true),
            Some(Yaml::List(axes)) => {
                let has = |name: &str| axes.iter().any(|axis| axis.as_text() == Some(name));
                (has("y") && has("x"), has("batch") || has("b"))
            }
            // So format 0.4 writes them.
            Some(axes) => {
                let has = |letter: char| axes.as_text().is_some_and(|letters| letters.contains(letter));
                (has('y') && has('x'), has('b'))
            }
        };
        match (plane, mode) {
            (false, _) => Err("does not take the axes x and y together".to_owned()),
            (true, Some("per_dataset")) => Ok(Scope::Stack),
            (true, Some("per_sample")) => Ok(Scope::Slice),
            (true, Some(mode)) => Err(format!("has the mode {mode:?}, which does not run here")),
            (true, None) => Ok(if batch { Scope::Stack } else { Scope::Slice }),
        }
    }
}

/// Less a mean, by a standard deviation that the description gives.
fn fixed(kwargs: Option<&Yaml>) -> Result<Step, String> {
    let (mean, deviation) = (number(kwargs, "mean", None)?, number(kwargs, "std", None)? + EPSILON);
    Ok(Step::Linear { gain: 1.0 / deviation, offset: -mean / deviation })
}

fn check_percentiles(lower: f64, upper: f64) -> Result<(), String> {
    match 0.0 <= lower && lower < upper && upper <= 100.0 {
        true => Ok(()),
        false => Err(format!("has the percentiles {lower} and {upper}")),
    }
}

/// What a kind of numbers does to 32-bit floats.
fn cast(kind: &str) -> Result<Option<Step>, String> {
    let (low, high) = match kind {
        FLOAT | "float64" => return Ok(None),
        TRUTH => return Ok(Some(Step::Truth)),
        "uint8" => (0.0, f32::from(u8::MAX)),
        "uint16" => (0.0, f32::from(u16::MAX)),
        "uint32" => (0.0, u32::MAX as f32),
        "uint64" => (0.0, u64::MAX as f32),
        "int8" => (f32::from(i8::MIN), f32::from(i8::MAX)),
        "int16" => (f32::from(i16::MIN), f32::from(i16::MAX)),
        "int32" => (i32::MIN as f32, i32::MAX as f32),
        "int64" => (i64::MIN as f32, i64::MAX as f32),
        other => return Err(format!("asks for numbers of the kind {other:?}, which do not run here")),
    };
    Ok(Some(Step::Whole { low, high }))
}

/// A keyword's value, unless it is null.
fn value<'a>(kwargs: Option<&'a Yaml>, key: &str) -> Option<&'a Yaml> {
    kwargs?.given(key)
}

/// A finite number, or a list of one, as descriptions give along an axis of length one.
fn number(kwargs: Option<&Yaml>, key: &str, default: Option<f64>) -> Result<f64, String> {
    let axis = value(kwargs, "axis").and_then(Yaml::as_text).unwrap_or_default();
    let given = match value(kwargs, key) {
        Some(Yaml::List(_)) if ["y", "x"].contains(&axis) => {
            return Err(format!("has a {key} for each place along the axis {axis}, which does not run here"));
        }
        Some(Yaml::List(items)) if items.len() == 1 => Some(&items[0]),
        given => given,
    };
    let Some(given) = given else { return default.ok_or_else(|| format!("has no {key}")) };
    given.as_number().ok_or_else(|| format!("has a {key} that is not one number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Yaml {
        crate::model::package::yaml::read(text.as_bytes()).unwrap()
    }

    fn post(output: &Yaml) -> Result<Steps<'_>, String> {
        postprocessing(&described("{id: raw}"), output)
    }

    #[test]
    fn numbers_are_cast_where_the_formats_say() {
        let bytes = Step::Whole { low: 0.0, high: 255.0 };
        let gain = Step::Linear { gain: 2.0, offset: 0.0 };
        let steps = "[{id: scale_linear, name: scale_linear, kwargs: {gain: 2.0}}]";
        let newer = described(&format!("{{data: {{type: uint8}}, preprocessing: {steps}, postprocessing: {steps}}}"));
        let older = described(&format!("{{data_type: uint8, preprocessing: {steps}, postprocessing: {steps}}}"));
        assert_eq!(preprocessing(&newer).unwrap(), (vec![bytes, gain, bytes], "uint8"));
        assert_eq!(preprocessing(&older).unwrap(), (vec![bytes, gain], "float32"));
        assert_eq!(post(&newer).unwrap(), (vec![gain, bytes], "uint8"));
        assert_eq!(post(&older).unwrap(), (vec![bytes, gain], "float32"));
        let plain = described("{data_type: uint8}");
        assert_eq!((preprocessing(&plain).unwrap(), post(&plain).unwrap()), ((vec![], "float32"), (vec![], "uint8")));
        let ended = described("{data: {type: uint8}, postprocessing: [{id: ensure_dtype, kwargs: {dtype: float32}}]}");
        assert_eq!(post(&ended).unwrap(), (vec![], "float32"));
        let binary = described("{preprocessing: [{id: binarize, kwargs: {threshold: 3}}]}");
        assert_eq!(preprocessing(&binary).unwrap(), (vec![Step::Binarize { threshold: 3.0 }], "bool"));
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        for tensor in ["{}", "{data: null}", "{data: {}, preprocessing: null}", "{data: [{type: float32}]}"] {
            let tensor = described(tensor);
            assert_eq!((preprocessing(&tensor), post(&tensor)), (Ok((vec![], FLOAT)), Ok((vec![], FLOAT))));
        }
        assert_eq!(kind(&described("{data: {values: [0, 1]}}")), "uint8");
        let step = |step: &str| preprocessing(&described(&format!("{{preprocessing: [{step}]}}"))).unwrap().0[0];
        let of = |what| Measure { what, scope: Scope::Stack };
        let standard =
            Step::Standardise { mean: of(Statistic::Mean), deviation: of(Statistic::Deviation), epsilon: 1e-6 };
        assert_eq!(step("{id: zero_mean_unit_variance}"), standard);
        assert_eq!(step("{id: zero_mean_unit_variance, kwargs: {}}"), standard);
        let [lower, upper] = [0.0, 1.0].map(|share| of(Statistic::Quantile(share)));
        assert_eq!(step("{id: scale_range, kwargs: null}"), Step::Range { lower, upper, epsilon: 1e-6 });
        assert_eq!(step("{id: softmax}"), Step::Linear { gain: 0.0, offset: 1.0 });
        assert_eq!(step("{id: clip, kwargs: {max: 2}}"), Step::Clip { low: None, high: Some(End::At(2.0)) });
        // The mode of format 0.4 is `fixed` where nothing is said.
        let fixed = step("{name: zero_mean_unit_variance, kwargs: {axes: yx, mean: 1, std: 2}}");
        assert!(matches!(fixed, Step::Linear { .. }));
    }

    #[test]
    fn statistics_are_of_the_slice_unless_the_batch_is_among_the_axes() {
        let scope = |step: &str| {
            let tensor = described(&format!("{{id: raw, preprocessing: [{step}]}}"));
            preprocessing(&tensor).unwrap().0[0].measures()[0].scope
        };
        assert_eq!(scope("{id: scale_range, kwargs: {axes: [channel, y, x]}}"), Scope::Slice);
        assert_eq!(scope("{id: scale_range, kwargs: {axes: [batch, y, x]}}"), Scope::Stack);
        assert_eq!(scope("{id: scale_range, kwargs: {axes: [y, x], reference_tensor: raw}}"), Scope::Slice);
        assert_eq!(scope("{name: scale_range, kwargs: {axes: yx, mode: per_dataset}}"), Scope::Stack);
        assert_eq!(scope("{name: scale_range, kwargs: {axes: yx, mode: per_sample}}"), Scope::Slice);
        let after = described("{postprocessing: [{id: scale_range, kwargs: {axes: [y, x], reference_tensor: raw}}]}");
        assert_eq!(post(&after).unwrap().0[0].measures()[0].scope, Scope::Slice);
    }

    #[test]
    fn what_does_not_run_is_named() {
        for (step, reason) in [
            ("{id: cellpose_flow_dynamics}", "cellpose_flow_dynamics"),
            ("{kwargs: {a: 1}}", "no name"),
            ("{id: softmax, kwargs: {axis: x}}", "along the axis x"),
            ("{id: ensure_dtype, kwargs: {dtype: complex64}}", "complex64"),
            ("{id: scale_range, kwargs: {axes: [x]}}", "together"),
            ("{id: scale_range, kwargs: {axes: []}}", "together"),
            ("{name: scale_range, kwargs: {axes: c}}", "together"),
            ("{id: scale_range, kwargs: {min_percentile: 5, max_percentile: 5}}", "5 and 5"),
            ("{id: scale_range, kwargs: {reference_tensor: other}}", "\"other\", which is not its input"),
            ("{id: clip, kwargs: {min_percentile: 5, min: 1}}", "same end"),
            ("{id: binarize}", "no threshold"),
            ("{id: binarize, kwargs: {axis: y, threshold: [1]}}", "along the axis y"),
            ("{id: scale_linear, kwargs: {gain: [1, 2]}}", "gain"),
            ("{id: scale_linear, kwargs: {gain: .nan}}", "gain"),
        ] {
            let error = preprocessing(&described(&format!("{{preprocessing: [{step}]}}"))).unwrap_err();
            assert!(error.contains(reason), "{step}: {error}");
        }
        let measured = described("{postprocessing: [{id: zero_mean_unit_variance}]}");
        assert!(post(&measured).unwrap_err().contains("whole output"));
    }
}
