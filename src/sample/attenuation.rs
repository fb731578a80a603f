//! How strongly each material attenuates X-rays, from tabulated mass attenuation coefficients.
//!
//! The tables are the total mass attenuation coefficients (photoelectric effect and scattering) of W. T. Elam,
//! B. D. Ravel and J. R. Sieber, "A new atomic database for X-ray spectroscopic calculations", Radiation Physics and
//! Chemistry 63 (2002) 121–128, as given by the public-domain library xraydb 4.5.8. Log–log interpolation between
//! two energies is accurate to 2 %; an absorption edge is two entries of the same energy.

/// (photon energy in keV, mass attenuation coefficient in cm²/g) by increasing energy, 5–60 keV.
type Table = &'static [(f64, f64)];

#[rustfmt::skip]
mod tables {
    use super::Table;

    pub const LITHIUM: Table = &[
        (5.0, 1.619), (6.0, 0.9876), (8.0, 0.5054), (10.0, 0.3396), (12.0, 0.2669), (15.0, 0.2176), (17.5, 0.1975),
        (20.0, 0.1856), (25.0, 0.1721), (30.0, 0.1644), (35.0, 0.1591), (40.0, 0.1551), (50.0, 0.1488), (60.0, 0.1438),
    ];
    pub const BERYLLIUM: Table = &[
        (5.0, 4.369), (6.0, 2.528), (8.0, 1.124), (10.0, 0.6466), (12.0, 0.4418), (15.0, 0.307), (17.5, 0.2548),
        (20.0, 0.2251), (25.0, 0.1944), (30.0, 0.1792), (35.0, 0.1702), (40.0, 0.164), (50.0, 0.1554), (60.0, 0.1493),
    ];
    pub const NITROGEN: Table = &[
        (5.0, 31.44), (6.0, 18.08), (8.0, 7.559), (10.0, 3.879), (12.0, 2.283), (15.0, 1.236), (17.5, 0.8382),
        (20.0, 0.6179), (25.0, 0.4019), (30.0, 0.3067), (35.0, 0.2574), (40.0, 0.2288), (50.0, 0.198), (60.0, 0.1817),
    ];
    pub const OXYGEN: Table = &[
        (5.0, 47.91), (6.0, 27.69), (8.0, 11.63), (10.0, 5.953), (12.0, 3.472), (15.0, 1.836), (17.5, 1.211),
        (20.0, 0.8653), (25.0, 0.5265), (30.0, 0.3779), (35.0, 0.3019), (40.0, 0.2585), (50.0, 0.2133), (60.0, 0.1907),
    ];
    pub const PHOSPHORUS: Table = &[
        (5.0, 286.1), (6.0, 172.6), (8.0, 76.6), (10.0, 40.36), (12.0, 23.78), (15.0, 12.39), (17.5, 7.897),
        (20.0, 5.354), (25.0, 2.822), (30.0, 1.7), (35.0, 1.13), (40.0, 0.8095), (50.0, 0.4918), (60.0, 0.3494),
    ];
    pub const SULPHUR: Table = &[
        (5.0, 348.7), (6.0, 211.6), (8.0, 94.66), (10.0, 50.14), (12.0, 29.64), (15.0, 15.5), (17.5, 9.895),
        (20.0, 6.71), (25.0, 3.528), (30.0, 2.113), (35.0, 1.392), (40.0, 0.9873), (50.0, 0.585), (60.0, 0.4053),
    ];
    pub const COBALT: Table = &[
        (5.0, 154.3), (6.0, 93.72), (7.709, 47.09), (7.709, 355.7), (8.0, 324.8), (10.0, 184.2), (12.0, 113.6),
        (15.0, 62.01), (17.5, 40.59), (20.0, 28.03), (25.0, 15.0), (30.0, 8.963), (35.0, 5.796), (40.0, 3.98),
        (50.0, 2.144), (60.0, 1.314),
    ];
    pub const IODINE: Table = &[
        (5.0, 843.0), (5.188, 766.7), (5.188, 883.5), (6.0, 617.5), (8.0, 292.1), (10.0, 162.6), (12.0, 99.83),
        (15.0, 55.12), (17.5, 36.38), (20.0, 25.43), (25.0, 13.93), (30.0, 8.562), (33.169, 6.553), (33.169, 35.83),
        (35.0, 31.2), (40.0, 22.1), (50.0, 12.32), (60.0, 7.577),
    ];
    pub const CAESIUM: Table = &[
        (5.0, 230.4), (5.012, 229.1), (5.012, 667.4), (5.359, 564.6), (5.359, 769.1), (5.714, 655.9), (5.714, 754.4),
        (6.0, 671.0), (8.0, 321.5), (10.0, 179.3), (12.0, 110.3), (15.0, 61.06), (17.5, 40.34), (20.0, 28.22),
        (25.0, 15.47), (30.0, 9.51), (35.0, 6.308), (35.985, 5.862), (35.985, 31.44), (40.0, 23.8), (50.0, 13.4),
        (60.0, 8.25),
    ];
}

/// A homogeneous material.
pub(super) struct Material {
    /// g/cm³.
    density: f64,
    /// Elements with their mass fractions, which sum to one.
    elements: &'static [(Table, f64)],
}

/// Lithium cobalt oxide, LiCoO₂, at crystal density.
pub(super) const LITHIUM_COBALT_OXIDE: Material = Material {
    density: 5.05,
    elements: &[(tables::LITHIUM, 0.0709), (tables::COBALT, 0.6021), (tables::OXYGEN, 0.3270)],
};

/// The Li–P–S solid electrolyte, as Li₃PS₄ glass.
pub(super) const GLASS: Material = Material {
    density: 1.9,
    elements: &[(tables::LITHIUM, 0.1156), (tables::PHOSPHORUS, 0.1720), (tables::SULPHUR, 0.7124)],
};

/// The scintillator of the laboratory detector, CsI.
pub(super) const CAESIUM_IODIDE: Material =
    Material { density: 4.51, elements: &[(tables::CAESIUM, 0.5115), (tables::IODINE, 0.4885)] };

/// The window of the X-ray tube.
pub(super) const BERYLLIUM: Material = Material { density: 1.848, elements: &[(tables::BERYLLIUM, 1.0)] };

/// Dry air at 20 °C, its 1 % of argon counted as oxygen.
pub(super) const AIR: Material =
    Material { density: 0.0012, elements: &[(tables::NITROGEN, 0.755), (tables::OXYGEN, 0.245)] };

impl Material {
    /// The linear attenuation coefficient in 1/µm at a photon energy of 5–60 keV; beyond, extrapolated.
    pub(super) fn per_um(&self, kev: f64) -> f64 {
        let per_cm =
            self.density * self.elements.iter().map(|(table, part)| part * interpolate(table, kev)).sum::<f64>();
        per_cm * 1e-4
    }

    /// Fraction of the photons transmitted by `um` micrometres.
    pub(super) fn transmission(&self, kev: f64, um: f64) -> f64 {
        (-self.per_um(kev) * um).exp()
    }
}

/// Log–log interpolation. At an absorption edge, the value above it.
fn interpolate(table: Table, kev: f64) -> f64 {
    let above = table.partition_point(|(energy, _)| *energy <= kev).clamp(1, table.len() - 1);
    let ((e0, m0), (e1, m1)) = (table[above - 1], table[above]);
    (m0.ln() + (kev / e0).ln() / (e1 / e0).ln() * (m1 / m0).ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_met_and_between_them_the_power_law_holds() {
        for (energy, mass_attenuation) in [(10.0, 184.2), (20.0, 28.03), (60.0, 1.314)] {
            assert!((interpolate(tables::COBALT, energy) / mass_attenuation - 1.0).abs() < 1e-9);
        }
        // Elam's own value at 22 keV, which is no node, is 21.50 cm²/g.
        assert!((interpolate(tables::COBALT, 22.0) / 21.50 - 1.0).abs() < 0.01);
    }

    #[test]
    fn cobalt_jumps_at_its_k_edge() {
        let (below, above) = (interpolate(tables::COBALT, 7.7089), interpolate(tables::COBALT, 7.709));
        assert!((below - 47.09).abs() < 0.01 && (above - 355.7).abs() < 0.01, "{below} {above}");
        assert!(LITHIUM_COBALT_OXIDE.per_um(7.8) > 5.0 * LITHIUM_COBALT_OXIDE.per_um(7.6));
    }

    #[test]
    fn materials_attenuate_as_their_formulas_say() {
        // xraydb 4.5.8, material_mu with these densities: LiCoO2 86.72 and Li3PS4 10.87 per cm at 20 keV.
        assert!((LITHIUM_COBALT_OXIDE.per_um(20.0) * 1e4 / 86.72 - 1.0).abs() < 2e-3);
        assert!((GLASS.per_um(20.0) * 1e4 / 10.87 - 1.0).abs() < 2e-3);
        for material in [&LITHIUM_COBALT_OXIDE, &GLASS, &CAESIUM_IODIDE, &BERYLLIUM, &AIR] {
            assert!((material.elements.iter().map(|(_, part)| part).sum::<f64>() - 1.0).abs() < 1e-3);
            assert!(material.elements.iter().all(|(table, _)| table.is_sorted_by(|a, b| a.0 <= b.0)));
        }
    }
}
