//! Both volumes from coarse to fine.

use crate::progress::Progress;
use crate::stack::SliceSource;

use super::AlignError;
use super::grid::Grid;
use super::smooth;

/// Both volumes on copies that are reduced to about the same voxel edge and smoothed.
pub(super) struct Pair {
    /// The reference's copy.
    pub reference: Grid,
    /// The moving volume's copy.
    pub moving: Grid,
}

impl Pair {
    /// Reads both volumes in copies of at most `most` voxels, clipped and standardised.
    pub fn read(
        moving: &dyn SliceSource,
        reference: &dyn SliceSource,
        most: usize,
        progress: Progress<'_>,
    ) -> Result<Self, AlignError> {
        let read = |source: &dyn SliceSource, share| {
            let mut grid = Grid::read(source, most, progress.share(share))?;
            grid.standardise(source.name())?;
            Ok::<_, AlignError>(grid)
        };
        Ok(Self { reference: read(reference, 0.0..0.5)?, moving: read(moving, 0.5..1.0)? })
    }

    /// The coarsest voxel edge of either.
    pub fn edge(&self) -> f64 {
        [self.reference.voxel, self.moving.voxel].iter().flatten().copied().fold(0.0, f64::max)
    }

    /// Copies of voxel edge `edge`.
    pub fn level(&self, edge: f64) -> Result<Self, AlignError> {
        let prepare = |grid: &Grid| {
            let mut grid = grid.reduced(edge)?;
            smooth::smooth(&mut grid, 0.6 * edge)?;
            grid.normalise();
            Ok::<_, AlignError>(grid)
        };
        Ok(Self { reference: prepare(&self.reference)?, moving: prepare(&self.moving)? })
    }

    /// Without what is slower than `sigma`, judged on copies of voxel edge `edge`.
    pub fn flattened(mut self, sigma: f64, edge: f64) -> Result<Self, AlignError> {
        for grid in [&mut self.reference, &mut self.moving] {
            smooth::flatten(grid, sigma, edge)?;
            grid.normalise();
        }
        Ok(self)
    }

    /// The moving volume's usable field as a share of the reference's, at most 1.
    pub fn smaller_share(&self) -> f64 {
        let usable = |grid: &Grid| {
            let count = grid.grey.iter().filter(|v| !v.is_nan()).count();
            count as f64 * grid.voxel.iter().product::<f64>()
        };
        (usable(&self.moving) / usable(&self.reference).max(f64::MIN_POSITIVE)).min(1.0)
    }
}
