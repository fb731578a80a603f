//! Stacks as a host hands them over: slice after slice, never all at once.
//!
//! Everything in this crate reads grey values through [`SliceSource`] and gives results to a [`SliceSink`], so a stack
//! may live in ImageJ's memory, in a file or in a [`Volume`](crate::volume::Volume), and no second copy is needed.
//! Slices are row-major, `y * width + x`, and grey values travel as `f32`, which holds 8 and 16 bits exactly.

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

/// Rounded half up: above zero the conversion cuts off as the floor does, in a form that the compiler can vectorise.
#[inline]
fn whole(grey: f32, white: f32) -> f32 {
    let above = if grey + 0.5 > 0.0 { grey + 0.5 } else { 0.0 };
    let within = if above < white { above } else { white };
    within as i32 as f32
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
    #[error("the voxel size of {name} is {voxel}: every edge must be above zero (in ImageJ: Image > Properties...)")]
    VoxelSize {
        /// What the stack is to the command.
        name: String,
        /// Its voxel size.
        voxel: VoxelSize,
    },
    /// A grey value is not a number or infinite.
    #[error(
        "slice {slice} of {name} holds a grey value that is not a finite number, first at x={x}, y={y}: replace it first (in ImageJ: Process > Math > NaN...)"
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
        "{first} is {first_size} voxels but {second} is {second_size}: bring both to the same grid first (Resample, Align or crop)"
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
    if source.shape().grey != GreyType::F32 || are_finite(out) {
        return Ok(());
    }
    let (at, width) = (out.iter().position(|v| !v.is_finite()).unwrap_or(0), source.shape().size.width);
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
