//! The directories of a TIFF, one for each page: what they say of the page, and where its values are.
//!
//! Classic TIFF (TIFF 6.0, 1992) and BigTIFF, in either byte order. The values of pages that are not compressed are read
//! from here; the others are decoded by the crate `tiff`.

use std::{collections::HashSet, fs::File, io};

use super::positioned;

/// More directories than any program writes: a file that seems to have more is damaged.
const MOST_PAGES: usize = 1 << 24;
/// Entries of a directory, bytes of a text, numbers of a list: more than any of them has in a file that is whole.
const MOST_ENTRIES: u64 = 1 << 12;
const MOST_VALUES: u64 = 1 << 26;

/// How the numbers of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Intel's byte order.
    pub little: bool,
    /// Offsets of 64 bits.
    pub big: bool,
}

/// What is known of one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// Where it stands in the file.
    pub at: u64,
    pub width: u64,
    pub height: u64,
    /// Bits of each sample.
    pub bits: Vec<u64>,
    /// 1 unsigned, 2 signed, 3 floating point.
    pub format: u64,
    /// Samples of a pixel: 3 in colours.
    pub samples: u64,
    pub compression: u64,
    /// 0 white is zero, 1 black is zero, 2 RGB, 3 palette.
    pub photometric: u64,
    /// Whether it is a smaller copy of another page, or a mask.
    pub auxiliary: bool,
    /// Where its strips or tiles begin, and how many bytes they have.
    pub chunks: Vec<(u64, u64)>,
    pub tiled: bool,
    pub description: String,
    /// Edges of a pixel along x and y, in the unit of the resolution.
    pub edges: [Option<f64>; 2],
    /// 1 none, 2 inch, 3 centimetre.
    pub resolution_unit: u64,
}

impl Directory {
    /// Where the values begin, if they stand in the file as they are and without gaps.
    pub fn plain(&self) -> Option<u64> {
        let contiguous = self.chunks.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0);
        (self.compression == 1 && !self.tiled && contiguous).then_some(())?;
        self.chunks.first().map(|(start, _)| *start)
    }

    /// Whether its values are those of the same kind of image.
    pub fn is_like(&self, other: &Self) -> bool {
        let kind = |of: &Self| (of.width, of.height, of.bits.clone(), of.format, of.samples, of.photometric);
        kind(self) == kind(other)
    }
}

/// Reads how numbers are written, and hands over the directories one after the other: lists of strips may be long.
///
/// # Errors
/// When the file is no TIFF or damaged.
pub fn read(file: &File, take: &mut dyn FnMut(Directory)) -> io::Result<Layout> {
    let (layout, mut next) = header(file)?;
    let (mut seen, reader) = (HashSet::new(), Reader { file, layout });
    while next != 0 {
        // Damaged files have directories that follow themselves.
        if seen.len() == MOST_PAGES || !seen.insert(next) {
            return Err(damaged("its directories form a loop"));
        }
        let (directory, following) = reader.directory(next)?;
        take(directory);
        next = following;
    }
    Ok(layout)
}

fn header(file: &File) -> io::Result<(Layout, u64)> {
    let mut bytes = [0; 16];
    let length = positioned::read_some(file, &mut bytes, 0)?;
    let little = match bytes.get(..2) {
        Some(b"II") => true,
        Some(b"MM") => false,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a TIFF")),
    };
    let small = Layout { little, big: false };
    match small.number(&bytes[2..4]) {
        42 if length >= 8 => Ok((small, small.number(&bytes[4..8]))),
        43 if length >= 16 => Ok((Layout { little, big: true }, small.number(&bytes[8..16]))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a TIFF")),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is damaged: {what}"))
}

impl Layout {
    /// An unsigned number of up to eight bytes.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }
}

struct Reader<'a> {
    file: &'a File,
    layout: Layout,
}

/// The numbers or the text of one entry.
struct Entry {
    tag: u64,
    /// Bytes of one value.
    width: usize,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn bytes(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let read = positioned::read_exact(self.file, &mut bytes, at);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => error,
        })?;
        Ok(bytes)
    }

    /// The directory that stands there, and where the next one is; 0 after the last.
    fn directory(&self, at: u64) -> io::Result<(Directory, u64)> {
        let (count_bytes, entry_bytes, offset_bytes) = if self.layout.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.layout.number(&self.bytes(at, count_bytes)?);
        if count > MOST_ENTRIES {
            return Err(damaged("a directory is too long"));
        }
        let bytes = self.bytes(at + count_bytes as u64, count as usize * entry_bytes + offset_bytes)?;
        let (entries, next) = bytes.split_at(count as usize * entry_bytes);
        let mut found = Found { directory: Directory { at, ..Directory::blank() }, ..Found::default() };
        for entry in entries.chunks_exact(entry_bytes) {
            if let Some(entry) = self.entry(entry)? {
                found.take(&entry, self.layout);
            }
        }
        Ok((found.directory(), self.layout.number(next)))
    }

    /// An entry that says something of interest, with its values.
    fn entry(&self, entry: &[u8]) -> io::Result<Option<Entry>> {
        let number = |range: std::ops::Range<usize>| self.layout.number(&entry[range]);
        let (tag, kind) = (number(0..2), number(2..4));
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => return Ok(None),
        };
        if !TAGS.contains(&tag) {
            return Ok(None);
        }
        let (count, value) = if self.layout.big { (number(4..12), &entry[12..]) } else { (number(4..8), &entry[8..]) };
        if count > MOST_VALUES {
            return Err(damaged("a list in a directory is too long"));
        }
        let length = count as usize * width;
        let bytes = match length <= value.len() {
            true => value[..length].to_vec(),
            false => self.bytes(self.layout.number(value), length)?,
        };
        Ok(Some(Entry { tag, width, bytes }))
    }
}

const TAGS: [u64; 17] = [254, 256, 257, 258, 259, 262, 270, 273, 277, 279, 282, 283, 296, 322, 324, 325, 339];

#[derive(Default)]
struct Found {
    directory: Directory,
    starts: Vec<u64>,
    lengths: Vec<u64>,
}

impl Directory {
    /// What holds where a directory says nothing.
    fn blank() -> Self {
        Self {
            bits: vec![1],
            format: 1,
            samples: 1,
            compression: 1,
            resolution_unit: 2,
            photometric: 1,
            ..Self::default()
        }
    }
}

impl Found {
    fn take(&mut self, entry: &Entry, layout: Layout) {
        let numbers = || entry.bytes.chunks_exact(entry.width).map(|bytes| layout.number(bytes));
        let first = numbers().next().unwrap_or(0);
        let edge = || {
            let (pixels, units) = entry.bytes.get(..8)?.split_at(4);
            let (pixels, units) = (layout.number(pixels) as f64, layout.number(units) as f64);
            (pixels != 0.0 && units != 0.0).then_some(units / pixels)
        };
        let page = &mut self.directory;
        match entry.tag {
            254 => page.auxiliary = first & 0b101 != 0,
            256 => page.width = first,
            257 => page.height = first,
            258 => page.bits = numbers().collect(),
            259 => page.compression = first,
            262 => page.photometric = first,
            270 => page.description = text(&entry.bytes),
            273 => self.starts = numbers().collect(),
            277 => page.samples = first,
            279 => self.lengths = numbers().collect(),
            282 => page.edges[0] = edge(),
            283 => page.edges[1] = edge(),
            296 => page.resolution_unit = first,
            322 => page.tiled = true,
            324 => self.starts = numbers().collect(),
            325 => self.lengths = numbers().collect(),
            339 => page.format = first,
            _ => {}
        }
    }

    fn directory(self) -> Directory {
        // One strip without a length has all that there is.
        let lengths = self.lengths.into_iter().chain(std::iter::repeat(0));
        Directory { chunks: self.starts.into_iter().zip(lengths).collect(), ..self.directory }
    }
}

/// A text up to its zero; old programs write Latin-1.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes[..end].iter().map(|byte| char::from(*byte)).collect(),
    }
}
