//! Parallel projection of a slice, and its reconstruction by filtered back projection.
//!
//! Both follow A. C. Kak and M. Slaney, Principles of Computerized Tomographic Imaging (1988), chapter 3. Rays are
//! summed as by P. M. Joseph, IEEE Transactions on Medical Imaging 1 (1982) 192. A sinogram holds one row per view, with
//! views evenly spaced over 180°; the axis of rotation is at the centre of the slice and of the detector.

use std::f64::consts::PI;
use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::memory::{OutOfMemory, filled, zeros};
use crate::stack::flat_mut;

/// The attenuations of one or two materials, or any other pair of values projected at once.
pub(super) type Pair = [f32; 2];

/// The measuring geometry of a slice.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    /// Detector columns, and pixels along each edge of the square that is projected.
    pub columns: usize,
    /// Edge of a pixel and of a detector column, in µm.
    pub pixel: f64,
    /// Cosine and sine of each view's angle.
    views: Vec<(f32, f32)>,
}

/// Reconstructs slices from sinograms of attenuation.
pub(super) struct Reconstructor {
    geometry: Geometry,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// The filter's spectrum, with all constant factors.
    response: Vec<f32>,
}

impl Geometry {
    /// A detector wide enough for a body of `radius` µm about the axis, and as many views as its resolution needs.
    pub(super) fn new(radius: f64, pixel: f64) -> Self {
        let columns = (2.0 * radius / pixel).ceil() as usize + 4;
        let count = (0.5 * PI * columns as f64).ceil() as usize;
        let angle = |view: usize| PI * view as f64 / count as f64;
        let views = (0..count).map(|view| (angle(view).cos() as f32, angle(view).sin() as f32)).collect();
        Self { columns, pixel, views }
    }

    /// Number of views.
    pub(super) fn views(&self) -> usize {
        self.views.len()
    }

    /// Centre of the slice and of the detector, in pixels.
    fn centre(&self) -> f32 {
        0.5 * (self.columns - 1) as f32
    }

    /// The sinogram of a square slice, row-major: sums along rays, in the slice's unit times µm.
    ///
    /// # Errors
    /// When the memory does not hold it.
    pub(super) fn project(&self, slice: &[Pair]) -> Result<Vec<Pair>, OutOfMemory> {
        let mut sinogram = filled([0.0; 2], self.columns * self.views())?;
        sinogram.par_chunks_mut(self.columns).zip(&self.views).for_each(|(row, &(cos, sin))| {
            for (column, sum) in row.iter_mut().enumerate() {
                *sum = self.ray(slice, column as f32 - self.centre(), cos, sin);
            }
        });
        Ok(sinogram)
    }

    /// The sum along x·cos + y·sin = `offset` (pixels about the centre), one step per row or column of pixels.
    fn ray(&self, slice: &[Pair], offset: f32, cos: f32, sin: f32) -> Pair {
        let (centre, side) = (self.centre(), self.columns);
        // Along the axis that the ray follows more closely each step meets two neighbours across it.
        let (along, across, step, stride) =
            if cos.abs() >= sin.abs() { (sin, cos, side, 1) } else { (cos, sin, 1, side) };
        let slope = -along / across;
        let start = offset / across + centre;
        // Only where the ray is within the circle that the detector sees.
        let half = (centre * centre - offset * offset).max(0.0).sqrt() * across.abs();
        let middle = offset * along;
        let first = (middle - half + centre).floor().max(0.0) as usize;
        let last = ((middle + half + centre).ceil() as usize).min(side - 1);
        let mut sum = [0.0; 2];
        for at in first..=last {
            let position = start + slope * (at as f32 - centre);
            let below = position.floor();
            if below < 0.0 || below as usize + 1 >= side {
                continue;
            }
            let weight = position - below;
            let index = at * step + below as usize * stride;
            let (a, b) = (slice[index], slice[index + stride]);
            for (sum, (a, b)) in sum.iter_mut().zip(a.into_iter().zip(b)) {
                *sum += a + weight * (b - a);
            }
        }
        let length = self.pixel as f32 / across.abs();
        sum.map(|sum| sum * length)
    }
}

impl Reconstructor {
    /// For sinograms of that geometry, with the unapodised ramp filter (Ramachandran and Lakshminarayanan), which keeps the
    /// noise fine-grained and the structure below it.
    pub(super) fn new(geometry: &Geometry) -> Self {
        let length = (2 * geometry.columns).next_power_of_two();
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        // The band-limited ramp sampled in space (Kak and Slaney, eq. 61), which preserves the mean.
        let mut kernel: Vec<Complex<f32>> = (0..length)
            .map(|at| at.min(length - at))
            .map(|n| match n {
                0 => 0.25,
                n if n % 2 == 1 => -1.0 / (PI * n as f64).powi(2),
                _ => 0.0,
            })
            .map(|tap| Complex::new(tap as f32, 0.0))
            .collect();
        forward.process(&mut kernel);
        let scale = PI / (geometry.views() as f64 * geometry.pixel * length as f64);
        let response = kernel.iter().map(|ramp| scale as f32 * ramp.re).collect();
        Self { geometry: geometry.clone(), forward, inverse, response }
    }

    /// The slice of `width` × `height` pixels about the axis of rotation, in the sinogram's unit per µm.
    /// The sinogram's memory is used.
    ///
    /// # Errors
    /// When the memory does not hold the slice.
    pub(super) fn reconstruct(
        &self,
        sinogram: Vec<f32>,
        width: usize,
        height: usize,
    ) -> Result<Array2<f32>, OutOfMemory> {
        let mut filtered = sinogram;
        filtered.par_chunks_mut(2 * self.geometry.columns).for_each(|rows| self.filter(rows));
        let mut slice = zeros((height, width))?;
        flat_mut(&mut slice).par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            self.back_project(&filtered, y as f32 - 0.5 * (height - 1) as f32, row);
        });
        Ok(slice)
    }

    /// Filters one view, or two at once: one as the real, the other as the imaginary part.
    fn filter(&self, rows: &mut [f32]) {
        let (first, second) = rows.split_at_mut(self.geometry.columns);
        let mut signal = vec![Complex::default(); self.response.len()];
        signal.iter_mut().zip(&*first).for_each(|(to, from)| to.re = *from);
        signal.iter_mut().zip(&*second).for_each(|(to, from)| to.im = *from);
        self.forward.process(&mut signal);
        signal.iter_mut().zip(&self.response).for_each(|(value, factor)| *value *= factor);
        self.inverse.process(&mut signal);
        first.iter_mut().zip(&signal).for_each(|(to, from)| *to = from.re);
        second.iter_mut().zip(&signal).for_each(|(to, from)| *to = from.im);
    }

    /// Adds all views along one row of pixels, `y` pixels from the axis.
    fn back_project(&self, filtered: &[f32], y: f32, row: &mut [f32]) {
        let columns = self.geometry.columns;
        let left = -0.5 * (row.len() - 1) as f32;
        for (view, &(cos, sin)) in filtered.chunks_exact(columns).zip(&self.geometry.views) {
            let start = self.geometry.centre() + y * sin + left * cos;
            for (x, pixel) in row.iter_mut().enumerate() {
                let position = (start + x as f32 * cos).clamp(0.0, (columns - 2) as f32);
                let below = position as usize;
                let weight = position - below as f32;
                *pixel += view[below] + weight * (view[below + 1] - view[below]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of `radius` µm off the centre, both values of the pair set.
    fn disc(geometry: &Geometry, radius: f64, at: (f64, f64), value: Pair) -> Vec<Pair> {
        let centre = 0.5 * (geometry.columns - 1) as f64;
        let place = |index: usize| (index as f64 - centre) * geometry.pixel;
        let pixels = (0..geometry.columns).flat_map(|y| (0..geometry.columns).map(move |x| (x, y)));
        pixels
            .map(|(x, y)| {
                let depth = radius - (place(x) - at.0).hypot(place(y) - at.1);
                value.map(|value| value * (0.5 + depth / geometry.pixel).clamp(0.0, 1.0) as f32)
            })
            .collect()
    }

    #[test]
    fn a_ray_through_a_disc_sums_to_its_chord() {
        let geometry = Geometry::new(50.0, 0.5);
        let sinogram = geometry.project(&disc(&geometry, 30.0, (8.0, -5.0), [0.01, 1.0])).unwrap();
        for (view, row) in sinogram.chunks_exact(geometry.columns).enumerate().step_by(17) {
            let angle = PI * view as f64 / geometry.views() as f64;
            for (column, sum) in row.iter().enumerate() {
                let offset = (column as f64 - 0.5 * (geometry.columns - 1) as f64) * geometry.pixel - 8.0 * angle.cos()
                    + 5.0 * angle.sin();
                let chord = 2.0 * (900.0 - offset * offset).max(0.0).sqrt();
                // The pixels blur the rim, where the chord rises ever more steeply.
                let tolerance = match offset.abs() {
                    inner if inner < 28.0 => 0.3,
                    outer if outer < 29.0 => 0.6,
                    _ => 8.0,
                };
                assert!((f64::from(sum[1]) - chord).abs() < tolerance, "view {view} column {column}: {sum:?} {chord}");
                assert!((f64::from(sum[0]) - 0.01 * f64::from(sum[1])).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_disc_comes_back_with_its_attenuation() {
        let geometry = Geometry::new(40.0, 0.5);
        let sinogram = geometry.project(&disc(&geometry, 15.0, (6.0, 4.0), [0.02, 0.0])).unwrap();
        let sums: Vec<f32> = sinogram.iter().map(|pair| pair[0]).collect();
        let (width, height) = (100, 90);
        let slice = Reconstructor::new(&geometry).reconstruct(sums, width, height).unwrap();
        let mean = |near: &dyn Fn(f64) -> bool| {
            let inside = slice.indexed_iter().filter(|((y, x), _)| {
                let x = (*x as f64 - 49.5) * 0.5 - 6.0;
                let y = (*y as f64 - 44.5) * 0.5 - 4.0;
                near(x.hypot(y))
            });
            let (sum, count) = inside.fold((0.0, 0.0), |(sum, n), (_, v)| (sum + f64::from(*v), n + 1.0));
            sum / count
        };
        assert!((mean(&|r| r < 13.0) / 0.02 - 1.0).abs() < 0.01, "{}", mean(&|r| r < 13.0));
        assert!(mean(&|r| r > 17.0).abs() < 0.0002, "{}", mean(&|r| r > 17.0));
    }
}
