//! Stacks as a host hands them over: slice after slice, never all at once.
//!
//! Everything in this crate reads grey values through [`SliceSource`] and gives results to a [`SliceSink`], so a stack
//! may live in ImageJ's memory, in a file or in a [`Volume`](crate::volume::Volume), and no second copy is needed.
//! Slices are arrays of (y, x) and volumes of (z, y, x), always in standard layout: row after row, without gaps. Grey
//! values travel as `f32`, which holds 8 and 16 bits exactly. NaN means "not measured here": see [`Measured`].

mod file_error;
mod filler;
mod grey_scale;
pub mod length;
mod measured;
mod voxel_size;

pub use file_error::StackFileError;
pub use grey_scale::GreyScale;
pub use measured::Measured;
pub(crate) use measured::{filler_of, percent};
pub use voxel_size::VoxelSize;

use std::fmt;

use ndarray::{Array, Array2, ArrayRef2, ArrayView2, ArrayViewMut2, Axis, Dimension, Ix2, Ix3, RemoveAxis};
use serde::{Deserialize, Serialize};

use crate::memory::{OutOfMemory, zeros};

/// How grey values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GreyType {
    /// 8-bit unsigned, 0–255.
    U8,
    /// 16-bit unsigned, 0–65535.
    U16,
    /// 32-bit floating point.
    F32,
}

impl GreyType {
    /// Bits per voxel: 8, 16 or 32.
    pub fn bits(self) -> u32 {
        match self {
            Self::U8 => 8,
            Self::U16 => 16,
            Self::F32 => 32,
        }
    }

    /// The grey type with that many bits; `None` for anything but 8, 16 and 32.
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            8 => Some(Self::U8),
            16 => Some(Self::U16),
            32 => Some(Self::F32),
            _ => None,
        }
    }

    /// The largest grey value, or `None` for floating point, which has no end of scale.
    pub fn white(self) -> Option<f32> {
        match self {
            Self::U8 => Some(255.0),
            Self::U16 => Some(65535.0),
            Self::F32 => None,
        }
    }

    /// Brings values to the nearest grey value, many at once.
    #[inline(always)]
    pub(crate) fn round(self, greys: &mut [f32]) {
        if let Some(white) = self.white() {
            greys.iter_mut().for_each(|grey| *grey = whole(*grey, white));
        }
    }

    /// The nearest stored number that this type can hold: rounded half up and clamped, or unchanged for floating point.
    pub fn nearest(self, grey: f32) -> f32 {
        match self.white() {
            Some(white) => whole(grey, white),
            None => grey,
        }
    }
}

/// From here on 32-bit floats are whole, so adding it rounds numbers below it, and its last bits are then the number.
const WHOLE: f32 = (1 << 23) as f32;

/// Rounded half up, in a form that the compiler makes many at once of, which `floor` and saturating casts are not.
#[inline(always)]
fn whole(grey: f32, white: f32) -> f32 {
    let above = if grey + 0.5 > 0.0 { grey + 0.5 } else { 0.0 };
    let within = if above < white { above } else { white };
    let nearest = (within + WHOLE) - WHOLE;
    if nearest > within { nearest - 1.0 } else { nearest }
}

/// The last bits of a whole grey value from 0 to 2²³ − 1 as an integer, in such a form, too.
#[inline]
pub fn integer(grey: f32) -> u32 {
    (grey + WHOLE).to_bits()
}

/// Voxels along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Voxels along x.
    pub width: usize,
    /// Voxels along y.
    pub height: usize,
    /// Voxels along z.
    pub slices: usize,
}

impl Size {
    /// A size of `width` × `height` × `slices` voxels.
    pub fn new(width: usize, height: usize, slices: usize) -> Self {
        Self { width, height, slices }
    }

    /// The dimensions of a volume as an array: (z, y, x).
    pub fn dim(self) -> (usize, usize, usize) {
        (self.slices, self.height, self.width)
    }

    /// The dimensions of a slice as an array: (y, x).
    pub fn slice_dim(self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Voxels in one slice.
    pub fn plane(self) -> usize {
        self.width * self.height
    }

    /// Voxels in the stack.
    pub fn voxels(self) -> u64 {
        self.plane() as u64 * self.slices as u64
    }
}

impl From<(usize, usize, usize)> for Size {
    /// From the dimensions of an array, (z, y, x).
    fn from((slices, height, width): (usize, usize, usize)) -> Self {
        Self { width, height, slices }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.width, self.height, self.slices)
    }
}

/// What is known of a stack before its first slice is read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Voxels along each axis.
    pub size: Size,
    /// Edge lengths of a voxel.
    pub voxel: VoxelSize,
    /// How the grey values are stored.
    pub grey: GreyType,
    /// What stored numbers mean; [`SliceSource::read`] and [`SliceSink::write`] have what they mean.
    pub scale: GreyScale,
}

impl Shape {
    /// A shape whose stored numbers are its grey values.
    pub fn new(size: Size, voxel: VoxelSize, grey: GreyType) -> Self {
        Self { size, voxel, grey, scale: GreyScale::IDENTITY }
    }

    /// The edges of the field, along x, y and z, with their unit, for a message.
    pub fn field_in(self, unit: &str) -> String {
        let Size { width, height, slices } = self.size;
        let (counts, edges) = ([width, height, slices], self.voxel.edges_in(unit));
        let [x, y, z]: [String; 3] = std::array::from_fn(|a| length::short(counts[a] as f64 * edges[a]));
        format!("{x}×{y}×{z} {}", length::name(unit))
    }

    /// The nearest grey value that the stack can hold: see [`GreyScale::nearest`].
    #[inline]
    pub fn nearest(self, value: f32) -> f32 {
        self.scale.nearest(self.grey, value)
    }

    /// The lowest and the highest grey value that the stack can hold; `None` for floating point.
    pub fn ends(self) -> Option<[f32; 2]> {
        self.scale.ends(self.grey)
    }
}

/// Why a stack could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The stack has no voxels.
    #[error("the stack {name} is empty ({size} voxels): open an image with at least one slice")]
    Empty {
        /// What the stack is to the command, for example "laboratory".
        name: String,
        /// Its size.
        size: Size,
    },
    /// A voxel edge is zero, negative or not a number.
    #[error("the voxel size of {name} is {voxel}: every edge must be above zero; set it first")]
    VoxelSize {
        /// What the stack is to the command.
        name: String,
        /// Its voxel size, with its unit.
        voxel: String,
    },
    /// Two stacks that must have one size differ.
    #[error(
        "{first} is {first_size} voxels but {second} is {second_size}: bring both to the same grid first: align, resample or crop"
    )]
    SizesDiffer {
        /// What the first stack is to the command.
        first: String,
        /// Its size.
        first_size: Size,
        /// What the second stack is to the command.
        second: String,
        /// Its size.
        second_size: Size,
    },
    /// The host could not read or write a slice.
    #[error("slice {slice}: {reason}")]
    Host {
        /// The slice, counted from one as ImageJ does.
        slice: usize,
        /// What the host says.
        reason: String,
    },
    /// The file that a result goes to cannot be used.
    #[error(transparent)]
    File(#[from] StackFileError),
    /// There is too little memory.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}

/// A stack that can be read slice by slice, in any order and from any thread.
pub trait SliceSource: Send + Sync {
    /// What the stack is to the command, for messages: its title, or "laboratory".
    fn name(&self) -> &str;

    /// Size, voxel size and grey type.
    fn shape(&self) -> Shape;

    /// The unit of length of whoever made the stack, as they wrote it: for messages, and for results. The shape's voxel
    /// size is in micrometres if this is a length.
    fn unit(&self) -> &str {
        length::MICROMETRE
    }

    /// What the grey values are measured in, "HU" for example; empty if that is unknown.
    fn value_unit(&self) -> &str {
        ""
    }

    /// Reads slice `z` (from zero) into `out`, which is (height, width) and in standard layout, so that
    /// [`flat_mut`] gives its rows in one piece. Values are those on the shape's scale, as users see them.
    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError>;

    /// Whether what holds the lowest grey value and is connected to the border of its slice was not measured: so
    /// [`apply_transform`](crate::align::apply_transform) fills whole numbers.
    fn has_filler(&self) -> bool {
        false
    }

    /// Reads slice `z` into `out`, whatever that held: as stored, in the type that the numbers come in, or, if the shape's
    /// scale is the identity, as 32-bit floats. [`Shape::scale`] says what stored numbers mean.
    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        read_stored_floats(self, z, out)
    }
}

/// Reads slice `z` of `source` as 32-bit floats on the scale of its stored numbers.
fn read_stored_floats(source: &(impl SliceSource + ?Sized), z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
    let (dim, scale) = (source.shape().size.slice_dim(), source.shape().scale);
    let mut values = match std::mem::take(out) {
        Voxels::F32(values) if values.dim() == dim => values,
        _ => zeros(dim)?,
    };
    let read = source.read(z, values.view_mut());
    if !scale.is_identity() {
        values.mapv_inplace(|value| scale.stored(value));
    }
    *out = Voxels::F32(values);
    read
}

/// The grey values of a slice in one piece, row after row.
///
/// # Panics
/// If the slice is not in standard layout, which sources and sinks are never given.
pub fn flat(slice: &ArrayRef2<f32>) -> &[f32] {
    slice.as_slice().expect(STANDARD)
}

/// [`flat`], to be written to.
///
/// # Panics
/// As [`flat`].
pub fn flat_mut(slice: &mut ArrayRef2<f32>) -> &mut [f32] {
    slice.as_slice_mut().expect(STANDARD)
}

/// What all slices and volumes are in.
pub(crate) const STANDARD: &str = "slices and volumes are in standard layout";

/// Grey values in the type that they come in, of a slice (y, x) or a whole volume (z, y, x); in standard layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Voxels<D: Dimension> {
    /// 8-bit grey values.
    U8(Array<u8, D>),
    /// 16-bit grey values.
    U16(Array<u16, D>),
    /// 32-bit grey values.
    F32(Array<f32, D>),
}

impl<D: Dimension> Default for Voxels<D> {
    fn default() -> Self {
        Self::F32(Array::default(D::default()))
    }
}

impl<D: Dimension> Voxels<D> {
    /// The type of the grey values.
    pub fn grey(&self) -> GreyType {
        match self {
            Self::U8(_) => GreyType::U8,
            Self::U16(_) => GreyType::U16,
            Self::F32(_) => GreyType::F32,
        }
    }

    /// Black voxels.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the memory does not hold them.
    pub fn black(grey: GreyType, dim: D) -> Result<Self, OutOfMemory> {
        Ok(match grey {
            GreyType::U8 => Self::U8(zeros(dim)?),
            GreyType::U16 => Self::U16(zeros(dim)?),
            GreyType::F32 => Self::F32(zeros(dim)?),
        })
    }

    /// Makes these voxels of that type and size: they stay if they are so, and are black otherwise.
    ///
    /// # Errors
    /// As [`black`](Self::black).
    pub fn fit(&mut self, grey: GreyType, dim: D) -> Result<(), OutOfMemory> {
        let fits = match self {
            Self::U8(array) => grey == GreyType::U8 && array.raw_dim() == dim,
            Self::U16(array) => grey == GreyType::U16 && array.raw_dim() == dim,
            Self::F32(array) => grey == GreyType::F32 && array.raw_dim() == dim,
        };
        if !fits {
            // The old ones go before the new ones come.
            *self = Self::default();
            *self = Self::black(grey, dim)?;
        }
        Ok(())
    }
}

impl Voxels<Ix2> {
    /// Writes the numbers of the slice, as they are, to `out`, which has its size.
    pub fn store(&self, mut out: ArrayViewMut2<'_, f32>) {
        match self {
            Self::U8(slice) => out.zip_mut_with(slice, |out, grey| *out = f32::from(*grey)),
            Self::U16(slice) => out.zip_mut_with(slice, |out, grey| *out = f32::from(*grey)),
            Self::F32(slice) => out.assign(slice),
        }
    }
}

impl Voxels<Ix3> {
    /// Slice `z`, in `spare`'s memory if it is one of the same size and type.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the memory does not hold another slice.
    pub fn slice_into(&self, z: usize, spare: &mut Voxels<Ix2>) -> Result<(), OutOfMemory> {
        let dim = match self {
            Self::U8(volume) => volume.raw_dim(),
            Self::U16(volume) => volume.raw_dim(),
            Self::F32(volume) => volume.raw_dim(),
        };
        let at = Axis(0);
        spare.fit(self.grey(), dim.remove_axis(at))?;
        match (spare, self) {
            (Voxels::U8(to), Self::U8(from)) => to.assign(&from.index_axis(at, z)),
            (Voxels::U16(to), Self::U16(from)) => to.assign(&from.index_axis(at, z)),
            (Voxels::F32(to), Self::F32(from)) => to.assign(&from.index_axis(at, z)),
            _ => unreachable!("made of one type"),
        }
        Ok(())
    }

    /// Writes slice `z` to `out`, which has its size.
    pub fn store(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) {
        let at = Axis(0);
        match self {
            Self::U8(volume) => out.zip_mut_with(&volume.index_axis(at, z), |out, grey| *out = f32::from(*grey)),
            Self::U16(volume) => out.zip_mut_with(&volume.index_axis(at, z), |out, grey| *out = f32::from(*grey)),
            Self::F32(volume) => out.assign(&volume.index_axis(at, z)),
        }
    }
}

macro_rules! voxels_from {
    ($($grey:ident $own:ty),*) => {$(
        impl<D: Dimension> From<Array<$own, D>> for Voxels<D> {
            fn from(array: Array<$own, D>) -> Self {
                // Arrays in other layouts are copied into this one; those in it are taken as they are.
                Self::$grey(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
            }
        }
    )*};
}

voxels_from!(U8 u8, U16 u16, F32 f32);

/// Where a new stack goes, slice by slice: into memory, or into a [`StackFile`](crate::stack_file::StackFile).
pub trait SliceSink: Send {
    /// Called once, before the first slice.
    fn begin(&mut self, shape: Shape) -> Result<(), StackError>;

    /// Takes slice `z` (from zero, in rising order), which is (height, width) and in standard layout, so that [`flat`]
    /// gives its rows in one piece. The values are those that the shape can hold already, see [`Shape::nearest`]: with
    /// the scale [`GreyScale::IDENTITY`], whole numbers in range for 8 and 16 bits.
    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError>;

    /// What holds the lowest grey value and is connected to the border of its slice was not measured: whoever reads the
    /// stack is to know it by [`SliceSource::has_filler`]. Told before [`finish`](Self::finish), if at all.
    fn mark_filler(&mut self) {}

    /// Slices that an earlier start of the same work has left here, whole: it goes on with the next. Asked after
    /// [`begin`](Self::begin).
    fn done(&self) -> usize {
        0
    }

    /// Reads slice `z`, one of those that are done, into `out`, as [`SliceSource::read`] does.
    fn read_done(&mut self, z: usize, _out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        Err(StackError::Host { slice: z + 1, reason: "this slice was not made yet".to_owned() })
    }

    /// Called once, after the last slice.
    fn finish(&mut self) -> Result<(), StackError> {
        Ok(())
    }
}

/// A slice of zeros for a stack of that size.
///
/// # Errors
/// [`StackError::Memory`] where the memory does not hold it.
pub(crate) fn black_slice(size: Size) -> Result<Array2<f32>, StackError> {
    Ok(zeros(size.slice_dim())?)
}

/// Reads slice `z`; values that are not finite become NaN.
pub fn read_measured(source: &dyn SliceSource, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
    source.read(z, out.view_mut())?;
    if source.shape().grey == GreyType::F32 {
        remove_infinities(flat_mut(&mut out));
    }
    Ok(())
}

/// [`read_measured`] in the type that the grey values come in.
pub(crate) fn read_measured_voxels(
    source: &dyn SliceSource,
    z: usize,
    out: &mut Voxels<Ix2>,
) -> Result<(), StackError> {
    source.read_voxels(z, out)?;
    if let Voxels::F32(values) = out {
        remove_infinities(flat_mut(values));
    }
    Ok(())
}

/// Writes one and the same NaN over all values that are not finite.
fn remove_infinities(values: &mut [f32]) {
    for chunk in values.chunks_mut(1 << 12) {
        // Many at once; nearly all chunks end here.
        if !chunk.iter().fold(true, |finite, value| finite & value.is_finite()) {
            chunk.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f32::NAN);
        }
    }
}

/// Refuses a stack without voxels.
pub fn check(source: &dyn SliceSource) -> Result<(), StackError> {
    let size = source.shape().size;
    match size.voxels() {
        0 => Err(StackError::Empty { name: source.name().to_owned(), size }),
        _ => Ok(()),
    }
}

/// Refuses a stack without voxels or, for work that needs lengths, with an impossible voxel size.
pub fn check_lengths(source: &dyn SliceSource) -> Result<(), StackError> {
    check(source)?;
    let voxel = source.shape().voxel;
    match voxel.is_possible() {
        true => Ok(()),
        false => Err(StackError::VoxelSize { name: source.name().to_owned(), voxel: voxel.text_in(source.unit()) }),
    }
}

/// Refuses two stacks of different sizes, naming both.
pub fn check_same_size(first: &dyn SliceSource, second: &dyn SliceSource) -> Result<(), StackError> {
    let (a, b) = (first.shape().size, second.shape().size);
    if a == b {
        return Ok(());
    }
    Err(StackError::SizesDiffer {
        first: first.name().to_owned(),
        first_size: a,
        second: second.name().to_owned(),
        second_size: b,
    })
}
