//! Arrays as NumPy's file format 1.0 has them.

/// The first bytes of a file, the last two of which are the version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
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
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Reads an array of 32- or 64-bit floats or of 8- or 16-bit unsigned numbers.
///
/// # Errors
/// In words: for every other kind of file, and for numbers that are not finite.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor, String> {
    let damaged = || "it is not an array of NumPy's file format 1.0".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
    let (header, data) = rest.split_at_checked(u16::from_le_bytes(*length).into()).ok_or_else(damaged)?;
    let header: String = std::str::from_utf8(header).map_err(|_| damaged())?.split_whitespace().collect();
    if !header.contains("'fortran_order':False") {
        return Err("its last axis is not the fastest".to_owned());
    }
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
    let kind = between("'descr':'", '\'').ok_or_else(damaged)?;
    let (width, value): (usize, fn(&[u8]) -> f32) = match kind {
        "<f4" => (4, |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        "<f8" => (8, |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32),
        "|u1" => (1, |b| f32::from(b[0])),
        "<u2" => (2, |b| f32::from(u16::from_le_bytes([b[0], b[1]]))),
        _ => return Err(format!("its numbers are of the kind {kind:?}, not <f4, <f8, |u1 or <u2")),
    };
    if data.len() != count * width {
        return Err(format!("it holds {} bytes of numbers, its shape ({axes}) asks for {}", data.len(), count * width));
    }
    let values: Vec<f32> = data.chunks_exact(width).map(value).collect();
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(Tensor { shape, values }),
        false => Err("it holds numbers that are not finite".to_owned()),
    }
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
        [MAGIC, &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn other_kinds_of_numbers_are_read_and_lies_are_refused() {
        let small = file("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[1, 2, 255]);
        assert_eq!(read(&small).unwrap().values, [1.0, 2.0, 255.0]);
        let wide = file("{'descr': '<u2', 'fortran_order': False, 'shape': (1, 1)}", &[1, 2]);
        assert_eq!(read(&wide).unwrap().values, [513.0]);
        for (header, said) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "kind"),
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}", "fastest"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "asks for 12"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 16)}", "more than"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "NumPy"),
            ("{'descr': '<f4', 'fortran_order': False}", "NumPy"),
        ] {
            let error = read(&file(header, &[1, 2, 3])).unwrap_err();
            assert!(error.contains(said), "{header}: {error}");
        }
        for length in 0..small.len() {
            assert!(read(&small[..length]).is_err());
        }
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
        assert!(read(&file(header, &f32::NAN.to_le_bytes())).unwrap_err().contains("finite"));
    }
}
