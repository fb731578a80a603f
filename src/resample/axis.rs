//! One axis of the new grid: which old voxels each new one is made of.

use std::ops::Range;

use super::Interpolation;
use crate::memory::{OutOfMemory, with_capacity};

/// For each new voxel along an axis the old ones that it blends, as many for every new voxel, and their weights.
pub(super) struct Axis {
    taps: usize,
    /// Of 32 bits, as no host's images have 2³² pixels along an axis: sums of them cannot overflow.
    starts: Vec<u32>,
    weights: Vec<f32>,
}

impl Axis {
    /// `new` voxels, each `ratio` times as long as the `old` ones, from the same corner.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the memory does not hold the weights.
    pub(super) fn new(old: usize, new: usize, ratio: f64, interpolation: Interpolation) -> Result<Self, OutOfMemory> {
        let reach = reach(ratio, interpolation);
        let centre = |i: usize| ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, (old - 1) as f64);
        let taps = (0..new).map(|i| touched(centre(i), reach, old).len()).max().unwrap_or(1);
        let mut axis = Self { taps, starts: with_capacity(new)?, weights: with_capacity(new * taps)? };
        for i in 0..new {
            // Near the end of the axis the row starts earlier, with weights of zero, to have as many taps as the others.
            let start = touched(centre(i), reach, old).start.min(old - taps);
            let weight = |j: usize| (1.0 - (j as f64 - centre(i)).abs() / reach).max(0.0);
            let sum: f64 = (start..start + taps).map(weight).sum();
            axis.starts.push(start as u32);
            axis.weights.extend((start..start + taps).map(|j| (weight(j) / sum) as f32));
        }
        Ok(axis)
    }

    /// The old voxels of new voxel `i` and their weights, of which the first and last are not zero.
    pub(super) fn terms(&self, i: usize) -> (Range<usize>, &[f32]) {
        let weights = &self.weights[i * self.taps..][..self.taps];
        let before = weights.iter().take_while(|w| **w == 0.0).count();
        let after = weights.iter().rev().take_while(|w| **w == 0.0).count();
        let start = self.starts[i] as usize;
        (start + before..start + self.taps - after, &weights[before..self.taps - after])
    }

    /// Resamples a line of old voxels.
    #[inline(always)]
    pub(super) fn apply(&self, line: &[f32], out: &mut [f32]) {
        let rows = out.iter_mut().zip(&self.starts);
        match self.taps {
            1 => rows.for_each(|(out, &start)| *out = line[start as usize]),
            2 => self.apply_pairs(line, out),
            taps => rows.zip(self.weights.chunks_exact(taps)).for_each(|((out, &start), weights)| {
                let old = &line[start as usize..][..taps];
                *out = weights.iter().zip(old).map(|(weight, grey)| weight * grey).sum();
            }),
        }
    }

    /// [`apply`](Self::apply) with two taps: four voxels at once, their eight taps side by side.
    #[inline(always)]
    fn apply_pairs(&self, line: &[f32], out: &mut [f32]) {
        let pair = |start: u32| &line[start as usize..start as usize + 2];
        let ((fours, last), (starts, rest)) = (out.as_chunks_mut::<4>(), self.starts.as_chunks::<4>());
        let (weights, left) = self.weights.as_chunks::<8>();
        for (out, (starts, weights)) in fours.iter_mut().zip(starts.iter().zip(weights)) {
            let mut taps = [0.0; 8];
            taps[0..2].copy_from_slice(pair(starts[0]));
            taps[2..4].copy_from_slice(pair(starts[1]));
            taps[4..6].copy_from_slice(pair(starts[2]));
            taps[6..8].copy_from_slice(pair(starts[3]));
            taps.iter_mut().zip(weights).for_each(|(tap, weight)| *tap *= weight);
            *out = [taps[0] + taps[1], taps[2] + taps[3], taps[4] + taps[5], taps[6] + taps[7]];
        }
        for (out, (&start, weights)) in last.iter_mut().zip(rest.iter().zip(left.chunks_exact(2))) {
            *out = weights[0] * pair(start)[0] + weights[1] * pair(start)[1];
        }
    }
}

/// How far from its centre a new voxel takes old ones, in old voxels.
fn reach(ratio: f64, interpolation: Interpolation) -> f64 {
    match interpolation {
        Interpolation::Linear => 1.0,
        Interpolation::AntiAliased => ratio.max(1.0),
    }
}

/// At most so many old voxels a new one blends.
pub(super) fn most_taps(old: usize, ratio: f64, interpolation: Interpolation) -> f64 {
    (2.0 * reach(ratio, interpolation)).ceil().min(old as f64)
}

/// The old voxels nearer than `reach` to a position among `old` of them: never none, as the position is on the axis.
fn touched(centre: f64, reach: f64, old: usize) -> Range<usize> {
    let first = (centre - reach).floor() + 1.0;
    let end = (centre + reach).ceil();
    first.max(0.0) as usize..(end as usize).min(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(axis: &Axis, i: usize) -> Vec<(usize, f32)> {
        let (range, weights) = axis.terms(i);
        range.zip(weights.iter().copied()).collect()
    }

    #[test]
    fn linear_takes_the_two_neighbours_and_the_border() {
        let finer = Axis::new(3, 6, 0.5, Interpolation::Linear).unwrap();
        assert_eq!(weights(&finer, 0), [(0, 1.0)]);
        assert_eq!(weights(&finer, 1), [(0, 0.75), (1, 0.25)]);
        assert_eq!(weights(&finer, 2), [(0, 0.25), (1, 0.75)]);
        assert_eq!(weights(&finer, 5), [(2, 1.0)]);
        let same = Axis::new(4, 4, 1.0, Interpolation::AntiAliased).unwrap();
        assert!((0..4).all(|i| weights(&same, i) == [(i, 1.0)]));
    }

    #[test]
    fn the_stretched_kernel_weighs_every_old_voxel_the_same() {
        let coarser = Axis::new(40, 10, 4.0, Interpolation::AntiAliased).unwrap();
        assert_eq!(weights(&coarser, 3).len(), 8);
        let mut total = [0.0; 40];
        (0..10).flat_map(|i| weights(&coarser, i)).for_each(|(j, w)| total[j] += w);
        assert!(total[6..34].iter().all(|sum| (sum - 0.25).abs() < 1e-6), "{total:?}");
    }

    #[test]
    fn a_voxel_larger_than_the_field_is_made_of_it() {
        let (linear, stretched) = (
            Axis::new(3, 1, 50.0, Interpolation::Linear).unwrap(),
            Axis::new(3, 1, 50.0, Interpolation::AntiAliased).unwrap(),
        );
        assert_eq!(weights(&linear, 0), [(2, 1.0)]);
        let sum: f32 = weights(&stretched, 0).iter().map(|(_, weight)| weight).sum();
        assert!(weights(&stretched, 0).len() == 3 && (sum - 1.0).abs() < 1e-6);
    }
}
