//! A slice in an image of a size that a network takes.

use std::ops::Range;

use crate::input::{Input, Padding};

/// Where a slice stands in the larger image, which continues it on all sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    down: Along,
    across: Along,
    padding: Padding,
}

/// One axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Along {
    length: usize,
    /// Pixels of the larger image before the slice's first.
    before: usize,
    padded: usize,
}

impl Placed {
    /// The slice, with the border that the input asks for or without one, as test images are taken. `None` where
    /// the network takes no image so large.
    pub fn new(input: &Input, bordered: bool, height: usize, width: usize) -> Option<Self> {
        let [down, across] = input.border.map(|border| if bordered { border } else { 0 });
        let [least_high, least_wide] = [height + 2 * down, width + 2 * across];
        let [high, wide] = match input.wider {
            None => [input.height.holding(least_high)?, input.width.holding(least_wide)?],
            Some(wider) => {
                let high = input.height.holding(least_high.max(least_wide.saturating_add_signed(-wider)))?;
                [high, high.checked_add_signed(wider)?]
            }
        };
        Some(Self {
            down: Along { length: height, before: down, padded: high },
            across: Along { length: width, before: across, padded: wide },
            padding: input.padding,
        })
    }

    /// Height and width of the larger image.
    pub fn size(self) -> [usize; 2] {
        [self.down.padded, self.across.padded]
    }

    /// Pixels of the larger image.
    pub fn pixels(self) -> usize {
        self.down.padded * self.across.padded
    }

    /// The larger image.
    pub fn pad(self, slice: &[f32]) -> Vec<f32> {
        let columns: Vec<usize> = (0..self.across.padded).map(|x| self.across.source(x, self.padding)).collect();
        let mut image = Vec::with_capacity(self.pixels());
        for y in 0..self.down.padded {
            let row = &slice[self.down.source(y, self.padding) * self.across.length..][..self.across.length];
            image.extend(columns.iter().map(|x| row[*x]));
        }
        if let Padding::Constant(value) = self.padding {
            self.surround(&mut image, value);
        }
        image
    }

    /// Writes a value wherever the larger image is not the slice.
    fn surround(self, image: &mut [f32], value: f32) {
        let [rows, columns] = [self.down, self.across].map(Along::inside);
        for (y, row) in image.chunks_exact_mut(self.across.padded).enumerate() {
            if rows.contains(&y) {
                row[..columns.start].fill(value);
                row[columns.end..].fill(value);
            } else {
                row.fill(value);
            }
        }
    }

    /// Takes the slice back out of the larger image.
    pub fn crop(self, image: &[f32]) -> Vec<f32> {
        let rows = image.chunks_exact(self.across.padded).skip(self.down.before).take(self.down.length);
        rows.flat_map(|row| &row[self.across.before..][..self.across.length]).copied().collect()
    }
}

impl Along {
    /// The places of the slice's own pixels.
    fn inside(self) -> Range<usize> {
        self.before..self.before + self.length
    }

    /// Which of the slice's pixels stands at `place`.
    fn source(self, place: usize, padding: Padding) -> usize {
        let (length, place) = (self.length as isize, place as isize - self.before as isize);
        let mirrored = |period: isize, last: isize| {
            let at = place.rem_euclid(period);
            if at < length { at } else { last - at }
        };
        let source = match padding {
            Padding::Edge | Padding::Constant(_) => place.clamp(0, length - 1),
            Padding::Reflect if length == 1 => 0,
            Padding::Reflect => mirrored(2 * length - 2, 2 * length - 2),
            Padding::Symmetric => mirrored(2 * length, 2 * length - 1),
        };
        source as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Axis, Lengths};

    #[test]
    fn slices_are_continued_as_numpy_does_it() {
        // np.pad([0, 1, 2], (4, 4), mode)
        for (padding, expected) in [
            (Padding::Symmetric, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]),
            (Padding::Reflect, [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]),
            (Padding::Edge, [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]),
        ] {
            let along = Along { length: 3, before: 4, padded: 11 };
            assert_eq!((0..11).map(|place| along.source(place, padding)).collect::<Vec<_>>(), expected, "{padding:?}");
        }
        let one = Along { length: 1, before: 2, padded: 5 };
        assert!((0..5).all(|place| one.source(place, Padding::Reflect) + one.source(place, Padding::Symmetric) == 0));
    }

    #[test]
    fn cropping_undoes_padding() {
        let along = |length, before, padded| Along { length, before, padded };
        let placed = Placed { down: along(3, 2, 8), across: along(5, 1, 9), padding: Padding::Symmetric };
        let slice: Vec<f32> = (0..15).map(|value| value as f32).collect();
        let image = placed.pad(&slice);
        assert_eq!((image.len(), placed.size()), (72, [8, 9]));
        assert_eq!(placed.crop(&image), slice);
        let framed = Placed { padding: Padding::Constant(-7.0), ..placed };
        let image = framed.pad(&slice);
        assert_eq!(image.iter().filter(|value| **value == -7.0).count(), 72 - 15);
        assert_eq!(framed.crop(&image), slice);
    }

    #[test]
    fn a_width_that_follows_the_height_makes_both_grow() {
        let free = Lengths { least: 16, step: Some(8) };
        let input = |wider| Input {
            axes: vec![Axis::Y, Axis::X],
            made: vec![Axis::Y, Axis::X],
            height: free,
            width: free,
            wider,
            padding: Padding::Edge,
            border: [1, 1],
        };
        let size = |wider, bordered| Placed::new(&input(wider), bordered, 20, 30).map(Placed::size);
        assert_eq!([size(None, false), size(Some(0), false)], [Some([24, 32]), Some([32, 32])]);
        assert_eq!([size(Some(3), true), size(Some(-5), false)], [Some([32, 35]), Some([40, 35])]);
    }
}
