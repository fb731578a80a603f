//! Memory layout of images: channels in blocks as wide as a SIMD vector, with a border of zeros.

use std::collections::HashMap;

use crate::{error::EngineError, memory};

/// Images of one size and number of channels: (image, y, block, x, channel in the block), row-major.
///
/// A block holds `lanes` channels, those beyond the last are zero; images of one channel have blocks of one.
/// Each image has `halo` rows and columns of zeros around it, so that convolutions need no special cases at edges:
/// all writers keep them zero. A row holds all its blocks, so that rows can go to different threads.
pub(super) struct Image {
    pub shape: Shape,
    pub lanes: usize,
    pub halo: usize,
    /// Index of the first float used, at the start of a cache line.
    start: usize,
    memory: Vec<f32>,
}

/// Shape of images, the key for reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub count: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

/// Consecutive rows of one image, borders at the left and right included.
pub(super) struct Band<'a> {
    /// Which image.
    pub image: usize,
    /// The first row, without the border above.
    pub y: usize,
    /// The rows.
    pub data: &'a mut [f32],
}

/// Floats in a cache line.
const LINE: usize = 16;

impl Image {
    /// Zeros. `vector` is the width of the vectors.
    ///
    /// # Errors
    /// [`EngineError::Memory`].
    pub fn zeros(shape: Shape, vector: usize, halo: usize) -> Result<Self, EngineError> {
        let mut image = Self::planned(shape, vector, halo);
        image.memory = memory::zeros(image.floats())?;
        // Vectors that straddle cache lines would cost each load twice.
        image.start = image.memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Ok(image)
    }

    /// Like [`zeros`](Self::zeros), but without memory: only to ask for its size.
    fn planned(shape: Shape, vector: usize, halo: usize) -> Self {
        let lanes = if shape.channels == 1 { 1 } else { vector };
        Self { shape, lanes, halo, start: 0, memory: Vec::new() }
    }

    fn floats(&self) -> usize {
        self.shape.count * self.image_length() + LINE
    }

    /// Blocks of channels.
    pub fn blocks(&self) -> usize {
        self.shape.channels.div_ceil(self.lanes)
    }

    /// Floats from a row of a block to the same row of the next block.
    pub fn block_length(&self) -> usize {
        (self.shape.width + 2 * self.halo) * self.lanes
    }

    /// Floats from a row to the next.
    pub fn row_length(&self) -> usize {
        self.blocks() * self.block_length()
    }

    /// Floats from an image to the next.
    pub fn image_length(&self) -> usize {
        (self.shape.height + 2 * self.halo) * self.row_length()
    }

    /// One image with its border.
    pub fn image(&self, index: usize) -> &[f32] {
        let length = self.image_length();
        &self.memory[self.start + index * length..][..length]
    }

    /// `rows` rows of an image from `y` on, without the border above but with those at the sides.
    pub fn rows(&self, image: usize, y: usize, rows: usize) -> &[f32] {
        let row = self.row_length();
        &self.image(image)[(self.halo + y) * row..][..rows * row]
    }

    /// All rows without the borders above and below, in bands of at most `rows` rows of one image.
    pub fn bands(&mut self, rows: usize) -> Vec<Band<'_>> {
        let (row, length, halo) = (self.row_length(), self.image_length(), self.halo);
        let Shape { count, height, .. } = self.shape;
        let data = &mut self.memory[self.start..][..count * length];
        let images = data.chunks_exact_mut(length).enumerate();
        let bands = images.flat_map(|(image, data)| {
            let bands = data[halo * row..][..height * row].chunks_mut(rows * row).enumerate();
            bands.map(move |(at, data)| Band { image, y: at * rows, data })
        });
        bands.collect()
    }

    /// The values of images of one channel, (image, y, x), without borders.
    pub fn pixels(&self) -> impl Iterator<Item = &[f32]> {
        assert_eq!(self.shape.channels, 1, "only images of one channel are plain");
        let (halo, Shape { count, height, width, .. }) = (self.halo, self.shape);
        let rows = (0..count).flat_map(move |image| (0..height).map(move |y| (image, y)));
        rows.map(move |(image, y)| &self.rows(image, y, 1)[halo..][..width])
    }

    /// The rows of images of one channel, (image, y), without borders, to write to.
    pub fn pixels_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        assert_eq!(self.shape.channels, 1, "only images of one channel are plain");
        let (halo, width) = (self.halo, self.shape.width);
        self.bands(1).into_iter().map(move |band| &mut band.data[halo..][..width])
    }
}

/// Free images for reuse, so that memory is allocated once.
pub(super) struct Buffers {
    vector: usize,
    halo: usize,
    free: HashMap<Shape, Vec<Image>>,
}

impl Buffers {
    /// No images yet, with those to come as in [`Image::zeros`].
    pub fn new(vector: usize, halo: usize) -> Self {
        Self { vector, halo, free: HashMap::new() }
    }

    /// An image with a border of zeros; its values are whatever they were.
    ///
    /// # Errors
    /// [`EngineError::Memory`] where none is free and the memory does not hold another.
    pub fn take(&mut self, shape: Shape) -> Result<Image, EngineError> {
        match self.free.get_mut(&shape).and_then(Vec::pop) {
            Some(free) => Ok(free),
            None => Image::zeros(shape, self.vector, self.halo),
        }
    }

    /// Bytes of a new image.
    pub fn bytes_of(&self, shape: Shape) -> u64 {
        (Image::planned(shape, self.vector, self.halo).floats() * size_of::<f32>()) as u64
    }

    /// Bytes of all free images.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        let images = self.free.values().flatten();
        images.map(|image| (image.memory.len() * size_of::<f32>()) as u64).sum()
    }

    /// Takes an image back.
    pub fn give(&mut self, image: Image) {
        self.free.entry(image.shape).or_default().push(image);
    }

    /// Frees the memory of all free images.
    pub fn clear(&mut self) {
        self.free.clear();
    }
}
