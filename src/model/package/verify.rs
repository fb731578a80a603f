//! A model run on its own test tensors.

use std::fmt;

use super::npy::Tensor;
use crate::model::{Model, run};

/// Where the network's numbers may differ between programs and processors: this part of the grey window.
pub(super) const TOLERANCE: f32 = 1e-4;

/// How closely a model reproduces the test output in its package.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verification {
    /// The largest difference, in grey values of the output.
    pub worst: f32,
    /// What is allowed.
    pub tolerance: f32,
}

impl Verification {
    /// Whether the model does what it did where it was made.
    pub fn passed(self) -> bool {
        self.worst <= self.tolerance
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits =
            |value: f32| if value == 0.0 || value >= 0.01 { format!("{value:.2}") } else { format!("{value:.1e}") };
        let (worst, tolerance) = (digits(self.worst), digits(self.tolerance));
        match self.passed() {
            true => write!(f, "it reproduces its test image (largest difference {worst}, allowed {tolerance})"),
            false => write!(
                f,
                "it does not reproduce its test image: the largest difference is {worst} in grey \
                                values, {tolerance} is allowed"
            ),
        }
    }
}

/// Runs the model on the CPU: (1, 1, y, x) in raw grey values in and out.
///
/// # Errors
/// In words: when the tensors are not of one shape that the network takes, or the model yields what is not a number.
pub(super) fn verify(model: &Model, input: &Tensor, output: &Tensor) -> Result<Verification, String> {
    let &[1, 1, height, width] = &input.shape[..] else {
        return Err(format!("its test input has the shape {:?}, not (1, 1, height, width)", input.shape));
    };
    if output.shape != input.shape {
        return Err(format!("its test output has the shape {:?}, its input {:?}", output.shape, input.shape));
    }
    let card = &model.card;
    let plan = card.network.plan().map_err(|error| error.to_string())?;
    debug_assert_eq!(input.values.len(), height * width, "numbers of the test input");
    let restored = run::restored(model, &plan, &input.values, width).map_err(|error| error.to_string())?;
    let differences = restored.iter().zip(&output.values).map(|(made, grey)| (made - grey).abs());
    // A value that is not a number differs from every other.
    let worst = differences.fold(0.0, |worst: f32, one| if one > worst || one.is_nan() { one } else { worst });
    let window = card.output_window;
    Ok(Verification { worst, tolerance: TOLERANCE * (window.high - window.low) })
}
