//! A reduced copy of a volume on its own grid, with places in the stack's unit and unusable voxels marked.
//!
//! Grey values are `f32`, index `(z * height + y) * width + x`; a voxel outside the field of view is NaN, so that
//! whatever is interpolated from it is NaN too and drops out of every sum.

use std::ops::Range;

use rayon::prelude::*;

use crate::memory::{copied, filled, with_capacity};
use crate::progress::Progress;
use crate::stack::{Shape, SliceSource, black_slice, flat, read_measured};

use super::AlignError;

/// Fewest voxels along an axis that a reduced copy keeps.
pub(super) const FEWEST: usize = 4;

/// A reduced copy of a volume.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Voxels along z, y, x.
    pub size: [usize; 3],
    /// Voxel edges along z, y, x.
    pub voxel: [f64; 3],
    /// The centre of the first voxel, about the centre of the volume's field.
    pub origin: [f64; 3],
    /// Grey values; NaN where the volume shows nothing.
    pub grey: Vec<f32>,
}

/// Voxels along z, y, x.
pub(super) fn size_zyx(shape: Shape) -> [usize; 3] {
    [shape.size.slices, shape.size.height, shape.size.width]
}

/// Voxel edges along z, y, x.
pub(super) fn voxel_zyx(shape: Shape) -> [f64; 3] {
    [shape.voxel.z, shape.voxel.y, shape.voxel.x]
}

/// Edges of the field along z, y, x.
pub(super) fn extent_zyx(shape: Shape) -> [f64; 3] {
    let (size, voxel) = (size_zyx(shape), voxel_zyx(shape));
    std::array::from_fn(|a| size[a] as f64 * voxel[a])
}

/// How many voxels to average along each axis to come near the edge `target`.
pub(super) fn factors(size: [usize; 3], voxel: [f64; 3], target: f64) -> [usize; 3] {
    std::array::from_fn(|a| ((target / voxel[a]).round() as usize).clamp(1, (size[a] / FEWEST).max(1)))
}

/// How many voxels to average along each axis so that at most `most` remain, or as few as there may be.
pub(super) fn factors_for(size: [usize; 3], voxel: [f64; 3], most: usize) -> [usize; 3] {
    let mut edge = voxel.iter().copied().fold(f64::INFINITY, f64::min);
    loop {
        let by = factors(size, voxel, edge);
        let fewest = (0..3).all(|a| by[a] == (size[a] / FEWEST).max(1));
        if fewest || by.iter().zip(size).map(|(f, n)| n / f).product::<usize>() <= most {
            return by;
        }
        edge *= 1.25;
    }
}

/// The grey value that fills what a scanner did not see, where NaN does not say it: the lowest in the corners of some
/// slices, if at least half of these hold exactly it. A reconstruction is round, so its corners are where the filling shows.
fn filling(source: &dyn SliceSource) -> Result<Option<f32>, AlignError> {
    let size = source.shape().size;
    let mut slice = black_slice(size)?;
    let mut corners = Vec::new();
    for z in (0..size.slices).step_by(size.slices.div_ceil(64)) {
        read_measured(source, z, slice.view_mut())?;
        let (bottom, right) = (size.height - 1, size.width - 1);
        let places = [[0, 0], [0, right], [bottom, 0], [bottom, right]];
        corners.extend(places.map(|corner| slice[corner]).into_iter().filter(|grey| !grey.is_nan()));
    }
    let lowest = corners.iter().copied().fold(f32::INFINITY, f32::min);
    let same = corners.iter().filter(|v| **v == lowest).count();
    Ok((same > 0 && 2 * same >= corners.len()).then_some(lowest))
}

/// The voxels of a row that the scanner saw: all but the filling, and NaN, at either end. Filling further in is a dark voxel.
fn seen(row: &[f32], filling: Option<f32>) -> Range<usize> {
    let dark = |v: &&f32| Some(**v) == filling || v.is_nan();
    let before = row.iter().take_while(dark).count();
    let after = row[before..].iter().rev().take_while(dark).count();
    before..row.len() - after
}

impl Grid {
    /// Reads a volume in one pass, averaging blocks of voxels until at most `most` remain.
    ///
    /// A block counts if at least half of its voxels lie in the field of view.
    pub fn read(source: &dyn SliceSource, most: usize, progress: Progress<'_>) -> Result<Self, AlignError> {
        let shape = source.shape();
        let (full, voxel) = (size_zyx(shape), voxel_zyx(shape));
        if full.iter().any(|n| *n < FEWEST) {
            return Err(AlignError::TooSmall { name: source.name().to_owned(), size: shape.size, fewest: FEWEST });
        }
        let by = factors_for(full, voxel, most);
        let filling = filling(source)?;
        let size: [usize; 3] = std::array::from_fn(|a| full[a] / by[a]);
        let mut grid = Self::empty(full, voxel, by)?;
        let plane = size[1] * size[2];
        let mut slice = black_slice(shape.size)?;
        let (mut sum, mut count) = (filled(0.0f32, plane)?, filled(0.0f32, plane)?);
        for z in 0..size[0] {
            progress.step(z, size[0])?;
            sum.fill(0.0);
            count.fill(0.0);
            for dz in 0..by[0] {
                read_measured(source, z * by[0] + dz, slice.view_mut())?;
                let rows = sum.par_chunks_mut(size[2]).zip(count.par_chunks_mut(size[2])).enumerate();
                rows.for_each(|(y, (sum, count))| {
                    for row in flat(&slice).chunks_exact(full[2]).skip(y * by[1]).take(by[1]) {
                        let seen = seen(row, filling);
                        let whole = seen.start..seen.end.min(size[2] * by[2]);
                        for x in whole.filter(|x| !row[*x].is_nan()) {
                            sum[x / by[2]] += row[x];
                            count[x / by[2]] += 1.0;
                        }
                    }
                });
            }
            let enough = by.iter().product::<usize>() as f32 / 2.0;
            let averages = sum.iter().zip(&count).map(|(s, n)| if *n >= enough { s / n } else { f32::NAN });
            grid.grey.extend(averages);
        }
        Ok(grid)
    }

    fn empty(full: [usize; 3], voxel: [f64; 3], by: [usize; 3]) -> Result<Self, AlignError> {
        let size: [usize; 3] = std::array::from_fn(|a| full[a] / by[a]);
        Ok(Self {
            size,
            voxel: std::array::from_fn(|a| voxel[a] * by[a] as f64),
            origin: std::array::from_fn(|a| (by[a] as f64 - full[a] as f64) / 2.0 * voxel[a]),
            grey: with_capacity(size.iter().product())?,
        })
    }

    /// A copy.
    pub fn copy(&self) -> Result<Self, AlignError> {
        Ok(Self { grey: copied(&self.grey)?, ..*self })
    }

    /// A copy whose voxels are near the edge `target`, by averaging whole blocks.
    pub fn reduced(&self, target: f64) -> Result<Self, AlignError> {
        let by = factors(self.size, self.voxel, target);
        if by == [1; 3] {
            return self.copy();
        }
        let mut grid = Self::empty(self.size, self.voxel, by)?;
        // The grid may sit off its field's centre after an earlier reduction that left some voxels over.
        grid.origin = std::array::from_fn(|a| self.origin[a] + (by[a] as f64 - 1.0) / 2.0 * self.voxel[a]);
        let size = grid.size;
        let enough = by.iter().product::<usize>() as f32 / 2.0;
        grid.grey.resize(size.iter().product(), 0.0);
        grid.grey.par_chunks_mut(size[2]).enumerate().for_each(|(row, line)| {
            let (z, y) = (row / size[1], row % size[1]);
            for (x, mean) in line.iter_mut().enumerate() {
                let (mut sum, mut count) = (0.0, 0.0);
                for dz in 0..by[0] {
                    for dy in 0..by[1] {
                        let start = self.index([z * by[0] + dz, y * by[1] + dy, x * by[2]]);
                        for v in self.grey[start..start + by[2]].iter().filter(|v| !v.is_nan()) {
                            sum += v;
                            count += 1.0;
                        }
                    }
                }
                *mean = if count >= enough { sum / count } else { f32::NAN };
            }
        });
        Ok(grid)
    }

    fn index(&self, [z, y, x]: [usize; 3]) -> usize {
        (z * self.size[1] + y) * self.size[2] + x
    }

    /// Where voxel `index` lies, about the centre of the volume's field.
    pub fn place(&self, index: usize) -> [f64; 3] {
        let (row, x) = (index / self.size[2], index % self.size[2]);
        let at = [row / self.size[1], row % self.size[1], x];
        std::array::from_fn(|a| self.origin[a] + at[a] as f64 * self.voxel[a])
    }

    /// The grey value at a place (z, y, x in voxels of this grid) by linear interpolation, and its slope per voxel;
    /// NaN outside. A place exactly on a voxel still needs all eight neighbours.
    #[inline]
    pub fn sample(&self, at: [f64; 3]) -> (f32, [f32; 3]) {
        const OUTSIDE: (f32, [f32; 3]) = (f32::NAN, [f32::NAN; 3]);
        let (mut base, mut t) = ([0usize; 3], [0f32; 3]);
        for a in 0..3 {
            let last = (self.size[a] - 1) as f64;
            if !(at[a] >= 0.0 && at[a] <= last) {
                return OUTSIDE;
            }
            base[a] = (at[a] as usize).min(self.size[a] - 2);
            t[a] = (at[a] - base[a] as f64) as f32;
        }
        let (dy, dz) = (self.size[2], self.size[1] * self.size[2]);
        let start = self.index(base);
        let v = &self.grey[start..start + dz + dy + 2];
        let ([z, y, x], lerp) = (t, |a: f32, b: f32, t: f32| a + (b - a) * t);
        let rows = [
            lerp(v[0], v[1], x),
            lerp(v[dy], v[dy + 1], x),
            lerp(v[dz], v[dz + 1], x),
            lerp(v[dz + dy], v[dz + dy + 1], x),
        ];
        let (near, far) = (lerp(rows[0], rows[1], y), lerp(rows[2], rows[3], y));
        let slope_y = lerp(rows[1] - rows[0], rows[3] - rows[2], z);
        let slope_x =
            lerp(lerp(v[1] - v[0], v[dy + 1] - v[dy], y), lerp(v[dz + 1] - v[dz], v[dz + dy + 1] - v[dz + dy], y), z);
        (lerp(near, far, z), [far - near, slope_y, slope_x])
    }

    /// The grey value at a place in the stack's unit; beyond the border, that of the nearest place inside.
    pub fn nearest_inside(&self, place: [f64; 3]) -> f32 {
        let at = |a: usize| ((place[a] - self.origin[a]) / self.voxel[a]).clamp(0.0, (self.size[a] - 1) as f64);
        self.sample(std::array::from_fn(at)).0
    }

    /// Clips the outermost 0.1 % of the grey values on either side, so that a few hot voxels do not weigh more than the
    /// sample, and brings them to mean 0 and deviation 1. Fails on a volume of one grey value.
    pub fn standardise(&mut self, name: &str) -> Result<(), AlignError> {
        let mut sorted: Vec<f32> = with_capacity(self.grey.len().div_ceil(7))?;
        sorted.extend(self.grey.iter().copied().filter(|v| !v.is_nan()).step_by(7));
        sorted.sort_unstable_by(f32::total_cmp);
        let tail = sorted.len() / 1000;
        if let (Some(low), Some(high)) = (sorted.get(tail), sorted.get(sorted.len().saturating_sub(1 + tail)))
            && low < high
        {
            // NaN stays NaN through clamp.
            self.grey.par_iter_mut().for_each(|v| *v = v.clamp(*low, *high));
            self.normalise();
            return Ok(());
        }
        Err(AlignError::Featureless { name: name.to_owned() })
    }

    /// Brings the grey values to mean 0 and deviation 1; of a volume of one grey value, to 0.
    pub fn normalise(&mut self) {
        let (mut sum, mut square, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for v in self.grey.iter().filter(|v| !v.is_nan()) {
            let v = f64::from(*v);
            sum += v;
            square += v * v;
            count += 1.0;
        }
        let mean = sum / count.max(1.0);
        let deviation = (square / count.max(1.0) - mean * mean).max(0.0).sqrt();
        let scale = if deviation > 1e-7 * mean.abs() { 1.0 / deviation } else { 0.0 };
        self.grey.par_iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) * scale) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{GreyType, Size, VoxelSize};
    use crate::volume::Volume;

    fn ramp(size: Size) -> Volume {
        let shape = Shape::new(size, VoxelSize::new(1.0, 1.0, 2.0), GreyType::F32);
        let value = |i: usize| {
            let (x, y, z) = (i % size.width, i / size.width % size.height, i / size.plane());
            1.0 + x as f32 + 10.0 * y as f32 + 100.0 * z as f32
        };
        Volume::from_values("ramp", shape, &(0..size.voxels() as usize).map(value).collect::<Vec<_>>())
    }

    #[test]
    fn reduction_keeps_places() {
        let grid = Grid::read(&ramp(Size::new(17, 16, 9)), usize::MAX, Progress::silent()).unwrap();
        for target in [1.0, 2.0, 4.0] {
            let small = grid.reduced(target).unwrap();
            for index in [0, small.grey.len() / 2, small.grey.len() - 1] {
                let [z, y, x] = small.place(index);
                let expected = 1.0 + (x + 8.0) + 10.0 * (y + 7.5) + 100.0 * (z / 2.0 + 4.0);
                assert!((f64::from(small.grey[index]) - expected).abs() < 1e-3, "{target}: {index}");
            }
        }
    }

    #[test]
    fn sampling_is_linear_with_its_slope() {
        let grid = Grid::read(&ramp(Size::new(8, 8, 8)), usize::MAX, Progress::silent()).unwrap();
        let (value, slope) = grid.sample([1.25, 6.5, 3.75]);
        assert!((value - (1.0 + 3.75 + 65.0 + 125.0)).abs() < 1e-4);
        assert_eq!(slope, [100.0, 10.0, 1.0]);
        assert!(grid.sample([-0.01, 1.0, 1.0]).0.is_nan());
        assert!(!grid.sample([7.0, 7.0, 7.0]).0.is_nan());
    }

    #[test]
    fn empty_corners_are_no_field_of_view() {
        let mut values = ramp(Size::new(8, 8, 4)).to_values();
        for z in 0..4 {
            for corner in [0, 7, 56, 63] {
                values[z * 64 + corner] = 0.0;
            }
        }
        let shape = ramp(Size::new(8, 8, 4)).shape();
        let grid = Grid::read(&Volume::from_values("round", shape, &values), usize::MAX, Progress::silent()).unwrap();
        assert_eq!(grid.grey.iter().filter(|v| v.is_nan()).count(), 16);
    }
}
