//! Samples of a Gaussian, for every filter and window of the project.

/// One half of a Gaussian of standard deviation `sigma` samples: its values at 0, 1, …, `reach`, with 1 at the centre. Users
/// cut and normalise as their method demands. A `sigma` of 0 is a point.
///
/// ```
/// let half = undulator_compute::gaussian::half(1.0, 2);
/// assert_eq!(half[0], 1.0);
/// assert!((half[2] - (-2.0f64).exp()).abs() < 1e-15);
/// ```
pub fn half(sigma: f64, reach: usize) -> Vec<f64> {
    let value = |at: usize| if at == 0 { 1.0 } else { (-0.5 * (at as f64 / sigma).powi(2)).exp() };
    (0..=reach).map(value).collect()
}
