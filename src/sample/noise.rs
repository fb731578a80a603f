//! Random numbers by position in a measurement, independent of threads and order.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Up to this mean the Poisson distribution is sampled exactly; above, a normal distribution approximates it.
const FEW: f64 = 50.0;

/// Random numbers for one row of one kind.
pub(super) struct Noise {
    random: ChaCha8Rng,
    spare: Option<f64>,
}

impl Noise {
    /// For row `row` (such as a slice or a view) of kind `kind` in the sample with that `seed`.
    pub(super) fn new(seed: u64, kind: u64, slice: i64, row: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, part) in key.chunks_exact_mut(8).zip([seed, kind, slice as u64, row]) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        Self { random: ChaCha8Rng::from_seed(key), spare: None }
    }

    /// A normal deviate of mean 0 and variance 1: G. E. P. Box and M. E. Muller, The Annals of Mathematical Statistics 29
    /// (1958) 610.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.random.random::<f64>()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.random.random::<f64>()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// A uniformly distributed number between `low` and `high`.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.random.random_range(low..high)
    }

    /// A Poisson-distributed count with that `mean`.
    pub(super) fn count(&mut self, mean: f64) -> f64 {
        if mean > FEW {
            return (mean + mean.sqrt() * self.normal()).max(0.0);
        }
        // Counts arrivals within a unit of time by their intervals.
        let none = (-mean).exp();
        let mut count = 0.0;
        let mut product = self.random.random::<f64>();
        while product > none {
            product *= self.random.random::<f64>();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_poissons_mean_and_variance_on_both_sides_of_the_limit() {
        for mean in [0.5, 20.0, 200.0] {
            let mut noise = Noise::new(3, 1, -2, 9);
            let counts: Vec<f64> = (0..40_000).map(|_| noise.count(mean)).collect();
            let found = counts.iter().sum::<f64>() / 40_000.0;
            let variance = counts.iter().map(|count| (count - found).powi(2)).sum::<f64>() / 40_000.0;
            assert!((found / mean - 1.0).abs() < 0.03, "{mean}: mean {found}");
            assert!((variance / mean - 1.0).abs() < 0.05, "{mean}: variance {variance}");
        }
    }

    #[test]
    fn each_place_has_its_own_numbers_every_time() {
        let first = |slice, row| Noise::new(3, 1, slice, row).normal();
        assert_eq!(first(0, 0), first(0, 0));
        assert!(first(0, 0) != first(0, 1) && first(0, 0) != first(1, 0) && first(1, 0) != first(-1, 0));
    }
}
