//! How many values a network needs at the same time.

use super::{Plan, Step};

impl Plan {
    /// The most values, for each pixel of the input, that any step needs: those that it reads and writes, the
    /// remembered ones, and the input where it is still to be added.
    ///
    /// ```
    /// use undulator_compute::network::{Activation, Architecture, Spec};
    ///
    /// let (network, activation) = (Architecture::Srcnn, Activation::Relu);
    /// let plan = Spec { network, layers: 3, activation, channels: 32, residual: false }.plan()?;
    /// assert_eq!(plan.peak(), 64.0); // an activation's input and output
    /// # Ok::<(), undulator_compute::network::NetworkError>(())
    /// ```
    pub fn peak(&self) -> f64 {
        let kept = if self.steps.contains(&Step::AddInput) { 1.0 } else { 0.0 };
        let (mut channels, mut area, mut peak) = (1.0, 1.0, 0.0_f64);
        let mut remembered = Vec::new();
        for step in &self.steps {
            let before = channels * area;
            match step {
                Step::Convolve { outputs, .. } => channels = *outputs as f64,
                Step::MaxPool => area /= 4.0,
                Step::Unpool => area *= 4.0,
                Step::Remember => remembered.push(before),
                Step::Relu | Step::Prelu { .. } | Step::AddRemembered | Step::AddInput => {}
            }
            let written = if matches!(step, Step::Remember) { 0.0 } else { channels * area };
            peak = peak.max(kept + before + written + remembered.iter().sum::<f64>());
            if matches!(step, Step::AddRemembered) {
                remembered.pop();
            }
        }
        peak
    }
}

#[cfg(test)]
mod tests {
    use crate::network::{Activation, Architecture, Spec};

    #[test]
    fn the_peak_of_a_rednet_is_at_its_last_addition() {
        let (network, activation) = (Architecture::RedNet, Activation::Relu);
        let peak =
            |layers, residual| Spec { network, layers, activation, channels: 8, residual }.plan().unwrap().peak();
        // At full size: what was un-pooled, what was remembered, their sum; and the input.
        assert_eq!((peak(3, false), peak(6, false), peak(6, true)), (24.0, 24.0, 25.0));
    }
}
