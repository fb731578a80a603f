//! Stacks as a host hands them over: slice after slice, never all at once.
//!
//! Everything in this crate reads grey values through [`SliceSource`] and gives results to a [`SliceSink`], so a stack
//! may live in ImageJ's memory, in a file or in a [`Volume`](crate::volume::Volume), and no second copy is needed.
//! Slices are row-major, `y * width + x`, and grey values travel as `f32`, which holds 8 and 16 bits exactly.

use std::ops::Range;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stack_file::StackFileError;

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

    /// The nearest grey value that this type can hold: rounded half up and clamped, or unchanged for floating point.
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
pub(crate) fn integer(grey: f32) -> u32 {
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

    /// Voxels in one slice.
    pub fn plane(self) -> usize {
        self.width * self.height
    }

    /// Voxels in the stack.
    pub fn voxels(self) -> u64 {
        self.plane() as u64 * self.slices as u64
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.width, self.height, self.slices)
    }
}

/// Edge lengths of a voxel, in the stack's own unit (micrometres unless the host says otherwise).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoxelSize {
    /// Edge along x.
    pub x: f64,
    /// Edge along y.
    pub y: f64,
    /// Edge along z, the distance between slices.
    pub z: f64,
}

impl VoxelSize {
    /// A cube.
    pub fn isotropic(edge: f64) -> Self {
        Self { x: edge, y: edge, z: edge }
    }
}

impl fmt::Display for VoxelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.x, self.y, self.z)
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
    #[error("the voxel size of {name} is {voxel}: every edge must be above zero")]
    VoxelSize {
        /// What the stack is to the command.
        name: String,
        /// Its voxel size.
        voxel: VoxelSize,
    },
    /// A grey value is not a number or infinite.
    #[error(
        "slice {slice} of {name} holds a grey value that is not a finite number, first at x={x}, y={y}: replace it first"
    )]
    NotFinite {
        /// What the stack is to the command.
        name: String,
        /// The slice, counted from one as ImageJ does.
        slice: usize,
        /// The column, counted from zero.
        x: usize,
        /// The row, counted from zero.
        y: usize,
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
}

/// A stack that can be read slice by slice, in any order and from any thread.
pub trait SliceSource: Send + Sync {
    /// What the stack is to the command, for messages: its title, or "laboratory".
    fn name(&self) -> &str;

    /// Size, voxel size and grey type.
    fn shape(&self) -> Shape;

    /// Reads slice `z` (from zero) into `out`, which holds exactly one slice, row-major.
    fn read(&self, z: usize, out: &mut [f32]) -> Result<(), StackError>;

    /// Reads slice `z` into `out`, whatever that held, in the type that its grey values come in, or as 32-bit floats.
    fn read_voxels(&self, z: usize, out: &mut Voxels) -> Result<(), StackError> {
        let mut values = match std::mem::take(out) {
            Voxels::F32(values) => values,
            _ => Vec::new(),
        };
        values.resize(self.shape().size.plane(), 0.0);
        let read = self.read(z, &mut values);
        *out = Voxels::F32(values);
        read
    }
}

/// Grey values in the type that they come in, of a slice, `y * width + x`, or a whole volume,
/// `(z * height + y) * width + x`.
#[derive(Clone, Debug, PartialEq)]
pub enum Voxels {
    /// 8-bit grey values.
    U8(Vec<u8>),
    /// 16-bit grey values.
    U16(Vec<u16>),
    /// 32-bit grey values.
    F32(Vec<f32>),
}

impl Default for Voxels {
    fn default() -> Self {
        Self::F32(Vec::new())
    }
}

impl Voxels {
    /// Writes the values from `start` on to `out`, as many as it holds.
    pub fn store(&self, start: usize, out: &mut [f32]) {
        let part = start..start + out.len();
        match self {
            Self::U8(v) => out.iter_mut().zip(&v[part]).for_each(|(o, v)| *o = f32::from(*v)),
            Self::U16(v) => out.iter_mut().zip(&v[part]).for_each(|(o, v)| *o = f32::from(*v)),
            Self::F32(v) => out.copy_from_slice(&v[part]),
        }
    }

    /// Becomes a part of others, in the memory that it has if it is of their type.
    pub fn take(&mut self, from: &Self, part: Range<usize>) {
        fn fill<T: Copy>(values: &mut Vec<T>, from: &[T]) {
            values.clear();
            values.extend_from_slice(from);
        }
        match (self, from) {
            (Self::U8(to), Self::U8(from)) => fill(to, &from[part]),
            (Self::U16(to), Self::U16(from)) => fill(to, &from[part]),
            (Self::F32(to), Self::F32(from)) => fill(to, &from[part]),
            (to, Self::U8(from)) => *to = Self::U8(from[part].to_vec()),
            (to, Self::U16(from)) => *to = Self::U16(from[part].to_vec()),
            (to, Self::F32(from)) => *to = Self::F32(from[part].to_vec()),
        }
    }
}

/// Where a new stack goes, slice by slice: into memory, or into a [`StackFile`](crate::stack_file::StackFile).
pub trait SliceSink: Send {
    /// Called once, before the first slice.
    fn begin(&mut self, shape: Shape) -> Result<(), StackError>;

    /// Takes slice `z` (from zero, in rising order). The values are those of the shape's grey type already:
    /// whole numbers in range for 8 and 16 bits.
    fn write(&mut self, z: usize, slice: &[f32]) -> Result<(), StackError>;

    /// Slices that an earlier start of the same work has left here, whole: it goes on with the next. Asked after
    /// [`begin`](Self::begin).
    fn done(&self) -> usize {
        0
    }

    /// Reads slice `z`, one of those that are done, into `out`.
    fn read_done(&mut self, z: usize, _out: &mut [f32]) -> Result<(), StackError> {
        Err(StackError::Host { slice: z + 1, reason: "this slice was not made yet".to_owned() })
    }

    /// Called once, after the last slice.
    fn finish(&mut self) -> Result<(), StackError> {
        Ok(())
    }
}

/// Reads slice `z` and refuses values that are not finite.
pub fn read_finite(source: &dyn SliceSource, z: usize, out: &mut [f32]) -> Result<(), StackError> {
    source.read(z, out)?;
    match source.shape().grey {
        GreyType::F32 => check_finite(source, z, out),
        _ => Ok(()),
    }
}

/// [`read_finite`] in the type that the grey values come in.
pub(crate) fn read_finite_voxels(source: &dyn SliceSource, z: usize, out: &mut Voxels) -> Result<(), StackError> {
    source.read_voxels(z, out)?;
    match out {
        Voxels::F32(values) => check_finite(source, z, values),
        _ => Ok(()),
    }
}

/// Refuses slice `z` if some of its values are not finite.
fn check_finite(source: &dyn SliceSource, z: usize, values: &[f32]) -> Result<(), StackError> {
    if are_finite(values) {
        return Ok(());
    }
    let (at, width) = (values.iter().position(|v| !v.is_finite()).unwrap_or(0), source.shape().size.width);
    Err(StackError::NotFinite { name: source.name().to_owned(), slice: z + 1, x: at % width, y: at / width })
}

/// Whether all values are finite numbers, many at once.
fn are_finite(values: &[f32]) -> bool {
    values.chunks(1 << 12).all(|chunk| chunk.iter().fold(true, |finite, value| finite & value.is_finite()))
}

/// Refuses a stack without voxels or with an impossible voxel size.
pub fn check(source: &dyn SliceSource) -> Result<(), StackError> {
    let Shape { size, voxel, .. } = source.shape();
    if size.voxels() == 0 {
        return Err(StackError::Empty { name: source.name().to_owned(), size });
    }
    if ![voxel.x, voxel.y, voxel.z].iter().all(|edge| edge.is_finite() && *edge > 0.0) {
        return Err(StackError::VoxelSize { name: source.name().to_owned(), voxel });
    }
    Ok(())
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
