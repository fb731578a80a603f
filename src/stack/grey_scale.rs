//! What stored grey values mean.

use serde::{Deserialize, Serialize};

use super::GreyType;

/// The bits of a 32-bit float that [`integer`](super::integer) leaves the number in.
const WHOLE_BITS: u32 = (1 << 23) - 1;

/// The straight line from stored numbers to the grey values that users see: `offset + slope * stored`.
///
/// ImageJ stores signed 16 bits as unsigned ones with an offset of −32768, and scanners write Hounsfield units in such
/// scales. Everything in this crate reads and writes what users see; sources and sinks convert with the methods here.
///
/// ```
/// use undulator::stack::{GreyScale, GreyType};
///
/// let signed = GreyScale::SIGNED_16;
/// assert_eq!((signed.value(0.0), signed.stored(5.0)), (-32768.0, 32773.0));
/// assert_eq!(signed.nearest(GreyType::U16, -1e9), -32768.0);
/// assert_eq!(signed.nearest(GreyType::U16, 7.6), 8.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GreyScale {
    /// The grey value of a stored 0.
    pub offset: f64,
    /// How much the grey value changes from one stored number to the next.
    pub slope: f64,
}

impl GreyScale {
    /// Stored numbers are grey values.
    pub const IDENTITY: Self = Self { offset: 0.0, slope: 1.0 };

    /// Signed 16 bits in unsigned ones.
    pub const SIGNED_16: Self = Self { offset: -32768.0, slope: 1.0 };

    /// The scale, if every stored number of that type has a grey value of its own in 32 bits: `None` for numbers that are
    /// not finite, a slope of 0, and an offset beside which the slope is lost. Floating point has no other scale than
    /// [`IDENTITY`](Self::IDENTITY).
    pub fn new(offset: f64, slope: f64, grey: GreyType) -> Option<Self> {
        let scale = Self { offset, slope };
        let Some(white) = grey.white() else { return scale.is_identity().then_some(scale) };
        let largest = offset.abs().max((offset + slope * f64::from(white)).abs());
        // A 32-bit float has 24 bits; one less keeps stored numbers apart after rounding.
        let apart = slope.abs() > largest / f64::from(1 << 23);
        (largest < f64::from(f32::MAX) && slope.abs() > f64::from(f32::MIN_POSITIVE) && apart).then_some(scale)
    }

    /// Whether stored numbers are grey values.
    pub fn is_identity(self) -> bool {
        self == Self::IDENTITY
    }

    /// [`is_identity`](Self::is_identity) as serde calls it.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_identity()
    }

    /// The grey value of a stored number.
    #[inline]
    pub fn value(self, stored: f32) -> f32 {
        (self.offset + self.slope * f64::from(stored)) as f32
    }

    /// The stored number of a grey value, neither rounded nor clamped.
    #[inline]
    pub fn stored(self, value: f32) -> f32 {
        ((f64::from(value) - self.offset) / self.slope) as f32
    }

    /// Stored numbers to grey values, in place.
    pub fn calibrate(self, stored: &mut [f32]) {
        if !self.is_identity() {
            stored.iter_mut().for_each(|grey| *grey = self.value(*grey));
        }
    }

    /// The nearest grey value that this type holds on this scale: rounded half up and clamped as stored numbers.
    #[inline]
    pub fn nearest(self, grey: GreyType, value: f32) -> f32 {
        if self.is_identity() || grey == GreyType::F32 {
            return grey.nearest(value);
        }
        self.value(grey.nearest(self.stored(value)))
    }

    /// The stored whole number of a grey value of this type on this scale, in range.
    #[inline]
    pub fn whole(self, grey: GreyType, value: f32) -> u32 {
        let stored = if self.is_identity() { value } else { grey.nearest(self.stored(value)) };
        super::integer(stored) & WHOLE_BITS
    }

    /// The lowest and the highest grey value that this type holds on this scale; `None` for floating point.
    pub fn ends(self, grey: GreyType) -> Option<[f32; 2]> {
        let (black, white) = (self.value(0.0), self.value(grey.white()?));
        Some([black.min(white), black.max(white)])
    }
}

impl Default for GreyScale {
    fn default() -> Self {
        Self::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_numbers_come_back_exactly() {
        for (offset, slope) in [(0.0, 1.0), (-32768.0, 1.0), (-1024.0, 0.25), (300.5, -0.0078125), (-1000.0, 0.0427)] {
            let scale = GreyScale::new(offset, slope, GreyType::U16).unwrap();
            for stored in (0..=65535u16).step_by(7) {
                let value = scale.value(f32::from(stored));
                assert_eq!(scale.whole(GreyType::U16, value), u32::from(stored), "{scale:?}");
                assert_eq!(scale.nearest(GreyType::U16, value), value);
            }
        }
    }

    #[test]
    fn scales_that_lose_numbers_are_none() {
        for (offset, slope) in [(0.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1e9, 1.0), (1e39, 1e36)] {
            assert_eq!(GreyScale::new(offset, slope, GreyType::U16), None, "{offset} {slope}");
        }
        assert_eq!(GreyScale::new(-32768.0, 1.0, GreyType::F32), None);
        assert!(GreyScale::new(0.0, 1.0, GreyType::F32).is_some());
    }

    #[test]
    fn ends_rise_whatever_the_slope() {
        assert_eq!(GreyScale::SIGNED_16.ends(GreyType::U16), Some([-32768.0, 32767.0]));
        assert_eq!(GreyScale { offset: 10.0, slope: -1.0 }.ends(GreyType::U8), Some([-245.0, 10.0]));
        assert_eq!(GreyScale::IDENTITY.ends(GreyType::F32), None);
    }
}
