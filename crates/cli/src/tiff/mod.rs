//! Images of the command line: TIFF files, whose slices are read when they are asked for.
//!
//! | file | what it does |
//! | --- | --- |
//! | `directory` | the pages of a file, and where their values are |
//! | `greys` | what the numbers mean |
//! | `imagej` | ImageJ's own text: axes, voxel size, display range |
//! | `ome` | OME-XML: axes, voxel size, order of the planes |
//! | `page` | the values of one page |
//! | `positioned` | reading at a place of a file, from any thread |

mod directory;
mod greys;
mod imagej;
mod ome;
mod page;
mod positioned;
#[cfg(test)]
mod tests;

use std::{fs::File, path::Path};

use ndarray::{ArrayViewMut2, Ix2};

use directory::{Directory, Layout};
use greys::Meaning;
use page::{Kind, PageError, Place};
use undulator::{
    command::{Code, CommandError, Image},
    grey::Window,
    memory::zeros,
    stack::{GreyType, Shape, Size, SliceSource, StackError, VoxelSize, Voxels, flat_mut},
};

/// A TIFF file as an image: all slices of all its channels and frames.
#[derive(Debug)]
pub struct TiffImage {
    name: String,
    file: File,
    layout: Layout,
    kind: Kind,
    shape: Shape,
    axes: Axes,
    unit: String,
    /// The grey value of each number, where they lie on a curve.
    curve: Option<Vec<f32>>,
    value_unit: String,
    /// In grey values.
    range: Option<Window>,
    depth_missing: bool,
    has_filler: bool,
    /// Where each slice is.
    slices: Vec<Place>,
}

/// Channels and frames; the rest are slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes {
    pub channels: usize,
    pub frames: usize,
}

/// How large a voxel is.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Along x, y and z.
    pub edges: [f64; 3],
    pub unit: String,
    /// Whether the file says how large pixels are, but not how far slices lie apart.
    pub depth_missing: bool,
}

/// What the pages of a file say together.
struct Described {
    axes: Axes,
    calibration: Calibration,
    meaning: Meaning,
    value_unit: String,
    /// In numbers of the file, as ImageJ has them.
    range: Option<Window>,
    has_filler: bool,
    slices: Vec<Place>,
}

impl TiffImage {
    /// Opens a file. Only its directories are read.
    ///
    /// # Errors
    /// [`Code::File`] when it cannot be read, [`Code::Image`] when it holds no grey values that can be used.
    pub fn open(path: &Path) -> Result<Self, CommandError> {
        let shown = path.display();
        let unreadable =
            |error: std::io::Error| CommandError::new(Code::File, format!("{shown} cannot be read: {error}"));
        let unusable = |reason: String| CommandError::new(Code::Image, format!("{shown} cannot be used: {reason}"));
        let file = File::open(path).map_err(unreadable)?;
        let pages = Pages::read(&file).map_err(unreadable)?;
        let kind = Kind::of(&pages.first).map_err(unusable)?;
        let size = pages.size().map_err(unusable)?;
        pages.check_alike().map_err(unusable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let described = pages.describe(kind, length).map_err(unusable)?;
        pages.check_whole(&described.slices, kind, length).map_err(unusable)?;
        let Described { axes, calibration, meaning, value_unit, range, has_filler, slices } = described;
        let Calibration { edges, unit, depth_missing } = calibration;
        let size = Size { slices: slices.len(), ..size };
        let shape = Shape::new(size, VoxelSize::in_unit(edges, &unit), kind.grey());
        let (shape, curve) = match meaning {
            Meaning::Line(scale) => (Shape { scale, ..shape }, None),
            Meaning::Curve(curve) => (Shape { grey: GreyType::F32, ..shape }, Some(curve)),
        };
        let value = |number: f32| match &curve {
            Some(curve) => curve[(number.max(0.0) as usize).min(curve.len() - 1)],
            None => shape.scale.value(number),
        };
        let range = range.filter(|_| kind.is_as_in_imagej()).and_then(|Window { low, high }| {
            let (low, high) = (value(low), value(high));
            Window::new(low.min(high), low.max(high)).ok()
        });
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self {
            name,
            file,
            layout: pages.layout,
            kind,
            shape,
            axes,
            unit,
            curve,
            value_unit,
            range,
            depth_missing,
            has_filler,
            slices,
        })
    }

    /// Which grey values the file asks to show as black and white.
    pub fn range(&self) -> Option<Window> {
        self.range
    }

    /// What the user should know of the file before the work.
    pub fn warning(&self) -> Option<String> {
        self.depth_missing.then(|| {
            let voxel = self.shape.voxel.text_in(&self.unit);
            format!("{} has no slice spacing: the voxel size is assumed to be {voxel}", self.name)
        })
    }
}

/// No compression makes more bytes of one.
const MOST_PACKED: u64 = 4096;

/// The pages of a file.
struct Pages {
    layout: Layout,
    first: Directory,
    all: Vec<Place>,
    /// The first page that is of another kind, from one.
    unlike: Option<(usize, String)>,
}

impl Pages {
    fn read(file: &File) -> std::io::Result<Self> {
        let (mut first, mut all, mut unlike): (Option<Directory>, _, _) = (None, Vec::new(), None);
        let layout = directory::read(file, &mut |page| {
            if page.auxiliary && first.is_some() {
                return;
            }
            all.push(Place { directory: page.at, values: page.plain() });
            match &first {
                None => first = Some(page),
                Some(first) if unlike.is_none() && !page.is_like(first) => {
                    unlike = Some((all.len(), format!("{}×{}", page.width, page.height)));
                }
                Some(_) => {}
            }
        })?;
        let none = || std::io::Error::new(std::io::ErrorKind::InvalidData, "it has no pages");
        Ok(Self { layout, first: first.ok_or_else(none)?, all, unlike })
    }

    fn size(&self) -> Result<Size, String> {
        let Directory { width, height, .. } = self.first;
        match width.checked_mul(height) {
            // ImageJ's limit, too.
            Some(pixels @ 1..) if pixels <= i32::MAX as u64 => Ok(Size::new(width as usize, height as usize, 0)),
            _ => Err(format!("its pages are {width}×{height} pixels")),
        }
    }

    fn check_alike(&self) -> Result<(), String> {
        let Directory { width, height, .. } = self.first;
        match &self.unlike {
            None => Ok(()),
            Some((page, size)) => Err(format!(
                "its first page is {width}×{height} pixels, but page {page} is {size} or of another type: export the \
                 images one by one"
            )),
        }
    }

    /// A size that the file cannot have would take all memory when the first slice is read.
    fn check_whole(&self, slices: &[Place], kind: Kind, length: u64) -> Result<(), String> {
        let plane = self.first.width * self.first.height * kind.bytes() as u64;
        let ends_before = |place: &Place| match place.values {
            Some(start) => start.checked_add(plane).is_none_or(|end| end > length),
            None => plane / MOST_PACKED > length,
        };
        match slices.iter().position(ends_before) {
            None => Ok(()),
            Some(slice) => Err(format!("the file ends before the end of slice {}: copy or save it again", slice + 1)),
        }
    }

    fn describe(&self, kind: Kind, length: u64) -> Result<Described, String> {
        if ome::is_ome(&self.first.description) {
            let ome::Ome { axes, calibration, pages } = ome::read(&self.first.description, self.all.len())?;
            let slices = pages.into_iter().map(|page| self.all[page]).collect();
            let meaning = Meaning::Line(kind.scale());
            let (value_unit, range, has_filler) = (String::new(), None, false);
            return Ok(Described { axes, calibration, meaning, value_unit, range, has_filler, slices });
        }
        let calibration = imagej::calibration(&self.first);
        let Some(text) = imagej::Text::of(&self.first) else {
            let axes = Axes { channels: 1, frames: 1 };
            let (meaning, slices) = (Meaning::Line(kind.scale()), self.all.clone());
            let (value_unit, range, has_filler) = (String::new(), None, false);
            return Ok(Described { axes, calibration, meaning, value_unit, range, has_filler, slices });
        };
        let (axes, range, has_filler) = (text.axes(), text.range(), text.has_filler());
        let meaning = text.meaning(kind.grey())?.unwrap_or(Meaning::Line(kind.scale()));
        let value_unit = text.value_unit();
        let slices = match text.images() {
            images if images <= self.all.len() => self.all[..images].to_vec(),
            images => self.contiguous(images, kind, length)?,
        };
        let axes = if text.images() == slices.len() { axes } else { Axes { channels: 1, frames: 1 } };
        Ok(Described { axes, calibration, meaning, value_unit, range, has_filler, slices })
    }

    /// The slices of ImageJ's files over 4 GiB: they follow each other without directories.
    fn contiguous(&self, images: usize, kind: Kind, length: u64) -> Result<Vec<Place>, String> {
        let plane = self.first.width * self.first.height * kind.bytes() as u64;
        let Place { directory, values } = self.all[0];
        let fits = |start: &u64| length.saturating_sub(*start) / plane >= images as u64;
        let start = values.filter(fits);
        let start = start
            .ok_or_else(|| format!("the file ends before the end of its {images} slices: copy or save it again"))?;
        let place = |slice| Place { directory, values: Some(start + slice * plane) };
        Ok((0..images as u64).map(place).collect())
    }
}

impl SliceSource for TiffImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn unit(&self) -> &str {
        &self.unit
    }

    fn value_unit(&self) -> &str {
        &self.value_unit
    }

    fn has_filler(&self) -> bool {
        self.has_filler
    }

    fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let mut voxels = Voxels::<Ix2>::default();
        self.read_voxels(z, &mut voxels)?;
        voxels.store(out.view_mut());
        self.shape.scale.calibrate(flat_mut(&mut out));
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        let page = page::Page { file: &self.file, layout: self.layout, kind: self.kind, size: self.shape.size };
        let read = page.read(self.slices[z], std::mem::take(out));
        *out = read.map_err(|error| match error {
            PageError::File(reason) => StackError::Host { slice: z + 1, reason: format!("{}: {reason}", self.name) },
            PageError::Memory(error) => error.into(),
        })?;
        if let Some(curve) = &self.curve {
            let mut calibrated = zeros(self.shape.size.slice_dim())?;
            match out {
                Voxels::U8(numbers) => calibrated.zip_mut_with(numbers, |to, number| *to = curve[usize::from(*number)]),
                Voxels::U16(numbers) => {
                    calibrated.zip_mut_with(numbers, |to, number| *to = curve[usize::from(*number)])
                }
                Voxels::F32(_) => return Ok(()),
            }
            *out = Voxels::F32(calibrated);
        }
        Ok(())
    }
}

impl Image for TiffImage {
    fn channels(&self) -> usize {
        self.axes.channels
    }

    fn frames(&self) -> usize {
        self.axes.frames
    }
}
