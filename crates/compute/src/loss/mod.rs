//! Loss functions on plain images, and their gradients.

mod similarity;
mod weights;

pub use weights::Weights;

use crate::{
    error::UnknownName,
    ssim::{WINDOW, ssim},
};

/// Smoothing width, in units of the grey window, of [`Loss::Charbonnier`].
pub const CHARBONNIER: f64 = 1e-3;

/// Share of the structural similarity in [`Loss::SsimL1`] (Zhao et al. 2017).
pub const SSIM_SHARE: f64 = 0.84;

/// A loss function. The difference `d` is output minus target, in units of the grey window; each loss is a
/// mean over all pixels. Pixels whose target is NaN were not measured: they take no part, nor do the similarity's windows
/// that touch them. The loss of an image without any other pixel is zero.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Loss {
    /// Mean squared error, `d²`.
    #[serde(rename = "MSE")]
    #[strum(serialize = "MSE")]
    Mse,
    /// Mean absolute error, `|d|`.
    L1,
    /// `√(d² + 0.001²)`, a smooth L1 (Charbonnier et al. 1994).
    Charbonnier,
    /// `0.84 (1 − SSIM) + 0.16 |d|`: the mix of H. Zhao, O. Gallo, I. Frosio and J. Kautz, IEEE Transactions on
    /// Computational Imaging 3 (2017) 47, with the similarity at one scale, as [`ssim`](crate::ssim)
    /// computes it for a peak of one. Images need at least 11×11 pixels.
    #[serde(rename = "SSIM+L1")]
    #[strum(serialize = "SSIM+L1")]
    SsimL1,
}

impl Loss {
    /// All losses.
    pub const ALL: [Self; 4] = [Self::Mse, Self::L1, Self::Charbonnier, Self::SsimL1];

    /// The loss of one image of rows `width` pixels long. The derivative with respect to each value of `output`, times
    /// `factor`, goes to `gradient`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn gradient(self, output: &[f32], target: &[f32], width: usize, factor: f64, gradient: &mut [f32]) -> f64 {
        assert!(output.len() == target.len() && output.len() == gradient.len(), "images of one size");
        let (pixel_share, similarity_share) = self.shares();
        let measured = target.iter().filter(|target| !target.is_nan()).count();
        let (mean, mut sum) = (pixel_share / measured.max(1) as f64, 0.0);
        for ((&output, &target), gradient) in output.iter().zip(target).zip(gradient.iter_mut()) {
            if target.is_nan() {
                *gradient = 0.0;
                continue;
            }
            let (value, slope) = self.of_difference(f64::from(output) - f64::from(target));
            sum += value;
            *gradient = (slope * mean * factor) as f32;
        }
        let mut loss = sum * mean;
        if similarity_share > 0.0 {
            let factor = -similarity_share * factor;
            let similarity = similarity::add_gradient(output, target, width, factor, gradient);
            loss += similarity.map_or(0.0, |similarity| similarity_share * (1.0 - similarity));
        }
        loss
    }

    /// The loss of one image of rows `width` pixels long.
    ///
    /// ```
    /// use undulator_compute::Loss;
    ///
    /// assert_eq!(Loss::Mse.of(&[0.0, 3.0], &[0.0, 1.0], 2), 2.0);
    /// ```
    pub fn of(self, output: &[f32], target: &[f32], width: usize) -> f64 {
        let (pixel_share, similarity_share) = self.shares();
        let value = |(&output, &target): (&f32, &f32)| self.of_difference(f64::from(output) - f64::from(target)).0;
        let measured = || output.iter().zip(target).filter(|(_, target)| !target.is_nan());
        let loss = pixel_share / measured().count().max(1) as f64 * measured().map(value).sum::<f64>();
        if similarity_share > 0.0 {
            let similarity = ssim(output, target, width, output.len() / width, 1.0);
            return if similarity.is_nan() { loss } else { loss + similarity_share * (1.0 - similarity) };
        }
        loss
    }

    /// The weights of the mean over pixels and of the dissimilarity.
    fn shares(self) -> (f64, f64) {
        if self == Self::SsimL1 { (1.0 - SSIM_SHARE, SSIM_SHARE) } else { (1.0, 0.0) }
    }

    /// The least width and height, in pixels, of an image for this loss.
    pub fn least_length(self) -> usize {
        if self == Self::SsimL1 { WINDOW } else { 1 }
    }

    /// Temporary bytes per pixel that [`gradient`](Self::gradient) takes.
    pub(crate) fn scratch(self) -> u64 {
        if self == Self::SsimL1 { similarity::BYTES_A_PIXEL } else { 0 }
    }

    /// The contribution of one pixel, and its derivative.
    fn of_difference(self, d: f64) -> (f64, f64) {
        match self {
            Self::Mse => (d * d, 2.0 * d),
            Self::L1 | Self::SsimL1 if d == 0.0 => (0.0, 0.0),
            Self::L1 | Self::SsimL1 => (d.abs(), d.signum()),
            Self::Charbonnier => {
                let smooth = (d * d + CHARBONNIER * CHARBONNIER).sqrt();
                (smooth, d / smooth)
            }
        }
    }
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Loss>("loss", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(width: usize, height: usize) -> (Vec<f32>, Vec<f32>) {
        let wave = |phase: f32| (0..width * height).map(|i| 0.5 + 0.4 * (i as f32 * 0.37 + phase).sin()).collect();
        (wave(0.0), wave(0.6))
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let (width, height) = (13, 15);
        let (output, target) = images(width, height);
        for loss in Loss::ALL {
            let mut gradient = vec![0.0; output.len()];
            let value = loss.gradient(&output, &target, width, 3.0, &mut gradient);
            assert!((value - loss.of(&output, &target, width)).abs() < 1e-12);
            for at in (0..output.len()).step_by(7) {
                let with = |change: f32| {
                    let mut moved = output.clone();
                    moved[at] += change;
                    // The step as it was rounded.
                    (loss.of(&moved, &target, width), f64::from(moved[at]) - f64::from(output[at]))
                };
                let ((above, up), (below, down)) = (with(1e-3), with(-1e-3));
                let (expected, scale) = (3.0 * (above - below) / (up - down), 3.0 / output.len() as f64);
                let error = (f64::from(gradient[at]) - expected).abs() / scale;
                assert!(error < 2e-3, "{loss}, {at}: {} instead of {expected}", gradient[at]);
            }
        }
    }

    #[test]
    fn pixels_that_were_not_measured_take_no_part() {
        let (width, height) = (30, 14);
        let (output, mut target) = images(width, height);
        let columns = |image: &[f32]| -> Vec<f32> { image.chunks(width).flat_map(|row| row[8..].to_vec()).collect() };
        let (seen_output, seen_target) = (columns(&output), columns(&target));
        target.chunks_mut(width).for_each(|row| row[..8].fill(f32::NAN));
        for loss in Loss::ALL {
            let (mut gradient, mut seen) = (vec![7.0; output.len()], vec![0.0; seen_output.len()]);
            let value = loss.gradient(&output, &target, width, 3.0, &mut gradient);
            let expected = loss.gradient(&seen_output, &seen_target, width - 8, 3.0, &mut seen);
            assert!((value - expected).abs() < 1e-12 && (value - loss.of(&output, &target, width)).abs() < 1e-12);
            assert!(gradient.chunks(width).all(|row| row[..8].iter().all(|slope| *slope == 0.0)), "{loss}");
            let apart = columns(&gradient).iter().zip(&seen).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-8, "{loss}: {apart}");
            let none = vec![f32::NAN; output.len()];
            assert_eq!(loss.gradient(&output, &none, width, 3.0, &mut gradient), 0.0);
            assert!(gradient.iter().all(|slope| *slope == 0.0) && loss.of(&output, &none, width) == 0.0);
        }
    }

    #[test]
    fn gradients_beside_a_hole_are_those_of_differences() {
        let (width, height) = (25, 23);
        let (output, mut target) = images(width, height);
        [width * 2 + 3, width * 2 + 4, width * 20 + 22].iter().for_each(|at| target[*at] = f32::NAN);
        for loss in Loss::ALL {
            let mut gradient = vec![0.0; output.len()];
            loss.gradient(&output, &target, width, 1.0, &mut gradient);
            for at in (0..output.len()).step_by(11) {
                let with = |change: f32| {
                    let mut moved = output.clone();
                    moved[at] += change;
                    (loss.of(&moved, &target, width), f64::from(moved[at]))
                };
                let ((above, up), (below, down)) = (with(1e-3), with(-1e-3));
                let error = (f64::from(gradient[at]) - (above - below) / (up - down)).abs() * output.len() as f64;
                assert!(error < 5e-3, "{loss}, {at}: {error}");
            }
        }
    }

    #[test]
    fn the_mix_is_of_the_measured_similarity() {
        let (output, target) = images(20, 11);
        let expected = SSIM_SHARE * (1.0 - ssim(&output, &target, 20, 11, 1.0))
            + (1.0 - SSIM_SHARE) * Loss::L1.of(&output, &target, 20);
        assert!((Loss::SsimL1.of(&output, &target, 20) - expected).abs() < 1e-12);
        assert_eq!(Loss::SsimL1.of(&output, &output, 20), 0.0);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for loss in Loss::ALL {
            assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss);
        }
        assert!("MSSIM".parse::<Loss>().unwrap_err().to_string().contains("loss \"MSSIM\""));
    }
}
