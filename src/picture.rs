//! Pictures in 8 bits as PNG.

pub(crate) use png::ColorType;

/// The bytes of a PNG of `width` × `height` pixels, row-major, one byte a pixel and colour.
pub(crate) fn to_png(pixels: &[u8], width: u32, height: u32, colour: ColorType) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}
