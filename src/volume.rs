//! A stack held in memory, in the grey type that it came in.

use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis, IntoDimension, Ix2, Ix3};

use crate::memory::OutOfMemory;
pub use crate::stack::Voxels;
use crate::stack::{
    GreyScale, GreyType, STANDARD, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize, flat_mut,
};

/// A stack held in memory. It is both a [`SliceSource`] and a [`SliceSink`].
///
/// ```
/// use ndarray::Array3;
/// use undulator::stack::{SliceSource, VoxelSize};
/// use undulator::volume::Volume;
///
/// // Five slices of four rows and three columns, taken without a copy.
/// let greys = Array3::from_shape_fn((5, 4, 3), |(z, y, x)| (z + y + x) as u16);
/// let volume = Volume::new("scan", VoxelSize::isotropic(0.6), greys);
/// assert_eq!(volume.shape().size.dim(), (5, 4, 3));
/// assert_eq!(volume.view_u16().unwrap()[[2, 1, 0]], 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    name: String,
    voxel: VoxelSize,
    scale: GreyScale,
    /// As stored.
    voxels: Voxels<Ix3>,
}

impl Volume {
    /// A volume of the grey values (z, y, x), an [`Array3`] of `u8`, `u16` or `f32`. Nothing is copied unless the array
    /// is in another layout than the standard one.
    pub fn new(name: &str, voxel: VoxelSize, voxels: impl Into<Voxels<Ix3>>) -> Self {
        Self { name: name.to_owned(), voxel, scale: GreyScale::IDENTITY, voxels: voxels.into() }
    }

    /// A volume of stored zeros.
    ///
    /// # Panics
    /// If the memory does not hold it: [`try_black`](Self::try_black) is for sizes that come from outside.
    pub fn black(name: &str, shape: Shape) -> Self {
        Self::try_black(name, shape).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A volume of stored zeros, of any size.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the memory does not hold it.
    pub fn try_black(name: &str, shape: Shape) -> Result<Self, OutOfMemory> {
        let voxels = Voxels::black(shape.grey, shape.size.dim().into_dimension())?;
        Ok(Self { name: name.to_owned(), voxel: shape.voxel, scale: shape.scale, voxels })
    }

    /// A volume of the given grey values, x fastest and z slowest; each is brought to the nearest value that the
    /// shape can hold.
    ///
    /// # Panics
    /// If `values` does not hold exactly the shape's number of voxels.
    pub fn from_values(name: &str, shape: Shape, values: &[f32]) -> Self {
        assert_eq!(values.len() as u64, shape.size.voxels(), "values for {}", shape.size);
        let values = ArrayView3::from_shape(shape.size.dim(), values).expect("as many values as voxels");
        let voxels = match shape.grey {
            GreyType::U8 => Voxels::U8(values.mapv(|grey| shape.scale.whole(shape.grey, shape.nearest(grey)) as u8)),
            GreyType::U16 => Voxels::U16(values.mapv(|grey| shape.scale.whole(shape.grey, shape.nearest(grey)) as u16)),
            GreyType::F32 => Voxels::F32(values.to_owned()),
        };
        Self { name: name.to_owned(), voxel: shape.voxel, scale: shape.scale, voxels }
    }

    /// Takes the voxels for boxes of other edges.
    pub fn set_voxel(&mut self, voxel: VoxelSize) {
        self.voxel = voxel;
    }

    /// Takes the stored numbers for grey values on another scale.
    pub fn set_scale(&mut self, scale: GreyScale) {
        self.scale = scale;
    }

    /// The numbers as stored.
    pub fn voxels(&self) -> &Voxels<Ix3> {
        &self.voxels
    }

    /// The stored numbers, (z, y, x), of an 8-bit volume.
    pub fn view_u8(&self) -> Option<ArrayView3<'_, u8>> {
        match &self.voxels {
            Voxels::U8(array) => Some(array.view()),
            _ => None,
        }
    }

    /// The stored numbers, (z, y, x), of a 16-bit volume.
    pub fn view_u16(&self) -> Option<ArrayView3<'_, u16>> {
        match &self.voxels {
            Voxels::U16(array) => Some(array.view()),
            _ => None,
        }
    }

    /// The grey values, (z, y, x), of a 32-bit volume.
    pub fn view_f32(&self) -> Option<ArrayView3<'_, f32>> {
        match &self.voxels {
            Voxels::F32(array) => Some(array.view()),
            _ => None,
        }
    }

    /// All grey values as `f32`, (z, y, x): a copy, for small volumes and tests.
    pub fn to_array(&self) -> Array3<f32> {
        let mut values = match &self.voxels {
            Voxels::U8(array) => array.mapv(f32::from),
            Voxels::U16(array) => array.mapv(f32::from),
            Voxels::F32(array) => array.clone(),
        };
        if !self.scale.is_identity() {
            values.mapv_inplace(|stored| self.scale.value(stored));
        }
        values
    }

    /// [`to_array`](Self::to_array) in one piece, x fastest and z slowest.
    pub fn to_values(&self) -> Vec<f32> {
        let (values, start) = self.to_array().into_raw_vec_and_offset();
        debug_assert!(start.unwrap_or(0) == 0, "{STANDARD}");
        values
    }
}

impl SliceSource for Volume {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        let dim = match &self.voxels {
            Voxels::U8(array) => array.dim(),
            Voxels::U16(array) => array.dim(),
            Voxels::F32(array) => array.dim(),
        };
        Shape { scale: self.scale, ..Shape::new(Size::from(dim), self.voxel, self.voxels.grey()) }
    }

    fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.voxels.store(z, out.view_mut());
        self.scale.calibrate(flat_mut(&mut out));
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        Ok(self.voxels.slice_into(z, out)?)
    }
}

impl SliceSink for Volume {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        let name = std::mem::take(&mut self.name);
        *self = Self::try_black(&name, shape)?;
        Ok(())
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        let (at, scale) = (Axis(0), self.scale);
        match &mut self.voxels {
            Voxels::U8(array) => {
                array
                    .index_axis_mut(at, z)
                    .zip_mut_with(&slice, |out, grey| *out = scale.whole(GreyType::U8, *grey) as u8);
            }
            Voxels::U16(array) => {
                array
                    .index_axis_mut(at, z)
                    .zip_mut_with(&slice, |out, grey| *out = scale.whole(GreyType::U16, *grey) as u16);
            }
            Voxels::F32(array) => array.index_axis_mut(at, z).assign(&slice),
        }
        Ok(())
    }
}
