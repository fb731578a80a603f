//! Two aligned stacks as training pairs: which slices train, which validate, and how batches are drawn from them.
//!
//! Nothing is read here: `train::batches` reads the slices that samples are cut from.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Ix2, Zip, s};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use undulator_compute::{EngineError, Frame, memory};

use crate::{
    grey::Window,
    stack::{Measured, SliceSource, StackError, Voxels, flat, read_measured},
};

/// Which slices train and which validate. Neighbouring slices are nearly equal, so the validation slices are one block
/// at the end of the stack, and a few slices between the two blocks are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Slices to train on, from zero.
    pub training: Range<usize>,
    /// Slices to validate on, from zero; may be empty.
    pub validation: Range<usize>,
}

/// Slices left out between training and validation, where the stack is long enough.
const GAP: usize = 2;
/// A gap is made only when it costs no more than this share of the slices.
const GAP_SHARE: usize = 10;

impl Split {
    /// The last `validation` of `slices` slices validate; `None` when nothing would be left to train on.
    ///
    /// ```
    /// use undulator::dataset::Split;
    ///
    /// let split = Split::new(40, 10).unwrap();
    /// assert_eq!((split.training, split.validation), (0..28, 30..40));
    /// assert_eq!(Split::new(2, 1).unwrap().training, 0..1); // too short for a gap
    /// assert_eq!(Split::new(10, 10), None);
    /// ```
    pub fn new(slices: usize, validation: usize) -> Option<Self> {
        let gap = if validation > 0 && slices >= GAP * GAP_SHARE { GAP } else { 0 };
        let end = slices.checked_sub(validation)?;
        let training = end.checked_sub(gap).filter(|training| *training > 0)?;
        Some(Self { training: 0..training, validation: end..slices })
    }

    /// The validation slice that stands for all when one is shown: the middle one, or without validation the first slice.
    pub fn shown(&self) -> usize {
        match self.validation.is_empty() {
            true => self.training.start,
            false => (self.validation.start + self.validation.end) / 2,
        }
    }
}

/// A pair of stacks of one size with their grey windows.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The laboratory stack.
    pub low: &'a Measured<'a>,
    /// The synchrotron stack.
    pub reference: &'a Measured<'a>,
    /// What is black and white in the laboratory stack.
    pub low_window: Window,
    /// What is black and white in the synchrotron stack.
    pub reference_window: Window,
}

/// The least share of a training image that must be measured.
const LEAST: f64 = 0.1;
/// How often another patch of a slice is drawn in place of one of which too little was measured.
const TRIES: usize = 100;

impl Pair<'_> {
    /// Whether enough of a part of slice `z` was measured, in both stacks, to learn from it.
    pub fn shows(&self, z: usize, x: Range<usize>, y: Range<usize>) -> bool {
        [self.low, self.reference].iter().all(|stack| stack.share_in(z, x.clone(), y.clone()) >= LEAST)
    }

    /// The windows on the scales of the numbers that the stacks store.
    pub(crate) fn stored_windows(&self) -> [Window; 2] {
        [(self.low, self.low_window), (self.reference, self.reference_window)].map(|(stack, window)| {
            let scale = stack.shape().scale;
            Window { low: scale.stored(window.low), high: scale.stored(window.high) }
        })
    }

    /// Whether slice `z` was measured and shows contrast: in the grey windows, more than one value of 8 bits, in each stack
    /// where both are measured. Nothing can be scored on others.
    ///
    /// # Errors
    /// When the slice cannot be read.
    pub fn has_contrast(&self, z: usize) -> Result<bool, StackError> {
        let mut slices = [(); 2].map(|()| Array2::<f32>::zeros(self.low.shape().size.slice_dim()));
        read_measured(self.low, z, slices[0].view_mut())?;
        read_measured(self.reference, z, slices[1].view_mut())?;
        let [low, reference] = &slices;
        let both = || low.iter().zip(reference).filter(|(low, reference)| !low.is_nan() && !reference.is_nan());
        let varies = |mut values: &mut dyn Iterator<Item = u8>| {
            let first = values.next();
            (&mut values).any(|value| Some(value) != first)
        };
        Ok(varies(&mut both().map(|(low, _)| self.low_window.to_8_bit(*low)))
            && varies(&mut both().map(|(_, reference)| self.reference_window.to_8_bit(*reference))))
    }
}

/// Makes a batch or a slice, on the scales of its windows, fit for training: networks take no NaN, so inputs that were not
/// measured become 0, and targets become NaN, which losses leave out, where either was not measured.
pub fn leave_out_unmeasured(inputs: &mut [f32], targets: &mut [f32]) {
    for (input, target) in inputs.iter_mut().zip(targets) {
        if input.is_nan() {
            (*input, *target) = (0.0, f32::NAN);
        }
    }
}

/// One training image: a patch of a slice, or all of it, flipped or turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    slice: usize,
    x: usize,
    y: usize,
    symmetry: Symmetry,
}

/// One of the eight symmetries of a square: flips along both axes and the exchange of the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Symmetry {
    flip_x: bool,
    flip_y: bool,
    transpose: bool,
}

/// How training images are cut from slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutter {
    /// The slices' size and how whole slices are padded.
    pub frame: Frame,
    /// Edge of the square patches in pixels, no longer than a slice's sides; 0 for whole slices.
    pub patch: usize,
}

impl Cutter {
    /// Width and height of a training image.
    pub(crate) fn image_size(&self) -> (usize, usize) {
        match self.patch {
            0 => (self.frame.padded_width, self.frame.padded_height),
            edge => (edge, edge),
        }
    }

    /// How many images an epoch has with so many slices.
    pub(crate) fn images(&self, slices: usize) -> usize {
        match self.patch {
            0 => slices,
            edge => slices * self.frame.width.div_ceil(edge) * self.frame.height.div_ceil(edge),
        }
    }

    /// The images of one epoch in random order: every slice once, or as many patches of it as would cover it.
    /// The same seed and epoch give the same samples. Slices of which too little was measured are left out, and other
    /// patches are drawn for such patches.
    pub fn samples(&self, pair: &Pair, slices: Range<usize>, augment: bool, seed: u64, epoch: usize) -> Vec<Sample> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(epoch as u64);
        let (width, height) = self.image_size();
        let patches = self.images(1);
        let mut samples = Vec::with_capacity(self.images(slices.len()));
        for slice in self.shown(pair, slices) {
            for _ in 0..patches {
                let (x, y) = match self.patch {
                    0 => (0, 0),
                    edge => {
                        let (free_x, free_y) = (self.frame.width - edge, self.frame.height - edge);
                        let mut draw = || (random.random_range(0..=free_x), random.random_range(0..=free_y));
                        let shows = |&(x, y): &(usize, usize)| pair.shows(slice, x..x + edge, y..y + edge);
                        let (first, tries) = (draw(), TRIES);
                        if shows(&first) { first } else { (0..tries).map(|_| draw()).find(shows).unwrap_or(first) }
                    }
                };
                let mut symmetry = Symmetry::default();
                if augment {
                    symmetry.flip_x = random.random();
                    symmetry.flip_y = random.random();
                    symmetry.transpose = width == height && random.random();
                }
                samples.push(Sample { slice, x, y, symmetry });
            }
        }
        samples.shuffle(&mut random);
        samples
    }

    /// The slices of which enough was measured to learn from them.
    pub(crate) fn shown(&self, pair: &Pair, slices: Range<usize>) -> impl Iterator<Item = usize> {
        slices.filter(|z| pair.shows(*z, 0..self.frame.width, 0..self.frame.height))
    }

    /// Cuts a sample out of its slice of stored numbers, normalised, into an image of [`image_size`](Self::image_size). `scratch` is used
    /// again and again.
    ///
    /// # Errors
    /// [`EngineError::Memory`].
    pub(crate) fn cut(
        &self,
        sample: &Sample,
        slice: &Voxels<Ix2>,
        window: Window,
        scratch: &mut Scratch,
        image: &mut [f32],
    ) -> Result<(), EngineError> {
        match self.patch {
            0 => {
                // Given as it is where the values are floats already.
                let slice = match slice {
                    Voxels::F32(slice) => flat(slice),
                    _ => {
                        scratch.slice.clear();
                        memory::reserve(&mut scratch.slice, self.frame.width * self.frame.height)?;
                        scratch.slice.resize(self.frame.width * self.frame.height, 0.0);
                        let dim = (self.frame.height, self.frame.width);
                        slice.store(ArrayViewMut2::from_shape(dim, &mut scratch.slice).expect("room for a slice"));
                        &scratch.slice
                    }
                };
                scratch.image.clear();
                memory::reserve(&mut scratch.image, image.len())?;
                self.frame.pad_into(slice, |grey| window.normalise(grey), &mut scratch.image);
                image.copy_from_slice(&scratch.image);
            }
            edge => {
                fn rows<T: Copy>(patch: ArrayView2<'_, T>, image: &mut [f32], value: impl Fn(T) -> f32) {
                    for (from, to) in patch.rows().into_iter().zip(image.chunks_exact_mut(patch.ncols())) {
                        to.iter_mut().zip(from).for_each(|(to, grey)| *to = value(*grey));
                    }
                }
                let at = s![sample.y..sample.y + edge, sample.x..sample.x + edge];
                match slice {
                    Voxels::U8(slice) => rows(slice.slice(at), image, |grey| window.normalise(grey.into())),
                    Voxels::U16(slice) => rows(slice.slice(at), image, |grey| window.normalise(grey.into())),
                    Voxels::F32(slice) => rows(slice.slice(at), image, |grey| window.normalise(grey)),
                }
            }
        }
        let (width, height) = self.image_size();
        let image = ArrayViewMut2::from_shape((height, width), image);
        sample.symmetry.apply(image.expect("an image of this size"));
        Ok(())
    }
}

/// Memory for what lies between a slice and an image.
#[derive(Default)]
pub(crate) struct Scratch {
    slice: Vec<f32>,
    image: Vec<f32>,
}

impl Sample {
    /// The slice that it is cut from, from zero.
    pub fn slice(&self) -> usize {
        self.slice
    }
}

impl Symmetry {
    fn apply(self, mut image: ArrayViewMut2<'_, f32>) {
        let (height, width) = image.dim();
        if self.flip_x {
            let (left, mut right) = image.view_mut().split_at(Axis(1), width / 2);
            right.invert_axis(Axis(1));
            // The middle column of an odd width stays.
            Zip::from(left).and(right.slice_mut(s![.., ..width / 2])).for_each(std::mem::swap);
        }
        if self.flip_y {
            let (upper, mut lower) = image.view_mut().split_at(Axis(0), height / 2);
            lower.invert_axis(Axis(0));
            Zip::from(upper).and(lower.slice_mut(s![..height / 2, ..])).for_each(std::mem::swap);
        }
        if self.transpose {
            for y in 0..width {
                for x in 0..y {
                    image.swap([y, x], [x, y]);
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use ndarray::Array2;

    use super::*;
    use crate::{
        progress::Progress,
        stack::{GreyType, Shape, Size, VoxelSize},
        volume::Volume,
    };

    /// 32-bit grey values that rise by `scale` from voxel to voxel.
    pub fn ramp(width: usize, height: usize, slices: usize, scale: f32) -> Volume {
        let shape = Shape::new(Size::new(width, height, slices), VoxelSize::isotropic(1.0), GreyType::F32);
        let values: Vec<f32> = (0..width * height * slices).map(|v| v as f32 * scale).collect();
        Volume::from_values("ramp", shape, &values)
    }

    #[test]
    fn a_split_never_shares_a_slice_and_never_starves_the_training() {
        for slices in 1..60 {
            for validation in 0..70 {
                match Split::new(slices, validation) {
                    None => assert!(validation + 1 > slices || validation + GAP + 1 > slices),
                    Some(split) => {
                        assert!(!split.training.is_empty() && split.training.end <= split.validation.start);
                        assert_eq!(split.validation.len(), validation);
                    }
                }
            }
        }
    }

    fn with_pair<T>(low: &Volume, reference: &Volume, work: impl FnOnce(&Pair) -> T) -> T {
        let window = |high| Window::new(0.0, high).unwrap();
        let [low, reference] = [low, reference].map(|stack| Measured::of(stack, Progress::silent()).unwrap());
        let (low_window, reference_window) = (window(1e4), window(2e4));
        work(&Pair { low: &low, reference: &reference, low_window, reference_window })
    }

    #[test]
    fn epochs_differ_and_repeat_with_the_seed() {
        let cutter = Cutter { frame: Frame::new(64, 64, 4), patch: 16 };
        let stack = ramp(64, 64, 5, 1.0);
        with_pair(&stack, &stack, |pair| {
            let samples = |seed, epoch| cutter.samples(pair, 0..5, true, seed, epoch);
            assert_eq!(samples(9, 3), samples(9, 3));
            assert_ne!(samples(9, 3), samples(9, 4));
            assert_ne!(samples(9, 3), samples(8, 3));
        });
    }

    #[test]
    fn the_eight_symmetries_are_eight() {
        let mut seen = HashSet::new();
        for bits in 0..8 {
            let symmetry = Symmetry { flip_x: bits & 1 > 0, flip_y: bits & 2 > 0, transpose: bits & 4 > 0 };
            let mut image = Array2::from_shape_fn((3, 3), |(y, x)| (3 * y + x) as f32);
            symmetry.apply(image.view_mut());
            seen.insert(image.iter().map(|v| *v as u8).collect::<Vec<_>>());
        }
        assert_eq!(seen.len(), 8);
    }
}
