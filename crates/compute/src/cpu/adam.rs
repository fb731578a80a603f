//! The Adam optimiser: running means and step.

use crate::adam::ADAM;

/// Running means of one tensor's gradient and of its square (Kingma and Ba 2015).
pub(super) struct Moments {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Moments {
    /// Updates the values by step number `step`, counted from 1.
    pub fn step(&mut self, values: &mut [f32], gradient: &[f32], rate: f64, step: u32) {
        let (beta_1, beta_2, epsilon) = (ADAM.beta_1 as f32, ADAM.beta_2 as f32, ADAM.epsilon as f32);
        let rate = (rate / (1.0 - ADAM.beta_1.powf(step.into()))) as f32;
        let scale = (1.0 / (1.0 - ADAM.beta_2.powf(step.into())).sqrt()) as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, &gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *first += (1.0 - beta_1) * (gradient - *first);
            *second += (1.0 - beta_2) * (gradient * gradient - *second);
            *value -= rate * *first / (second.sqrt() * scale + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_those_of_the_paper() {
        // The first step is `rate × sign(gradient)`, whatever the gradient's size.
        let (mut values, gradient) = (vec![1.0, 2.0, 3.0], [4.0, -0.5, 0.0]);
        let mut moments = Moments { first: vec![0.0; 3], second: vec![0.0; 3] };
        moments.step(&mut values, &gradient, 0.1, 1);
        for (value, expected) in values.iter().zip([0.9, 2.1, 3.0]) {
            assert!((value - expected).abs() < 1e-6, "{value} against {expected}");
        }
        // After a second gradient of zero, computed by hand: m = 0.09 g, v = 0.000999 g².
        moments.step(&mut values, &[0.0; 3], 0.1, 2);
        let change = 0.1 * (0.09 / (1.0 - 0.81)) / f64::sqrt(0.000999 / (1.0 - 0.998001));
        assert!((f64::from(values[0]) - (0.9 - change)).abs() < 1e-5);
        assert!((f64::from(values[1]) - (2.1 + change)).abs() < 1e-5);
    }
}
