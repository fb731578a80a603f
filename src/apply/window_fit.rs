//! Whether a stack has the grey values that a model was trained on.

use ndarray::Array2;

use crate::{
    grey::{HIGH_PERCENT, LOW_PERCENT, Window},
    stack::{SliceSource, StackError, flat},
};

/// Slices that are looked at.
const SLICES: usize = 8;
/// Grey values of a slice that are looked at.
const VALUES: usize = 1 << 16;
/// How much wider or narrower the range may be than the window.
const MOST_RATIO: f64 = 4.0;
/// How much of the narrower of the two must be in common.
const LEAST_IN_COMMON: f64 = 0.5;

/// What to say before a model of that input window restores a stack of other grey values: the network would see (nearly)
/// one value everywhere, or values that it never saw. Percentiles are those of a sample of some slices.
///
/// # Errors
/// When a slice cannot be read.
pub(super) fn warning(image: &dyn SliceSource, window: Window) -> Result<Option<String>, StackError> {
    let Some([low, high]) = sampled_range(image)? else { return Ok(None) };
    if fits(window, low, high) {
        return Ok(None);
    }
    let (name, unit) = (image.name(), image.value_unit());
    let space = if unit.is_empty() { "" } else { " " };
    Ok(Some(format!(
        "the grey values of {name} ({low} to {high}{space}{unit}) do not fit the model, which was trained on values from {} \
         to {}: the result shows little or nothing. Bring the stack to the grey scale of the training, or let the model's \
         grey window be taken from the image",
        window.low, window.high
    )))
}

fn fits(window: Window, low: f32, high: f32) -> bool {
    let [low, high, black, white] = [low, high, window.low, window.high].map(f64::from);
    let (width, own) = (white - black, high - low);
    if own == 0.0 {
        // One grey value everywhere says nothing of its scale.
        return (black..=white).contains(&low);
    }
    let ratio = own / width;
    let common = high.min(white) - low.max(black);
    (1.0 / MOST_RATIO..=MOST_RATIO).contains(&ratio) && common >= LEAST_IN_COMMON * own.min(width)
}

/// The percentiles of a sample of the grey values; `None` if none is a number.
fn sampled_range(image: &dyn SliceSource) -> Result<Option<[f32; 2]>, StackError> {
    let size = image.shape().size;
    let mut slice = Array2::zeros(size.slice_dim());
    let (looked_at, step) = (SLICES.min(size.slices), size.plane().div_ceil(VALUES));
    let mut values = Vec::new();
    for at in 0..looked_at {
        image.read((2 * at + 1) * size.slices / (2 * looked_at), slice.view_mut())?;
        values.extend(flat(&slice).iter().copied().step_by(step).filter(|grey| grey.is_finite()));
    }
    values.sort_unstable_by(f32::total_cmp);
    let at = |percent: f64| values.get((percent / 100.0 * (values.len().max(1) - 1) as f64).round() as usize).copied();
    Ok(at(LOW_PERCENT).zip(at(HIGH_PERCENT)).map(|(low, high)| [low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stack::{GreyType, Shape, Size, VoxelSize},
        volume::Volume,
    };

    fn said(grey: GreyType, scale: f32, offset: f32) -> Option<String> {
        let shape = Shape::new(Size::new(40, 30, 3), VoxelSize::isotropic(0.6), grey);
        let value = |i: usize| 20_000.0 + (i * 7919 % 10_007) as f32;
        let values: Vec<f32> = (0..3600).map(|i| value(i) * scale + offset).collect();
        warning(&Volume::from_values("lab", shape, &values), Window::new(20_000.0, 30_000.0).unwrap()).unwrap()
    }

    #[test]
    fn other_grey_scales_are_warned_of_and_the_same_with_noise_is_not() {
        for (scale, offset) in [(1.0, 0.0), (1.3, -3000.0), (0.6, 9000.0), (1.0, 4000.0)] {
            assert_eq!(said(GreyType::F32, scale, offset), None, "{scale} {offset}");
        }
        for (grey, scale, offset) in [
            (GreyType::U8, 1.0 / 257.0, 0.0),
            (GreyType::F32, 0.000_02, 0.0),
            (GreyType::F32, 1.0, -32_768.0),
            (GreyType::F32, 100.0, 0.0),
        ] {
            let said = said(grey, scale, offset).unwrap_or_else(|| panic!("{scale} {offset}"));
            assert!(said.contains("from 20000 to 30000") && said.contains("lab"), "{said}");
        }
        assert!(said(GreyType::U8, 1.0 / 257.0, 0.0).unwrap().contains("(78 to 117)"));
    }

    #[test]
    fn one_value_and_no_value_say_little() {
        let flat = |grey: f32| {
            let shape = Shape::new(Size::new(4, 4, 1), VoxelSize::isotropic(0.6), GreyType::F32);
            let volume = Volume::from_values("flat", shape, &[grey; 16]);
            warning(&volume, Window::new(0.0, 1.0).unwrap()).unwrap()
        };
        assert!(flat(0.5).is_none() && flat(f32::NAN).is_none() && flat(7.0).is_some());
    }
}
