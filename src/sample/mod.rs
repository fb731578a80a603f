//! Sample data: a simulated pair of CT stacks of one sample, made by physics rather than by filters.
//!
//! The sample is the cathode of a solid-state battery as in Kodama et al., Energy and AI 14 (2023) 100305: grains of
//! LiCoO₂ in Li–P–S glass, with voids. Its attenuation comes from tables. Both scanners project it in a parallel beam,
//! count photons, and reconstruct by filtered back projection: the synchrotron at 20 keV, the laboratory with a molybdenum
//! anode at 44 kV. So beam hardening, noise, blur, haze, rings and drift arise as they do in a real scanner. The severity of
//! the laboratory scanner's faults follows from the requested PSNR of its unrestored slices.
//!
//! The sample is a pillar along z that encloses the field of view, in air, and no ray misses the detector.

mod acquisition;
mod attenuation;
mod budget;
mod calibrate;
mod cells;
mod greys;
mod microstructure;
mod noise;
mod point;
mod projection;
mod scanner;
mod spectrum;
mod transform;

use ndarray::ArrayView2;

use crate::grey::{GreyError, Window};
use crate::memory::OutOfMemory;
use crate::progress::{Cancelled, Progress};
use crate::stack::{GreyType, Shape, Size, SliceSink, StackError, VoxelSize};

use acquisition::{Field, Stage, scan};
use calibrate::calibrate;
use greys::{GreyScale, Keeper, psnr, spread};
use microstructure::Microstructure;
use scanner::Scanner;

pub use transform::KnownTransform;

/// Voxel size of a misaligned pair's laboratory volume in µm, as in the paper.
pub const LABORATORY_VOXEL: f64 = 0.310;
/// Voxel size of a misaligned pair's synchrotron volume in µm, as in the paper.
pub const SYNCHROTRON_VOXEL: f64 = 0.495;

/// How much larger the pillar is than the circle around the field of view, so that a misaligned field stays inside.
const PILLAR: f64 = 1.12;
/// Approximate fraction of the time spent on finding the laboratory scanner.
const CALIBRATION: f64 = 0.4;
/// Voxels of each stack that are kept to compute windows and PSNR.
const KEPT: usize = 1 << 25;
/// The volumes, in the order of the scanners.
const NAMES: [&str; 2] = ["laboratory", "synchrotron"];

/// The pair to make.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    /// Voxels along x of the aligned pair, 16–2048.
    pub width: usize,
    /// Voxels along y, 16–2048.
    pub height: usize,
    /// Slices, 1–4096.
    pub slices: usize,
    /// Voxel size in µm, 0.1–3. Blur and drift scale with it; the grains do not.
    pub voxel: f64,
    /// Different numbers give different samples and different noise.
    pub seed: u64,
    /// PSNR of the laboratory stack against the synchrotron stack in dB, each through its own 0.3–99.7 percentile window in
    /// 8 bits: 10–18.
    pub psnr: f64,
    /// Whether to leave the pair unaligned, as two scanners give it: the same field at [`LABORATORY_VOXEL`] and
    /// [`SYNCHROTRON_VOXEL`], rotated, scaled and shifted against each other.
    pub misaligned: bool,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { width: 128, height: 128, slices: 40, voxel: 0.6, seed: 1, psnr: 12.8, misaligned: false }
    }
}

impl From<OutOfMemory> for SampleError {
    fn from(error: OutOfMemory) -> Self {
        Self::Stack(error.into())
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleSummary {
    /// PSNR of the pair in dB; for a misaligned pair, that of slices of the aligned pair with the same seed.
    pub psnr: f64,
    /// Window of the laboratory stack, for display and for comparisons: its 0.3 and 99.7 percentiles. For stacks of more
    /// than 32 million voxels, those of evenly spaced slices.
    pub laboratory_window: Window,
    /// The same of the synchrotron's stack.
    pub synchrotron_window: Window,
    /// The linear attenuation coefficients in 1/cm of the grey values 0 and 65535 of the laboratory stack.
    pub laboratory_scale: (f64, f64),
    /// The same of the synchrotron's stack.
    pub synchrotron_scale: (f64, f64),
    /// The transform between the volumes, if the pair is misaligned.
    pub transform: Option<KnownTransform>,
    /// Volume fractions of LiCoO₂ and glass; the rest is void.
    pub fractions: (f64, f64),
}

/// Why there is no pair.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// An option is out of its range.
    #[error("{option} is {value}: choose {low} to {high}")]
    Option {
        /// The option's key.
        option: &'static str,
        /// Its value.
        value: f64,
        /// The least that is possible.
        low: f64,
        /// The most that is possible.
        high: f64,
    },
    /// No laboratory scanner of the model gives that PSNR.
    #[error(
        "psnr is {wanted} dB, but with this size and voxel size the closest possible is {reached:.1} dB: choose that"
    )]
    Unreachable {
        /// The requested PSNR, dB.
        wanted: f64,
        /// The nearest that the model reaches, dB.
        reached: f64,
    },
    /// A slice could not be written, or the memory does not hold the work.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A stack has no grey window.
    #[error(transparent)]
    Grey(#[from] GreyError),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl SampleOptions {
    /// Checks the ranges of all options; the error names the first that is out of range.
    ///
    /// # Errors
    /// [`SampleError::Option`].
    pub fn check(&self) -> Result<(), SampleError> {
        let ranges = [
            ("width", self.width as f64, 16.0, 2048.0),
            ("height", self.height as f64, 16.0, 2048.0),
            ("slices", self.slices as f64, 1.0, 4096.0),
            ("voxel", self.voxel, 0.1, 3.0),
            ("psnr", self.psnr, 10.0, 18.0),
        ];
        match ranges.into_iter().find(|(_, value, low, high)| !(low..=high).contains(&value)) {
            None => Ok(()),
            Some((option, value, low, high)) => Err(SampleError::Option { option, value, low, high }),
        }
    }

    /// Lengths of the field of view (z, y, x) in µm.
    fn field(&self) -> [f64; 3] {
        [self.slices, self.height, self.width].map(|voxels| voxels as f64 * self.voxel)
    }

    /// Number of whole voxels of that size in the field of view.
    fn covered(&self, voxel: f64) -> Size {
        let [slices, height, width] = self.field().map(|length| ((length / voxel + 1e-6) as usize).max(1));
        Size { width, height, slices }
    }

    /// Radius of the pillar, in µm.
    fn radius(&self) -> f64 {
        let [_, length_y, length_x] = self.field();
        PILLAR * 0.5 * length_x.hypot(length_y)
    }

    /// The laboratory's volume and the synchrotron's.
    fn fields(&self) -> [Field; 2] {
        match self.misaligned {
            true => [
                self.alone(LABORATORY_VOXEL, KnownTransform::random(self.seed, self.field())),
                self.alone(SYNCHROTRON_VOXEL, KnownTransform::identity()),
            ],
            false => [self.aligned(), self.aligned()],
        }
    }

    fn aligned(&self) -> Field {
        let size = Size::new(self.width, self.height, self.slices);
        Field { size, voxel: self.voxel, transform: KnownTransform::identity() }
    }

    fn alone(&self, voxel: f64, transform: KnownTransform) -> Field {
        Field { size: self.covered(voxel), voxel, transform }
    }
}

/// Makes a pair, slice by slice: 16-bit stacks of the true voxel size.
///
/// An aligned pair is written side by side, a misaligned one laboratory first. The same options give the same pair on
/// any number of threads. Time grows with slices · width³ for square fields; some tens of sinograms are held at a time.
///
/// # Errors
/// [`SampleError`] for options out of range, too little memory (before any work), a PSNR that the model cannot reach, a
/// sink that fails, and when the user asks to stop.
///
/// ```
/// use undulator::progress::Progress;
/// use undulator::sample::{SampleOptions, sample_pair};
/// use undulator::stack::{GreyType, Shape, Size, SliceSource, VoxelSize};
/// use undulator::volume::Volume;
///
/// let none = Shape::new(Size::new(0, 0, 0), VoxelSize::isotropic(1.0), GreyType::U16);
/// let mut laboratory = Volume::black("laboratory", none);
/// let mut synchrotron = Volume::black("synchrotron", none);
/// let options = SampleOptions { width: 48, height: 32, slices: 2, ..SampleOptions::default() };
/// let summary = sample_pair(&options, &mut laboratory, &mut synchrotron, Progress::silent())?;
/// assert_eq!(synchrotron.shape().size, Size::new(48, 32, 2));
/// assert!((summary.psnr - 12.8).abs() < 0.5);
/// # Ok::<(), undulator::sample::SampleError>(())
/// ```
pub fn sample_pair(
    options: &SampleOptions,
    laboratory: &mut dyn SliceSink,
    synchrotron: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<SampleSummary, SampleError> {
    options.check()?;
    let fields = options.fields();
    budget::require(options, &fields).map_err(StackError::from)?;
    let mut sinks: [&mut dyn SliceSink; 2] = [laboratory, synchrotron];
    // Before the work: a host may have no room for them.
    for (sink, field) in sinks.iter_mut().zip(&fields) {
        sink.begin(Shape::new(field.size, VoxelSize::isotropic(field.voxel), GreyType::U16))?;
    }
    progress.phase("Growing grains");
    let sample = Microstructure::new(options.seed, options.radius(), 0.5 * options.field()[0])?;
    let aligned = options.aligned();
    let stage = Stage::new(&sample, &aligned);
    let choosing = progress.part(0.0..CALIBRATION, "Choosing the laboratory's scanner");
    let trial = calibrate(&stage, options.seed, options.psnr, choosing)?;
    progress.message(&format!(
        "The laboratory's scanner: severity {:.2}, {:.2} dB on trial slices",
        trial.severity, trial.psnr
    ));
    let scanners = [Scanner::laboratory(trial.severity, options.voxel), Scanner::synchrotron(options.voxel)];
    let scales = scanners.each_ref().map(|scanner| GreyScale::new(scanner.active_attenuation(sample.radius)));
    let scanning = progress.part(CALIBRATION..1.0, "Scanning");

    let (psnr, windows, transform) = if options.misaligned {
        let mut windows = Vec::with_capacity(2);
        for (number, sink) in sinks.into_iter().enumerate() {
            let stage = Stage::new(&sample, &fields[number]);
            let mut output = Output::new(NAMES[number], sink, &fields[number], scales[number])?;
            let half = scanning.share(0.5 * number as f64..0.5 * (number + 1) as f64);
            scan(&stage, &[&scanners[number]], options.seed, half, |_, z, slice| output.write(z, slice))?;
            windows.push(output.keeper.window()?);
        }
        let [laboratory, _] = fields;
        (trial.psnr, [windows[0], windows[1]], Some(laboratory.transform))
    } else {
        let [laboratory, synchrotron] = sinks;
        let mut outputs = [
            Output::new(NAMES[0], laboratory, &aligned, scales[0])?,
            Output::new(NAMES[1], synchrotron, &aligned, scales[1])?,
        ];
        let both = scanners.each_ref();
        scan(&stage, &both, options.seed, scanning, |number, z, slice| outputs[number].write(z, slice))?;
        let [laboratory, synchrotron] = &outputs;
        let windows = [laboratory.keeper.window()?, synchrotron.keeper.window()?];
        (psnr(&laboratory.keeper, &synchrotron.keeper)?, windows, None)
    };
    progress.done();
    let fractions = sample.fractions();
    let [laboratory_window, synchrotron_window] = windows;
    let [laboratory_scale, synchrotron_scale] = scales.map(GreyScale::ends_per_cm);
    Ok(SampleSummary {
        psnr,
        laboratory_window,
        synchrotron_window,
        laboratory_scale,
        synchrotron_scale,
        transform,
        fractions: (fractions.active, fractions.glass),
    })
}

/// A stack that is being written.
struct Output<'a> {
    sink: &'a mut dyn SliceSink,
    scale: GreyScale,
    keeper: Keeper,
}

impl<'a> Output<'a> {
    fn new(name: &str, sink: &'a mut dyn SliceSink, field: &Field, scale: GreyScale) -> Result<Self, SampleError> {
        let size = field.size;
        let keeper = Keeper::new(name, size, &spread(size.slices, KEPT / size.plane()))?;
        Ok(Self { sink, scale, keeper })
    }

    fn write(&mut self, z: usize, attenuation: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        let greys = self.scale.greys(attenuation);
        self.keeper.see(z, greys.view())?;
        Ok(self.sink.write(z, greys.view())?)
    }
}
