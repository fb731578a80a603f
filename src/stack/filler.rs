//! How filler is told from dark sample: it lies at the same place in every slice.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::memory::{OutOfMemory, copied, with_capacity};

/// Pixels compared by one thread before it takes more.
const CHUNK: usize = 1 << 14;
/// The fewest pixels of filler. Fewer may be an accident.
const FEWEST: usize = 32;
/// The most values of filler: corners and rows may have one each. A drawn pattern, such as a ramp, has many.
const MOST_VALUES: usize = 3;
/// With fewer slices than this, filler must lie at exactly the same place in all.
const FEW_SLICES: usize = 4;
/// How much more than the filler of the whole stack a slice may have on average, as an accident: grey values of the sample
/// beside it may be the same. Air whose grey values were cut off at the end of the scale has another outline in every slice.
const SLACK: f64 = 1.02;

/// Pixels along the border that hold one value, the same in all slices seen.
pub(super) struct Filler {
    width: usize,
    slices: usize,
    first: Vec<f32>,
    /// Pixels that hold the first slice's value in all.
    still: Vec<bool>,
    /// Those of them that are connected to the border in all slices.
    border: Vec<bool>,
    /// By the bits of a value: the sum over the slices of pixels that hold it and are connected to the border.
    reached: BTreeMap<u32, u64>,
    region: Region,
    /// Whether there may still be some.
    possible: bool,
}

impl Filler {
    pub fn new(width: usize, height: usize) -> Self {
        let region = Region::new(width, height);
        let (first, still, border, reached) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Self { width, slices: 0, first, still, border, reached, region, possible: true }
    }

    /// Looks at a slice that has more than one value.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the memory does not hold a copy of the first.
    pub fn add(&mut self, greys: &[f32]) -> Result<(), OutOfMemory> {
        if !self.possible {
            return Ok(());
        }
        self.slices += 1;
        if self.slices == 1 {
            self.first = copied(greys)?;
            self.still = with_capacity(greys.len())?;
            self.still.extend(greys.iter().map(|grey| !grey.is_nan()));
            self.border = copied(&self.still)?;
        } else {
            let chunks =
                self.still.par_chunks_mut(CHUNK).zip(self.first.par_chunks(CHUNK)).zip(greys.par_chunks(CHUNK));
            chunks.for_each(|((still, first), greys)| {
                still
                    .iter_mut()
                    .zip(first.iter().zip(greys))
                    .for_each(|(still, (first, grey))| *still &= first == grey);
            });
        }
        let (first, border) = (&self.first, &self.border);
        self.region.grow(greys, |greys, pixel| border[pixel] && first[pixel] == greys[pixel]);
        for pixel in self.region.pixels() {
            *self.reached.entry(greys[*pixel].to_bits()).or_default() += 1;
        }
        let seen = self.region.seen();
        self.border.iter_mut().zip(seen).for_each(|(border, seen)| *border &= *seen);
        self.possible = !self.region.pixels().is_empty();
        Ok(())
    }

    /// The pixels that are filler in all slices, if there are some.
    pub fn finish(self) -> Option<Vec<bool>> {
        let Self { width, slices, first, still, mut border, reached, possible, .. } = self;
        if !possible || slices < 2 {
            return None;
        }
        let mut counts = BTreeMap::<u32, usize>::new();
        let fills = border.iter().zip(&first).filter(|(border, _)| **border);
        fills.for_each(|(_, grey)| *counts.entry(grey.to_bits()).or_default() += 1);
        let fewest = FEWEST.min(width).min(first.len() / width);
        let slack = if slices < FEW_SLICES { 1.0 } else { SLACK };
        let is_filler = |grey: f32| {
            let (count, reached) = (counts.get(&grey.to_bits()), reached.get(&grey.to_bits()));
            count.zip(reached).is_some_and(|(count, reached)| {
                *count >= fewest && *reached as f64 <= slack * slices as f64 * *count as f64
            })
        };
        border.iter_mut().zip(&first).for_each(|(border, grey)| *border &= is_filler(*grey));
        let mut values: Vec<u32> = border.iter().zip(&first).filter(|(is, _)| **is).map(|(_, v)| v.to_bits()).collect();
        values.sort_unstable();
        values.dedup();
        // Where all else is the same in every slice too, slices tell nothing.
        let inside = || border.iter().zip(&still).filter(|(border, _)| !**border);
        let (all, unchanging) = (inside().count(), inside().filter(|(_, still)| **still).count());
        let found = (1..=MOST_VALUES).contains(&values.len()) && all > 0 && 2 * unchanging <= all;
        found.then_some(border)
    }
}

/// Pixels of one value that are connected with the border of a slice, side by side.
pub(super) struct Region {
    width: usize,
    height: usize,
    seen: Vec<bool>,
    pixels: Vec<usize>,
}

impl Region {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, seen: vec![false; width * height], pixels: Vec::new() }
    }

    /// Grows from those pixels of the border that `begins` holds of.
    pub fn grow(&mut self, greys: &[f32], begins: impl Fn(&[f32], usize) -> bool) {
        let Self { width, height, seen, pixels } = self;
        let (width, height) = (*width, *height);
        pixels.drain(..).for_each(|pixel| seen[pixel] = false);
        let rows = (0..width).flat_map(|x| [x, (height - 1) * width + x]);
        let columns = (0..height).flat_map(|y| [y * width, y * width + width - 1]);
        for pixel in rows.chain(columns) {
            if !seen[pixel] && begins(greys, pixel) {
                seen[pixel] = true;
                pixels.push(pixel);
            }
        }
        let mut next = 0;
        while let Some(&pixel) = pixels.get(next) {
            next += 1;
            let (x, y) = (pixel % width, pixel / width);
            let mut visit = |inside: bool, neighbour: usize| {
                if inside && !seen[neighbour] && greys[neighbour] == greys[pixel] {
                    seen[neighbour] = true;
                    pixels.push(neighbour);
                }
            };
            visit(x > 0, pixel.wrapping_sub(1));
            visit(x + 1 < width, pixel + 1);
            visit(y > 0, pixel.wrapping_sub(width));
            visit(y + 1 < height, pixel + width);
        }
    }

    /// The pixels found.
    pub fn pixels(&self) -> &[usize] {
        &self.pixels
    }

    /// Whether each pixel is among them.
    pub fn seen(&self) -> &[bool] {
        &self.seen
    }
}
