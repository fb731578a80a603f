//! What the peak of a PSNR is, and how much of that range the reference fills.
//!
//! A PSNR says little without its peak: the same error gives 24 dB more where 12-bit data stand in 16 bits, and a few hot
//! voxels of a 32-bit reference raise it at will.

use std::fmt;

use super::{MeasureError, Options, WHITE_8};
use crate::grey::{GreyError, HIGH_PERCENT, LOW_PERCENT, Window};
use crate::progress::Progress;
use crate::stack::{Measured, SliceSource, black_slice, read_measured};

/// The range of a 32-bit reference may be so many times that between its percentiles: Gaussian noise reaches twice.
const WIDE: f64 = 4.0;
/// A reference fills little of its type that has less than this part of it between its percentiles.
const LITTLE: f64 = 1.0 / 8.0;

/// The peak of a PSNR and the grey values of the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The peak.
    pub peak: f64,
    /// Where it comes from.
    pub source: PeakSource,
    /// The reference's lowest and highest grey value, of those that were measured.
    pub range: (f32, f32),
    /// The window of nearly all of them, [`LOW_PERCENT`] to [`HIGH_PERCENT`]; `None` where it has no contrast.
    pub bulk: Option<Window>,
}

/// Where the peak of a PSNR comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeakSource {
    /// The length of the scale of a grey type of so many bits.
    Type {
        /// The bits.
        bits: u32,
    },
    /// Both stacks are compared in 8 bits, each through a window of its own.
    Windowed,
    /// The range of the reference's grey values.
    Range,
}

impl Scale {
    /// The scale of a comparison with that reference. One pass over its slices for the range, and those that
    /// percentiles take.
    ///
    /// # Errors
    /// [`MeasureError`] for a stack that cannot be read, one without the contrast that its scale depends on, and when the
    /// user asks to stop.
    pub(super) fn of(reference: &Measured<'_>, options: Options, progress: Progress<'_>) -> Result<Self, MeasureError> {
        let range = range(reference, progress.share(0.0..0.3))?;
        let bulk = match Window::of_percentiles(reference, LOW_PERCENT, HIGH_PERCENT, progress.share(0.3..1.0)) {
            Ok(window) => Some(window),
            Err(GreyError::NoContrast { .. }) if !options.windowed => None,
            Err(error) => return Err(error.into()),
        };
        let shape = reference.shape();
        let (peak, source) = match (options.windowed, shape.ends()) {
            (true, _) => (WHITE_8, PeakSource::Windowed),
            (false, Some([black, white])) => {
                (f64::from(white) - f64::from(black), PeakSource::Type { bits: shape.grey.bits() })
            }
            (false, None) if range.0 == range.1 => {
                return Err(MeasureError::FlatReference { name: reference.name().to_owned(), grey: range.0 });
            }
            (false, None) => (f64::from(range.1) - f64::from(range.0), PeakSource::Range),
        };
        Ok(Self { peak, source, range, bulk })
    }

    /// What the user should know before comparing this PSNR with others.
    pub fn warning(&self, name: &str) -> Option<String> {
        let bulk = self.bulk?;
        let (low, high, filled) = (bulk.low, bulk.high, f64::from(bulk.high) - f64::from(bulk.low));
        let decibels = 20.0 * (self.peak / filled).log10();
        let most = HIGH_PERCENT - LOW_PERCENT;
        match self.source {
            PeakSource::Range if self.peak > WIDE * filled => Some(format!(
                "a few voxels make the range of {name}, which is the peak of the PSNR: its grey values go from {} to {}, \
                 but {most} % of them lie between {low} and {high}. The PSNR is {decibels:.1} dB above that with this \
                 range as the peak: clip both stacks to it first, or compare them windowed",
                self.range.0, self.range.1
            )),
            PeakSource::Type { bits } if filled < LITTLE * self.peak => Some(format!(
                "{name} fills little of its {bits} bits: {most} % of its grey values lie between {low} and {high}, and the \
                 peak of the PSNR is {}. The PSNR is {decibels:.1} dB above that with this range as the peak: compare it \
                 only with others of the same scale, or compare the stacks windowed",
                self.peak
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.range;
        match self.source {
            PeakSource::Type { bits } => {
                write!(f, "peak {} ({bits} bits; the reference fills {low} to {high})", self.peak)
            }
            PeakSource::Windowed => write!(f, "peak {} (8 bits, each stack through its own window)", self.peak),
            PeakSource::Range => write!(f, "peak {} (the reference's range, {low} to {high})", self.peak),
        }
    }
}

/// The lowest and the highest grey value of those that were measured; zeros where none was.
fn range(stack: &Measured<'_>, progress: Progress<'_>) -> Result<(f32, f32), MeasureError> {
    let size = stack.shape().size;
    let mut slice = black_slice(size)?;
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for z in 0..size.slices {
        progress.step(z, size.slices)?;
        read_measured(stack, z, slice.view_mut())?;
        // NaN is neither.
        (low, high) = slice.iter().fold((low, high), |(low, high), &v| (low.min(v), high.max(v)));
    }
    Ok(if low <= high { (low, high) } else { (0.0, 0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{GreyType, Shape, Size, VoxelSize};
    use crate::volume::Volume;

    fn scale(grey: GreyType, windowed: bool, value: impl Fn(usize) -> f32) -> Scale {
        let shape = Shape::new(Size::new(40, 30, 5), VoxelSize::isotropic(1.0), grey);
        let values: Vec<f32> = (0..6000).map(value).collect();
        let volume = Volume::from_values("reference", shape, &values);
        let measured = Measured::of(&volume, Progress::silent()).unwrap();
        Scale::of(&measured, Options { windowed }, Progress::silent()).unwrap()
    }

    #[test]
    fn the_peak_is_named_with_its_source() {
        let whole = scale(GreyType::U16, false, |i| (i * 10) as f32);
        assert_eq!(whole.to_string(), "peak 65535 (16 bits; the reference fills 0 to 59990)");
        assert_eq!(whole.warning("synchrotron"), None);
        let float = scale(GreyType::F32, false, |i| i as f32 / 1000.0 - 1.0);
        assert_eq!((float.peak, float.source), (f64::from(4.999f32) + 1.0, PeakSource::Range));
        assert!(float.to_string().contains("the reference's range, -1 to 4.999"), "{float}");
        assert_eq!(float.warning("synchrotron"), None);
        let windowed = scale(GreyType::F32, true, |i| if i == 7 { 1e9 } else { i as f32 });
        assert_eq!((windowed.peak, windowed.warning("synchrotron")), (255.0, None));
    }

    #[test]
    fn few_voxels_and_narrow_data_are_warned_of() {
        let hot = scale(GreyType::F32, false, |i| if i == 7 { 1e6 } else { (i % 1000) as f32 });
        let said = hot.warning("synchrotron").unwrap();
        assert!(
            said.contains("a few voxels") && said.contains("from 0 to 1000000") && said.contains("60.1 dB"),
            "{said}"
        );
        let narrow = scale(GreyType::U16, false, |i| (i % 4096) as f32);
        let said = narrow.warning("synchrotron").unwrap();
        assert!(said.contains("little of its 16 bits") && said.contains("24.1 dB"), "{said}");
        // One grey value has no range to speak of.
        assert_eq!(scale(GreyType::U8, false, |_| 7.0).warning("synchrotron"), None);
    }

    #[test]
    fn what_is_no_number_takes_no_part_in_the_range() {
        let shape = Shape::new(Size::new(2, 2, 1), VoxelSize::isotropic(1.0), GreyType::F32);
        let odd = Volume::from_values("odd", shape, &[f32::NAN, 2.0, f32::INFINITY, -1.0]);
        let measured = Measured::of(&odd, Progress::silent()).unwrap();
        assert_eq!(range(&measured, Progress::silent()).unwrap(), (-1.0, 2.0));
    }
}
