//! Bright grains in space, drawn on any grid through any transform: pairs whose truth is exact.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use undulator::align::Transform;
use undulator::stack::{GreyType, Shape, Size, VoxelSize};
use undulator::volume::Volume;

/// Spheres (or rods along z) around the origin, in micrometres.
pub struct Grains {
    spheres: Vec<([f64; 3], f64)>,
    rods: bool,
    /// Radius of the rod of matter around the z axis; air beyond.
    within: f64,
}

impl Grains {
    /// Spheres of radius 1.5 to 4 µm, that fill a third of a box of edges `extent` (z, y, x) and a margin.
    pub fn new(seed: u64, extent: [f64; 3]) -> Self {
        Self::fill(seed, extent, false)
    }

    /// Rods along z of radius 1.5 to 4 µm.
    pub fn rods(seed: u64, extent: [f64; 3]) -> Self {
        Self::fill(seed, extent, true)
    }

    fn fill(seed: u64, extent: [f64; 3], rods: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let half = extent.map(|e| 0.7 * e);
        let count = if rods { 4.0 * half[1] * half[2] / 70.0 } else { 8.0 * half.iter().product::<f64>() / 240.0 };
        let sphere = |_| {
            let centre = std::array::from_fn(|a| random.random_range(-half[a]..half[a]));
            (if rods { [0.0, centre[1], centre[2]] } else { centre }, random.random_range(1.5..4.0))
        };
        Self { spheres: (0..count as usize).map(sphere).collect(), rods, within: f64::INFINITY }
    }

    /// Only what lies within `radius` of the z axis.
    pub fn within(mut self, radius: f64) -> Self {
        self.within = radius;
        self
    }

    /// A 16-bit volume that shows them: the grain at `p` appears at `transform(p)`. Edges are soft over 1 µm.
    pub fn seen(&self, size: Size, voxel: f64, transform: &Transform) -> Volume {
        let shape = Shape::new(size, VoxelSize::isotropic(voxel), GreyType::U16);
        let back = transform.linear.try_inverse().unwrap();
        let counts = [size.slices, size.height, size.width];
        let mut values = vec![0.0f32; size.voxels() as usize];
        let place = |i: usize| {
            let at = [i / size.plane(), i / size.width % size.height, i % size.width];
            let mut q: [f64; 3] = std::array::from_fn(|a| (at[a] as f64 - (counts[a] as f64 - 1.0) / 2.0) * voxel);
            if let Some(drift) = &transform.drift {
                let [dy, dx] = drift.at(q[0]);
                q = [q[0], q[1] - dy, q[2] - dx];
            }
            back * (nalgebra::Vector3::from(q) - transform.shift)
        };
        let cells = Cells::new(&self.spheres, self.rods);
        for (i, v) in values.iter_mut().enumerate() {
            let p: [f64; 3] = place(i).into();
            let soft = |depth: f64| (depth + 0.5).clamp(0.0, 1.0);
            let matter = soft(self.within - p[1].hypot(p[2]));
            *v = (2000.0 + matter * (10000.0 + 40000.0 * soft(cells.depth(p)))) as f32;
        }
        Volume::from_values("grains", shape, &values)
    }
}

/// Spheres sorted into cubes of 5 µm, so that each place looks only at those near it.
struct Cells<'a> {
    spheres: &'a [([f64; 3], f64)],
    rods: bool,
    cells: std::collections::HashMap<[i32; 3], Vec<usize>>,
}

impl<'a> Cells<'a> {
    fn new(spheres: &'a [([f64; 3], f64)], rods: bool) -> Self {
        let mut cells = std::collections::HashMap::<_, Vec<_>>::new();
        for (i, (centre, _)) in spheres.iter().enumerate() {
            let own = Self::cell(*centre, rods);
            for near in 0..27 {
                let step = [near / 9 - 1, near / 3 % 3 - 1, near % 3 - 1];
                if !rods || step[0] == 0 {
                    cells.entry(std::array::from_fn(|a| own[a] + step[a])).or_default().push(i);
                }
            }
        }
        Self { spheres, rods, cells }
    }

    fn cell(p: [f64; 3], rods: bool) -> [i32; 3] {
        let cell = p.map(|v| (v / 5.0).floor() as i32);
        if rods { [0, cell[1], cell[2]] } else { cell }
    }

    /// How deep `p` lies inside a grain; negative outside.
    fn depth(&self, p: [f64; 3]) -> f64 {
        let near = self.cells.get(&Self::cell(p, self.rods)).map_or(&[][..], Vec::as_slice);
        let depth = |i: &usize| {
            let (c, radius) = self.spheres[*i];
            let dz = if self.rods { 0.0 } else { p[0] - c[0] };
            radius - (dz * dz + (p[1] - c[1]).powi(2) + (p[2] - c[2]).powi(2)).sqrt()
        };
        near.iter().map(depth).fold(-5.0, f64::max)
    }
}
