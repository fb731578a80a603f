//! The values of one page, in the type that the core takes them in.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use ndarray::{Array2, Dim, Ix2};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use undulator::{
    memory::{OutOfMemory, zeros},
    stack::{GreyScale, GreyType, Size, Voxels},
};

use super::{
    directory::{Directory, Layout},
    positioned,
};

/// Numbers that are read at once.
const CHUNK: usize = 1 << 18;

const STANDARD: &str = "slices are in standard layout";

/// Why a page cannot be read.
#[derive(Debug)]
pub enum PageError {
    /// What is wrong with the file.
    File(String),
    /// There is too little memory.
    Memory(OutOfMemory),
}

impl From<OutOfMemory> for PageError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

/// Where a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its page's directory.
    pub directory: u64,
    /// Where its values begin, if they stand in the file as they are.
    pub values: Option<u64>,
}

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U8,
    U16,
    F32,
    I8,
    I16,
}

impl Kind {
    /// The kind of a page's pixels.
    ///
    /// # Errors
    /// For everything that is not grey values of 8 or 16 bits or 32-bit floats, or compressed in an unusual way.
    pub fn of(page: &Directory) -> Result<Self, String> {
        match page.photometric {
            1 => {}
            0 => return Err("zero is white in it (WhiteIsZero): invert its values first".to_owned()),
            2 => return Err("it is an RGB image: convert it to grey values first".to_owned()),
            3 => return Err("it has a colour palette: convert it to grey values first".to_owned()),
            _ => return Err("it does not hold grey values: convert it first".to_owned()),
        }
        let (bits, samples) = (page.bits.first().copied().unwrap_or(1), page.samples);
        if samples != 1 {
            return Err(format!("its pixels have {samples} samples: save each channel as its own page"));
        }
        if let Some(name) = unknown_compression(page.compression) {
            return Err(format!("it is compressed with {name}: save it uncompressed, or with LZW or Deflate"));
        }
        match (page.format, bits) {
            (1 | 4, 8) => Ok(Self::U8),
            (1 | 4, 16) => Ok(Self::U16),
            (3, 32) => Ok(Self::F32),
            (2, 8) => Ok(Self::I8),
            (2, 16) => Ok(Self::I16),
            (format, bits) => {
                let numbers = if format == 3 { "floats" } else { "integers" };
                Err(format!(
                    "its values are {bits}-bit {numbers}: convert them to 8-bit or 16-bit integers or 32-bit floats first"
                ))
            }
        }
    }

    /// The type that the core takes these values in, exactly: signed 16 bits as unsigned ones on a scale of their own, as
    /// ImageJ does, and signed 8 bits, which it does not know, as floats.
    pub fn grey(self) -> GreyType {
        match self {
            Self::U8 => GreyType::U8,
            Self::U16 | Self::I16 => GreyType::U16,
            Self::F32 | Self::I8 => GreyType::F32,
        }
    }

    /// What the numbers that the core takes mean.
    pub fn scale(self) -> GreyScale {
        if self == Self::I16 { GreyScale::SIGNED_16 } else { GreyScale::IDENTITY }
    }

    /// Whether ImageJ has these values: signed 8 bits it takes for unsigned ones.
    pub fn is_as_in_imagej(self) -> bool {
        self != Self::I8
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F32 => 4,
        }
    }
}

/// Turns signed 16 bits into unsigned ones that are 32768 higher, and back.
const SIGN: u16 = 1 << 15;

/// The name of a compression that is not read.
fn unknown_compression(code: u64) -> Option<String> {
    let name = match code {
        1 | 5 | 8 | 32946 | 32773 => return None,
        2..=4 => "a fax code",
        6 | 7 => "JPEG",
        34712 | 33003..=33005 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        22610 | 34934 => "JPEG XR",
        50002 | 52546 => "JPEG XL",
        _ => return Some(format!("method {code}")),
    };
    Some(name.to_owned())
}

/// What is needed to read a page of a file.
pub struct Page<'a> {
    pub file: &'a File,
    pub layout: Layout,
    pub kind: Kind,
    pub size: Size,
}

impl Page<'_> {
    /// Reads a slice; `spare` is memory that may be used.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn read(&self, place: Place, mut spare: Voxels<Ix2>) -> Result<Voxels<Ix2>, PageError> {
        match place.values {
            Some(start) => {
                spare.fit(self.kind.grey(), Dim(self.size.slice_dim()))?;
                self.copy(start, &mut spare).map_err(|error| PageError::File(error.to_string()))?;
                Ok(spare)
            }
            None => {
                // The decoder ends the program where the memory does not hold a page.
                drop(zeros::<u8, _>((self.size.height, self.size.width * self.kind.bytes()))?);
                self.decode(place.directory).map_err(PageError::File)
            }
        }
    }

    /// Values that stand in the file as they are, some rows at a time.
    fn copy(&self, start: u64, to: &mut Voxels<Ix2>) -> io::Result<()> {
        let little = self.layout.little;
        let pair = |two: [u8; 2]| if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) };
        let four = |four: [u8; 4]| if little { f32::from_le_bytes(four) } else { f32::from_be_bytes(four) };
        match (self.kind, to) {
            (Kind::U8, Voxels::U8(to)) => positioned::read_exact(self.file, to.as_slice_mut().expect(STANDARD), start),
            (Kind::U16, Voxels::U16(to)) => self.convert(start, to, pair),
            (Kind::F32, Voxels::F32(to)) => self.convert(start, to, four),
            (Kind::I8, Voxels::F32(to)) => self.convert(start, to, |[byte]: [u8; 1]| f32::from(byte as i8)),
            (Kind::I16, Voxels::U16(to)) => self.convert(start, to, |two| pair(two) ^ SIGN),
            _ => unreachable!("the slice is of the page's type"),
        }
    }

    /// Reads numbers of `N` bytes.
    fn convert<const N: usize, T>(
        &self,
        start: u64,
        to: &mut Array2<T>,
        number: impl Fn([u8; N]) -> T,
    ) -> io::Result<()> {
        let mut bytes = vec![0; N * CHUNK];
        for (at, to) in to.as_slice_mut().expect(STANDARD).chunks_mut(CHUNK).enumerate() {
            let bytes = &mut bytes[..N * to.len()];
            positioned::read_exact(self.file, bytes, start + (at * N * CHUNK) as u64)?;
            to.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(to, bytes)| *to = number(*bytes));
        }
        Ok(())
    }

    /// Compressed values, or those of tiles.
    fn decode(&self, directory: u64) -> Result<Voxels<Ix2>, String> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = self.size.plane() * self.kind.bytes();
        limits.intermediate_buffer_size = limits.decoding_buffer_size.max(limits.intermediate_buffer_size);
        limits.ifd_value_size = limits.ifd_value_size.max(limits.decoding_buffer_size);
        let file = BufReader::new(OnePage::new(self.file, self.layout, directory).map_err(|error| error.to_string())?);
        let decoder = Decoder::new(file).map(|decoder| decoder.with_limits(limits));
        let values = decoder.and_then(|mut decoder| decoder.read_image()).map_err(|error| error.to_string())?;
        let voxels = match (self.kind, values) {
            (Kind::U8, DecodingResult::U8(values)) => self.slice(values).map(Voxels::U8),
            (Kind::U16, DecodingResult::U16(values)) => self.slice(values).map(Voxels::U16),
            (Kind::F32, DecodingResult::F32(values)) => self.slice(values).map(Voxels::F32),
            (Kind::I8, DecodingResult::I8(values)) => {
                self.slice(values.into_iter().map(f32::from).collect()).map(Voxels::F32)
            }
            (Kind::I16, DecodingResult::I16(values)) => {
                self.slice(values.into_iter().map(|number| number as u16 ^ SIGN).collect()).map(Voxels::U16)
            }
            _ => return Err("its values are of another type than its first page says".to_owned()),
        };
        voxels.map_err(|error| error.to_string())
    }

    /// The values of a slice, row after row, as one.
    fn slice<T>(&self, values: Vec<T>) -> io::Result<Array2<T>> {
        Array2::from_shape_vec(self.size.slice_dim(), values).map_err(io::Error::other)
    }
}

/// A file whose first directory is the one that is wanted: so the decoder need not look through those before it, and
/// any thread has a decoder of its own.
struct OnePage<'a> {
    file: &'a File,
    header: Vec<u8>,
    length: u64,
    at: u64,
}

impl<'a> OnePage<'a> {
    fn new(file: &'a File, layout: Layout, directory: u64) -> io::Result<Self> {
        let place = if layout.big { 8..16 } else { 4..8 };
        let mut header = vec![0; place.end];
        positioned::read_exact(file, &mut header, 0)?;
        let width = place.len();
        match layout.little {
            true => header[place].copy_from_slice(&directory.to_le_bytes()[..width]),
            false => header[place].copy_from_slice(&directory.to_be_bytes()[8 - width..]),
        }
        Ok(Self { file, header, length: file.metadata()?.len(), at: 0 })
    }
}

impl Read for OnePage<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = positioned::read_some(self.file, bytes, self.at)?;
        let patched = self.header.get(self.at as usize..).unwrap_or_default();
        bytes[..read].iter_mut().zip(patched).for_each(|(byte, patch)| *byte = *patch);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for OnePage<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
