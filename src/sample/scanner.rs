//! Both scanners: from the X-rays behind the sample to attenuation sinograms.
//!
//! A detector counts photons and blurs their light, and its columns differ slightly; the reconstruction then assumes a
//! monochromatic beam and no movement. Beam hardening, rings and drift artefacts follow from that; they are not drawn into
//! the slices.

use rayon::prelude::*;
use undulator_compute::gaussian::half;

use crate::memory::{OutOfMemory, copied, filled};

use super::attenuation::{GLASS, LITHIUM_COBALT_OXIDE};
use super::noise::Noise;
use super::projection::{Geometry, Pair};
use super::spectrum::{Bin, molybdenum, monochromatic};

/// The synchrotron's photon energy.
const SYNCHROTRON_KEV: f64 = 20.0;
/// The voxel size in µm for which the scanners below are described. For others, lengths are scaled, and photons so that the
/// slices are equally noisy: the variance of a reconstructed attenuation, times the square of the voxel size, is
/// proportional to 1 / (photons · voxel⁴).
const REFERENCE_VOXEL: f64 = 0.6;
/// Where the blur is cut off, in standard deviations.
const CUT: f64 = 2.5;
/// Slices over which a dirty spot of the detector extends.
const SPOT: i64 = 5;
/// Number of waves in the beam's profile, and their wavelengths along a row, µm.
const WAVES: usize = 5;
const SHADE: (f64, f64) = (25.0, 70.0);
/// Least transmission, so that its logarithm stays finite.
const DARKEST: f32 = 1e-3;

/// Kinds of random numbers, added to each scanner's own.
const QUANTA: u64 = 0;
const SPOTS: u64 = 1;
const COLUMNS: u64 = 2;
const FLUX: u64 = 3;
const PROFILE: u64 = 4;

/// A scanner and its faults.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    /// Distinguishes the random numbers of the scanners.
    kind: u64,
    energies: Vec<Energy>,
    /// Photons of the open beam per square micrometre of the detector during the whole scan.
    photons: f64,
    /// Standard deviation of a point's image on the detector, µm.
    blur: f64,
    /// Standard deviation of the focal spot's image along the detector's rows, µm.
    spot: f64,
    /// Fraction of the beam that comes from around the focal spot, and the standard deviation of its image along the rows,
    /// µm.
    haze: (f64, f64),
    /// Fraction of the photons removed from a view that the sample scatters evenly over the detector.
    scatter: f64,
    /// Relative differences of the detector's columns and of the beam from view to view, standard deviations.
    unevenness: (f64, f64),
    /// Deviation of the beam's profile from the flat field taken before the scan: standard deviation, as a fraction of the
    /// beam.
    shading: f64,
    /// How far the sample moves across the beam from the middle of the scan to its ends, µm.
    drift: f64,
}

/// The photons of one energy.
#[derive(Clone, Copy, Debug)]
struct Energy {
    /// Attenuation by the active material and by glass, 1/µm.
    attenuation: [f32; 2],
    /// Their fraction of the signal.
    signal: f32,
    /// Their contribution to the signal's variance, for one photon in total.
    variance: f32,
}

/// A scanner set up for one sample.
pub(super) struct Detector {
    scanner: Scanner,
    geometry: Geometry,
    seed: u64,
    /// Photons of the open beam per pixel and view.
    photons: f64,
    /// Point spread along a row: of the tube's focal spot, and of the detector.
    spot: Vec<f32>,
    blur: Vec<f32>,
    shading: Vec<Wave>,
}

/// A wave of the beam's profile: its phase, and the turns it gains per column, per slice, and over the whole scan.
struct Wave {
    phase: f64,
    column: f64,
    slice: f64,
    scan: f64,
}

impl Scanner {
    /// A synchrotron beamline: 20 keV, bright and sharp.
    pub(super) fn synchrotron(voxel: f64) -> Self {
        let zoom = voxel / REFERENCE_VOXEL;
        Self {
            kind: 200,
            energies: energies(&monochromatic(SYNCHROTRON_KEV)),
            photons: 4e8 / zoom.powi(4),
            blur: 0.25 * zoom,
            spot: 0.0,
            haze: (0.0, 1.0),
            scatter: 0.0,
            unevenness: (2e-4, 2e-4),
            shading: 0.0,
            drift: 0.0,
        }
    }

    /// A laboratory scanner: molybdenum anode, 44 kV. Everything but the spectrum gets worse with `severity`, from 0,
    /// at which it is as sharp as the synchrotron's.
    pub(super) fn laboratory(severity: f64, voxel: f64) -> Self {
        let zoom = voxel / REFERENCE_VOXEL;
        Self {
            kind: 100,
            energies: energies(&molybdenum()),
            photons: 3e6 / (severity * severity).max(1e-3) / zoom.powi(4),
            blur: 0.2 * zoom,
            spot: 0.15 * severity * zoom,
            haze: ((0.04 * severity).min(0.8), 2.4 * zoom),
            scatter: 0.05 * severity,
            unevenness: (8e-4 * severity, 1e-3 * severity),
            shading: 0.01 * severity,
            drift: 0.08 * severity * zoom,
        }
    }

    /// The attenuation in 1/µm that this scanner sees in `um` micrometres of the active material.
    pub(super) fn active_attenuation(&self, um: f64) -> f64 {
        let [signal, _] = self.transmission([um as f32, 0.0]);
        -f64::from(signal).ln() / um
    }

    /// Signal behind these paths through active material and glass (µm), and its variance for one photon, both as parts
    /// of the open beam's: R. E. Alvarez and A. Macovski, Physics in Medicine and Biology 21 (1976) 733, for a detector
    /// that adds up energy.
    fn transmission(&self, paths: Pair) -> Pair {
        self.energies.iter().fold([0.0; 2], |[signal, variance], energy| {
            let [active, glass] = energy.attenuation;
            let passed = (-active * paths[0] - glass * paths[1]).exp();
            [signal + energy.signal * passed, variance + energy.variance * passed]
        })
    }

    /// [`transmission`](Self::transmission) behind every point of a sinogram of paths; `enlarged` is how much longer the
    /// scanner takes a distance to be than it is.
    ///
    /// # Errors
    /// When the memory does not hold it.
    pub(super) fn transmit(&self, paths: &[Pair], enlarged: f64) -> Result<Vec<Pair>, OutOfMemory> {
        let shrink = (1.0 / enlarged) as f32;
        let mut transmitted = copied(paths)?;
        transmitted.par_iter_mut().for_each(|paths| *paths = self.transmission(paths.map(|path| path * shrink)));
        Ok(transmitted)
    }
}

impl Detector {
    /// A scanner with a detector of that geometry; `seed` is the sample's seed.
    pub(super) fn new(scanner: Scanner, geometry: &Geometry, seed: u64) -> Self {
        let photons = scanner.photons * geometry.pixel * geometry.pixel / geometry.views() as f64;
        let [spot, haze, blur] =
            [scanner.spot, scanner.haze.1, scanner.blur].map(|sigma| gaussian(sigma / geometry.pixel));
        let spot = mix(&spot, &haze, scanner.haze.0);
        let shading = shading(seed, &scanner, geometry.pixel);
        Self { scanner, geometry: geometry.clone(), seed, photons, spot, blur, shading }
    }

    /// The scanner.
    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// From how many slices away light still arrives.
    pub(super) fn reach(&self) -> usize {
        self.blur.len() / 2
    }

    /// What arrives at the detector in the height of slice `z`, as parts of the open beam: with drift, scatter and the
    /// noise of its quanta. `transmitted` is [`Scanner::transmit`]'s sinogram.
    ///
    /// # Errors
    /// When the memory does not hold it.
    pub(super) fn expose(&self, transmitted: &[Pair], z: i64) -> Result<Vec<f32>, OutOfMemory> {
        let columns = self.geometry.columns;
        let mut exposure = filled(0.0, transmitted.len())?;
        let rows = exposure.par_chunks_mut(columns).zip(transmitted.par_chunks(columns));
        rows.enumerate().for_each(|(view, (row, transmitted))| {
            let removed = transmitted.iter().map(|[signal, _]| 1.0 - signal).sum::<f32>() / columns as f32;
            let scattered = self.scanner.scatter as f32 * removed;
            let shift = self.drift(view) / self.geometry.pixel;
            let mut noise = Noise::new(self.seed, self.scanner.kind + QUANTA, z, view as u64);
            let seen = convolve(&shifted(transmitted, shift), &self.spot);
            for (arrived, seen) in row.iter_mut().zip(seen) {
                let [signal, variance] = seen.map(|part| f64::from(part + scattered));
                // The number of quanta of equal energy with this signal-to-noise ratio.
                let quanta = self.photons * signal * signal / variance;
                *arrived = (signal * noise.count(quanta) / quanta) as f32;
            }
        });
        Ok(exposure)
    }

    /// The attenuation sinogram of slice `z`, given what arrived in the heights from [`reach`](Self::reach) below it to
    /// as much above.
    ///
    /// # Errors
    /// When the memory does not hold it.
    pub(super) fn develop(&self, exposures: &[&[f32]], z: i64) -> Result<Vec<f32>, OutOfMemory> {
        let columns = self.geometry.columns;
        let gain = self.gain(z);
        let mut flux = Noise::new(self.seed, self.scanner.kind + FLUX, z, 0);
        let flux: Vec<f32> =
            (0..self.geometry.views()).map(|_| 1.0 + (self.scanner.unevenness.1 * flux.normal()) as f32).collect();
        let mut sinogram = filled(0.0, columns * flux.len())?;
        sinogram.par_chunks_mut(columns).zip(flux).enumerate().for_each(|(view, (row, flux))| {
            let mut light = vec![[0.0]; columns];
            for (exposure, weight) in exposures.iter().zip(&self.blur) {
                let exposure = &exposure[view * columns..][..columns];
                light.iter_mut().zip(exposure).for_each(|([sum], value)| *sum += weight * value);
            }
            let light = convolve(&light, &self.blur);
            for (column, (attenuation, ([light], gain))) in row.iter_mut().zip(light.into_iter().zip(&gain)).enumerate()
            {
                let beam = flux + self.profile(column, view, z);
                *attenuation = -(light * gain * beam).max(DARKEST).ln();
            }
        });
        Ok(sinogram)
    }

    /// Position of the sample in a view, in µm across the beam: it moves uniformly along x. The axis of rotation is corrected
    /// afterwards, which removes what would merely shift the slice.
    fn drift(&self, view: usize) -> f64 {
        let part = view as f64 / self.geometry.views() as f64;
        let (sin, cos) = (std::f64::consts::PI * part).sin_cos();
        self.scanner.drift * ((2.0 * part - 1.0) * cos + sin / std::f64::consts::PI)
    }

    /// Relative difference of the beam there from the flat field.
    fn profile(&self, column: usize, view: usize, z: i64) -> f32 {
        let part = view as f64 / self.geometry.views() as f64;
        let wave = |wave: &Wave| {
            let turns = wave.phase + wave.column * column as f64 + wave.slice * z as f64 + wave.scan * part;
            (std::f64::consts::TAU * turns).cos()
        };
        let waves = self.shading.iter().map(wave).sum::<f64>();
        (self.scanner.shading * waves * (2.0 / self.shading.len() as f64).sqrt()) as f32
    }

    /// Remaining differences between columns: partly independent in each slice, partly from spots that cover several slices.
    fn gain(&self, z: i64) -> Vec<f32> {
        let mut spots = Noise::new(self.seed, self.scanner.kind + SPOTS, z.div_euclid(SPOT), 0);
        let mut own = Noise::new(self.seed, self.scanner.kind + COLUMNS, z, 0);
        let half = self.scanner.unevenness.0 * std::f64::consts::FRAC_1_SQRT_2;
        (0..self.geometry.columns).map(|_| (1.0 + half * (spots.normal() + own.normal())) as f32).collect()
    }
}

fn energies(spectrum: &[Bin]) -> Vec<Energy> {
    let mean: f64 = spectrum.iter().map(|bin| bin.kev * bin.photons).sum();
    let energy = |bin: &Bin| {
        let share = bin.kev / mean;
        let attenuation = [LITHIUM_COBALT_OXIDE.per_um(bin.kev) as f32, GLASS.per_um(bin.kev) as f32];
        Energy { attenuation, signal: (bin.photons * share) as f32, variance: (bin.photons * share * share) as f32 }
    };
    spectrum.iter().map(energy).collect()
}

/// The waves of the beam's profile.
fn shading(seed: u64, scanner: &Scanner, pixel: f64) -> Vec<Wave> {
    let mut random = Noise::new(seed, scanner.kind + PROFILE, 0, 0);
    (0..WAVES)
        .map(|_| Wave {
            phase: random.uniform(0.0, 1.0),
            column: pixel / random.uniform(SHADE.0, SHADE.1),
            slice: pixel / random.uniform(SHADE.0, SHADE.1) * 0.5,
            scan: random.uniform(-2.0, 2.0),
        })
        .collect()
}

/// A normalised Gaussian of that standard deviation, of odd length.
fn gaussian(sigma: f64) -> Vec<f32> {
    let half = half(sigma, (CUT * sigma).ceil() as usize);
    let taps: Vec<f64> = half[1..].iter().rev().chain(&half).copied().collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

/// A kernel plus a fraction `part` of another, with the same centre.
fn mix(kernel: &[f32], other: &[f32], part: f64) -> Vec<f32> {
    let mut mixed = vec![0.0; kernel.len().max(other.len())];
    for (kernel, part) in [(kernel, 1.0 - part), (other, part)] {
        let aside = (mixed.len() - kernel.len()) / 2;
        mixed[aside..].iter_mut().zip(kernel).for_each(|(sum, tap)| *sum += part as f32 * tap);
    }
    mixed
}

/// A row convolved with a kernel of odd length; the ends are extended with their values.
fn convolve<const N: usize>(row: &[[f32; N]], kernel: &[f32]) -> Vec<[f32; N]> {
    let reach = kernel.len() / 2;
    let inside = |at: usize| row[at.saturating_sub(reach).min(row.len() - 1)];
    let padded: Vec<[f32; N]> = (0..row.len() + 2 * reach).map(inside).collect();
    let sum = |near: &[[f32; N]]| {
        near.iter().zip(kernel).fold([0.0; N], |sum, (value, tap)| std::array::from_fn(|i| sum[i] + tap * value[i]))
    };
    padded.windows(kernel.len()).map(sum).collect()
}

/// A row shifted up by that many columns, by linear interpolation; the ends are extended with their values.
fn shifted(row: &[Pair], by: f64) -> Vec<Pair> {
    let last = row.len() - 1;
    let at = |column: usize| {
        let position = (column as f64 - by).clamp(0.0, last as f64);
        let below = (position as usize).min(last - 1);
        let weight = (position - below as f64) as f32;
        std::array::from_fn(|i| row[below][i] + weight * (row[below + 1][i] - row[below][i]))
    };
    (0..row.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::projection::Reconstructor;

    /// The attenuation of a solid cylinder of active material at its axis, relative to that near its surface.
    fn axis_to_surface(scanner: &Scanner) -> f64 {
        let geometry = Geometry::new(40.0, 0.6);
        let (side, radius) = (geometry.columns, 30.0);
        let from_axis = |at: usize, count: usize| (at as f64 - 0.5 * (count - 1) as f64) * 0.6;
        let distance = |(y, x): (usize, usize), width: usize| from_axis(x, width).hypot(from_axis(y, width));
        let filled = |at| (0.5 + (radius - distance(at, side)) / 0.6).clamp(0.0, 1.0) as f32;
        let cylinder: Vec<Pair> = (0..side * side).map(|at| [filled((at / side, at % side)), 0.0]).collect();
        let detector = Detector::new(scanner.clone(), &geometry, 1);
        let transmitted = scanner.transmit(&geometry.project(&cylinder).unwrap(), 1.0).unwrap();
        let reach = detector.reach() as i64;
        let exposures: Vec<Vec<f32>> = (-reach..=reach).map(|z| detector.expose(&transmitted, z).unwrap()).collect();
        let exposures: Vec<&[f32]> = exposures.iter().map(Vec::as_slice).collect();
        let slice =
            Reconstructor::new(&geometry).reconstruct(detector.develop(&exposures, 0).unwrap(), 110, 110).unwrap();
        let mean = |near: std::ops::Range<f64>| {
            let inside = slice.indexed_iter().filter(|(at, _)| near.contains(&distance(*at, 110)));
            let values: Vec<f64> = inside.map(|(_, value)| f64::from(*value)).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        mean(0.0..12.0) / mean(23.0..27.0)
    }

    #[test]
    fn only_the_laboratorys_beam_hardens_so_that_a_cylinder_looks_hollow() {
        let [laboratory, synchrotron] =
            [Scanner::laboratory(0.0, 0.6), Scanner::synchrotron(0.6)].map(|scanner| axis_to_surface(&scanner));
        assert!((synchrotron - 1.0).abs() < 0.01, "{synchrotron}");
        assert!((0.6..0.95).contains(&laboratory), "{laboratory}");
    }

    #[test]
    fn drift_spreads_a_slice_without_moving_it() {
        let geometry = Geometry::new(40.0, 0.6);
        let detector = Detector::new(Scanner::laboratory(1.0, 0.6), &geometry, 1);
        let views = geometry.views();
        let part = |turned: fn(f64) -> f64| {
            let angle = |view| std::f64::consts::PI * view as f64 / views as f64;
            (0..views).map(|view| detector.drift(view) * turned(angle(view))).sum::<f64>() / views as f64
        };
        let most = (0..views).map(|view| detector.drift(view).abs()).fold(0.0, f64::max);
        assert!(most > 0.05, "{most}");
        assert!(part(f64::cos).abs() < 0.01 * most && part(f64::sin).abs() < 0.01 * most);
    }
}
