//! Finds the laboratory scanner that gives a requested PSNR.

use std::cell::Cell;
use std::collections::{BTreeMap, btree_map::Entry};

use super::SampleError;
use super::acquisition::Stage;
use super::greys::{GreyScale, Keeper, psnr, spread};
use super::projection::{Pair, Reconstructor};
use super::scanner::{Detector, Scanner};
use crate::progress::{Cancelled, Progress};
use crate::stack::Size;

/// Fewest voxels in the test slices, if the stack has that many.
const PROBED: usize = 5 * 128 * 128;
/// Tolerance of the PSNR of the test slices, dB.
const TOLERANCE: f64 = 0.05;
/// The most severe scanner that is tried.
const WORST: f64 = 5.0;
/// Most trials; then the closest is taken.
const TRIALS: usize = 20;

/// A laboratory scanner that was tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Its severity: [`Scanner::laboratory`].
    pub severity: f64,
    /// PSNR of its slices against the synchrotron's, each scanner through its own window, dB.
    pub psnr: f64,
}

/// Some slices of an aligned pair, to try scanners on.
struct Probe<'a> {
    stage: &'a Stage<'a>,
    seed: u64,
    heights: Vec<usize>,
    /// Transmitted X-rays of the laboratory and of the synchrotron at each z around the slices.
    transmitted: [BTreeMap<i64, Vec<Pair>>; 2],
    progress: Progress<'a>,
    /// Work done so far.
    steps: Cell<f64>,
}

/// The severity at which slices of the laboratory scanner on that stage have the `wanted` PSNR against the synchrotron's.
pub(super) fn calibrate(stage: &Stage, seed: u64, wanted: f64, progress: Progress<'_>) -> Result<Trial, SampleError> {
    let mut probe = Probe::new(stage, seed, progress);
    let reference = probe.synchrotron()?;
    let mut attempt = |severity: f64| {
        let laboratory = probe.laboratory(severity)?;
        Ok::<_, SampleError>(Trial { severity, psnr: psnr(&laboratory, &reference)? })
    };
    let [mut better, mut worse] = bracket(wanted, &mut attempt)?;
    let mut closest = worse;
    for _ in 0..TRIALS {
        if (closest.psnr - wanted).abs() <= TOLERANCE {
            break;
        }
        // Halfway between linear interpolation and bisection, so that both ends converge.
        let crossing = (better.psnr - wanted) / (better.psnr - worse.psnr);
        closest = attempt(better.severity + 0.5 * (0.5 + crossing) * (worse.severity - better.severity))?;
        if closest.psnr > wanted { better = closest } else { worse = closest }
    }
    Ok(closest)
}

/// Two trials that bracket the wanted PSNR, the better first.
fn bracket(wanted: f64, attempt: &mut dyn FnMut(f64) -> Result<Trial, SampleError>) -> Result<[Trial; 2], SampleError> {
    let mut worse = attempt(1.0)?;
    let mut better = if worse.psnr > wanted { worse } else { attempt(0.0)? };
    if better.psnr < wanted {
        return Err(SampleError::Unreachable { wanted, reached: better.psnr });
    }
    while worse.psnr > wanted {
        if worse.severity >= WORST {
            return Err(SampleError::Unreachable { wanted, reached: worse.psnr });
        }
        better = worse;
        worse = attempt((1.5 * worse.severity).min(WORST))?;
    }
    Ok([better, worse])
}

/// The slices of a stack that are tried.
pub(super) fn heights(size: Size) -> Vec<usize> {
    spread(size.slices, PROBED.div_ceil(size.plane()))
}

impl<'a> Probe<'a> {
    fn new(stage: &'a Stage<'a>, seed: u64, progress: Progress<'a>) -> Self {
        let heights = heights(stage.field.size);
        Self { stage, seed, heights, transmitted: Default::default(), progress, steps: Cell::default() }
    }

    /// Called before each piece of work. Their number is unknown, so the fraction approaches the end asymptotically.
    fn step(&self) -> Result<(), Cancelled> {
        let steps = self.steps.get() + 1.0;
        self.steps.set(steps);
        self.progress.at(steps / (steps + 60.0))
    }

    fn synchrotron(&mut self) -> Result<Keeper, SampleError> {
        let voxel = self.stage.field.voxel;
        let scanner = Scanner::synchrotron(voxel);
        let detector = Detector::new(scanner.clone(), &self.stage.geometry, self.seed);
        self.load(&[&Scanner::laboratory(0.0, voxel), &scanner], detector.reach() as i64)?;
        let slices = self.slices(1, &detector)?;
        self.transmitted[1].clear();
        Ok(slices)
    }

    fn laboratory(&mut self, severity: f64) -> Result<Keeper, SampleError> {
        let scanner = Scanner::laboratory(severity, self.stage.field.voxel);
        let detector = Detector::new(scanner.clone(), &self.stage.geometry, self.seed);
        self.load(&[&scanner], detector.reach() as i64)?;
        self.slices(0, &detector)
    }

    /// Computes the transmitted X-rays of those scanners for all z up to `reach` from the slices, where missing.
    fn load(&mut self, scanners: &[&Scanner], reach: i64) -> Result<(), SampleError> {
        for height in self.heights.iter().map(|z| *z as i64) {
            for z in height - reach..=height + reach {
                if self.transmitted[0].contains_key(&z) {
                    continue;
                }
                self.step()?;
                let paths = self.stage.paths(z)?;
                for (transmitted, scanner) in self.transmitted.iter_mut().zip(scanners) {
                    transmitted.insert(z, scanner.transmit(&paths, 1.0)?);
                }
            }
        }
        Ok(())
    }

    /// The slices seen by that detector, with the X-rays of scanner `number`.
    fn slices(&mut self, number: usize, detector: &Detector) -> Result<Keeper, SampleError> {
        let size = self.stage.field.size;
        let reconstructor = Reconstructor::new(&self.stage.geometry);
        let scale = GreyScale::new(detector.scanner().active_attenuation(self.stage.sample.radius));
        let mut keeper = Keeper::new("tried", size, &self.heights)?;
        let mut exposures: BTreeMap<i64, Vec<f32>> = BTreeMap::new();
        for height in &self.heights {
            self.step()?;
            let near = *height as i64 - detector.reach() as i64..=(height + detector.reach()) as i64;
            exposures.retain(|z, _| near.contains(z));
            for z in near {
                if let Entry::Vacant(place) = exposures.entry(z) {
                    place.insert(detector.expose(&self.transmitted[number][&z], z)?);
                }
            }
            let exposures: Vec<&[f32]> = exposures.values().map(Vec::as_slice).collect();
            let sinogram = detector.develop(&exposures, *height as i64)?;
            let slice = reconstructor.reconstruct(sinogram, size.width, size.height)?;
            keeper.see(*height, scale.greys(slice.view()).view())?;
        }
        Ok(keeper)
    }
}
