//! A result that goes to a file, slice by slice: a TIFF that ImageJ opens as a virtual stack, whatever its size.
//!
//! An unfinished file is called `<name>.part`; the complete file is renamed. The header names the [`Job`]: a second start of
//! the same job goes on after the last whole slice, which the file's length tells, and gives the same file as if it had
//! never stopped. Nothing else is needed when a run is killed, because a slice is only added when those before it are
//! there. What exists already under the final name is never written over. An unfinished file without a whole slice is
//! begun anew, whatever job it was of.

mod header;
mod job;

pub use job::Job;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{
    disk,
    grey::Window,
    memory::filled,
    stack::{GreyType, Shape, SliceSink, StackError, StackFileError, flat, flat_mut},
};

/// Bytes of a slice that ImageJ's virtual stacks count in 31 bits.
const MOST_BYTES_A_SLICE: u64 = i32::MAX as u64;

/// How ImageJ shows the stack: unit, hyperstack axes and display range.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplaySettings {
    /// The unit of the voxel size as the file is to give it.
    pub unit: String,
    /// What the grey values are measured in; empty if that is unknown.
    pub value_unit: String,
    /// Channels of a hyperstack; the fastest axis.
    pub channels: usize,
    /// Frames of a hyperstack; the slowest axis.
    pub frames: usize,
    /// The grey values that are black and white, if they are known.
    pub range: Option<Window>,
}

/// A [`SliceSink`] whose slices go to a file.
///
/// ```
/// use ndarray::array;
/// use undulator::stack::{GreyType, Shape, Size, SliceSink, VoxelSize};
/// use undulator::stack_file::{Job, DisplaySettings, StackFile};
/// use undulator::volume::Volume;
///
/// let shape = Shape::new(Size::new(2, 1, 2), VoxelSize::isotropic(0.6), GreyType::U8);
/// let image = Volume::from_values("image", shape, &[1.0, 2.0, 3.0, 4.0]);
/// let folder = tempfile::tempdir()?;
/// let display = DisplaySettings { unit: "µm".to_owned(), value_unit: String::new(), channels: 1, frames: 1, range: None };
/// let mut file = StackFile::new(&folder.path().join("result.tif"), display, Job::new(&image, Vec::new())?);
/// file.begin(shape)?;
/// file.write(0, array![[5.0, 6.0]].view())?;
/// file.write(1, array![[7.0, 8.0]].view())?;
/// file.finish()?;
/// assert!(std::fs::read(folder.path().join("result.tif"))?.ends_with(&[5, 6, 7, 8]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StackFile {
    path: PathBuf,
    display: DisplaySettings,
    job: Job,
    has_filler: bool,
    growing: Option<Growing>,
}

/// The unfinished file.
struct Growing {
    part: PathBuf,
    file: File,
    shape: Shape,
    /// Bytes of a slice.
    plane: u64,
    /// Slices that were there when it was opened.
    done: usize,
    /// A slice as it stands in the file.
    bytes: Vec<u8>,
}

impl StackFile {
    /// A file at `path`, which ends in .tif or .tiff. Nothing is touched before [`begin`](SliceSink::begin).
    pub fn new(path: &Path, display: DisplaySettings, job: Job) -> Self {
        Self { path: path.to_owned(), display, job, has_filler: false, growing: None }
    }

    /// The name of the file at `path` as long as it grows.
    pub fn part_of(path: &Path) -> PathBuf {
        disk::with_ending(path, ".part")
    }

    /// Which grey values to show as black and white, where that is known only after the slices.
    pub fn show(&mut self, range: Window) {
        self.display.range = Some(range);
    }

    fn open(&self, shape: Shape) -> Result<Growing, StackFileError> {
        let path = &self.path;
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if extension != "tif" && extension != "tiff" {
            return Err(StackFileError::Name { path: path.clone() });
        }
        let plane = shape.size.plane() as u64 * u64::from(shape.grey.bits() / 8);
        if plane > MOST_BYTES_A_SLICE {
            return Err(StackFileError::Slice { bytes: plane, most: MOST_BYTES_A_SLICE });
        }
        let header = self.header(shape)?;
        disk::check_writable(path).map_err(|source| at(path, "written", source))?;
        if path.exists() {
            return Err(StackFileError::Exists { path: path.clone() });
        }
        let part = Self::part_of(path);
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let file = disk::patiently(open);
        let file = file.map_err(|source| at(&part, "opened", source))?;
        if !disk::try_lock(&file, &part) {
            return Err(StackFileError::Busy { part });
        }
        let mut growing = Growing { part, file, shape, plane, done: 0, bytes: Vec::new() };
        growing.take_up(&header, &self.job)?;
        self.check_room(&growing, shape.size.slices)?;
        Ok(growing)
    }

    fn header(&self, shape: Shape) -> Result<Vec<u8>, StackFileError> {
        let mut text = header::text(shape, &self.display, &self.job);
        if self.has_filler {
            text.push_str(header::FILLER);
        }
        match text.len() < header::TEXT_ROOM {
            true => Ok(header::header(shape, &self.display.unit, &text)),
            false => Err(StackFileError::Unit { length: self.display.unit.chars().count() }),
        }
    }

    fn check_room(&self, growing: &Growing, slices: usize) -> Result<(), StackFileError> {
        let needed = growing.plane * (slices - growing.done) as u64;
        // Where the system does not say it, the disk itself will.
        let Ok(free) = fs4::available_space(disk::folder(&self.path)) else { return Ok(()) };
        if needed <= free {
            return Ok(());
        }
        if growing.done == 0 {
            // Nothing of value is in it. That it cannot be removed is no worse.
            let _ = fs::remove_file(&growing.part);
        }
        Err(StackFileError::NoRoom { path: self.path.clone(), needed, free })
    }

    fn growing(&mut self, z: usize) -> Result<&mut Growing, StackError> {
        let closed = || StackError::Host { slice: z + 1, reason: "the result's file is not open".to_owned() };
        self.growing.as_mut().ok_or_else(closed)
    }
}

impl Growing {
    /// Finds out how many slices are there, and cuts off what is behind the last whole one.
    fn take_up(&mut self, header: &[u8], job: &Job) -> Result<(), StackFileError> {
        let mut old = Vec::new();
        let read = (&self.file).take(header::LENGTH as u64).read_to_end(&mut old);
        read.map_err(|source| at(&self.part, "read", source))?;
        let length = self.file.metadata().map_err(|source| at(&self.part, "read", source))?.len();
        if old == header {
            self.done = ((length - header.len() as u64) / self.plane) as usize;
            return self.file.set_len(self.start(self.done)).map_err(|source| at(&self.part, "written", source));
        }
        // A run may have been killed within its header, or before its first slice was whole: then nothing is lost.
        if !header.starts_with(&old) && !header::has_no_slice(&old, length) {
            let (text, part) = (header::text_of(&old), self.part.clone());
            return Err(match text.contains(job::MARK) {
                true => StackFileError::OtherWork { part, differs: job.differs_from(&text).unwrap_or("calibration") },
                false => StackFileError::NotOurs { part },
            });
        }
        let begun = self.file.set_len(0).and_then(|()| self.begin(header));
        begun.map_err(|source| at(&self.part, "written", source))
    }

    fn begin(&mut self, header: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(header)
    }

    /// Where slice `z` stands.
    fn start(&self, z: usize) -> u64 {
        header::LENGTH as u64 + z as u64 * self.plane
    }

    fn write(&mut self, z: usize, slice: &[f32]) -> io::Result<()> {
        let (Shape { grey: kind, scale, .. }, flip) = (self.shape, header::sign_bit(self.shape));
        match kind {
            GreyType::U8 => {
                self.bytes.iter_mut().zip(slice).for_each(|(byte, grey)| *byte = scale.whole(kind, *grey) as u8);
            }
            GreyType::U16 => {
                let pairs = self.bytes.chunks_exact_mut(2).zip(slice);
                pairs.for_each(|(bytes, grey)| {
                    bytes.copy_from_slice(&(scale.whole(kind, *grey) as u16 ^ flip).to_le_bytes());
                });
            }
            GreyType::F32 => {
                let fours = self.bytes.chunks_exact_mut(4).zip(slice);
                fours.for_each(|(bytes, grey)| bytes.copy_from_slice(&grey.to_le_bytes()));
            }
        }
        self.file.seek(SeekFrom::Start(self.start(z)))?;
        self.file.write_all(&self.bytes)
    }

    fn read(&mut self, z: usize, out: &mut [f32]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start(z)))?;
        self.file.read_exact(&mut self.bytes)?;
        let flip = header::sign_bit(self.shape);
        match self.shape.grey {
            GreyType::U8 => out.iter_mut().zip(&self.bytes).for_each(|(grey, byte)| *grey = f32::from(*byte)),
            GreyType::U16 => {
                let pairs = out.iter_mut().zip(self.bytes.chunks_exact(2));
                pairs.for_each(|(grey, bytes)| *grey = f32::from(u16::from_le_bytes([bytes[0], bytes[1]]) ^ flip));
            }
            GreyType::F32 => {
                let fours = out.iter_mut().zip(self.bytes.chunks_exact(4));
                fours.for_each(|(grey, b)| *grey = f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            }
        }
        self.shape.scale.calibrate(out);
        Ok(())
    }
}

fn at(path: &Path, doing: &'static str, source: io::Error) -> StackFileError {
    StackFileError::System { path: path.to_owned(), doing, source }
}

impl SliceSink for StackFile {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        let bytes = filled(0, shape.size.plane() * (shape.grey.bits() / 8) as usize)?;
        self.growing = Some(Growing { bytes, ..self.open(shape)? });
        Ok(())
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        let growing = self.growing(z)?;
        growing.write(z, flat(&slice)).map_err(|source| at(&growing.part, "written", source).into())
    }

    fn mark_filler(&mut self) {
        self.has_filler = true;
    }

    fn done(&self) -> usize {
        self.growing.as_ref().map_or(0, |growing| growing.done)
    }

    fn read_done(&mut self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let growing = self.growing(z)?;
        growing.read(z, flat_mut(&mut out)).map_err(|source| at(&growing.part, "read", source).into())
    }

    fn finish(&mut self) -> Result<(), StackError> {
        let Some(mut growing) = self.growing.take() else { return Ok(()) };
        let header = self.header(growing.shape)?;
        growing.begin(&header).map_err(|source| at(&growing.part, "written", source))?;
        let Growing { part, file, .. } = growing;
        file.sync_all().map_err(|source| at(&part, "written", source))?;
        // Windows does not rename open files.
        drop(file);
        let path = &self.path;
        disk::rename_new(&part, path).map_err(|source| {
            let exists = source.kind() == io::ErrorKind::AlreadyExists;
            let exists = exists.then(|| StackFileError::Exists { path: path.clone() });
            exists.unwrap_or_else(|| at(path, "written", source)).into()
        })
    }
}
