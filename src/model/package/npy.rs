//! Arrays in NumPy's file format.

/// The first bytes of a file; the version follows in two bytes.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Test tensors are one small tile.
const MOST_VALUES: usize = 1 << 24;

/// An array of numbers, the last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// A file of shape (1, 1, edge, edge), `float32`.
pub(super) fn write(edge: usize, values: &[f32]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, {edge}, {edge}), }}").into_bytes();
    // Magic word, version and length take ten bytes; the whole is a multiple of 64 and ends with a line.
    header.resize((header.len() + 11).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    let mut bytes = [MAGIC, &[1, 0]].concat();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Reads an array of real numbers: floats of 16 to 64 bits, whole numbers of 8 to 64 bits or truth values, in either
/// order of bytes and of axes.
///
/// # Errors
/// In words: for every other kind of file, and for numbers that are not finite.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor, String> {
    let damaged = || "it is not an array in NumPy's file format 1.0 to 3.0".to_owned();
    let (header, data) = parts(bytes).ok_or_else(damaged)?;
    let header: String = std::str::from_utf8(header).map_err(|_| damaged())?.split_whitespace().collect();
    let between = |start: &str, end: char| {
        let from = header.find(start)? + start.len();
        Some(&header[from..from + header[from..].find(end)?])
    };
    let axes = between("'shape':(", ')').ok_or_else(damaged)?;
    let lengths =
        axes.split(',').filter(|length| !length.is_empty()).map(|length| length.parse().map_err(|_| damaged()));
    let shape: Vec<usize> = lengths.collect::<Result<_, _>>()?;
    let count = shape.iter().try_fold(1usize, |product, length| product.checked_mul(*length));
    let count = count.filter(|count| *count <= MOST_VALUES);
    let count = count.ok_or_else(|| format!("its shape ({axes}) has more than {MOST_VALUES} values"))?;
    let kind = between("'descr':'", '\'').ok_or_else(|| "its numbers are of several kinds".to_owned())?;
    let numbers = Numbers::of(kind).ok_or_else(|| {
        format!("its numbers are of the kind {kind:?}: only real numbers and truth values of up to 64 bits are read")
    })?;
    if data.len() != count * numbers.width {
        let (held, asked) = (data.len(), count * numbers.width);
        return Err(format!("it holds {held} bytes of numbers, its shape ({axes}) asks for {asked}"));
    }
    let values: Vec<f32> = data.chunks_exact(numbers.width).map(|bytes| numbers.value(bytes)).collect();
    if !values.iter().all(|value| value.is_finite()) {
        return Err("it holds numbers that are not finite".to_owned());
    }
    match ["False", "True"].map(|order| header.contains(&format!("'fortran_order':{order}"))) {
        [true, false] => Ok(Tensor { shape, values }),
        [false, true] => Ok(Tensor { values: last_axis_fastest(&shape, &values), shape }),
        _ => Err(damaged()),
    }
}

/// The header and the numbers of a file.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([version, _], rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    match version {
        1 => {
            let (length, rest) = rest.split_first_chunk()?;
            rest.split_at_checked(u16::from_le_bytes(*length).into())
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk()?;
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
        }
        _ => None,
    }
}

/// How numbers are stored.
struct Numbers {
    width: usize,
    big_end_first: bool,
    /// From eight bytes, the lowest first, of which the upper ones are zero.
    value: fn([u8; 8]) -> f32,
}

impl Numbers {
    /// From NumPy's name, such as `<f4`.
    fn of(kind: &str) -> Option<Self> {
        let (order, name) = kind.split_at_checked(1)?;
        let value: fn([u8; 8]) -> f32 = match name {
            "f2" => |bytes| half(u16::from_le_bytes([bytes[0], bytes[1]])),
            "f4" => |bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            "f8" => |bytes| f64::from_le_bytes(bytes) as f32,
            "b1" => |bytes| f32::from(u8::from(bytes[0] != 0)),
            "u1" | "u2" | "u4" | "u8" => |bytes| u64::from_le_bytes(bytes) as f32,
            "i1" => |bytes| f32::from(bytes[0] as i8),
            "i2" => |bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])),
            "i4" => |bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as f32,
            "i8" => |bytes| i64::from_le_bytes(bytes) as f32,
            _ => return None,
        };
        let big_end_first = match order {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return None,
        };
        Some(Self { width: name[1..].parse().ok()?, big_end_first, value })
    }

    fn value(&self, stored: &[u8]) -> f32 {
        let mut bytes = [0; 8];
        bytes[..self.width].copy_from_slice(stored);
        if self.big_end_first {
            bytes[..self.width].reverse();
        }
        (self.value)(bytes)
    }
}

/// A 16-bit float of IEEE 754.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The values of an array whose first axis is the fastest, in the usual order.
fn last_axis_fastest(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let mut steps: Vec<usize> = Vec::with_capacity(shape.len());
    shape.iter().fold(1, |step, length| {
        steps.push(step);
        step * length
    });
    let mut place = vec![0; shape.len()];
    let mut at = 0;
    let mut ordered = Vec::with_capacity(values.len());
    for _ in values {
        ordered.push(values[at]);
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            at += steps[axis];
            if place[axis] < shape[axis] {
                break;
            }
            at -= place[axis] * steps[axis];
            place[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_padded_to_64_bytes() {
        let file = write(2, &[1.0; 4]);
        assert_eq!((file.len() - 16) % 64, 0);
        assert_eq!(file[file.len() - 17], b'\n');
    }

    #[test]
    fn what_is_written_is_read() {
        let values = [1.5, -2.0, 0.0, 1e-20];
        assert_eq!(read(&write(2, &values)).unwrap(), Tensor { shape: vec![1, 1, 2, 2], values: values.to_vec() });
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn every_kind_of_real_number_is_read() {
        for (kind, data) in [
            ("|b1", vec![0, 1, 2]),
            ("|u1", vec![0, 1, 1]),
            ("|i1", vec![0, 1, 1]),
            ("<f2", vec![0, 0, 0, 0x3c, 0, 0x3c]),
            (">f2", vec![0, 0, 0x3c, 0, 0x3c, 0]),
            (">f4", vec![0, 0, 0, 0, 0x3f, 0x80, 0, 0, 0x3f, 0x80, 0, 0]),
            (">u2", vec![0, 0, 0, 1, 0, 1]),
        ] {
            let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (3,), }}");
            assert_eq!(read(&file(&header, &data)).unwrap().values, [0.0, 1.0, 1.0], "{kind}");
        }
        for (kind, width) in [("i", 1), ("i", 2), ("i", 4), ("i", 8), ("u", 2), ("u", 4), ("u", 8), ("f", 8)] {
            let header = format!("{{'descr': '<{kind}{width}', 'fortran_order': False, 'shape': (2,), }}");
            let (ones, expected) = match kind {
                "i" => (vec![255; width], -1.0),
                "u" => (vec![255; width], (2f64.powi(8 * width as i32) - 1.0) as f32),
                _ => ((-2.5f64).to_le_bytes().to_vec(), -2.5),
            };
            let data = [vec![0; width], ones].concat();
            assert_eq!(read(&file(&header, &data)).unwrap().values, [0.0, expected], "{kind}{width}");
        }
    }

    #[test]
    fn halves_are_those_of_numpy() {
        // np.array([1.5, -2, 65504, 6e-8, 0.1], "f2").view("u2")
        let halves = [0x3e00, 0xc000, 0x7bff, 0x0001, 0x2e66].map(half);
        assert_eq!(halves, [1.5, -2.0, 65504.0, 2f32.powi(-24), 0.099_975_586]);
        assert!(half(0x7c00) == f32::INFINITY && half(0x7e00).is_nan());
    }

    #[test]
    fn either_order_of_axes_and_every_version_is_read() {
        // np.asfortranarray(np.arange(6).reshape(1, 2, 3))
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2, 3), }";
        let columns = read(&file(header, &[0, 3, 1, 4, 2, 5])).unwrap();
        assert_eq!(columns, Tensor { shape: vec![1, 2, 3], values: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] });
        for version in [2, 3] {
            let long =
                [MAGIC, &[version, 0], &(header.len() as u32).to_le_bytes(), header.as_bytes(), &[0; 6]].concat();
            assert_eq!(read(&long).unwrap().shape, [1, 2, 3]);
        }
        let next = [MAGIC, &[4, 0], &(header.len() as u32).to_le_bytes(), header.as_bytes(), &[0; 6]].concat();
        assert!(read(&next).is_err());
    }

    #[test]
    fn what_is_no_array_of_real_numbers_is_refused() {
        let small = file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[1, 2, 255]);
        assert_eq!(read(&small).unwrap().values, [1.0, 2.0, 255.0]);
        for (header, said) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "kind"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", "kind"),
            ("{'descr': '|ä1', 'fortran_order': False, 'shape': (3,), }", "kind"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", "several kinds"),
            ("{'descr': '|u1', 'fortran_order': Maybe, 'shape': (3,), }", "NumPy"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "asks for 12"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 16), }", "more than"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "NumPy"),
            ("{'descr': '<f4', 'fortran_order': False}", "NumPy"),
        ] {
            let error = read(&file(header, &[1, 2, 3])).unwrap_err();
            assert!(error.contains(said), "{header}: {error}");
        }
        for length in 0..small.len() {
            assert!(read(&small[..length]).is_err());
        }
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        assert!(read(&file(header, &f32::NAN.to_le_bytes())).unwrap_err().contains("finite"));
    }
}
