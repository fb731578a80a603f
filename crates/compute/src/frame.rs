//! Slices of any size for networks that take only whole multiples: padded by reflection, cropped back.

use std::ops::Range;

use crate::reflection::about_samples;

/// How a slice sits in the image that a network takes: in its top left corner, the rest filled by reflection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels of the slice along x.
    pub width: usize,
    /// Pixels of the slice along y.
    pub height: usize,
    /// Pixels of the image along x, at least `width`.
    pub padded_width: usize,
    /// Pixels of the image along y, at least `height`.
    pub padded_height: usize,
}

impl Frame {
    /// The smallest image whose sides are whole multiples of `multiple`.
    ///
    /// ```
    /// let frame = undulator_compute::Frame::new(500, 512, 32);
    /// assert_eq!((frame.padded_width, frame.padded_height), (512, 512));
    /// ```
    pub fn new(width: usize, height: usize, multiple: usize) -> Self {
        let padded = |length: usize| length.div_ceil(multiple) * multiple;
        Self { width, height, padded_width: padded(width), padded_height: padded(height) }
    }

    /// Pixels of the padded image.
    pub fn padded_pixels(self) -> usize {
        self.padded_width * self.padded_height
    }

    /// Appends the padded image of `slice` (row-major) to `out`, each value through `map`.
    pub fn pad_into(self, slice: &[f32], map: impl Fn(f32) -> f32, out: &mut Vec<f32>) {
        self.window_into(slice, 0..self.padded_width, 0..self.padded_height, map, out);
    }

    /// Appends a part of the padded image, columns `x` of the rows `y`.
    pub fn window_into(
        self,
        slice: &[f32],
        x: Range<usize>,
        y: Range<usize>,
        map: impl Fn(f32) -> f32,
        out: &mut Vec<f32>,
    ) {
        let inside = x.start.min(self.width)..x.end.min(self.width);
        for y in y {
            let row = &slice[about_samples(y as isize, self.height) * self.width..][..self.width];
            out.extend(row[inside.clone()].iter().map(|value| map(*value)));
            out.extend((inside.end.max(x.start)..x.end).map(|x| map(row[about_samples(x as isize, self.width)])));
        }
    }

    /// Takes the slice back out of a padded image, each value through `map`.
    pub fn crop_into(self, image: &[f32], map: impl Fn(f32) -> f32, out: &mut [f32]) {
        let rows = image.chunks_exact(self.padded_width).zip(out.chunks_exact_mut(self.width));
        for (from, to) in rows {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = map(*from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_has_no_seam_and_any_length() {
        let row: Vec<usize> = (0..9).map(|index| about_samples(index, 3)).collect();
        assert_eq!(row, [0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!((0..4).map(|index| about_samples(index, 1)).collect::<Vec<_>>(), [0; 4]);
    }

    #[test]
    fn a_window_is_a_part_of_the_padded_image() {
        let frame = Frame::new(37, 21, 16);
        let slice: Vec<f32> = (0..37 * 21).map(|v| v as f32).collect();
        let mut whole = Vec::new();
        frame.pad_into(&slice, |v| v, &mut whole);
        for (x, y) in [(0..48, 0..32), (16..32, 0..16), (32..48, 16..32), (37..48, 21..32), (40..41, 5..6)] {
            let mut window = Vec::new();
            frame.window_into(&slice, x.clone(), y.clone(), |v| v, &mut window);
            let part: Vec<f32> = y.flat_map(|y| whole[y * 48..][x.clone()].to_vec()).collect();
            assert_eq!(window, part);
        }
    }

    #[test]
    fn cropping_undoes_padding() {
        for (width, height) in [(1, 1), (5, 3), (32, 32), (33, 31)] {
            let slice: Vec<f32> = (0..width * height).map(|v| v as f32).collect();
            let frame = Frame::new(width, height, 32);
            let (mut image, mut back) = (Vec::new(), vec![0.0; slice.len()]);
            frame.pad_into(&slice, |v| v + 1.0, &mut image);
            assert_eq!(image.len(), frame.padded_pixels());
            frame.crop_into(&image, |v| v - 1.0, &mut back);
            assert_eq!(back, slice);
        }
    }
}
