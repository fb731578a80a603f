//! Where an index beyond an end points to when the samples are reflected there.

/// Reflected about the end samples, which are not repeated: `c b | a b c | b a`, NumPy's `reflect`.
///
/// ```
/// use undulator_compute::reflection::about_samples;
///
/// assert_eq!([-2, -1, 0, 3, 4].map(|index| about_samples(index, 3)), [2, 1, 0, 1, 0]);
/// ```
pub fn about_samples(index: isize, length: usize) -> usize {
    let period = 2 * length.saturating_sub(1).max(1);
    let at = index.rem_euclid(period as isize) as usize;
    if length == 1 {
        0
    } else if at < length {
        at
    } else {
        period - at
    }
}

/// Reflected about the outer edges, so that the end samples are repeated: `b a | a b c | c b`, NumPy's `symmetric`, SciPy's
/// `reflect`.
///
/// ```
/// use undulator_compute::reflection::about_edges;
///
/// assert_eq!([-2, -1, 0, 3, 4].map(|index| about_edges(index, 3)), [1, 0, 0, 2, 1]);
/// ```
pub fn about_edges(index: isize, length: usize) -> usize {
    let at = index.rem_euclid(2 * length as isize) as usize;
    if at < length { at } else { 2 * length - 1 - at }
}
