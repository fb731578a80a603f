//! Whether an alignment can be trusted: does it stand out, is every direction determined, is the overlap large enough?

use nalgebra::Vector3;

use super::model::{Family, Step};
use super::optimise::Landscape;
use super::transform::Transform;

/// Unrelated volumes reach distinctions up to this by chance, as the best of all orientations, shifts and scales; measured
/// in `docs/alignment.md`.
pub(super) const LEAST_DISTINCTION: f64 = 9.0;
/// Below this a match may be real but should be checked.
pub(super) const CLEAR_DISTINCTION: f64 = 13.0;
/// An overlap below this fraction of the reference should be checked.
pub(super) const LARGE_OVERLAP: f64 = 0.35;
/// The least relative drop of the correlation for a direction to be determined.
const LEAST_DROP: f64 = 0.004;

/// The directions in which the correlation hardly drops when the moving volume goes `distance` (root mean square over
/// the samples in common) either way from `found`.
pub(super) fn flat_directions(
    landscape: &Landscape,
    family: Family,
    found: &Transform,
    distance: f64,
) -> Vec<&'static str> {
    const NAMES: [&str; 7] = [
        "rotation about z",
        "rotation about y",
        "rotation about x",
        "scale",
        "shift along z",
        "shift along y",
        "shift along x",
    ];
    let best = landscape.at(found).value;
    let count = Family::Similarity.count();
    let step = Step::new(Family::Similarity, found, &vec![0.0; count + drift_count(found)]);
    let places = landscape.samples.places.iter().step_by((landscape.samples.places.len() / 1000).max(1));
    let mut squares = [0.0; 7];
    let mut n = 0.0;
    for place in places {
        for (square, motion) in squares.iter_mut().zip(step.motion(&Vector3::from(place.map(f64::from)))) {
            *square += motion.norm_squared();
        }
        n += 1.0;
    }
    let flat = |i: &usize| {
        let size = distance / (squares[*i] / n).sqrt().max(f64::MIN_POSITIVE);
        let moved = |size: f64| {
            let mut q = vec![0.0; count + drift_count(found)];
            q[*i] = size;
            landscape.at(&Step::new(Family::Similarity, found, &q).transform).value
        };
        let drop = best - moved(size).max(moved(-size));
        log::debug!("{}: correlation {best:.4} drops by {drop:.4} over {distance:.2}", NAMES[*i]);
        drop < LEAST_DROP * best
    };
    (0..7).filter(|i| *i != 3 || family != Family::Rigid).filter(flat).map(|i| NAMES[i]).collect()
}

fn drift_count(transform: &Transform) -> usize {
    2 * transform.drift.as_ref().map_or(0, |d| d.coefficients_um.len())
}
