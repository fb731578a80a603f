//! The cathode: grains of lithium cobalt oxide, glass between them, voids; defined in continuous space by a seed.
//!
//! Grains are convex, faceted bodies of about 5 µm at random places that overlap. Where two touch there may be a gap of
//! a fraction of a micrometre, open or filled with glass; small pores lie anywhere; larger voids in the glass alone. The
//! grains are grown or shrunk together until they make [`ACTIVE_PART`] of the solid. The sample is a pillar along z that
//! encloses the field of view, in air.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::cells::{Cells, Kind, uniform};
use super::point::Point;
use crate::memory::OutOfMemory;

/// Volume fraction of LiCoO₂ in the solids (Kodama et al., Energy and AI 14 (2023) 100305: 70:30 with the glass).
const ACTIVE_PART: f64 = 0.7;
/// Facets of a grain.
const FACETS: usize = 9;
/// How far grains may be grown (positive) or shrunk, in µm.
const GROWTH: f64 = 0.5;
/// Points at which the volume fractions are estimated: planes, and points in each.
const CENSUS: (usize, usize) = (8, 2500);

const GRAINS: Kind<Grain> = Kind { edge: 5.2, tag: 1, make: grain };
const VOIDS: Kind<Body> = Kind { edge: 7.0, tag: 2, make: void };
const PORES: Kind<Body> = Kind { edge: 4.0, tag: 3, make: pore };

/// Volume fractions of the materials in a voxel; the rest is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Materials {
    /// Lithium cobalt oxide.
    pub active: f64,
    /// Glass.
    pub glass: f64,
}

/// A grain: a ball cut by planes.
struct Grain {
    centre: Point,
    radius: f64,
    facets: [(Point, f64); FACETS],
    /// Determines, with another grain's, the gap between both.
    mark: u64,
}

/// A void: an axis-aligned ellipsoid.
struct Body {
    centre: Point,
    half_axes: Point,
}

/// The structure at a point, before grains are grown.
#[derive(Clone, Copy)]
struct Features {
    /// Depth below the surface of the grain that extends furthest beyond the point, µm; negative outside.
    depth: f64,
    /// Distance to the boundary with the next grain, µm.
    boundary: f64,
    /// Half the width of the gap there, µm.
    gap: f64,
    /// Whether the gap is empty rather than filled with glass.
    open: bool,
    /// Depth inside a pore, µm; negative outside.
    pore: f64,
    /// Depth inside a void of the glass, µm; negative outside.
    void: f64,
}

/// A sample.
pub(super) struct Microstructure {
    seed: u64,
    /// Radius of the pillar in µm.
    pub radius: f64,
    growth: f64,
    fractions: Materials,
}

/// The part of a sample between two z, ready to be evaluated.
pub(super) struct Slab<'a> {
    sample: &'a Microstructure,
    grains: Cells<Grain>,
    voids: Cells<Body>,
    pores: Cells<Body>,
}

impl Microstructure {
    /// The sample of that seed with a pillar of `radius`, whose volume fractions are right for z between −`half_height`
    /// and `half_height`; lengths in µm.
    ///
    /// # Errors
    /// When the memory does not hold a slice of it.
    pub(super) fn new(seed: u64, radius: f64, half_height: f64) -> Result<Self, OutOfMemory> {
        let mut sample = Self { seed, radius, growth: 0.0, fractions: Materials::default() };
        let census = sample.census(half_height)?;
        let (mut low, mut high) = (-GROWTH, GROWTH);
        for _ in 0..20 {
            sample.growth = 0.5 * (low + high);
            sample.fractions = fractions(&census, sample.growth);
            let Materials { active, glass } = sample.fractions;
            if active < ACTIVE_PART * (active + glass) { low = sample.growth } else { high = sample.growth }
        }
        Ok(sample)
    }

    /// The volume fractions in the pillar, as estimated when the grains were grown.
    pub(super) fn fractions(&self) -> Materials {
        self.fractions
    }

    /// The sample between z = `low` and `high`, in µm.
    ///
    /// # Errors
    /// When the memory does not hold it.
    pub(super) fn slab(&self, low: f64, high: f64) -> Result<Slab<'_>, OutOfMemory> {
        let (low, high) = ([low, -self.radius, -self.radius], [high, self.radius, self.radius]);
        let seed = self.seed;
        let (voids, pores) = (VOIDS.around(seed, low, high)?, PORES.around(seed, low, high)?);
        Ok(Slab { sample: self, grains: GRAINS.around(seed, low, high)?, voids, pores })
    }

    /// Bytes of the part of a sample of that radius between two heights so far apart, in µm.
    pub(super) fn slab_bytes(radius: f64, height: f64) -> f64 {
        GRAINS.bytes(radius, height) + VOIDS.bytes(radius, height) + PORES.bytes(radius, height)
    }

    fn census(&self, half_height: f64) -> Result<Vec<Features>, OutOfMemory> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let (planes, places) = CENSUS;
        let mut census = Vec::with_capacity(planes * places);
        for plane in 0..planes {
            let z = half_height * ((2 * plane + 1) as f64 / planes as f64 - 1.0);
            let slab = self.slab(z, z)?;
            census.extend((0..places).map(|_| {
                let angle = uniform(&mut random, 0.0, std::f64::consts::TAU);
                let distance = self.radius * uniform(&mut random, 0.0, 1.0).sqrt();
                slab.features([z, distance * angle.sin(), distance * angle.cos()])
            }));
        }
        Ok(census)
    }
}

impl Slab<'_> {
    /// Composition of a voxel of edge `edge` (µm) at `p`.
    pub(super) fn materials(&self, p: Point, edge: f64) -> Materials {
        let inside = covered(self.sample.radius - p[1].hypot(p[2]), edge);
        if inside == 0.0 {
            return Materials::default();
        }
        let Materials { active, glass } = self.features(p).materials(self.sample.growth, edge);
        Materials { active: inside * active, glass: inside * glass }
    }

    fn features(&self, p: Point) -> Features {
        let far = -GRAINS.edge;
        let mut first = (far, 0);
        let mut second = first;
        self.grains.visit(p, |grain| {
            let found = (grain.depth(p, second.0), grain.mark);
            if found.0 > first.0 {
                second = std::mem::replace(&mut first, found);
            } else if found.0 > second.0 {
                second = found;
            }
        });
        let (gap, open) = gap(first.1 ^ second.1);
        let deepest = |bodies: &Cells<Body>, edge: f64| {
            let mut depth = -edge;
            bodies.visit(p, |body| depth = depth.max(body.depth(p)));
            depth
        };
        let (pore, void) = (deepest(&self.pores, PORES.edge), deepest(&self.voids, VOIDS.edge));
        Features { depth: first.0, boundary: 0.5 * (first.0 - second.0), gap, open, pore, void }
    }
}

impl Features {
    /// Composition of a voxel of that edge when the grains are grown by `growth`; both in µm.
    fn materials(self, growth: f64, edge: f64) -> Materials {
        let solid = 1.0 - covered(self.pore, edge);
        let grains = covered(self.depth + growth, edge);
        // Fraction of the voxel's width that the gap takes.
        let (half, near) = (0.5 * edge, self.boundary);
        let gap = ((near + half).min(self.gap) - (near - half).max(-self.gap)).max(0.0) / edge;
        let filled = (1.0 - grains) * (1.0 - covered(self.void, edge));
        let bonded = if self.open { 0.0 } else { grains * gap };
        Materials { active: solid * grains * (1.0 - gap), glass: solid * (filled + bonded) }
    }
}

impl Grain {
    /// Depth of `p` below the surface in µm, negative outside; exact only where it is more than `least`.
    fn depth(&self, p: Point, least: f64) -> f64 {
        let from_centre: Point = std::array::from_fn(|axis| p[axis] - self.centre[axis]);
        let mut depth = self.radius - dot(from_centre, from_centre).sqrt();
        for (normal, distance) in &self.facets {
            if depth <= least {
                break;
            }
            depth = depth.min(distance - dot(*normal, from_centre));
        }
        depth
    }
}

impl Body {
    /// Approximate depth of `p` below the surface in µm, negative outside.
    fn depth(&self, p: Point) -> f64 {
        let scaled: Point = std::array::from_fn(|axis| (p[axis] - self.centre[axis]) / self.half_axes[axis]);
        let thinnest = self.half_axes.into_iter().fold(f64::INFINITY, f64::min);
        (1.0 - dot(scaled, scaled).sqrt()) * thinnest
    }
}

fn grain(centre: Point, random: &mut ChaCha8Rng) -> Option<Grain> {
    let radius = uniform(random, 2.3, 4.7);
    let facets = std::array::from_fn(|_| (direction(random), radius * uniform(random, 0.62, 0.95)));
    Some(Grain { centre, radius, facets, mark: rand::RngCore::next_u64(random) })
}

fn void(centre: Point, random: &mut ChaCha8Rng) -> Option<Body> {
    (uniform(random, 0.0, 1.0) < 0.5).then(|| body(centre, random, 1.2, 3.5))
}

fn pore(centre: Point, random: &mut ChaCha8Rng) -> Option<Body> {
    (uniform(random, 0.0, 1.0) < 0.3).then(|| body(centre, random, 0.4, 0.9))
}

fn body(centre: Point, random: &mut ChaCha8Rng, least: f64, most: f64) -> Body {
    Body { centre, half_axes: std::array::from_fn(|_| uniform(random, least, most)) }
}

/// The gap between two grains; `marks` is the exclusive or of both grains' marks. Half its width, and whether it is open.
/// Seven gaps in ten are closed.
fn gap(marks: u64) -> (f64, bool) {
    let part = (marks >> 11) as f64 / (1u64 << 53) as f64;
    ((part - 0.7).max(0.0), marks & 1 == 0)
}

/// Fraction of a voxel of that edge inside a surface, whose depth at the centre of the voxel is `depth`.
fn covered(depth: f64, edge: f64) -> f64 {
    (0.5 + depth / edge).clamp(0.0, 1.0)
}

/// A random direction: G. Marsaglia, The Annals of Mathematical Statistics 43 (1972) 645.
fn direction(random: &mut ChaCha8Rng) -> Point {
    let z = uniform(random, -1.0, 1.0);
    let angle = uniform(random, 0.0, std::f64::consts::TAU);
    let level = (1.0 - z * z).sqrt();
    [z, level * angle.sin(), level * angle.cos()]
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn fractions(census: &[Features], growth: f64) -> Materials {
    // A voxel so small that each place holds one material.
    let all = census.iter().map(|features| features.materials(growth, 1e-6));
    let sum = all.fold(Materials::default(), |sum, part| Materials {
        active: sum.active + part.active,
        glass: sum.glass + part.glass,
    });
    let places = census.len() as f64;
    Materials { active: sum.active / places, glass: sum.glass / places }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIUS: f64 = 40.0;
    const HALF_HEIGHT: f64 = 12.0;

    /// The mean over a regular grid inside the pillar.
    fn mean(sample: &Microstructure, edge: f64) -> Materials {
        let steps = |extent: f64| {
            let count = (2.0 * extent / edge) as usize;
            (0..count).map(move |i| (i as f64 + 0.5) * edge - extent)
        };
        let (mut sum, mut voxels) = (Materials::default(), 0.0);
        for z in steps(HALF_HEIGHT) {
            let slab = sample.slab(z, z).unwrap();
            for y in steps(RADIUS) {
                for x in steps(RADIUS).filter(|x| x.hypot(y) < RADIUS - edge) {
                    let part = slab.materials([z, y, x], edge);
                    sum = Materials { active: sum.active + part.active, glass: sum.glass + part.glass };
                    voxels += 1.0;
                }
            }
        }
        Materials { active: sum.active / voxels, glass: sum.glass / voxels }
    }

    #[test]
    fn seventy_percent_of_the_solid_is_active_and_a_few_percent_are_void() {
        for seed in [1, 2, 99] {
            let sample = Microstructure::new(seed, RADIUS, HALF_HEIGHT).unwrap();
            for Materials { active, glass } in [sample.fractions(), mean(&sample, 0.6)] {
                let part = active / (active + glass);
                assert!((part - 0.7).abs() < 0.02, "seed {seed}: {part}");
                let void = 1.0 - active - glass;
                assert!((0.02..0.09).contains(&void), "seed {seed}: {void}");
            }
        }
    }

    #[test]
    fn a_coarser_grid_sees_the_same_material() {
        let sample = Microstructure::new(5, RADIUS, HALF_HEIGHT).unwrap();
        let (fine, coarse) = (mean(&sample, 0.4), mean(&sample, 1.0));
        assert!((fine.active - coarse.active).abs() < 0.01, "{fine:?} {coarse:?}");
        assert!((fine.glass - coarse.glass).abs() < 0.015, "{fine:?} {coarse:?}");
    }

    #[test]
    fn seeds_differ_and_outside_the_pillar_is_air() {
        let [one, two] = [1, 2].map(|seed| Microstructure::new(seed, RADIUS, HALF_HEIGHT).unwrap());
        let (a, b) = (one.slab(0.0, 0.0).unwrap(), two.slab(0.0, 0.0).unwrap());
        let row = (-60..60).map(|x| [0.0, 0.0, f64::from(x) * 0.5]);
        assert!(row.clone().any(|p| a.materials(p, 0.5) != b.materials(p, 0.5)));
        assert_eq!(a.materials([0.0, 0.0, RADIUS + 1.0], 0.5), Materials::default());
        // A slab around the same height, but larger, shows the same.
        let wide = one.slab(-9.0, 9.0).unwrap();
        assert!(row.clone().all(|p| a.materials(p, 0.5) == wide.materials(p, 0.5)));
    }
}
