//! Quality of a transform: metrics, overlap, warnings.

use crate::progress::Progress;
use crate::stack::SliceSource;

use super::optimise::{Found, Landscape};
use super::pair::Pair;
use super::sampler::Samples;
use super::search::Reference;
use super::transform::Transform;
use super::{AlignError, AlignOptions, Alignment, Copies, Metric, SAMPLES, copies, landscape, search_level, verify};

/// Assesses a known transform without changing it, on the copies of the volumes that [`align`](super::align) uses.
/// Doubts are warnings. For stacks without enough content (a single slice, one grey value) the numbers are NaN, with a
/// warning: the transform can still be applied to them.
///
/// # Errors
/// [`AlignError`] for stacks that cannot be read, and when the user asks to stop.
pub fn assess(
    moving: &dyn SliceSource,
    reference: &dyn SliceSource,
    transform: &Transform,
    options: &AlignOptions,
    progress: Progress<'_>,
) -> Result<Alignment, AlignError> {
    let reading = progress.part(0.0..0.5, "Reading both volumes");
    let Copies { base, finest, coarse, .. } = match copies(moving, reference, options, &[transform.linear], reading) {
        Err(
            why @ (AlignError::TooSmall { .. }
            | AlignError::Featureless { .. }
            | AlignError::FieldsDiffer { .. }
            | AlignError::SearchTooLarge { .. }),
        ) => return Ok(unknown(transform, &why)),
        copies => copies?,
    };
    progress.share(0.5..1.0).phase("Judging the transform");
    let distinction = distinction(&search_level(&base, coarse)?, transform, options.metric == Metric::Ncc)?;
    let level = base.level(finest)?;
    let samples = Samples::of(&level.reference, SAMPLES);
    let landscape = landscape(&level, &samples, options.metric);
    let alignment = report(&landscape, options, landscape.at(transform), distinction, coarse / 2.0);
    progress.done();
    Ok(alignment)
}

fn unknown(transform: &Transform, why: &AlignError) -> Alignment {
    let none = f64::NAN;
    Alignment {
        transform: transform.clone(),
        metric_before: none,
        metric_after: none,
        ncc_before: none,
        ncc_after: none,
        overlap: none,
        distinction: none,
        warnings: vec![format!("how well the transform fits cannot be told: {why}")],
    }
}

/// How many deviations the match lies above those at other shifts; 0 if there is nothing to compare.
pub(super) fn distinction(level: &Pair, transform: &Transform, signed: bool) -> Result<f64, AlignError> {
    let turned = Reference::new(level.reference.copy()?, &level.moving, &[transform.linear], 1)?;
    Ok(turned.distinction(&level.moving, transform, 8.0, signed)?.unwrap_or(0.0))
}

/// Metrics, overlap and warnings. `distance` is how far the volume is moved to test each direction.
pub(super) fn report(
    landscape: &Landscape,
    options: &AlignOptions,
    found: Found,
    distinction: f64,
    distance: f64,
) -> Alignment {
    let transform = found.transform;
    let overlap = found.count as f64 / landscape.samples.grey.len() as f64;
    let [metric_before, metric_after] =
        [&Transform::identity(), &transform].map(|t| landscape.measure(t, options.metric));
    let [ncc_before, ncc_after] = [&Transform::identity(), &transform].map(|t| landscape.measure(t, Metric::Ncc));
    let mut warnings = Vec::new();
    if distinction < verify::CLEAR_DISTINCTION {
        warnings.push(format!(
            "the match stands out by only {distinction:.1} deviations from chance (clear above {}): check it by eye",
            verify::CLEAR_DISTINCTION
        ));
    }
    let common = found.count as f64 / landscape.smaller as f64;
    if common < verify::LARGE_OVERLAP {
        let percent = 100.0 * common;
        warnings.push(format!("only {percent:.0} % of the smaller field is in common: check the result by eye"));
    }
    if found.value.is_finite() {
        let flat = verify::flat_directions(landscape, options.family, &transform, distance);
        if !flat.is_empty() {
            warnings.push(format!(
                "the volumes hardly say anything about: {} (moving by {distance:.2}{} leaves the correlation as it is)",
                flat.join(", "),
                if transform.known { " µm" } else { "" }
            ));
        }
    }
    Alignment { transform, metric_before, metric_after, ncc_before, ncc_after, overlap, distinction, warnings }
}
