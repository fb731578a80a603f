//! Spectra of the X-rays that a detector counts.

use super::attenuation::{AIR, BERYLLIUM, CAESIUM_IODIDE};

/// The tube's voltage, kV.
const TUBE_KV: usize = 44;
/// Below this energy, in keV, almost nothing leaves the tube and passes the sample.
const LOWEST_KEV: usize = 6;
/// The tube's beryllium window, in µm.
const WINDOW_UM: f64 = 200.0;
/// Air between tube and detector, in µm.
const AIR_UM: f64 = 200_000.0;
/// Thickness of the caesium iodide scintillator, in µm.
const SCINTILLATOR_UM: f64 = 20.0;
/// Energies of molybdenum's K lines, the mean of Kα1 and Kα2 and that of Kβ, in keV (Elam, as in the tables of
/// attenuation), and their fractions of all photons above [`LOWEST_KEV`] behind window and air, from SpekPy
/// 2.5.4 (G. Poludniowski et al., Medical Physics 48 (2021) 3630) for 44 kV and a take-off angle of 12°.
const K_LINES: [(f64, f64); 2] = [(17.44, 0.254), (19.63, 0.050)];

/// Photons of one energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bin {
    /// Photon energy.
    pub kev: f64,
    /// Fraction of all photons absorbed in the detector that have this energy.
    pub photons: f64,
}

/// A single energy, as behind a monochromator.
pub(super) fn monochromatic(kev: f64) -> Vec<Bin> {
    vec![Bin { kev, photons: 1.0 }]
}

/// A molybdenum anode at 44 kV behind window and air, as absorbed by the scintillator.
///
/// The continuum is that of H. A. Kramers, Philosophical Magazine 46 (1923) 836: photons in proportion to
/// (E₀ − E) / E. It ignores self-absorption in the anode, which makes the mean energy 1 keV too low.
pub(super) fn molybdenum() -> Vec<Bin> {
    let filtered = |kev: f64| BERYLLIUM.transmission(kev, WINDOW_UM) * AIR.transmission(kev, AIR_UM);
    let mut bins: Vec<Bin> = (LOWEST_KEV..TUBE_KV)
        .map(|lower| lower as f64 + 0.5)
        .map(|kev| Bin { kev, photons: (TUBE_KV as f64 - kev) / kev * filtered(kev) })
        .collect();
    let lines: f64 = K_LINES.iter().map(|(_, part)| part).sum();
    scale(&mut bins, 1.0 - lines);
    bins.extend(K_LINES.map(|(kev, photons)| Bin { kev, photons }));
    for bin in &mut bins {
        bin.photons *= 1.0 - CAESIUM_IODIDE.transmission(bin.kev, SCINTILLATOR_UM);
    }
    scale(&mut bins, 1.0);
    bins
}

fn scale(bins: &mut [Bin], sum: f64) {
    let factor = sum / bins.iter().map(|bin| bin.photons).sum::<f64>();
    bins.iter_mut().for_each(|bin| bin.photons *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laboratorys_spectrum_is_a_distribution_with_the_k_lines_on_top() {
        let bins = molybdenum();
        assert!((bins.iter().map(|bin| bin.photons).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(bins.iter().all(|bin| bin.photons >= 0.0 && bin.kev < 44.0));
        let strongest = bins.iter().max_by(|a, b| a.photons.total_cmp(&b.photons)).unwrap();
        assert_eq!(strongest.kev, 17.44);
    }

    #[test]
    fn the_mean_energy_is_near_that_of_a_full_model() {
        // SpekPy's spectrum behind window, air and this scintillator has a mean of 13.43 keV. Kramers' law ignores
        // self-absorption in the anode, so a slightly lower mean is expected.
        let mean: f64 = molybdenum().iter().map(|bin| bin.kev * bin.photons).sum();
        assert!((12.2..13.5).contains(&mean), "{mean}");
    }
}
