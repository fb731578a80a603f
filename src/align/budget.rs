//! What aligning takes of the memory, reckoned from the shapes alone and before any work, and what is made coarser to fit.
//!
//! The arrays of the wide search have the size of both fields together in voxels of the reference's copy. That size
//! follows from the ratio of the two fields, so a wrong voxel size (one stack in nanometres, the other in micrometres)
//! would ask for any amount of memory: the search has an upper limit even where the memory has none.

use nalgebra::{Matrix3, Vector3};

use crate::memory::{OutOfMemory, bytes, usable};
use crate::stack::{Shape, SliceSource};

use super::AlignError;
use super::fourier::fast_length;
use super::grid::{extent_zyx, factors, factors_for, size_zyx, voxel_zyx};
use undulator_compute::memory::mebibytes;

/// Most voxels of a copy held in memory.
const MOST_VOXELS: usize = 54 << 20;
/// Fewer voxels of a copy show too little.
const LEAST_VOXELS: usize = 1 << 18;
/// Voxels of the reference's copy in the wide search.
const SEARCH_VOXELS: f64 = 50_000.0;
/// Most numbers of the search's arrays, however much memory there is: some seconds of work for each orientation.
const MOST_NUMBERS: f64 = (1u64 << 25) as f64;
/// How much coarser than usual the search may become: beyond, grains vanish.
const COARSEST: f64 = 4.0;

/// Bytes for each number of the search's arrays: the reference's three spectra, kept,
const SPECTRA: f64 = 24.0;
/// and for an orientation three spectra, three products, the map, and the turned copy or the list of all strengths.
const ORIENTATION: f64 = 84.0;
/// Bytes of a sample: its place and grey value, the moving volume's grey value and slope, twice over, and weights.
const SAMPLE: f64 = 100.0;

/// How fine the work is to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Budget {
    /// Most voxels of a copy.
    pub most: usize,
    /// Voxel edge of the wide search.
    pub coarse: f64,
    /// Orientations that are tried at once.
    pub at_once: usize,
    /// What was made coarser for want of memory, for the log.
    pub note: Option<String>,
}

/// A copy of a volume before it is made.
#[derive(Clone, Copy)]
struct Reduced {
    size: [usize; 3],
    voxel: [f64; 3],
}

impl Reduced {
    fn by(self, by: [usize; 3]) -> Self {
        Self {
            size: std::array::from_fn(|a| self.size[a] / by[a]),
            voxel: std::array::from_fn(|a| self.voxel[a] * by[a] as f64),
        }
    }

    fn of(shape: Shape, most: usize) -> Self {
        let full = Self { size: size_zyx(shape), voxel: voxel_zyx(shape) };
        full.by(factors_for(full.size, full.voxel, most))
    }

    fn near(self, edge: f64) -> Self {
        self.by(factors(self.size, self.voxel, edge))
    }

    fn voxels(self) -> f64 {
        self.size.iter().map(|n| *n as f64).product()
    }

    fn edge(self) -> f64 {
        self.voxel.iter().copied().fold(0.0, f64::max)
    }
}

impl Budget {
    /// For `free` bytes of memory, of which half are taken, or all that can be where less does not do. `orientations` are
    /// those that the search tries.
    ///
    /// # Errors
    /// [`AlignError::Stack`] where the memory does not hold the copies, and [`AlignError::SearchTooLarge`] where it does not
    /// hold the search, or the search is beyond all reason.
    pub fn new(
        moving: &dyn SliceSource,
        reference: &dyn SliceSource,
        orientations: &[Matrix3<f64>],
        free: Option<u64>,
    ) -> Result<Self, AlignError> {
        let shapes = [reference.shape(), moving.shape()];
        let (half, all) = (free.map_or(u64::MAX, |free| free / 2), usable(free));
        let most = most_voxels(shapes, half)
            .or_else(|| most_voxels(shapes, all))
            .ok_or_else(|| too_little(shapes, [reference, moving], free))?;
        let copies = shapes.map(|shape| Reduced::of(shape, most));
        let usual = search_edge(shapes).max(copies[0].edge().max(copies[1].edge()));
        let limit = |share: u64| MOST_NUMBERS.min(share as f64 / (SPECTRA + ORIENTATION));
        let fitting = |share| coarsened(usual, |edge| search_numbers(copies, edge, orientations) <= limit(share));
        let coarse = fitting(half).or_else(|| fitting(all)).ok_or_else(|| {
            let numbers = search_numbers(copies, COARSEST * usual, orientations);
            let needed = mebibytes(bytes(numbers * (SPECTRA + ORIENTATION)));
            let most = mebibytes(bytes(limit(all) * (SPECTRA + ORIENTATION)));
            search_too_large(moving, reference, needed, most)
        })?;
        let room = half as f64 / search_numbers(copies, coarse, orientations) - SPECTRA;
        let at_once = ((room / ORIENTATION) as usize).clamp(1, orientations.len().max(1));
        let note = (most < MOST_VOXELS && copies_are_coarser(shapes, most) || coarse > usual).then(|| {
            format!("{} of memory are free: the volumes are looked at on coarser copies than usual", mebibytes(free))
        });
        Ok(Self { most, coarse, at_once, note })
    }
}

/// The edges of the field that holds the moving field of the half-lengths `half`, turned back by `inverse`.
pub(super) fn turned(half: [f64; 3], inverse: &Matrix3<f64>) -> [f64; 3] {
    let reach = inverse.abs() * Vector3::from(half);
    std::array::from_fn(|a| 2.0 * reach[a])
}

/// Lengths of the search's arrays: both fields side by side, in voxels of the reference's copy. None for lengths that no
/// memory holds.
pub(super) fn padded(size: [usize; 3], voxel: [f64; 3], largest: [f64; 3]) -> Option<[usize; 3]> {
    let lengths: [f64; 3] = std::array::from_fn(|a| size[a] as f64 + (largest[a] / voxel[a]).ceil());
    let possible = lengths.iter().product::<f64>() <= 2.0 * MOST_NUMBERS;
    possible.then(|| lengths.map(|length| fast_length(length as usize)))
}

/// The largest box that holds the moving field, turned back by any of the orientations.
pub(super) fn largest(half: [f64; 3], orientations: &[Matrix3<f64>]) -> [f64; 3] {
    let extents = orientations.iter().filter_map(|of| of.try_inverse()).map(|inverse| turned(half, &inverse));
    extents.fold([0.0f64; 3], |largest, extent| std::array::from_fn(|a| largest[a].max(extent[a])))
}

/// The voxel edge of the wide search. A moving field much larger than the reference's makes it coarser, or the search
/// would grow with it.
fn search_edge([reference, moving]: [Shape; 2]) -> f64 {
    let field = |shape: Shape| extent_zyx(shape).iter().product::<f64>();
    (field(reference).max(field(moving) / 8.0) / SEARCH_VOXELS).cbrt()
}

/// Numbers in an array of the search.
fn search_numbers(copies: [Reduced; 2], edge: f64, orientations: &[Matrix3<f64>]) -> f64 {
    let [reference, moving] = copies.map(|copy| copy.near(edge));
    let half = std::array::from_fn(|a| (moving.size[a] as f64 / 2.0 + 1.0) * moving.voxel[a]);
    let largest = largest(half, orientations);
    let lengths = (0..3).map(|a| reference.size[a] as f64 + (largest[a] / reference.voxel[a]).ceil());
    match padded(reference.size, reference.voxel, largest) {
        Some(lengths) => lengths.iter().map(|length| *length as f64).product(),
        None => lengths.product(),
    }
}

/// The finest edge from `usual` on that fits.
fn coarsened(usual: f64, fits: impl Fn(f64) -> bool) -> Option<f64> {
    let mut edges = (0..).map(|step| usual * 1.25f64.powi(step)).take_while(|edge| *edge <= COARSEST * usual);
    edges.find(|edge| fits(*edge))
}

/// Bytes that copies of at most `most` voxels take while the finest level is made and looked at.
fn copy_bytes(shapes: [Shape; 2], most: usize) -> f64 {
    let copies = shapes.map(|shape| Reduced::of(shape, most));
    let finest = copies[0].edge().max(copies[1].edge());
    let [reference, moving] = copies.map(|copy| copy.near(finest).voxels());
    // The copies themselves; of a level both, and for one of them grey values, validity and room for smoothing.
    let held = copies[0].voxels() + copies[1].voxels() + (4.0 * reference).max(reference + 4.0 * moving);
    let samples = SAMPLE * reference.min(1.1 * super::SAMPLES as f64);
    // A slice, as it is read and as numbers, and the sums of a reduced one.
    let slice = shapes.map(|shape| 16.0 * shape.size.plane() as f64);
    4.0 * held + samples + slice[0].max(slice[1])
}

/// The most voxels of a copy that `limit` bytes allow.
fn most_voxels(shapes: [Shape; 2], limit: u64) -> Option<usize> {
    let mut mosts =
        std::iter::successors(Some(MOST_VOXELS), |most| Some(most * 3 / 4)).take_while(|most| *most >= LEAST_VOXELS);
    mosts.find(|most| copy_bytes(shapes, *most) <= limit as f64)
}

fn copies_are_coarser(shapes: [Shape; 2], most: usize) -> bool {
    shapes.iter().any(|shape| Reduced::of(*shape, most).size != Reduced::of(*shape, MOST_VOXELS).size)
}

fn too_little(shapes: [Shape; 2], stacks: [&dyn SliceSource; 2], free: Option<u64>) -> OutOfMemory {
    let [reference, moving] = stacks.map(|stack| format!("{} ({} voxels)", stack.name(), stack.shape().size));
    OutOfMemory {
        what: format!("aligning {moving} to {reference}"),
        needed: bytes(copy_bytes(shapes, LEAST_VOXELS)),
        free,
        advice: "close other programs, or crop both stacks".to_owned(),
    }
}

/// The error for a search that no memory holds.
fn search_too_large(moving: &dyn SliceSource, reference: &dyn SliceSource, needed: String, most: String) -> AlignError {
    let [(moving, moving_field), (reference, reference_field)] = fields(moving, reference);
    let fields = format!("the field of {moving} is {moving_field}, that of {reference} is {reference_field}");
    AlignError::SearchTooLarge { fields, needed, most }
}

/// Names and fields of both stacks in the words of their users.
pub(super) fn fields(moving: &dyn SliceSource, reference: &dyn SliceSource) -> [(String, String); 2] {
    [moving, reference].map(|stack| (stack.name().to_owned(), stack.shape().field_in(stack.unit())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{GreyType, Size, StackError, VoxelSize};

    /// A stack of which only the shape matters.
    struct Only(&'static str, Shape);

    impl SliceSource for Only {
        fn name(&self) -> &str {
            self.0
        }

        fn shape(&self) -> Shape {
            self.1
        }

        fn read(&self, z: usize, _out: ndarray::ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
            panic!("slice {z} is read before the memory was looked at")
        }
    }

    fn stack(name: &'static str, width: usize, slices: usize, voxel: f64) -> Only {
        let size = Size::new(width, width, slices);
        Only(name, Shape::new(size, VoxelSize::isotropic(voxel), GreyType::U16))
    }

    fn budget(moving: &Only, reference: &Only, free: Option<u64>) -> Result<Budget, AlignError> {
        Budget::new(moving, reference, &[Matrix3::identity()], free)
    }

    #[test]
    fn fields_of_two_units_are_an_error_whatever_the_memory() {
        let (moving, reference) = (stack("laboratory", 64, 40, 600.0), stack("synchrotron", 64, 40, 0.6));
        for free in [None, Some(1 << 30), Some(1 << 44)] {
            let error = budget(&moving, &reference, free).unwrap_err().to_string();
            for part in ["synchrotron is 38.4×38.4×24 µm", "38400×38400×24000 µm", "of memory", "crop"] {
                assert!(error.contains(part), "{error}");
            }
            // The other way round the field is merely much larger than what is looked for in it.
            assert!(budget(&reference, &moving, free).is_ok());
        }
    }

    #[test]
    fn little_memory_makes_copies_and_search_coarser() {
        let (moving, reference) = (stack("laboratory", 1024, 1024, 0.3), stack("synchrotron", 620, 620, 0.495));
        let plenty = budget(&moving, &reference, None).unwrap();
        assert_eq!((plenty.most, &plenty.note), (MOST_VOXELS, &None));
        let mut last = plenty.clone();
        for free in [4u64 << 30, 1 << 30, 300 << 20] {
            let found = budget(&moving, &reference, Some(free)).unwrap();
            assert!(found.most <= last.most && found.coarse >= last.coarse, "{found:?} after {last:?}");
            assert!(copy_bytes([reference.1, moving.1], found.most) <= free as f64 / 2.0, "{found:?}");
            last = found;
        }
        assert!(last.most < MOST_VOXELS / 2 && last.note.is_some(), "{last:?}");
        let error = budget(&moving, &reference, Some(10 << 20)).unwrap_err().to_string();
        assert!(error.contains("aligning laboratory") && error.contains("10 MB are free"), "{error}");
    }

    #[test]
    fn many_orientations_wait_for_each_other_where_the_memory_is_small() {
        let (moving, reference) = (stack("laboratory", 128, 64, 0.6), stack("synchrotron", 128, 64, 0.6));
        let many = vec![Matrix3::identity(); 240];
        let at_once = |free| Budget::new(&moving, &reference, &many, free).unwrap().at_once;
        assert_eq!(at_once(None), 240);
        let few = at_once(Some(600 << 20));
        assert!((1..20).contains(&few), "{few}");
    }

    #[test]
    fn stretched_transforms_and_voxels_give_no_endless_arrays() {
        let (moving, reference) = (stack("laboratory", 64, 40, 0.6), stack("synchrotron", 64, 40, 0.6));
        for flat in [1e-9, 0.0] {
            let squeezed = Matrix3::from_diagonal(&[flat, 1.0, 1.0].into());
            let found = Budget::new(&moving, &reference, &[squeezed], Some(1 << 30));
            // A matrix without an inverse has no box at all.
            assert_eq!(found.is_err(), flat > 0.0, "{found:?}");
        }
        let mut odd = stack("odd", 64, 40, 1e-300);
        odd.1.voxel.z = 1e300;
        assert!(budget(&odd, &reference, Some(1 << 30)).is_err());
        assert!(budget(&stack("tiny", 4, 4, 1e-9), &reference, Some(1 << 30)).is_ok());
    }
}
