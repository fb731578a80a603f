//! The cover: input, restored slice and reference side by side, as PNG.

use std::io;

use ndarray::ArrayView2;

use crate::{
    grey::Window,
    model::Card,
    picture::{ColorType, to_png},
};

/// The specification wants twice as wide as high, and less than 500 kB.
const HEIGHT: usize = 384;
const WIDTH: usize = 2 * HEIGHT;

/// One picture of the cover.
pub(super) struct Panel<'a> {
    pub values: ArrayView2<'a, f32>,
    pub window: Window,
}

impl<'a> Panel<'a> {
    /// A laboratory slice.
    pub fn input(card: &Card, values: ArrayView2<'a, f32>) -> Self {
        Self { values, window: card.input_window }
    }

    /// A restored slice or the reference.
    pub fn output(card: &Card, values: ArrayView2<'a, f32>) -> Self {
        Self { values, window: card.output_window }
    }

    /// The grey value in 8 bits of a pixel of the panel: its middle, as large as fits, each pixel whole.
    fn at(&self, x: usize, y: usize, across: usize, down: usize) -> u8 {
        let (height, width) = self.values.dim();
        let step = (across as f64 / width as f64).max(down as f64 / height as f64);
        let from = |at: usize, length: usize, own: usize| {
            let middle = (at as f64 + 0.5 - length as f64 / 2.0) / step + own as f64 / 2.0;
            (middle as usize).min(own - 1)
        };
        self.window.to_8_bit(self.values[[from(y, down, height), from(x, across, width)]])
    }
}

/// A PNG of all panels, which must have pixels.
pub(super) fn cover(panels: &[Panel]) -> io::Result<Vec<u8>> {
    let across = WIDTH / panels.len();
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT);
    for y in 0..HEIGHT {
        panels.iter().for_each(|panel| pixels.extend((0..across).map(|x| panel.at(x, y, across, HEIGHT))));
    }
    let width = (across * panels.len()) as u32;
    to_png(&pixels, width, HEIGHT as u32, ColorType::Grayscale).map_err(io::Error::other)
}
