//! Bringing the laboratory volume onto the synchrotron volume.
//!
//! [`align`] finds where each point of the reference lies in the moving volume, whatever their voxel sizes, grey scales
//! and fields of view; [`apply_transform`] then writes the moving volume on the reference's grid, interpolating once.
//! How it works, and how well, is told in `docs/alignment.md`; conventions are those of [`Transform`].

mod air;
mod apply;
mod drift;
mod fourier;
mod grid;
mod metric;
mod model;
mod optimise;
mod sampler;
mod search;
mod smooth;
mod target;
mod transform;
mod verify;

use nalgebra::Matrix3;

use crate::monitor::Monitor;
use crate::stack::{Size, SliceSource, StackError, check};

pub use apply::apply_transform;
pub use drift::Drift;
pub use metric::Metric;
pub use model::Family;
pub use target::Target;
pub use transform::{Parts, Transform, TransformError};

use grid::{Grid, extent_zyx};
use optimise::{Found, Landscape};
use sampler::Samples;
use search::Reference;

/// Why two volumes could not be aligned.
#[derive(Debug, thiserror::Error)]
pub enum AlignError {
    /// A stack cannot be read, written or used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A transform file cannot be read or written.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// Too few voxels to align.
    #[error("{name} has {size} voxels: aligning needs at least {fewest} along every axis")]
    TooSmall {
        /// What the stack is to the command.
        name: String,
        /// Its size.
        size: Size,
        /// Fewest voxels along an axis.
        fewest: usize,
    },
    /// One grey value everywhere.
    #[error("{name} shows nothing to align by: its grey values are all (nearly) equal")]
    Featureless {
        /// What the stack is to the command.
        name: String,
    },
    /// The volumes have nothing in common.
    #[error(
        "{moving} and {reference} do not seem to show the same place: the best match stands out by {distinction:.1} deviations from chance, {least} are needed (are these the right stacks and voxel sizes? if the sample was remounted, try all rotations, or flips)"
    )]
    Unrelated {
        /// The moving stack's name.
        moving: String,
        /// The reference's name.
        reference: String,
        /// How many deviations the best match lies above those at other shifts.
        distinction: f64,
        /// How many it must.
        least: f64,
    },
    /// The optimiser refused its settings.
    #[error("the optimiser failed: {0}")]
    Optimiser(String),
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
}

/// What to align, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct AlignOptions {
    /// What may differ between the volumes.
    pub family: Family,
    /// What to maximise.
    pub metric: Metric,
    /// Whether to try all rotations about z rather than those within 18° of none.
    pub rotation_search: bool,
    /// Whether to try the moving volume upside down and with its slices in reverse order too.
    pub flip: bool,
    /// Whether to refine a small shift of the moving volume's slices that changes smoothly along z.
    pub drift: bool,
    /// Whether to leave out large dark regions of the reference: air around the sample.
    pub leave_out_air: bool,
    /// Where to start instead of searching widely.
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

/// How the volumes lie, and how sure that is.
///
/// Metrics are those of the copies that the finest level looks at: reduced to about the coarser of the two voxel sizes,
/// smoothed by 0.6 of it, and freed from slow shading.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// Where each point of the reference lies in the moving volume.
    pub transform: Transform,
    /// The metric of the volumes as they came, centre on centre.
    pub metric_before: f64,
    /// The metric of the aligned volumes.
    pub metric_after: f64,
    /// Normalised cross-correlation of the volumes as they came.
    pub ncc_before: f64,
    /// Normalised cross-correlation of the aligned volumes.
    pub ncc_after: f64,
    /// The reference's share, air left out, that lies in the moving volume's field of view.
    pub overlap: f64,
    /// How many deviations the match lies above those at other shifts.
    pub distinction: f64,
    /// What the user should look at before trusting the result.
    pub warnings: Vec<String>,
}

/// Most voxels of a copy held in memory.
const MOST_VOXELS: usize = 54 << 20;
/// Voxels of the reference's copy in the wide search.
const SEARCH_VOXELS: f64 = 50_000.0;
/// Samples that a level looks at.
const SAMPLES: usize = 3 << 19;
/// The share of the smaller field that must be in common.
const LEAST_OVERLAP: f64 = 0.2;
/// Orientations from which the coarsest level climbs.
const CLIMBS: usize = 6;
/// Degrees between the rotations about z that the search tries.
const TURN: f64 = 4.5;

/// Both volumes on copies that are reduced to about the same voxel edge and smoothed.
struct Pair {
    reference: Grid,
    moving: Grid,
}

impl Pair {
    /// Reads both volumes, clipped and standardised.
    fn read(moving: &dyn SliceSource, reference: &dyn SliceSource, monitor: &dyn Monitor) -> Result<Self, AlignError> {
        let read = |source: &dyn SliceSource| {
            let mut grid = Grid::read(source, MOST_VOXELS, monitor)?;
            grid.standardise(source.name())?;
            Ok::<_, AlignError>(grid)
        };
        Ok(Self { reference: read(reference)?, moving: read(moving)? })
    }

    /// The coarsest voxel edge of either.
    fn edge(&self) -> f64 {
        [self.reference.voxel, self.moving.voxel].iter().flatten().copied().fold(0.0, f64::max)
    }

    /// Copies of voxel edge `edge`.
    fn level(&self, edge: f64) -> Self {
        let prepare = |grid: &Grid| {
            let mut grid = grid.reduced(edge);
            smooth::smooth(&mut grid, 0.6 * edge);
            grid.normalise();
            grid
        };
        Self { reference: prepare(&self.reference), moving: prepare(&self.moving) }
    }

    /// Without what is slower than `sigma`, judged on copies of voxel edge `edge`.
    fn flattened(mut self, sigma: f64, edge: f64) -> Self {
        for grid in [&mut self.reference, &mut self.moving] {
            smooth::flatten(grid, sigma, edge);
            grid.normalise();
        }
        self
    }
}

/// Orientations to try: rotations about z, each as it is and, on request, upside down and with slices in reverse order.
fn orientations(options: &AlignOptions) -> Vec<Matrix3<f64>> {
    let turns: Vec<i32> = if options.rotation_search { (0..80).collect() } else { (-4..=4).collect() };
    let mut flips = vec![Matrix3::identity()];
    if options.flip {
        flips.push(Matrix3::from_diagonal(&[-1.0, -1.0, 1.0].into()));
        flips.push(Matrix3::from_diagonal(&[-1.0, 1.0, 1.0].into()));
    }
    let turn = |i: &i32| Transform::similarity([f64::from(*i) * TURN, 0.0, 0.0], 1.0, [0.0; 3]).linear;
    flips.iter().flat_map(|flip| turns.iter().map(move |i| turn(i) * flip)).collect()
}

/// Finds where each point of `reference` lies in `moving`.
///
/// The result is the same for any number of threads. Unrelated volumes are an error; a match that may be wrong comes
/// with warnings.
pub fn align(
    moving: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &AlignOptions,
    monitor: &dyn Monitor,
) -> Result<Alignment, AlignError> {
    check(moving)?;
    check(reference)?;
    monitor.progress(0.0, "Reading both volumes");
    let mut base = Pair::read(moving, reference, monitor)?;
    let field: f64 = extent_zyx(reference.shape()).iter().product();
    let finest = base.edge();
    let coarse = (field / SEARCH_VOXELS).cbrt().max(finest);
    if options.leave_out_air {
        let share = air::leave_out(&mut base.reference, coarse);
        monitor.log(&format!("{:.0} % of {} is air and left out", 100.0 * share, reference.name()));
    }
    let base = base.flattened(12.0 * coarse, coarse);

    monitor.progress(0.1, "Searching for the start");
    let level = base.level(coarse).flattened(6.0 * coarse, coarse);
    let signed = options.metric == Metric::Ncc;
    let starts = match &options.start {
        Some(start) => vec![Transform { drift: None, ..start.clone() }],
        None => wide_search(&level, options, signed, monitor)?,
    };
    let mut found = climb_all(&level, &starts, options, monitor)?;
    let turned = Reference::new(level.reference.clone(), &level.moving, &[found.transform.linear]);
    let distinction = turned.distinction(&level.moving, &found.transform, 8.0, signed).unwrap_or(0.0);
    if found.value <= 0.0 || distinction < verify::LEAST_DISTINCTION {
        return Err(AlignError::Unrelated {
            moving: moving.name().to_owned(),
            reference: reference.name().to_owned(),
            distinction,
            least: verify::LEAST_DISTINCTION,
        });
    }

    let stages = (coarse / finest).log2().ceil().max(1.0) as i32;
    for stage in (0..stages).rev() {
        let edge = finest * 2f64.powi(stage);
        monitor.progress(0.9 - 0.6 * f64::from(stage + 1) / f64::from(stages), &format!("Refining at {edge:.3}"));
        let level = base.level(edge);
        let samples = Samples::of(&level.reference, SAMPLES);
        let landscape = landscape(&level, &samples, options.metric);
        found = landscape.climb(options.family, &found.transform, monitor)?;
        if stage == 0 {
            if options.drift {
                monitor.progress(0.8, "Refining the drift");
                let height = extent_zyx(moving.shape())[0];
                found.transform.drift = Some(Drift::flat(height, height / 6.0));
                found = landscape.climb(options.family, &found.transform, monitor)?;
            }
            monitor.progress(0.9, "Checking the result");
            return Ok(report(&landscape, options, found, distinction, 2.0 * edge));
        }
    }
    unreachable!("there is at least one stage, and the last returns")
}

fn landscape<'a>(level: &'a Pair, samples: &'a Samples, metric: Metric) -> Landscape<'a> {
    let fewest = (samples.grey.len() as f64 * LEAST_OVERLAP / 2.0) as usize;
    Landscape { samples, moving: &level.moving, metric, fewest }
}

/// The most promising starts, best first: each orientation with its best shift, and the volumes as they came.
fn wide_search(
    level: &Pair,
    options: &AlignOptions,
    signed: bool,
    monitor: &dyn Monitor,
) -> Result<Vec<Transform>, AlignError> {
    let orientations = orientations(options);
    let reference = Reference::new(level.reference.clone(), &level.moving, &orientations);
    let candidates = reference.search(&level.moving, &orientations, LEAST_OVERLAP, signed, monitor)?;
    let mut starts: Vec<_> = candidates.into_iter().take(CLIMBS).map(|c| c.transform).collect();
    starts.push(Transform::identity());
    Ok(starts)
}

/// Climbs from every start on the coarsest level and keeps the best end.
fn climb_all(
    level: &Pair,
    starts: &[Transform],
    options: &AlignOptions,
    monitor: &dyn Monitor,
) -> Result<Found, AlignError> {
    let samples = Samples::of(&level.reference, SAMPLES);
    let landscape = landscape(level, &samples, options.metric);
    let family = if options.family == Family::Rigid { Family::Rigid } else { Family::Similarity };
    let mut best = landscape.at(&starts[0]);
    for start in starts {
        let found = landscape.climb(family, start, monitor)?;
        log::debug!("from {:?} to {:?}, {}", start.parts(), found.transform.parts(), found.value);
        if found.value > best.value {
            best = found;
        }
    }
    Ok(best)
}

/// Metrics, overlap and warnings.
fn report(landscape: &Landscape, options: &AlignOptions, found: Found, distinction: f64, distance: f64) -> Alignment {
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
    if overlap < verify::LARGE_OVERLAP {
        warnings.push(format!(
            "only {:.0} % of the reference lies in the moving volume: check the result by eye",
            100.0 * overlap
        ));
    }
    let flat = verify::flat_directions(landscape, options.family, &transform, distance);
    if !flat.is_empty() {
        warnings.push(format!(
            "the volumes hardly say anything about: {} (moving by {distance:.2} leaves the correlation as it is)",
            flat.join(", ")
        ));
    }
    Alignment { transform, metric_before, metric_after, ncc_before, ncc_after, overlap, distinction, warnings }
}
