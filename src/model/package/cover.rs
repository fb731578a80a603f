//! The cover: input, restored slice and reference side by side, as PNG.

use std::io::{self, Write};

use flate2::{Compression, write::ZlibEncoder};

use crate::{grey::Window, model::Card};

/// The specification wants twice as wide as high, and less than 500 kB.
const HEIGHT: usize = 384;
const WIDTH: usize = 2 * HEIGHT;

/// One picture of the cover.
pub(super) struct Panel<'a> {
    pub values: &'a [f32],
    pub width: usize,
    pub height: usize,
    pub window: Window,
}

impl<'a> Panel<'a> {
    /// A laboratory slice.
    pub fn input(card: &Card, values: &'a [f32], width: usize, height: usize) -> Self {
        Self { values, width, height, window: card.input_window }
    }

    /// A restored slice or the reference.
    pub fn output(card: &Card, values: &'a [f32], width: usize, height: usize) -> Self {
        Self { values, width, height, window: card.output_window }
    }

    /// The grey value in 8 bits of a pixel of the panel: its middle, as large as fits, each pixel whole.
    fn at(&self, x: usize, y: usize, across: usize, down: usize) -> u8 {
        let step = (across as f64 / self.width as f64).max(down as f64 / self.height as f64);
        let from = |at: usize, length: usize, own: usize| {
            let middle = (at as f64 + 0.5 - length as f64 / 2.0) / step + own as f64 / 2.0;
            (middle as usize).min(own - 1)
        };
        self.window.to_8_bit(self.values[from(y, down, self.height) * self.width + from(x, across, self.width)])
    }
}

/// A PNG of all panels, which must have pixels.
pub(super) fn cover(panels: &[Panel]) -> io::Result<Vec<u8>> {
    let across = WIDTH / panels.len();
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for y in 0..HEIGHT {
        let mut row = vec![0]; // The row is not filtered.
        panels.iter().for_each(|panel| row.extend((0..across).map(|x| panel.at(x, y, across, HEIGHT))));
        rows.write_all(&row)?;
    }
    let mut header = Vec::new();
    header.extend((across as u32 * panels.len() as u32).to_be_bytes());
    header.extend((HEIGHT as u32).to_be_bytes());
    header.extend([8, 0, 0, 0, 0]); // 8 bits, grey, deflated, filters, not interlaced.
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &rows.finish()?);
    chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc32fast::hash(&png[from..]);
    png.extend(sum.to_be_bytes());
}
