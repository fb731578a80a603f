//! The wide search: for every orientation tried, the best of all translations at once.
//!
//! For a given linear part, the normalised cross-correlation of the two volumes at every translation follows from six
//! Fourier transforms, each sum running over the common part of the two fields of view only (Padfield, IEEE Trans.
//! Image Process. 21, 2706, 2012). Plain phase correlation would weight noise like structure and does not support masks.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use rustfft::num_complex::Complex32;

use crate::progress::Progress;

use super::AlignError;
use super::fourier::{Fourier, fast_length};
use super::grid::Grid;
use super::transform::Transform;

/// The best translation for one orientation.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Orientation, scale and the translation found.
    pub transform: Transform,
    /// Correlation times the square root of the number of voxels in common, which chance exceeds equally rarely for every
    /// overlap.
    pub score: f64,
}

/// Correlations at all translations of one orientation.
pub(super) struct Correlation {
    /// Numbers of voxels in common, and correlations (0 where there are too few).
    pub map: Vec<(f32, f32)>,
    size: [usize; 3],
    /// Shift, in the reference's frame, at index 0.
    origin: [f64; 3],
    voxel: [f64; 3],
}

/// The reference's side of the search, transformed once for all orientations.
pub(super) struct Reference {
    grid: Grid,
    count: usize,
    fourier: Fourier,
    size: [usize; 3],
    spectra: [Vec<Complex32>; 3],
}

/// Edges of the box, in the reference's frame, that holds the moving field turned back by `inverse`.
fn turned_extent(moving: &Grid, inverse: &Matrix3<f64>) -> [f64; 3] {
    let half = Vector3::from_fn(|a, _| moving.origin[a].abs() + moving.voxel[a]);
    let reach = inverse.abs() * half;
    std::array::from_fn(|a| 2.0 * reach[a])
}

/// Whether the padded grid of [`Reference`] has a size that can be searched, whatever the orientation.
pub(super) fn is_feasible(reference: &Grid, moving: &Grid) -> bool {
    // The diagonal is the longest edge that any turn can give the box.
    let diagonal = (0..3).map(|a| (moving.size[a] as f64 * moving.voxel[a]).powi(2)).sum::<f64>().sqrt();
    let padded = (0..3).map(|a| reference.size[a] as f64 + diagonal / reference.voxel[a]);
    padded.product::<f64>() <= super::MOST_SEARCHED
}

impl Reference {
    /// Prepares for moving volumes whose turned box is at most that of `orientations`.
    pub fn new(grid: Grid, moving: &Grid, orientations: &[Matrix3<f64>]) -> Self {
        let mut largest = [0.0f64; 3];
        for inverse in orientations.iter().filter_map(|o| o.try_inverse()) {
            let extent = turned_extent(moving, &inverse);
            largest = std::array::from_fn(|a| largest[a].max(extent[a]));
        }
        let size: [usize; 3] =
            std::array::from_fn(|a| fast_length(grid.size[a] + (largest[a] / grid.voxel[a]).ceil() as usize));
        let fourier = Fourier::new(size);
        let spectra = spectra(&fourier, &grid.grey, grid.size, size);
        let count = grid.grey.iter().filter(|v| !v.is_nan()).count();
        Self { grid, count, fourier, size, spectra }
    }

    /// Correlations of the reference with the moving volume turned by `linear`, at every translation that leaves at
    /// least the share `overlap` of the smaller field in common.
    pub fn correlate(&self, moving: &Grid, linear: &Matrix3<f64>, overlap: f64) -> Option<Correlation> {
        let inverse = linear.try_inverse()?;
        let extent = turned_extent(moving, &inverse);
        let voxel = self.grid.voxel;
        let size: [usize; 3] =
            std::array::from_fn(|a| ((extent[a] / voxel[a]) as usize).clamp(1, self.size[a] - self.grid.size[a]));
        let first: [f64; 3] = std::array::from_fn(|a| -((size[a] - 1) as f64) / 2.0 * voxel[a]);
        let turn = Transform::new(*linear, Vector3::zeros());
        let turned: Vec<f32> = (0..size.iter().product::<usize>())
            .map(|i| {
                let at = [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]];
                let p = turn.apply(std::array::from_fn(|a| first[a] + at[a] as f64 * voxel[a]));
                moving.sample(std::array::from_fn(|a| (p[a] - moving.origin[a]) / moving.voxel[a])).0
            })
            .collect();
        let count = turned.iter().filter(|v| !v.is_nan()).count();
        let least = overlap * count.min(self.count) as f64;
        let [value, square, mask] = spectra(&self.fourier, &turned, size, self.size);
        let [f, ff, m] = &self.spectra;
        let sums = |a: &[Complex32], b: &[Complex32], c: &[Complex32], d: &[Complex32]| {
            let i = Complex32::i();
            let pairs = a.iter().zip(b).zip(c.iter().zip(d));
            let mut both: Vec<_> = pairs.map(|((a, b), (c, d))| a.conj() * b + i * (c.conj() * d)).collect();
            self.fourier.inverse(&mut both);
            both
        };
        let norm = 1.0 / self.fourier.len() as f64;
        let first_pair = sums(m, &mask, f, &value);
        let second = sums(f, &mask, m, &value);
        let third = sums(ff, &mask, m, &square);
        let map = first_pair.iter().zip(&second).zip(&third).map(|((a, b), c)| {
            let [n, fg, sf, sg, sff, sgg] = [a.re, a.im, b.re, b.im, c.re, c.im].map(|v| f64::from(v) * norm);
            if n < least.max(2.0) {
                return (0.0, 0.0);
            }
            // Grey values have variance near one: less than a thousandth in common is rounding.
            let (var_f, var_g) = (sff - sf * sf / n, sgg - sg * sg / n);
            if var_f < 1e-3 * n || var_g < 1e-3 * n {
                return (0.0, 0.0);
            }
            (n as f32, ((fg - sf * sg / n) / (var_f * var_g).sqrt()) as f32)
        });
        let origin = std::array::from_fn(|a| first[a] - self.grid.origin[a]);
        Some(Correlation { map: map.collect(), size: self.size, origin, voxel })
    }

    /// The best translation for each orientation, best first. `signed`: whether only positive correlations count.
    pub fn search(
        &self,
        moving: &Grid,
        orientations: &[Matrix3<f64>],
        overlap: f64,
        signed: bool,
        progress: Progress<'_>,
    ) -> Result<Vec<Candidate>, AlignError> {
        let found = orientations.par_iter().map(|linear| {
            progress.check()?;
            let Some(correlation) = self.correlate(moving, linear, overlap) else { return Ok(None) };
            let strength = |(n, c): &(f32, f32)| f64::from(n.sqrt() * if signed { *c } else { c.abs() });
            let best = correlation.map.iter().enumerate().max_by(|a, b| strength(a.1).total_cmp(&strength(b.1)));
            Ok(best.map(|(index, value)| Candidate {
                transform: Transform::new(*linear, linear * correlation.shift(index, self.grid.size)),
                score: strength(value),
            }))
        });
        let found: Result<Vec<_>, AlignError> = found.collect();
        let mut found: Vec<_> = found?.into_iter().flatten().collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }

    /// How far the correlation of `found` stands out from those at all other shifts of the same orientation: its
    /// distance from their mean in their deviations, both of correlation times root of overlap. Shifts of fewer than
    /// `near` voxels do not count as other.
    pub fn distinction(&self, moving: &Grid, found: &Transform, near: f64, signed: bool) -> Option<f64> {
        let correlation = self.correlate(moving, &found.linear, 0.2)?;
        let shift = found.linear.try_inverse()? * found.shift;
        let (mut at, mut others) = (0.0f64, Vec::new());
        for (index, (n, c)) in correlation.map.iter().enumerate().filter(|(_, (n, _))| *n > 0.0) {
            let strength = f64::from(n.sqrt() * if signed { *c } else { c.abs() });
            let lag = correlation.shift(index, self.grid.size) - shift;
            let distance = (0..3).map(|a| (lag[a] / self.grid.voxel[a]).powi(2)).sum::<f64>().sqrt();
            if distance < 2.0 {
                at = at.max(strength);
            } else if distance > near {
                others.push(strength);
            }
        }
        let n = others.len() as f64;
        let mean = others.iter().sum::<f64>() / n;
        let deviation = (others.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt();
        (n > 100.0 && deviation > 0.0).then(|| (at - mean) / deviation)
    }
}

impl Correlation {
    /// The shift (z, y, x), in the reference's frame, that index stands for: lags up to the moving size count forwards,
    /// the rest backwards.
    pub fn shift(&self, index: usize, reference: [usize; 3]) -> Vector3<f64> {
        let at = [index / (self.size[1] * self.size[2]), index / self.size[2] % self.size[1], index % self.size[2]];
        Vector3::from_fn(|a, _| {
            let wrapped = at[a] > self.size[a] - reference[a];
            let lag = at[a] as f64 - if wrapped { self.size[a] as f64 } else { 0.0 };
            self.origin[a] + lag * self.voxel[a]
        })
    }
}

/// Spectra of the grey values, of their squares, and of the field of view, zero-padded to `padded`.
fn spectra(fourier: &Fourier, grey: &[f32], size: [usize; 3], padded: [usize; 3]) -> [Vec<Complex32>; 3] {
    [0, 1, 2].map(|power| {
        let mut data = vec![Complex32::default(); fourier.len()];
        for (row, line) in grey.chunks_exact(size[2]).enumerate() {
            let start = (row / size[1] * padded[1] + row % size[1]) * padded[2];
            for (d, v) in data[start..].iter_mut().zip(line).filter(|(_, v)| !v.is_nan()) {
                d.re = match power {
                    0 => *v,
                    1 => v * v,
                    _ => 1.0,
                };
            }
        }
        fourier.forward(&mut data);
        data
    })
}
