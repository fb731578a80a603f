//! The wide search: for every orientation tried, the best of all translations at once.
//!
//! For a given linear part, the normalised cross-correlation of the two volumes at every translation follows from six
//! Fourier transforms, each sum running over the common part of the two fields of view only (Padfield, IEEE Trans.
//! Image Process. 21, 2706, 2012). Plain phase correlation would weight noise like structure and does not support masks.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use rustfft::num_complex::Complex32;

use crate::memory::{filled, with_capacity};
use crate::progress::Progress;

use super::AlignError;
use super::budget;
use super::fourier::Fourier;
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
    at_once: usize,
}

/// How far the moving field reaches from its centre.
fn half(moving: &Grid) -> [f64; 3] {
    std::array::from_fn(|a| moving.origin[a].abs() + moving.voxel[a])
}

impl Reference {
    /// Prepares for moving volumes whose turned box is at most that of `orientations`, of which `at_once` are tried at
    /// the same time.
    ///
    /// # Errors
    /// When the memory does not hold the arrays.
    pub fn new(grid: Grid, moving: &Grid, orientations: &[Matrix3<f64>], at_once: usize) -> Result<Self, AlignError> {
        let largest = budget::largest(half(moving), orientations);
        let size = budget::padded(grid.size, grid.voxel, largest).ok_or(AlignError::Stretched)?;
        let fourier = Fourier::new(size);
        let spectra = spectra(&fourier, &grid.grey, grid.size, size)?;
        let count = grid.grey.iter().filter(|v| !v.is_nan()).count();
        Ok(Self { grid, count, fourier, size, spectra, at_once })
    }

    /// Correlations of the reference with the moving volume turned by `linear`, at every translation that leaves at
    /// least the share `overlap` of the smaller field in common.
    ///
    /// # Errors
    /// When the memory does not hold the arrays.
    pub fn correlate(
        &self,
        moving: &Grid,
        linear: &Matrix3<f64>,
        overlap: f64,
    ) -> Result<Option<Correlation>, AlignError> {
        let Some(inverse) = linear.try_inverse() else { return Ok(None) };
        let extent = budget::turned(half(moving), &inverse);
        let voxel = self.grid.voxel;
        let size: [usize; 3] =
            std::array::from_fn(|a| ((extent[a] / voxel[a]) as usize).clamp(1, self.size[a] - self.grid.size[a]));
        let first: [f64; 3] = std::array::from_fn(|a| -((size[a] - 1) as f64) / 2.0 * voxel[a]);
        let turn = Transform::new(*linear, Vector3::zeros());
        let mut turned: Vec<f32> = with_capacity(size.iter().product())?;
        turned.extend((0..size.iter().product::<usize>()).map(|i| {
            let at = [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]];
            let p = turn.apply(std::array::from_fn(|a| first[a] + at[a] as f64 * voxel[a]));
            moving.sample(std::array::from_fn(|a| (p[a] - moving.origin[a]) / moving.voxel[a])).0
        }));
        let count = turned.iter().filter(|v| !v.is_nan()).count();
        let least = overlap * count.min(self.count) as f64;
        let [value, square, mask] = spectra(&self.fourier, &turned, size, self.size)?;
        let [f, ff, m] = &self.spectra;
        let sums = |a: &[Complex32], b: &[Complex32], c: &[Complex32], d: &[Complex32]| {
            let i = Complex32::i();
            let pairs = a.iter().zip(b).zip(c.iter().zip(d));
            let mut both = with_capacity(a.len())?;
            both.extend(pairs.map(|((a, b), (c, d))| a.conj() * b + i * (c.conj() * d)));
            self.fourier.inverse(&mut both);
            Ok::<_, AlignError>(both)
        };
        let norm = 1.0 / self.fourier.len() as f64;
        let first_pair = sums(m, &mask, f, &value)?;
        let second = sums(f, &mask, m, &value)?;
        let third = sums(ff, &mask, m, &square)?;
        let mut map = with_capacity(first_pair.len())?;
        map.extend(first_pair.iter().zip(&second).zip(&third).map(|((a, b), c)| {
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
        }));
        let origin = std::array::from_fn(|a| first[a] - self.grid.origin[a]);
        Ok(Some(Correlation { map, size: self.size, origin, voxel }))
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
        let best = |linear: &Matrix3<f64>| {
            progress.check()?;
            let Some(correlation) = self.correlate(moving, linear, overlap)? else { return Ok(None) };
            let strength = |(n, c): &(f32, f32)| f64::from(n.sqrt() * if signed { *c } else { c.abs() });
            let best = correlation.map.iter().enumerate().max_by(|a, b| strength(a.1).total_cmp(&strength(b.1)));
            Ok(best.map(|(index, value)| Candidate {
                transform: Transform::new(*linear, linear * correlation.shift(index, self.grid.size)),
                score: strength(value),
            }))
        };
        // No more are tried at the same time than there are threads.
        let enough = self.at_once >= rayon::current_num_threads();
        let at_once = if enough { orientations.len() } else { self.at_once }.max(1);
        let mut found = Vec::with_capacity(orientations.len());
        for (done, group) in orientations.chunks(at_once).enumerate() {
            progress.step(done * at_once, orientations.len())?;
            let group: Result<Vec<_>, AlignError> = group.par_iter().map(best).collect();
            found.extend(group?.into_iter().flatten());
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }

    /// How far the correlation of `found` stands out from those at all other shifts of the same orientation: its
    /// distance from their mean in their deviations, both of correlation times root of overlap. Shifts of fewer than
    /// `near` voxels do not count as other.
    ///
    /// # Errors
    /// When the memory does not hold the arrays.
    pub fn distinction(
        &self,
        moving: &Grid,
        found: &Transform,
        near: f64,
        signed: bool,
    ) -> Result<Option<f64>, AlignError> {
        let correlation = self.correlate(moving, &found.linear, 0.2)?;
        let Some((correlation, inverse)) = correlation.zip(found.linear.try_inverse()) else { return Ok(None) };
        let shift = inverse * found.shift;
        let (mut at, mut others) = (0.0f64, with_capacity(correlation.map.len())?);
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
        Ok((n > 100.0 && deviation > 0.0).then(|| (at - mean) / deviation))
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
fn spectra(
    fourier: &Fourier,
    grey: &[f32],
    size: [usize; 3],
    padded: [usize; 3],
) -> Result<[Vec<Complex32>; 3], AlignError> {
    let spectrum = |power| {
        let mut data = filled(Complex32::default(), fourier.len())?;
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
        Ok::<_, AlignError>(data)
    };
    Ok([spectrum(0)?, spectrum(1)?, spectrum(2)?])
}
