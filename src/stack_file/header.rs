//! The data before the slices: a TIFF header as ImageJ writes it for stacks of any size.
//!
//! One directory describes the first slice, and ImageJ's own text in its description says how many follow it without
//! gaps. So nothing in the file is counted in 32 bits beyond its first page (TIFF 6.0, 1992; `ij.io.TiffEncoder` and
//! `ij.io.FileSaver`, version 1.54p). The bytes are in Intel's order, which ImageJ reads as well as its own.

use super::{DisplaySettings, Job, job::MARK};
use crate::stack::{GreyScale, GreyType, Shape};

/// Bytes before the first slice: a page of memory.
pub(super) const LENGTH: usize = 4096;

/// Directory entries.
const ENTRIES: usize = 15;
/// What every header starts with: Intel's order, where the directory stands, and how many entries it has.
const START: [u8; 10] = *b"II*\0\x08\0\0\0\x0f\0";
const _: () = assert!(START[8] as usize == ENTRIES);
/// Where the bytes of a slice stand: in the value of the eleventh entry.
const PLANE: usize = START.len() + 12 * 10 + 8;
/// Where what the entries point to stands.
const BEHIND: usize = 8 + 2 + 12 * ENTRIES + 4;
/// Where the text stands, behind two fractions.
const TEXT: usize = BEHIND + 2 * 8;

/// The line of a stack that has filler, see [`SliceSink::mark_filler`](crate::stack::SliceSink::mark_filler): the command
/// line and the plugin look for it.
pub(super) const FILLER: &str = "undulator.filler=lowest\n";

/// Bytes of text that there is room for, with the zero at its end.
pub(super) const TEXT_ROOM: usize = LENGTH - TEXT;

/// The header of such a stack.
///
/// # Panics
/// If the text is longer than [`TEXT_ROOM`] or a slice 4 GiB or larger.
pub(super) fn header(shape: Shape, unit: &str, text: &str) -> Vec<u8> {
    let size = shape.size;
    let number = |number: usize| u32::try_from(number).expect("checked by the caller");
    assert!(text.len() < TEXT_ROOM, "checked by the caller");
    let (short, long, ascii, fraction) = (3, 4, 2, 5);
    let entries: [(u16, u16, u32, u32); ENTRIES] = [
        (254, long, 1, 0), // an image of full size
        (256, long, 1, number(size.width)),
        (257, long, 1, number(size.height)),
        (258, short, 1, shape.grey.bits()),
        (259, short, 1, 1), // not compressed
        (262, short, 1, 1), // zero is black
        (270, ascii, number(text.len() + 1), TEXT as u32),
        (273, long, 1, LENGTH as u32),
        (277, short, 1, 1),
        (278, long, 1, number(size.height)),
        (279, long, 1, number(size.plane() * shape.grey.bits() as usize / 8)),
        (282, fraction, 1, BEHIND as u32),
        (283, fraction, 1, BEHIND as u32 + 8),
        (296, short, 1, 1), // the unit is in the text
        (339, short, 1, numbers(shape)),
    ];
    let mut bytes = START.to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend(0u32.to_le_bytes()); // no other directory
    for edge in &shape.voxel.edges_in(unit)[..2] {
        let (pixels, units) = pixels_in_units(*edge);
        bytes.extend([pixels.to_le_bytes(), units.to_le_bytes()].concat());
    }
    bytes.extend(text.as_bytes());
    bytes.resize(LENGTH, 0);
    bytes
}

/// TIFF's name for what a pixel is: unsigned, signed or floating point.
fn numbers(shape: Shape) -> u32 {
    match shape.grey {
        GreyType::F32 => 3,
        _ if sign_bit(shape) != 0 => 2,
        _ => 1,
    }
}

/// The bit in which 16-bit numbers differ in the file from those stored: signed ones stand in it as every program reads
/// them.
pub(super) fn sign_bit(shape: Shape) -> u16 {
    if shape.grey == GreyType::U16 && shape.scale == GreyScale::SIGNED_16 { 1 << 15 } else { 0 }
}

/// ImageJ's text: how many slices there are, how they are calibrated and shown, and the job that they come from.
pub(super) fn text(shape: Shape, display: &DisplaySettings, job: &Job) -> String {
    let (mut text, total) = ("ImageJ=1.54p\n".to_owned(), shape.size.slices);
    let DisplaySettings { unit, value_unit, channels, frames, range } = display;
    let mut line = |line: String| text.extend([line.as_str(), "\n"]);
    if total > 1 {
        line(format!("images={total}"));
    }
    let slices = total / (channels * frames).max(1);
    [("channels", *channels), ("slices", slices), ("frames", *frames)]
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .for_each(|(axis, count)| line(format!("{axis}={count}")));
    if *channels > 1 || (*frames > 1 && slices > 1) {
        line("hyperstack=true".to_owned());
    }
    line(format!("unit={}", escaped(unit)));
    if total > 1 {
        line(format!("spacing={}", shape.voxel.edges_in(unit)[2]));
        line("loop=false".to_owned());
    }
    let scale = shape.scale;
    if !scale.is_identity() {
        // ImageJ's straight line; it reads the line only with a unit.
        line("cf=0".to_owned());
        line(format!("c0={}", scale.offset));
        line(format!("c1={}", scale.slope));
    }
    if !scale.is_identity() || !value_unit.is_empty() {
        line(format!("vunit={}", escaped(if value_unit.is_empty() { GREY_VALUE } else { value_unit })));
    }
    if let Some(range) = range {
        // ImageJ shows stored numbers.
        let ends = [scale.stored(range.low), scale.stored(range.high)];
        line(format!("min={}", ends[0].min(ends[1])));
        line(format!("max={}", ends[0].max(ends[1])));
    }
    job.lines().for_each(line);
    text
}

/// What ImageJ calls grey values without a unit.
const GREY_VALUE: &str = "Gray Value";

/// The text of a header.
pub(super) fn text_of(header: &[u8]) -> String {
    let text = header.get(TEXT..).unwrap_or_default();
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).into_owned()
}

/// Whether an unfinished file of this program, whose first bytes are `header`, has no whole slice.
pub(super) fn has_no_slice(header: &[u8], length: u64) -> bool {
    // A system that went down may leave zeros in place of what it had not written yet.
    if header.iter().all(|byte| *byte == 0) {
        return length <= LENGTH as u64;
    }
    if header.len() < LENGTH {
        let is_ours = header.len() <= TEXT || text_of(header).contains(MARK);
        return is_ours && header.starts_with(&START[..header.len().min(START.len())]);
    }
    let plane = header[PLANE..][..4].try_into().map_or(0, u32::from_le_bytes);
    text_of(header).contains(MARK) && length < LENGTH as u64 + u64::from(plane)
}

/// As ImageJ's text has them: plain ASCII, other characters as `\u00b5`.
fn escaped(words: &str) -> String {
    let one = |unit: u16| match u8::try_from(unit) {
        Ok(byte @ 0x20..0x7f) if byte != b'\\' => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    words.encode_utf16().map(one).collect()
}

/// How many pixels there are in how many units: exact for edges of up to eight decimals.
fn pixels_in_units(edge: f64) -> (u32, u32) {
    let exact = (0..=8).map(|decimals| 10u32.pow(decimals)).find(|pixels| {
        let units = edge * f64::from(*pixels);
        units <= f64::from(u32::MAX) && units >= 1.0 && (units - units.round()).abs() < 1e-9 * units
    });
    match exact {
        Some(pixels) => (pixels, (edge * f64::from(pixels)).round() as u32),
        None if edge > 1.0 => ((f64::from(u32::MAX) / edge).round() as u32, u32::MAX),
        None => (u32::MAX, (f64::from(u32::MAX) * edge).round().max(1.0) as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_come_back_as_imagej_reads_them() {
        for edge in [0.6, 0.31, 0.495, 1.0, 12.5, 1.0 / 3.0, 1e-5, 2e5, std::f64::consts::PI] {
            let (pixels, units) = pixels_in_units(edge);
            let read = 1.0 / (f64::from(pixels) / f64::from(units));
            assert!((read - edge).abs() <= 1e-4 * edge, "{edge} became {read}");
        }
        assert_eq!(pixels_in_units(0.31), (100, 31));
    }

    #[test]
    fn units_are_escaped_as_java_reads_them() {
        assert_eq!(escaped("µm"), "\\u00b5m");
        assert_eq!(escaped("a\\b\nc"), "a\\u005cb\\u000ac");
    }
}
