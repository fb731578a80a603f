//! How close one stack comes to another: PSNR, SSIM, and the baselines that a network must beat.

mod baselines;
mod gaussian;
pub mod psnr;
mod scale;
mod scorer;

use ndarray::Array2;

use crate::grey::{GreyError, HIGH_PERCENT, LOW_PERCENT, Window};
use crate::progress::{Cancelled, Progress};
use crate::stack::{self, Measured, SliceSource, StackError, black_slice, read_measured};

pub(crate) use baselines::baselines_of;
pub use baselines::{Baselines, SIGMAS, baselines};
pub use scale::{PeakSource, Scale};
pub(crate) use scorer::Scorer;

/// The largest grey value of 8 bits.
pub(crate) const WHITE_8: f64 = 255.0;

/// Why two stacks could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A stack could not be read, or the two differ in size.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// There is no grey window.
    #[error(transparent)]
    Grey(GreyError),
    /// Two grey types have no common scale.
    #[error(
        "{test} has {test_bits} bits but {reference} has {reference_bits}: bring both to one type first, \
         or compare them windowed"
    )]
    GreyTypesDiffer {
        /// What the test stack is to the command.
        test: String,
        /// Its bits.
        test_bits: u32,
        /// What the reference is to the command.
        reference: String,
        /// Its bits.
        reference_bits: u32,
    },
    /// A 32-bit reference without contrast has no peak.
    #[error(
        "{name} holds the grey value {grey} alone, so a 32-bit PSNR has no peak: choose a stack that shows the sample"
    )]
    FlatReference {
        /// What the reference is to the command.
        name: String,
        /// The grey value.
        grey: f32,
    },
    /// A range of slices that the stacks do not have.
    #[error("slices {first} to {last} do not exist in {name}, which has {slices}: choose at least one of its slices")]
    Slices {
        /// What the stack is to the command.
        name: String,
        /// First slice, counted from one.
        first: usize,
        /// Last slice, counted from one.
        last: usize,
        /// The slices that there are.
        slices: usize,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<GreyError> for MeasureError {
    fn from(error: GreyError) -> Self {
        match error {
            GreyError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            GreyError::Stack(error) => Self::Stack(error),
            other => Self::Grey(other),
        }
    }
}

/// How the grey values of two stacks are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Each stack through a window of its own, [`LOW_PERCENT`] to [`HIGH_PERCENT`], into 8 bits, so that stacks of
    /// different scanners can be compared. Otherwise the grey values are taken as they are.
    pub windowed: bool,
}

/// How close a slice or a stack comes to its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Peak signal-to-noise ratio in dB; infinite where both are equal, not a number where nothing was measured.
    pub psnr: f64,
    /// Structural similarity, 1 where both are equal; not a number where a slice holds no window of
    /// [`WINDOW`](undulator_compute::ssim::WINDOW) pixels that was measured.
    pub ssim: f64,
}

/// The scores of a stack and of each of its slices.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// PSNR of the mean squared error over all voxels, and the mean of those slices' SSIM that have one.
    pub stack: Score,
    /// One score a slice.
    pub slices: Vec<Score>,
}

/// Compares a stack with a reference of the same size, slice by slice.
///
/// The peak is 255 for 8 bits (windowed ones too), 65535 for 16 bits, whatever part of it the data fill, as
/// ImageMagick's `compare -metric PSNR` has it. 32 bits have no end of scale: there it is the reference's largest grey
/// value minus its smallest, over the whole stack. The stack's PSNR is that of all voxels together, not the mean of its
/// slices' PSNRs; SSIM is that of 2D slices. What was not measured in either stack, see [`Measured`], takes no part: nor do
/// windows of the SSIM that touch it.
///
/// # Errors
/// [`MeasureError`] for stacks of different sizes or (unless windowed) grey types, stacks of which nothing was measured or
/// without contrast where a scale depends on it, and when the user asks to stop.
///
/// ```
/// use undulator::measure::{Options, measure};
/// use undulator::progress::Progress;
/// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
/// use undulator::volume::Volume;
///
/// let shape = Shape::new(Size::new(16, 16, 2), VoxelSize::isotropic(0.6), GreyType::U8);
/// let values: Vec<f32> = (0..512).map(|i| (i % 200) as f32).collect();
/// let brighter: Vec<f32> = values.iter().map(|v| v + 1.0).collect();
/// let reference = Volume::from_values("synchrotron", shape, &values);
/// let test = Volume::from_values("restored", shape, &brighter);
/// let measured = measure(&test, &reference, Options { windowed: false }, Progress::silent()).unwrap();
/// assert!((measured.stack.psnr - 48.1308).abs() < 1e-4); // an error of one grey level
/// assert_eq!(measured.slices.len(), 2);
/// ```
pub fn measure(
    test: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: Options,
    progress: Progress<'_>,
) -> Result<Measurement, MeasureError> {
    Ok(measure_and_scale(test, reference, options, progress)?.0)
}

/// [`measure`], with what the peak of its PSNR is.
///
/// # Errors
/// As there.
pub fn measure_and_scale(
    test: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: Options,
    progress: Progress<'_>,
) -> Result<(Measurement, Scale), MeasureError> {
    stack::check(test)?;
    stack::check(reference)?;
    stack::check_same_size(test, reference)?;
    if !options.windowed {
        check_same_grey(test, reference)?;
    }
    let reading = progress.part(0.0..0.5, "Reading grey values");
    let (test, reference) =
        (&Measured::told(test, reading.share(0.0..0.25))?, &Measured::told(reference, reading.share(0.25..0.5))?);
    let scale = Scale::of(reference, options, reading.share(0.5..0.8))?;
    let windows = match scale.bulk.filter(|_| options.windowed) {
        Some(window) => {
            Some((Window::of_percentiles(test, LOW_PERCENT, HIGH_PERCENT, reading.share(0.8..1.0))?, window))
        }
        None => None,
    };
    let comparing = progress.part(0.5..1.0, "Comparing stacks");
    let size = test.shape().size;
    let mut scorer = Scorer::new(scale.peak);
    let (mut a, mut b) = (black_slice(size)?, black_slice(size)?);
    for z in 0..size.slices {
        comparing.step(z, size.slices)?;
        read_measured(test, z, a.view_mut())?;
        read_measured(reference, z, b.view_mut())?;
        if let Some((test_window, reference_window)) = windows {
            to_8_bit(test_window, &mut a);
            to_8_bit(reference_window, &mut b);
        }
        scorer.add(a.view(), b.view());
    }
    Ok((scorer.finish(), scale))
}

fn check_same_grey(test: &dyn SliceSource, reference: &dyn SliceSource) -> Result<(), MeasureError> {
    let (test_bits, reference_bits) = (test.shape().grey.bits(), reference.shape().grey.bits());
    if test_bits == reference_bits {
        return Ok(());
    }
    let (test, reference) = (test.name().to_owned(), reference.name().to_owned());
    Err(MeasureError::GreyTypesDiffer { test, test_bits, reference, reference_bits })
}

/// Brings a slice to 8 bits; what was not measured stays NaN.
pub(crate) fn to_8_bit(window: Window, slice: &mut Array2<f32>) {
    slice.mapv_inplace(|grey| if grey.is_nan() { grey } else { f32::from(window.to_8_bit(grey)) });
}
