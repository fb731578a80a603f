//! Registration of the laboratory volume with the synchrotron volume.
//!
//! [`align`] finds where each point of the reference lies in the moving volume, whatever their voxel sizes, grey scales
//! and fields of view; [`apply_transform`] then writes the moving volume on the reference's grid, interpolating once.
//! `docs/alignment.md` describes the method and its accuracy; conventions are those of [`Transform`].

mod air;
mod apply;
mod assess;
mod budget;
mod drift;
mod error;
mod fourier;
mod grid;
mod metric;
mod model;
mod optimise;
mod overlay;
mod pair;
mod sampler;
mod search;
mod smooth;
mod target;
mod transform;
mod verify;
mod whitening;

use nalgebra::Matrix3;

use crate::memory;
use crate::progress::Progress;
use crate::stack::{SliceSource, check_lengths};

pub use apply::apply_transform;
pub use assess::assess;
pub use drift::Drift;
pub use error::AlignError;
pub use metric::Metric;
pub use model::Family;
pub use overlay::Overlay;
pub use target::Target;
pub use transform::{Parts, Transform, TransformError};

use budget::Budget;
use grid::extent_zyx;
use optimise::{Found, Landscape};
use pair::Pair;
use sampler::Samples;
use search::Reference;

/// What to align, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignOptions {
    /// Degrees of freedom of the transform.
    pub family: Family,
    /// What to maximise.
    pub metric: Metric,
    /// Whether to try all rotations about z rather than those within 18° of none.
    pub rotation_search: bool,
    /// Whether to also try the moving volume upside down, with its slices in reverse order, and both.
    pub flip: bool,
    /// Whether to refine a small shift of the moving volume's slices that changes smoothly along z.
    pub drift: bool,
    /// Whether to leave out large dark regions of the reference: air around the sample.
    pub leave_out_air: bool,
    /// Where to start, instead of the wide search.
    pub start: Option<Transform>,
}

impl Default for AlignOptions {
    fn default() -> Self {
        Self {
            family: Family::Similarity,
            metric: Metric::Ncc,
            rotation_search: false,
            flip: false,
            drift: false,
            leave_out_air: true,
            start: None,
        }
    }
}

/// The transform found, and how reliable it is.
///
/// Metrics are those of the copies used at the finest level: reduced to about the coarser of the two voxel sizes and
/// smoothed by 0.6 of it, with slow shading removed.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// Where each point of the reference lies in the moving volume.
    pub transform: Transform,
    /// The metric before alignment, centre on centre.
    pub metric_before: f64,
    /// The metric of the aligned volumes.
    pub metric_after: f64,
    /// Normalised cross-correlation before alignment.
    pub ncc_before: f64,
    /// Normalised cross-correlation of the aligned volumes.
    pub ncc_after: f64,
    /// Fraction of the reference, without air, that lies in the moving volume's field of view.
    pub overlap: f64,
    /// By how many standard deviations the match exceeds those at other shifts.
    pub distinction: f64,
    /// What the user should look at before trusting the result.
    pub warnings: Vec<String>,
}

/// Samples that a level looks at.
const SAMPLES: usize = 3 << 18;
/// The most that one field is longer than the other.
const MOST_RATIO: f64 = 300.0;
/// The share of the smaller field that must be in common.
const LEAST_OVERLAP: f64 = 0.2;
/// Orientations from which the coarsest level starts.
const CLIMBS: usize = 6;
/// Intervals between the knots of the drift along z.
const DRIFT_INTERVALS: f64 = 6.0;
/// Degrees between the rotations about z that the search tries.
const TURN: f64 = 6.0;

/// Orientations to try: rotations about z, each as it is and, on request, upside down, with the slices in reverse order,
/// and both.
fn orientations(options: &AlignOptions) -> Vec<Matrix3<f64>> {
    let turns: Vec<i32> = if options.rotation_search { (0..60).collect() } else { (-3..=3).collect() };
    let mut flips = vec![Matrix3::identity()];
    if options.flip {
        flips.push(Matrix3::from_diagonal(&[-1.0, -1.0, 1.0].into()));
        flips.push(Matrix3::from_diagonal(&[-1.0, 1.0, 1.0].into()));
        flips.push(Matrix3::from_diagonal(&[1.0, -1.0, 1.0].into()));
    }
    let turn = |i: &i32| Transform::similarity([f64::from(*i) * TURN, 0.0, 0.0], 1.0, [0.0; 3]).linear;
    flips.iter().flat_map(|flip| turns.iter().map(move |i| turn(i) * flip)).collect()
}

/// Finds where each point of `reference` lies in `moving`.
///
/// The result is the same for any number of threads. A match that may be wrong comes with warnings.
///
/// # Errors
/// [`AlignError`] for stacks that cannot be read or show nothing to align by, for volumes that do not seem to show the
/// same place or have too little in common, and when the user asks to stop.
pub fn align(
    moving: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &AlignOptions,
    progress: Progress<'_>,
) -> Result<Alignment, AlignError> {
    let reading = progress.part(0.0..0.1, "Reading both volumes");
    let orientations = match &options.start {
        Some(start) => vec![start.linear],
        None => orientations(options),
    };
    let Copies { base, finest, coarse, at_once } = copies(moving, reference, options, &orientations, reading)?;

    let stages = (coarse / finest).log2().ceil().max(1.0) as i32;
    let begins = |stage: i32| 0.7 - 0.4 * f64::from(stage) / f64::from(stages);
    let searching = progress.part(0.1..begins(stages - 1), "Searching for the start");
    let level = search_level(&base, coarse)?;
    let signed = options.metric == Metric::Ncc;
    let starts = match &options.start {
        Some(start) => vec![Transform { drift: None, ..start.clone() }],
        None => wide_search(&level, &orientations, at_once, signed, searching)?,
    };
    let (mut found, overlap) = climb_all(&level, &starts, options, searching.share(0.5..1.0))?;
    let distinction = assess::distinction(&level, &found.transform, signed)?;
    if found.value <= 0.0 || distinction < verify::LEAST_DISTINCTION {
        return Err(AlignError::Unrelated {
            moving: moving.name().to_owned(),
            reference: reference.name().to_owned(),
            distinction,
            least: verify::LEAST_DISTINCTION,
        });
    }
    if overlap < LEAST_OVERLAP {
        return Err(AlignError::SmallOverlap {
            moving: moving.name().to_owned(),
            reference: reference.name().to_owned(),
            percent: 100.0 * overlap,
            least: 100.0 * LEAST_OVERLAP,
        });
    }

    let known = reference.shape().voxel.known;
    let unit = if known { " µm" } else { "" };
    for stage in (1..stages).rev() {
        let edge = finest * 2f64.powi(stage);
        let refining = progress.part(begins(stage)..begins(stage - 1), &format!("Refining at {edge:.3}{unit}"));
        let level = base.level(edge)?;
        let samples = Samples::of(&level.reference, SAMPLES);
        found = landscape(&level, &samples, options.metric).climb(options.family, &found.transform, refining)?;
    }
    let refining = progress.part(0.7..0.8, &format!("Refining at {finest:.3}{unit}"));
    let level = base.level(finest)?;
    let samples = Samples::of(&level.reference, SAMPLES);
    let landscape = landscape(&level, &samples, options.metric);
    found = landscape.climb(options.family, &found.transform, refining)?;
    if options.drift {
        let refining = progress.part(0.8..0.9, "Refining the drift");
        let height = extent_zyx(moving.shape())[0];
        found.transform.drift = Some(Drift::flat(height, height / DRIFT_INTERVALS));
        found = landscape.climb(options.family, &found.transform, refining)?;
    }
    progress.share(0.9..1.0).phase("Checking the result");
    let mut alignment = assess::report(&landscape, options, found, distinction, coarse / 2.0);
    alignment.transform.known = known;
    progress.done();
    Ok(alignment)
}

/// Both volumes as they were read, and the voxel edges to work at.
struct Copies {
    /// The volumes, without air and slow shading.
    base: Pair,
    /// The finest level's voxel edge.
    finest: f64,
    /// The wide search's voxel edge.
    coarse: f64,
    /// Orientations that the wide search tries at once.
    at_once: usize,
}

fn copies(
    moving: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &AlignOptions,
    orientations: &[Matrix3<f64>],
    progress: Progress<'_>,
) -> Result<Copies, AlignError> {
    check_lengths(moving)?;
    check_lengths(reference)?;
    let edges = |of: &dyn SliceSource| extent_zyx(of.shape());
    let longest = |of: &dyn SliceSource| edges(of).into_iter().fold(0.0, f64::max);
    let ratio = longest(moving) / longest(reference);
    if !(1.0 / MOST_RATIO..=MOST_RATIO).contains(&ratio) {
        return Err(fields_differ(moving, reference));
    }
    let Budget { most, coarse, at_once, note } = Budget::new(moving, reference, orientations, memory::free())?;
    note.inspect(|note| progress.message(note));
    let mut base = Pair::read(moving, reference, most, progress)?;
    let finest = base.edge();
    if options.leave_out_air {
        let share = air::leave_out(&mut base.reference, coarse)?;
        progress.message(&format!("{:.0} % of {} is air and left out", 100.0 * share, reference.name()));
    }
    Ok(Copies { base: base.flattened(12.0 * coarse, coarse)?, finest, coarse, at_once })
}

/// The fields of both stacks in the words of their users.
fn fields_differ(moving: &dyn SliceSource, reference: &dyn SliceSource) -> AlignError {
    let [(moving, moving_field), (reference, reference_field)] = budget::fields(moving, reference);
    AlignError::FieldsDiffer { moving, moving_field, reference, reference_field }
}

/// The level that the wide search looks at.
fn search_level(base: &Pair, coarse: f64) -> Result<Pair, AlignError> {
    base.level(coarse)?.flattened(6.0 * coarse, coarse)
}

/// The objective. On its way the optimiser may go slightly below the least overlap.
fn landscape<'a>(level: &'a Pair, samples: &'a Samples, metric: Metric) -> Landscape<'a> {
    let smaller = (samples.grey.len() as f64 * level.smaller_share()) as usize;
    let fewest = (0.75 * LEAST_OVERLAP * smaller as f64) as usize;
    Landscape { samples, moving: &level.moving, metric, smaller, fewest }
}

/// The most promising starts, best first: each orientation with its best shift, then the identity.
fn wide_search(
    level: &Pair,
    orientations: &[Matrix3<f64>],
    at_once: usize,
    signed: bool,
    progress: Progress<'_>,
) -> Result<Vec<Transform>, AlignError> {
    let reference = Reference::new(level.reference.copy()?, &level.moving, orientations, at_once)?;
    let candidates = reference.search(&level.moving, orientations, LEAST_OVERLAP, signed, progress)?;
    let mut starts: Vec<_> = candidates.into_iter().take(CLIMBS).map(|c| c.transform).collect();
    starts.push(Transform::identity());
    Ok(starts)
}

/// Optimises from every start on the coarsest level. Returns the best result, and the fraction of the smaller field that
/// the volumes have in common there.
fn climb_all(
    level: &Pair,
    starts: &[Transform],
    options: &AlignOptions,
    progress: Progress<'_>,
) -> Result<(Found, f64), AlignError> {
    let samples = Samples::of(&level.reference, SAMPLES);
    let landscape = landscape(level, &samples, options.metric);
    let family = if options.family == Family::Rigid { Family::Rigid } else { Family::Similarity };
    let mut best = landscape.at(&starts[0]);
    for (at, start) in starts.iter().enumerate() {
        progress.step(at, starts.len())?;
        let found = landscape.climb(family, start, progress)?;
        log::debug!("from {:?} to {:?}, {}", start.parts(), found.transform.parts(), found.value);
        if found.value > best.value {
            best = found;
        }
    }
    let overlap = best.count as f64 / landscape.smaller as f64;
    Ok((best, overlap))
}
