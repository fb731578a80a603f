//! Leaving out air: large dark regions around the sample, which hold no structure but may hold streaks and rings.

use super::AlignError;
use super::grid::Grid;

/// Neighbours, in voxels of the coarse copy, within which a bright voxel keeps its surroundings: the sample's outline,
/// and pores inside, are structure.
const MARGIN: usize = 5;

/// The grey value that best divides the histogram into dark and bright (Otsu, IEEE Trans. Syst. Man Cybern. 9, 62, 1979).
fn threshold(values: &[f32]) -> f32 {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let total: f64 = sorted.iter().map(|v| f64::from(*v)).sum();
    let n = sorted.len() as f64;
    let (mut below, mut best, mut at) = (0.0, -1.0, f32::NEG_INFINITY);
    for (i, v) in sorted.iter().enumerate().take(sorted.len().saturating_sub(1)) {
        below += f64::from(*v);
        let k = (i + 1) as f64;
        let between = (below / k - (total - below) / (n - k)).powi(2) * k * (n - k);
        if between > best {
            (best, at) = (between, *v);
        }
    }
    at
}

/// Spreads `true` to `MARGIN` neighbours along one axis.
fn spread(bright: &[bool], size: [usize; 3], axis: usize) -> Vec<bool> {
    let stride = [size[1] * size[2], size[2], 1][axis];
    let near = |i: usize| {
        let at = i / stride % size[axis];
        let (low, high) = (at.saturating_sub(MARGIN), (at + MARGIN).min(size[axis] - 1));
        (low..=high).any(|j| bright[i - at * stride + j * stride])
    };
    (0..bright.len()).map(near).collect()
}

/// Marks the air in `grid` as unusable, judged on a copy whose voxels are near the edge `edge`. Returns the share that
/// was air.
pub(super) fn leave_out(grid: &mut Grid, edge: f64) -> Result<f64, AlignError> {
    let coarse = grid.reduced(edge)?;
    let threshold = threshold(&coarse.grey);
    let mut bright: Vec<bool> = coarse.grey.iter().map(|v| *v > threshold).collect();
    for axis in 0..3 {
        bright = spread(&bright, coarse.size, axis);
    }
    let share = bright.iter().filter(|b| !**b).count() as f64 / bright.len() as f64;
    if share > 0.0 {
        for i in 0..grid.grey.len() {
            let place = grid.place(i);
            let at: [usize; 3] = std::array::from_fn(|a| {
                let at = ((place[a] - coarse.origin[a]) / coarse.voxel[a]).round().max(0.0) as usize;
                at.min(coarse.size[a] - 1)
            });
            if !bright[(at[0] * coarse.size[1] + at[1]) * coarse.size[2] + at[2]] {
                grid.grey[i] = f32::NAN;
            }
        }
    }
    Ok(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn air_around_a_rod_is_left_out_but_not_its_pores() {
        let size = [8, 40, 40];
        let inside = |y: usize, x: usize| (y as f64 - 20.0).hypot(x as f64 - 20.0) < 10.0;
        let pore = |y: usize, x: usize| y == 20 && x == 20;
        let value = |i: usize| {
            let (y, x) = (i / 40 % 40, i % 40);
            if inside(y, x) && !pore(y, x) { 1.0 } else { (i % 7) as f32 / 70.0 }
        };
        let grey = (0..size.iter().product()).map(value).collect();
        let mut grid = Grid { size, voxel: [1.0; 3], origin: [0.0; 3], grey };
        let share = leave_out(&mut grid, 1.0).unwrap();
        assert!(share > 0.5 && share < 0.8, "{share}");
        assert!(grid.grey[0].is_nan());
        assert!(!grid.grey[20 * 40 + 20].is_nan());
    }
}
