//! Pictures in 8 bits as PNG.

pub(crate) use png::ColorType;

/// The most pixels of a picture that is read.
const MOST_PIXELS: u64 = 1 << 24;

/// A picture in colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels along x.
    pub width: usize,
    /// Pixels along y.
    pub height: usize,
    /// Red, green and blue of each pixel, row-major.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Reads a PNG; `None` for what is none, or too large.
    pub(crate) fn from_png(bytes: &[u8]) -> Option<Self> {
        let limits = png::Limits { bytes: 4 * MOST_PIXELS as usize };
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().ok()?;
        let (width, height) = (reader.info().width, reader.info().height);
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return None;
        }
        let mut pixels = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut pixels).ok()?;
        pixels.truncate(info.buffer_size());
        let rgb = match info.color_type {
            ColorType::Rgb => pixels,
            ColorType::Rgba => pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
            ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
            ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect(),
            ColorType::Indexed => return None,
        };
        Some(Self { width: width as usize, height: height as usize, rgb })
    }
}

/// The bytes of a PNG of `width` × `height` pixels, row-major, one byte a pixel and colour.
pub(crate) fn to_png(pixels: &[u8], width: u32, height: u32, colour: ColorType) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_all_kinds_are_read_and_nothing_else() {
        let grey = to_png(&[7, 200], 2, 1, ColorType::Grayscale).unwrap();
        assert_eq!(
            Picture::from_png(&grey).unwrap(),
            Picture { width: 2, height: 1, rgb: vec![7, 7, 7, 200, 200, 200] }
        );
        let clear = to_png(&[1, 2, 3, 0], 1, 1, ColorType::Rgba).unwrap();
        assert_eq!(Picture::from_png(&clear).unwrap().rgb, [1, 2, 3]);
        for length in 0..grey.len() - 12 {
            assert_eq!(Picture::from_png(&grey[..length]), None);
        }
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_not_read() {
        let mut png = to_png(&[0], 1, 1, ColorType::Grayscale).unwrap();
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let sum = crc32fast::hash(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&sum);
        assert_eq!(Picture::from_png(&png), None);
    }
}
