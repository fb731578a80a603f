//! Scanning: from a sample to reconstructed slices, one after the other.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::microstructure::Microstructure;
use super::projection::{Geometry, Pair, Reconstructor};
use super::scanner::{Detector, Scanner};
use super::transform::KnownTransform;
use crate::memory::{OutOfMemory, filled};
use crate::progress::{Cancelled, Progress};
use crate::stack::Size;

/// A scanner's volume: its voxels and the position of the sample.
pub(super) struct Field {
    /// Voxels.
    pub size: Size,
    /// Edge of a voxel in µm.
    pub voxel: f64,
    /// From the sample's coordinates to this volume's.
    pub transform: KnownTransform,
}

/// A sample on a scanner's stage.
pub(super) struct Stage<'a> {
    /// The sample.
    pub sample: &'a Microstructure,
    /// The volume that is scanned.
    pub field: &'a Field,
    /// The measuring geometry.
    pub geometry: Geometry,
}

/// A running scanner: takes exposures at increasing z, returns slices.
struct Station {
    detector: Detector,
    reconstructor: Reconstructor,
    /// The last exposures, by increasing z.
    exposures: VecDeque<Vec<f32>>,
}

impl<'a> Stage<'a> {
    /// Places the sample.
    pub(super) fn new(sample: &'a Microstructure, field: &'a Field) -> Self {
        Self { sample, field, geometry: Self::geometry(sample.radius, field) }
    }

    /// The geometry in which a pillar of that radius (µm) never leaves the detector.
    pub(super) fn geometry(pillar: f64, field: &Field) -> Geometry {
        let [_, y, x] = field.transform.shift_um;
        // A tilted pillar leans out at the ends of the field.
        let half_height = 0.5 * field.size.slices as f64 * field.voxel;
        let [_, lean_y, lean_x] = field.transform.rotation.map(|row| row[0] * half_height);
        let radius = pillar * field.transform.scale + x.hypot(y) + lean_y.hypot(lean_x);
        Geometry::new(radius, field.voxel)
    }

    /// The lengths of all rays in both materials (µm, in the scanner's measure) in the height of slice `z`.
    ///
    /// # Errors
    /// When the memory does not hold them.
    pub(super) fn paths(&self, z: i64) -> Result<Vec<Pair>, OutOfMemory> {
        let Field { size, voxel, transform } = self.field;
        let side = self.geometry.columns;
        let place = |index: i64, count: usize| (index as f64 + 0.5 - 0.5 * count as f64) * voxel;
        let height = place(z, size.slices);
        let point =
            |y: usize, x: usize| transform.to_synchrotron([height, place(y as i64, side), place(x as i64, side)]);
        let corners = [(0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1)].map(|(y, x)| point(y, x)[0]);
        let (low, high) = corners.iter().fold((corners[0], corners[0]), |(low, high), z| (low.min(*z), high.max(*z)));
        let slab = self.sample.slab(low, high)?;
        let edge = voxel / transform.scale;
        let mut slice = filled([0.0; 2], side * side)?;
        slice.par_chunks_mut(side).enumerate().for_each(|(y, row)| {
            for (x, pair) in row.iter_mut().enumerate() {
                let materials = slab.materials(point(y, x), edge);
                *pair = [materials.active as f32, materials.glass as f32];
            }
        });
        self.geometry.project(&slice)
    }
}

impl Station {
    /// A scanner for that stage.
    fn new(scanner: &Scanner, stage: &Stage, seed: u64) -> Self {
        let reconstructor = Reconstructor::new(&stage.geometry);
        let detector = Detector::new(scanner.clone(), &stage.geometry, seed);
        Self { detector, reconstructor, exposures: VecDeque::new() }
    }

    fn reach(&self) -> i64 {
        self.detector.reach() as i64
    }

    /// Takes the exposure of height `z`, and gives the slice that it completes: that of `z` − [`reach`](Self::reach), if
    /// there is one.
    fn take(&mut self, paths: &[Pair], z: i64, field: &Field) -> Result<Option<Array2<f32>>, OutOfMemory> {
        let reach = self.reach();
        let Size { width, height, slices } = field.size;
        if z < -reach || z >= slices as i64 + reach {
            return Ok(None);
        }
        let transmitted = self.detector.scanner().transmit(paths, field.transform.scale)?;
        self.exposures.push_back(self.detector.expose(&transmitted, z)?);
        drop(transmitted);
        if self.exposures.len() <= 2 * reach as usize {
            return Ok(None);
        }
        let exposures: Vec<&[f32]> = self.exposures.iter().map(Vec::as_slice).collect();
        let sinogram = self.detector.develop(&exposures, z - reach)?;
        self.exposures.pop_front();
        self.reconstructor.reconstruct(sinogram, width, height).map(Some)
    }
}

/// Scans the sample with several scanners that share a stage. `slice` takes each scanner's slices in rising order: the
/// scanner's number, z, attenuation in 1/µm.
pub(super) fn scan<E: From<Cancelled> + From<OutOfMemory>>(
    stage: &Stage,
    scanners: &[&Scanner],
    seed: u64,
    progress: Progress<'_>,
    mut slice: impl FnMut(usize, usize, ArrayView2<'_, f32>) -> Result<(), E>,
) -> Result<(), E> {
    let mut stations: Vec<Station> = scanners.iter().map(|scanner| Station::new(scanner, stage, seed)).collect();
    let reach = stations.iter().map(Station::reach).max().unwrap_or(0);
    let slices = stage.field.size.slices as i64;
    for z in -reach..slices + reach {
        progress.step((z + reach) as usize, (slices + 2 * reach) as usize)?;
        let paths = stage.paths(z)?;
        for (number, station) in stations.iter_mut().enumerate() {
            if let Some(done) = station.take(&paths, z, stage.field)? {
                slice(number, (z - station.reach()) as usize, done.view())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Event, Listener};
    use crate::sample::{SampleError, SampleOptions, sample_pair};
    use crate::stack::{GreyType, Shape, VoxelSize};
    use crate::volume::Volume;

    fn pair(threads: usize, progress: Progress<'_>) -> Result<(Volume, Volume), SampleError> {
        let none = Shape::new(Size::new(0, 0, 0), VoxelSize::isotropic(1.0), GreyType::U16);
        let [mut laboratory, mut synchrotron] = ["laboratory", "synchrotron"].map(|name| Volume::black(name, none));
        let options = SampleOptions { width: 32, height: 24, slices: 3, ..SampleOptions::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sample_pair(&options, &mut laboratory, &mut synchrotron, progress))?;
        Ok((laboratory, synchrotron))
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_voxel() {
        let [one, three] = [1, 3].map(|threads| pair(threads, Progress::silent()).unwrap());
        assert!(one == three);
    }

    /// Asks to stop once half is done.
    struct Impatient(std::sync::atomic::AtomicBool);

    impl Listener for Impatient {
        fn event(&self, event: Event<'_>) {
            if let Event::Fraction(fraction) = event {
                self.0.fetch_or(fraction > 0.5, std::sync::atomic::Ordering::Relaxed);
            }
        }

        fn cancelled(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    #[test]
    fn the_user_can_stop_it_half_way() {
        let stopped = pair(2, Progress::new(&Impatient(false.into())));
        assert!(matches!(stopped, Err(SampleError::Cancelled(_))));
    }
}
