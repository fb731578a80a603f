//! Zip files from untrusted sources: read in place, one flat folder, nothing more than a model needs.
//!
//! Only what PKWARE's APPNOTE calls the central directory is believed, and only where the local headers say the same, so
//! that no two programs see two different contents in one file.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use flate2::read::DeflateDecoder;

/// Entries of an archive.
const MOST_ENTRIES: usize = 64;
const MOST_DIRECTORY_BYTES: u64 = 64 << 10;
/// All files of an archive together, unpacked. The largest network has weights of 160 MB, which a package holds twice.
const MOST_TOTAL_BYTES: u64 = 384 << 20;
/// Text shrinks by some 20 times: more is a trap. Small files are no danger whatever they are packed from.
const MOST_RATIO: u64 = 200;
const SMALL: u64 = 1 << 20;

const END_BYTES: u64 = 22;
const END: [u8; 4] = *b"PK\x05\x06";
const DIRECTORY_BYTES: usize = 46;
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const LOCAL_BYTES: usize = 30;
const LOCAL: [u8; 4] = *b"PK\x03\x04";

const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const UNIX: u8 = 3;
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// An open archive.
pub struct Archive<R> {
    source: R,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    deflated: bool,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads and checks the list of files.
    ///
    /// # Errors
    /// In words: for what is no zip file, and for any of its tricks.
    pub fn open(mut source: R) -> Result<Self, String> {
        let (count, start, directory) = directory(&mut source)?;
        let mut rest = directory.as_slice();
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = Entry::read(&mut rest)?;
            if entries.iter().any(|other| other.name.eq_ignore_ascii_case(&entry.name)) {
                return Err(format!("it holds {} twice", entry.name));
            }
            entries.push(entry);
        }
        if !rest.is_empty() {
            return Err("its list of files does not end where it should".to_owned());
        }
        check_places(&entries, start)?;
        Ok(Self { source, entries })
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Whether there is such a file.
    pub fn holds(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// How many bytes a file has, and how many it takes in the archive.
    ///
    /// # Errors
    /// In words: when it is absent.
    pub fn bytes(&self, name: &str) -> Result<(u64, u64), String> {
        self.entry(name).map(|entry| (entry.size, entry.packed))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// In words: when it is absent, larger than `most`, or damaged.
    pub fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        let entry = self.entry(name)?;
        if entry.size > most {
            return Err(format!("{name} has {} bytes, more than the {most} that it may need", entry.size));
        }
        let mut bytes = Vec::new();
        self.copy(name, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the bytes of a file to `out`, a piece at a time.
    ///
    /// # Errors
    /// In words: when it is absent or damaged.
    pub fn copy(&mut self, name: &str, out: &mut dyn Write) -> Result<(), String> {
        let entry = self.entry(name)?;
        let (offset, deflated, packed, size, crc) = (entry.offset, entry.deflated, entry.packed, entry.size, entry.crc);
        let damaged = |error: io::Error| format!("{name} is damaged: {error}");
        self.source.seek(SeekFrom::Start(offset)).map_err(damaged)?;
        let mut header = [0; LOCAL_BYTES];
        self.source.read_exact(&mut header).map_err(damaged)?;
        let mut own = vec![0; u16_at(&header, 26).into()];
        self.source.read_exact(&mut own).map_err(damaged)?;
        let method = if deflated { DEFLATED } else { STORED };
        if header[..4] != LOCAL || own != name.as_bytes() || u16_at(&header, 8) != method {
            return Err(format!("{name} stands otherwise in the zip than in its list of files"));
        }
        self.source.seek(SeekFrom::Current(u16_at(&header, 28).into())).map_err(damaged)?;

        let packed = BufReader::with_capacity(1 << 16, (&mut self.source).take(packed));
        let mut unpacked: Box<dyn Read + '_> =
            if deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        // The size is only what the file claims: the limit holds for what really comes out.
        let mut left = size;
        let (mut piece, mut sum) = (vec![0; 1 << 16], crc32fast::Hasher::new());
        loop {
            let read = unpacked.read(&mut piece).map_err(damaged)?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| format!("{name} is longer than its {size} bytes"))?;
            sum.update(&piece[..read]);
            out.write_all(&piece[..read]).map_err(damaged)?;
        }
        match left == 0 && sum.finalize() == crc {
            true => Ok(()),
            false => Err(format!("{name} is damaged: its checksum or its length is wrong")),
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry, String> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| format!("it does not hold {name}"))
    }
}

/// How many files, where their list begins, and the list.
fn directory(source: &mut (impl Read + Seek)) -> Result<(usize, u64, Vec<u8>), String> {
    let no_zip = || "it is not a zip file, or its end is missing".to_owned();
    let length = source.seek(SeekFrom::End(0)).map_err(|_| no_zip())?;
    let end = length.checked_sub(END_BYTES).ok_or_else(no_zip)?;
    source.seek(SeekFrom::Start(end)).map_err(|_| no_zip())?;
    let mut record = [0; END_BYTES as usize];
    source.read_exact(&mut record).map_err(|_| no_zip())?;
    if record[..4] != END {
        return Err("it is not a zip file, or a part or a comment follows its end".to_owned());
    }
    let (bytes, start) = (u64::from(u32_at(&record, 12)), u64::from(u32_at(&record, 16)));
    let (disk, first_disk, here, count) =
        (u16_at(&record, 4), u16_at(&record, 6), u16_at(&record, 8), u16_at(&record, 10));
    if (disk, first_disk) != (0, 0) || here != count || start + bytes != end {
        return Err("it is a zip file in parts, of the 64-bit kind, or with something before its files".to_owned());
    }
    if usize::from(count) > MOST_ENTRIES || bytes > MOST_DIRECTORY_BYTES {
        return Err(format!("it holds {count} files, a model has at most {MOST_ENTRIES}"));
    }
    source.seek(SeekFrom::Start(start)).map_err(|_| no_zip())?;
    let mut directory = vec![0; bytes as usize];
    source.read_exact(&mut directory).map_err(|_| no_zip())?;
    Ok((count.into(), start, directory))
}

impl Entry {
    /// Takes one entry off the list.
    fn read(rest: &mut &[u8]) -> Result<Self, String> {
        let broken = || "its list of files is damaged".to_owned();
        let (header, after) = rest.split_at_checked(DIRECTORY_BYTES).ok_or_else(broken)?;
        if header[..4] != DIRECTORY {
            return Err(broken());
        }
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
        let (name, after) = after.split_at_checked(lengths[0]).ok_or_else(broken)?;
        *rest = after.get(lengths[1] + lengths[2]..).ok_or_else(broken)?;

        let name = checked_name(name)?;
        let mode = u32_at(header, 38) >> 16;
        if header[5] == UNIX && ![0, REGULAR].contains(&(mode & FILE_TYPE)) {
            return Err(format!("{name} is a link or something else that is not a file"));
        }
        let method = u16_at(header, 10);
        if u16_at(header, 8) & ENCRYPTED != 0 || ![STORED, DEFLATED].contains(&method) {
            return Err(format!("{name} is encrypted or packed in a way that models are not (method {method})"));
        }
        let [packed, size, offset] = [20, 24, 42].map(|at| u64::from(u32_at(header, at)));
        if size > SMALL && size / MOST_RATIO > packed {
            return Err(format!("{name} would unpack to {size} bytes from {packed}, more than a model needs"));
        }
        Ok(Self { name, deflated: method == DEFLATED, crc: u32_at(header, 16), packed, size, offset })
    }
}

/// A bare file name that means the same on every system.
fn checked_name(bytes: &[u8]) -> Result<String, String> {
    let name = std::str::from_utf8(bytes).map_err(|_| "a file in it has a name that is not UTF-8".to_owned())?;
    is_bare(name).then(|| name.to_owned()).ok_or_else(|| {
        format!("it holds {name:?}: a model has no folders, and no names with / \\ : .. or control characters")
    })
}

/// Whether a name is that of a file beside the others, wherever it may be unpacked.
pub fn is_bare(name: &str) -> bool {
    let odd = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.ends_with(['.', ' '])
        && !name.contains(odd)
}

/// Refuses files that lie over one another or over the list, and too many bytes together.
fn check_places(entries: &[Entry], directory: u64) -> Result<(), String> {
    let total: u64 = entries.iter().map(|entry| entry.size).sum();
    if total > MOST_TOTAL_BYTES {
        return Err(format!("its files have {total} bytes, more than {MOST_TOTAL_BYTES}"));
    }
    let mut places: Vec<(u64, u64)> = entries
        .iter()
        .map(|entry| (entry.offset, entry.offset + (LOCAL_BYTES + entry.name.len()) as u64 + entry.packed))
        .collect();
    places.push((directory, directory));
    places.sort_unstable();
    match places.windows(2).all(|pair| pair[0].1 <= pair[1].0) {
        true => Ok(()),
        false => Err("its files lie over one another".to_owned()),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
