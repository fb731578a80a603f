//! The grid that an aligned volume is written on.

use crate::resample::new_size;
use crate::stack::{Shape, Size, SliceSource, VoxelSize};

use super::AlignError;
use super::grid::extent_zyx;
use super::transform::Transform;

/// A grid in the reference's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Voxels along each axis.
    pub size: Size,
    /// Edge lengths of a voxel.
    pub voxel: VoxelSize,
    /// The centre of the first voxel (z, y, x), about the centre of the reference's field.
    pub first: [f64; 3],
}

impl Target {
    /// The reference's own grid.
    pub fn of(reference: Shape) -> Self {
        Self::over(reference, reference.size, reference.voxel)
    }

    /// A grid of cubic voxels over the reference's field, from the same corner and with as many voxels as
    /// [`resample`](crate::resample::resample) gives the reference: every output voxel lies inside the field.
    ///
    /// # Errors
    /// [`AlignError::Grid`] for an impossible voxel size, and one that makes the grid larger than any image.
    pub fn isotropic(reference: &dyn SliceSource, voxel: f64) -> Result<Self, AlignError> {
        let size = new_size(reference, voxel)?;
        Ok(Self::over(reference.shape(), size, reference.shape().voxel.cube(voxel)))
    }

    /// The requested grid: the reference's own for a `voxel` of 0, otherwise cubic voxels of that edge; with
    /// `crop`, only its part inside the moving volume.
    ///
    /// # Errors
    /// As [`isotropic`](Self::isotropic), and [`AlignError::NothingInCommon`] if nothing is left.
    pub fn chosen(
        moving: &dyn SliceSource,
        reference: &dyn SliceSource,
        transform: &Transform,
        voxel: f64,
        crop: bool,
    ) -> Result<Self, AlignError> {
        let whole = if voxel == 0.0 { Self::of(reference.shape()) } else { Self::isotropic(reference, voxel)? };
        if !crop {
            return Ok(whole);
        }
        let nothing =
            || AlignError::NothingInCommon { moving: moving.name().to_owned(), reference: reference.name().to_owned() };
        whole.cropped(moving.shape(), transform).map(|(part, _)| part).ok_or_else(nothing)
    }

    /// Offset of this grid's corner from the reference's (z, y, x).
    pub fn corner(&self, reference: Shape) -> [f64; 3] {
        let extent = extent_zyx(reference);
        let edges = [self.voxel.z, self.voxel.y, self.voxel.x];
        std::array::from_fn(|a| self.first[a] - edges[a] / 2.0 + extent[a] / 2.0)
    }

    fn over(reference: Shape, size: Size, voxel: VoxelSize) -> Self {
        let extent = extent_zyx(reference);
        let edges = [voxel.z, voxel.y, voxel.x];
        Self { size, voxel, first: std::array::from_fn(|a| (edges[a] - extent[a]) / 2.0) }
    }

    /// Position of voxel (z, y, x), about the centre of the reference's field.
    pub fn place(&self, [z, y, x]: [usize; 3]) -> [f64; 3] {
        let Self { voxel, first, .. } = self;
        [first[0] + z as f64 * voxel.z, first[1] + y as f64 * voxel.y, first[2] + x as f64 * voxel.x]
    }

    /// The part of this grid whose voxels all lie in the moving volume, and the index (z, y, x) of its first voxel here;
    /// `None` if there is none.
    ///
    /// Apart from a small drift, the common field is convex, so a box lies in it when its corners do. Starting with the
    /// whole grid, where it sticks out furthest, the face is moved in that costs the fewest voxels.
    pub fn cropped(&self, moving: Shape, transform: &Transform) -> Option<(Self, [usize; 3])> {
        let drift = transform.drift.as_ref().map_or(0.0, |d| d.largest());
        let (half, edges) = (extent_zyx(moving).map(|e| e / 2.0), [self.voxel.z, self.voxel.y, self.voxel.x]);
        let mut low = [0; 3];
        let mut high = [self.size.slices, self.size.height, self.size.width].map(|n| n - 1);
        loop {
            // How far the corners lie beyond the moving volume's face at the end `sign` of axis `row`.
            let beyond = |row: usize, sign: f64| {
                let slope = |a: usize| sign * transform.linear[(row, a)];
                let corner = self.place(std::array::from_fn(|a| if slope(a) > 0.0 { high[a] } else { low[a] }));
                let reach = (0..3).map(|a| slope(a) * corner[a]).sum::<f64>() + sign * transform.shift[row];
                reach + if row == 0 { 0.0 } else { drift } - half[row] * (1.0 + 1e-9)
            };
            let faces = (0..3).flat_map(|row| [(row, 1.0), (row, -1.0)]);
            let (row, sign) = faces.max_by(|p, q| beyond(p.0, p.1).total_cmp(&beyond(q.0, q.1)))?;
            if beyond(row, sign) <= 0.0 {
                break;
            }
            // Removing one of n slices along an axis costs 1/n of the voxels.
            let gain = |a: usize| transform.linear[(row, a)].abs() * edges[a] * (high[a] - low[a] + 1) as f64;
            let axis = (0..3).filter(|a| low[*a] < high[*a]).max_by(|a, b| gain(*a).total_cmp(&gain(*b)))?;
            if sign * transform.linear[(row, axis)] > 0.0 {
                high[axis] -= 1;
            } else {
                low[axis] += 1;
            }
        }
        let [z, y, x] = std::array::from_fn(|a| high[a] - low[a] + 1);
        Some((Self { size: Size::new(x, y, z), voxel: self.voxel, first: self.place(low) }, low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::GreyType;
    use crate::volume::Volume;

    fn shape(n: usize, voxel: f64) -> Shape {
        Shape::new(Size::new(n, n, n), VoxelSize::isotropic(voxel), GreyType::U16)
    }

    #[test]
    fn the_isotropic_grid_starts_at_the_field_s_corner() {
        let reference = Volume::black("reference", shape(100, 0.495));
        let target = Target::isotropic(&reference, 0.6).unwrap();
        assert_eq!(target.size, Size::new(82, 82, 82));
        assert!((target.first[0] - (-24.75 + 0.3)).abs() < 1e-12);
        assert!(target.corner(reference.shape()).iter().all(|c| c.abs() < 1e-12));
        for voxel in [-0.6, f64::NAN, 1e-9] {
            assert!(matches!(Target::isotropic(&reference, voxel), Err(AlignError::Grid(_))), "{voxel}");
        }
    }

    #[test]
    fn the_grid_that_a_user_asks_for() {
        let [reference, moving] = [shape(60, 0.5), shape(90, 0.3)].map(|shape| Volume::black("volume", shape));
        let away = Transform::similarity([0.0; 3], 1.0, [0.0, 0.0, 100.0]);
        let chosen = |transform: &Transform, voxel, crop| Target::chosen(&moving, &reference, transform, voxel, crop);
        assert_eq!(chosen(&away, 0.0, false).unwrap(), Target::of(reference.shape()));
        assert!(matches!(chosen(&away, 0.0, true), Err(AlignError::NothingInCommon { .. })));
        // 27 of 30 µm are seen: 45 voxels of 0.6 µm, and one more, since only voxel centres must lie inside.
        let part = chosen(&Transform::identity(), 0.6, true).unwrap();
        assert_eq!(part.voxel, VoxelSize::isotropic(0.6));
        assert!(part.corner(reference.shape()).iter().all(|c| (c / 0.6).round() * 0.6 - c < 1e-9 && *c > 1.0));
        assert!((44..=46).contains(&part.size.slices), "{}", part.size);
    }

    #[test]
    fn cropping_leaves_only_what_both_show() {
        let (reference, moving) = (shape(60, 0.5), shape(90, 0.3));
        let transform = Transform::similarity([10.0, 3.0, -2.0], 1.02, [4.0, -6.0, 3.0]);
        let whole = Target::of(reference);
        let (part, first) = whole.cropped(moving, &transform).unwrap();
        let inside = |index: [usize; 3]| transform.apply(part.place(index)).iter().all(|p| p.abs() <= 13.5);
        for corner in 0..8 {
            let at = [part.size.slices, part.size.height, part.size.width];
            assert!(inside(std::array::from_fn(|a| if corner >> a & 1 == 1 { at[a] - 1 } else { 0 })));
        }
        assert_eq!(part.place([0; 3]), whole.place(first));
        // 24, 22 and 25 µm are common along z, y and x, less what the rotation takes.
        assert!(part.size.voxels() > 34 * 36 * 38, "{}", part.size);
    }

    #[test]
    fn cropping_a_flat_field_takes_from_the_axis_that_sticks_out() {
        // A tilt of 1° lifts the corners of a field of 108×108×26 µm by 3.5 µm: that costs slices, not width.
        let flat = |n: usize, slices: usize, voxel: f64| Shape { size: Size::new(n, n, slices), ..shape(1, voxel) };
        let (reference, moving) = (flat(180, 43, 0.6), flat(348, 84, 0.31));
        let transform = Transform::similarity([0.0, 1.0, -1.0], 1.0, [0.0; 3]);
        let (part, _) = Target::of(reference).cropped(moving, &transform).unwrap();
        assert!(part.size.width >= 176 && part.size.height >= 176 && part.size.slices >= 34, "{}", part.size);
    }

    #[test]
    fn nothing_in_common_leaves_nothing() {
        let transform = Transform::similarity([0.0; 3], 1.0, [100.0, 0.0, 0.0]);
        assert!(Target::of(shape(10, 1.0)).cropped(shape(10, 1.0), &transform).is_none());
    }
}
