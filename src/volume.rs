//! A stack held in memory, in the grey type that it came in.

pub use crate::stack::Voxels;
use crate::stack::{GreyType, Shape, SliceSink, SliceSource, StackError, integer};

/// A stack held in memory. It is both a [`SliceSource`] and a [`SliceSink`].
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    name: String,
    shape: Shape,
    voxels: Voxels,
}

impl Volume {
    /// A black volume.
    pub fn new(name: &str, shape: Shape) -> Self {
        let length = shape.size.voxels() as usize;
        let voxels = match shape.grey {
            GreyType::U8 => Voxels::U8(vec![0; length]),
            GreyType::U16 => Voxels::U16(vec![0; length]),
            GreyType::F32 => Voxels::F32(vec![0.0; length]),
        };
        Self { name: name.to_owned(), shape, voxels }
    }

    /// A volume of the given grey values, `(z * height + y) * width + x`; each is brought to the nearest value of the
    /// shape's grey type.
    ///
    /// # Panics
    /// If `values` does not hold exactly the shape's number of voxels.
    pub fn from_values(name: &str, shape: Shape, values: &[f32]) -> Self {
        assert_eq!(values.len() as u64, shape.size.voxels(), "values for {}", shape.size);
        let mut volume = Self::new(name, shape);
        let values: Vec<f32> = values.iter().map(|grey| shape.grey.nearest(*grey)).collect();
        volume.store(0, &values);
        volume
    }

    /// The grey values.
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// All grey values as `f32`: a copy, for small volumes and tests.
    pub fn to_values(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.shape.size.voxels() as usize];
        self.voxels.store(0, &mut out);
        out
    }

    /// The values are those of the grey type already.
    fn store(&mut self, start: usize, values: &[f32]) {
        let range = start..start + values.len();
        match &mut self.voxels {
            Voxels::U8(v) => v[range].iter_mut().zip(values).for_each(|(o, v)| *o = integer(*v) as u8),
            Voxels::U16(v) => v[range].iter_mut().zip(values).for_each(|(o, v)| *o = integer(*v) as u16),
            Voxels::F32(v) => v[range].copy_from_slice(values),
        }
    }
}

impl SliceSource for Volume {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&self, z: usize, out: &mut [f32]) -> Result<(), StackError> {
        self.voxels.store(z * self.shape.size.plane(), out);
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels) -> Result<(), StackError> {
        let plane = self.shape.size.plane();
        out.take(&self.voxels, z * plane..(z + 1) * plane);
        Ok(())
    }
}

impl SliceSink for Volume {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        let name = std::mem::take(&mut self.name);
        *self = Self::new(&name, shape);
        Ok(())
    }

    fn write(&mut self, z: usize, slice: &[f32]) -> Result<(), StackError> {
        self.store(z * self.shape.size.plane(), slice);
        Ok(())
    }
}
