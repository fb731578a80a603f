//! Random numbers for a place in a measurement, the same whichever thread asks and in whatever order.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Below this many quanta Poisson's distribution is drawn as it is; above, a normal one stands for it.
const FEW: f64 = 50.0;

/// Random numbers for one row of one kind of numbers.
pub(super) struct Noise {
    random: ChaCha8Rng,
    spare: Option<f64>,
}

impl Noise {
    /// For row `row` (a slice or a view, say) of the kind `kind` in the sample of `seed`.
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

    /// A number between `low` and `high`, each as likely.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.random.random_range(low..high)
    }

    /// How many quanta are counted where `mean` are expected.
    pub(super) fn count(&mut self, mean: f64) -> f64 {
        if mean > FEW {
            return (mean + mean.sqrt() * self.normal()).max(0.0);
        }
        // Arrivals within a unit of time, by the times between them.
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
