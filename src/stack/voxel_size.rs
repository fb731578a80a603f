//! How large a voxel is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::length;

/// Two lengths that differ by less than this share are the same measurement, rounded differently.
const SAME_LENGTH: f64 = 0.01;

/// Edge lengths of a voxel, in micrometres where [`known`](Self::known), in the stack's own unit otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoxelSize {
    /// Edge along x.
    #[serde(deserialize_with = "edge")]
    pub x: f64,
    /// Edge along y.
    #[serde(deserialize_with = "edge")]
    pub y: f64,
    /// Edge along z, the distance between slices.
    #[serde(deserialize_with = "edge")]
    pub z: f64,
    /// Whether the unit of the stack is a length, so that the edges are micrometres; `false` for pixels and the like,
    /// whose edges compare with nothing.
    #[serde(default = "known", skip_serializing_if = "is_known")]
    pub known: bool,
}

/// JSON has no NaN: an edge that was none stands as null.
fn edge<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

fn known() -> bool {
    true
}

fn is_known(known: &bool) -> bool {
    *known
}

impl VoxelSize {
    /// A box with these edges in micrometres.
    pub fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z, known: true }
    }

    /// A cube, in micrometres.
    pub fn isotropic(edge: f64) -> Self {
        Self::new(edge, edge, edge)
    }

    /// A box whose edges (x, y, z) are given in `unit`, as a program or a file writes it.
    ///
    /// ```
    /// use undulator::stack::VoxelSize;
    ///
    /// assert_eq!(VoxelSize::in_unit([600.0; 3], "nm"), VoxelSize::isotropic(0.6));
    /// assert!(!VoxelSize::in_unit([1.0; 3], "pixel").known);
    /// ```
    pub fn in_unit(edges: [f64; 3], unit: &str) -> Self {
        let [x, y, z] = edges.map(|edge| length::to_micrometres(edge, unit));
        Self { x, y, z, known: length::is_known(unit) }
    }

    /// The edges (x, y, z) in `unit`: what [`in_unit`](Self::in_unit) undoes.
    pub fn edges_in(self, unit: &str) -> [f64; 3] {
        [self.x, self.y, self.z].map(|edge| self.length_in(edge, unit))
    }

    /// A length of the stack's, in `unit`: a place in it, for example.
    pub fn length_in(self, value: f64, unit: &str) -> f64 {
        if self.known { length::from_micrometres(value, unit) } else { value }
    }

    /// A box whose edges (x, y, z) are each given in a unit of their own. Its size is known if all units are lengths.
    pub fn in_units(edges: [f64; 3], units: [&str; 3]) -> Self {
        if units == [units[0]; 3] {
            return Self::in_unit(edges, units[0]);
        }
        if !units.iter().all(|unit| length::is_known(unit)) {
            let [x, y, z] = edges;
            return Self { x, y, z, known: false };
        }
        let [x, y, z] = std::array::from_fn(|a| length::to_micrometres(edges[a], units[a]));
        Self::new(x, y, z)
    }

    /// The edges with their unit, for a message to someone who knows them in `unit`.
    pub fn text_in(self, unit: &str) -> String {
        let [x, y, z] = self.edges_in(unit).map(length::short);
        format!("{x}×{y}×{z} {}", length::name(unit))
    }

    /// A cube whose edge is in micrometres if these edges are.
    pub fn cube(self, edge: f64) -> Self {
        Self { known: self.known, ..Self::isotropic(edge) }
    }

    /// Whether every edge is a length above zero.
    pub fn is_possible(self) -> bool {
        [self.x, self.y, self.z].iter().all(|edge| edge.is_finite() && *edge > 0.0)
    }

    /// Whether voxels of this and of `other` are equally large, as far as that is known, with a tolerance for rounding. A
    /// depth that one of them lacks is not compared, and of two sizes without a unit nothing is known.
    pub fn is_like(self, other: Self) -> bool {
        self.known == other.known && (!self.known || self.is_within(other, SAME_LENGTH))
    }

    /// Whether no edge differs from that of `other` by more than a share of it. A depth that is zero, negative or not a
    /// number is unknown, and not compared.
    pub fn is_within(self, other: Self, share: f64) -> bool {
        let near = |own: f64, other: f64| (other / own - 1.0).abs() <= share;
        let given = |depth: f64| depth > 0.0 && depth.is_finite();
        near(self.x, other.x) && near(self.y, other.y) && (near(self.z, other.z) || !given(self.z) || !given(other.z))
    }
}

impl fmt::Display for VoxelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.known { "µm" } else { "(no unit of length)" };
        let [x, y, z] = [self.x, self.y, self.z].map(length::short);
        write!(f, "{x}×{y}×{z} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_back_from_json_whatever_they_are() {
        for voxel in [VoxelSize::isotropic(0.6), VoxelSize::in_unit([1.0, 2.0, 0.0], "pixel")] {
            let json = serde_json::to_string(&voxel).unwrap();
            assert_eq!(serde_json::from_str::<VoxelSize>(&json).unwrap(), voxel, "{json}");
        }
        let old: VoxelSize = serde_json::from_str(r#"{"x":0.6,"y":0.6,"z":0.6}"#).unwrap();
        assert!(old.known);
        let flat = serde_json::to_string(&VoxelSize::new(0.6, 0.6, f64::NAN)).unwrap();
        assert!(serde_json::from_str::<VoxelSize>(&flat).unwrap().z.is_nan());
    }

    #[test]
    fn equal_lengths_are_alike_whatever_their_unit() {
        let [nm, mm, pixel] =
            [(600.0, "nm"), (0.0006, "mm"), (0.6, "pixel")].map(|(edge, unit)| VoxelSize::in_unit([edge; 3], unit));
        assert!(nm.is_like(mm) && !nm.is_like(pixel) && !nm.is_like(VoxelSize::isotropic(0.61)));
        assert!(pixel.is_like(VoxelSize::in_unit([1.0; 3], "voxel")));
        assert!(nm.is_like(VoxelSize::new(0.6, 0.6, 0.0)) && !nm.is_like(VoxelSize::new(0.6, 0.6, 1.0)));
    }

    #[test]
    fn every_axis_may_have_its_unit() {
        assert_eq!(VoxelSize::in_units([600.0, 0.6, 0.0006], ["nm", "µm", "mm"]), VoxelSize::isotropic(0.6));
        assert!(!VoxelSize::in_units([600.0, 600.0, 1.0], ["nm", "nm", "slices"]).known);
        assert!(VoxelSize::in_units([1.0; 3], ["m"; 3]).known);
    }

    #[test]
    fn sizes_are_shown_in_a_unit() {
        let voxel = VoxelSize::in_unit([600.0, 600.0, 500.0], "nm");
        assert_eq!(voxel.text_in("nm"), "600×600×500 nm");
        assert_eq!(voxel.to_string(), "0.6×0.6×0.5 µm");
        assert_eq!(VoxelSize::in_unit([1.0; 3], "").text_in(""), "1×1×1 no unit");
        assert_eq!(VoxelSize::isotropic(0.600_000_240_000_096).to_string(), "0.6×0.6×0.6 µm");
    }
}
