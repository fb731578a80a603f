//! The optimiser's constants.

/// Adam's constants, as Kingma and Ba (2015) propose them and PyTorch has them.
pub struct Adam {
    /// Decay of the running mean of the gradient.
    pub beta_1: f64,
    /// Decay of the running mean of its square.
    pub beta_2: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
}

/// Adam's parameters, for all engines.
pub const ADAM: Adam = Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 };
