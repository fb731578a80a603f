//! One new slice at a time, for stacks whose kernels or slices are large.
//!
//! Old slices are blended along z to a plane of 32-bit sums first, term by term in rising order, as they are in strips:
//! so the result is the same, bit for bit.

use std::collections::VecDeque;

use ndarray::{Array2, Ix2};
use rayon::prelude::*;

use super::{Grid, Held, Layer, Old, ResampleError, read};
use crate::progress::Progress;
use crate::stack::{
    STANDARD, Size, SliceSink, SliceSource, StackError, Voxels, black_slice, flat, flat_mut, read_measured_voxels,
};

/// Values that a thread adds before it takes more.
const CHUNK: usize = 1 << 14;

/// Old slices, blended along z to the old rows of a new slice.
pub(super) struct Plane {
    greys: Array2<f32>,
    /// [`Layer::Measured`] and [`Layer::Weights`], if something was not measured.
    measured: Option<[Array2<f32>; 2]>,
}

impl Plane {
    fn new(size: Size) -> Result<Self, StackError> {
        Ok(Self { greys: black_slice(size)?, measured: None })
    }

    pub(super) fn may_have_holes(&self) -> bool {
        self.measured.is_some()
    }

    /// Old rows of a layer.
    ///
    /// # Panics
    /// If everything was measured, and not the grey values are wanted.
    pub(super) fn layer(&self, layer: Layer) -> &[f32] {
        let [measured, weights] = match layer {
            Layer::Greys => return flat(&self.greys),
            _ => self.measured.as_ref().expect("layers of a plane with holes"),
        };
        flat(if layer == Layer::Measured { measured } else { weights })
    }
}

/// Sums of the new slices that some of the old ones were added to, in rising order.
struct Sums {
    open: VecDeque<(usize, Plane)>,
    spare: Vec<Array2<f32>>,
}

impl Sums {
    /// A slice whose values do not matter.
    fn slice(&mut self, size: Size) -> Result<Array2<f32>, StackError> {
        self.spare.pop().map_or_else(|| black_slice(size), Ok)
    }

    fn give_back(&mut self, plane: Plane) {
        self.spare.push(plane.greys);
        self.spare.extend(plane.measured.into_iter().flatten());
    }
}

impl Grid {
    /// Holds the old slices that a new one is made of.
    pub(super) fn by_planes(
        &self,
        source: &dyn SliceSource,
        sink: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), ResampleError> {
        let (mut held, mut plane, mut made) = (Held::default(), Plane::new(self.old)?, black_slice(self.new)?);
        for z in sink.done()..self.new.slices {
            progress.step(z, self.new.slices)?;
            let terms = self.along.terms(z);
            held.go_on(terms.0.start, Vec::new());
            let (last, spare) = (held.last(), std::mem::take(&mut held.spare));
            let wanted = terms.0.clone().filter(|z| last < Some(*z));
            held.go_on(terms.0.start, read(source, wanted, spare)?);
            let blend = |layer, out: &mut Array2<f32>| {
                flat_mut(out).par_chunks_mut(CHUNK).enumerate().for_each(|(at, out)| {
                    let part = at * CHUNK..at * CHUNK + out.len();
                    held.blend_layer(layer, terms.clone(), part, out);
                });
            };
            blend(Layer::Greys, &mut plane.greys);
            // Of slices without holes those of an earlier one may stay: nobody looks at them.
            if held.may_have_holes() && has_holes(flat(&plane.greys)) {
                if plane.measured.is_none() {
                    plane.measured = Some([black_slice(self.old)?, black_slice(self.old)?]);
                }
                if let Some([measured, weights]) = &mut plane.measured {
                    blend(Layer::Measured, measured);
                    blend(Layer::Weights, weights);
                }
            }
            self.make_slice(1, Old::Blended(&plane), &mut made);
            sink.write(z, made.view())?;
        }
        Ok(())
    }

    /// Adds each old slice to the new ones that it belongs to, as soon as it is read.
    pub(super) fn by_sums(
        &self,
        source: &dyn SliceSource,
        sink: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), ResampleError> {
        let (first, end) = (sink.done(), self.new.slices);
        let mut wanted = self.needed(first..end);
        let (mut sums, mut made) = (Sums { open: VecDeque::new(), spare: Vec::new() }, black_slice(self.new)?);
        let (mut slice, mut next) = (Voxels::<Ix2>::default(), Voxels::<Ix2>::default());
        // The first new slice that is not complete.
        let mut z = first;
        let mut old = wanted.next();
        if let Some(old) = old {
            read_measured_voxels(source, old, &mut slice)?;
        }
        while let Some(now) = old {
            progress.step(z, end)?;
            old = wanted.next();
            let (read, added) = rayon::join(
                || old.map_or(Ok(()), |old| read_measured_voxels(source, old, &mut next)),
                || self.add(now, &slice, z, &mut sums),
            );
            added?;
            while let Some((done, sum)) = sums.open.pop_front_if(|(z, _)| self.along.terms(*z).0.end <= now + 1) {
                self.make_slice(1, Old::Blended(&sum), &mut made);
                sink.write(done, made.view())?;
                sums.give_back(sum);
                z = done + 1;
            }
            read?;
            std::mem::swap(&mut slice, &mut next);
        }
        Ok(())
    }

    /// Adds the old slice of that number to the sums of all new ones from `z` on that it belongs to.
    fn add(&self, number: usize, slice: &Voxels<Ix2>, z: usize, sums: &mut Sums) -> Result<(), StackError> {
        let has_holes = matches!(slice, Voxels::F32(slice) if has_holes(flat(slice)));
        for z in (z..self.new.slices).take_while(|z| self.along.terms(*z).0.start <= number) {
            let (range, weights) = self.along.terms(z);
            if !range.contains(&number) {
                continue;
            }
            if sums.open.back().is_none_or(|(last, _)| *last < z) {
                let greys = sums.slice(self.old)?;
                sums.open.push_back((z, Plane { greys, measured: None }));
            }
            let Some(at) = sums.open.iter().position(|(open, _)| *open == z) else { continue };
            let before = &weights[..number - range.start];
            if has_holes && !sums.open[at].1.may_have_holes() {
                let [mut measured, mut weights] = [sums.slice(self.old)?, sums.slice(self.old)?];
                measured.assign(&sums.open[at].1.greys);
                weights.fill(before.iter().sum());
                sums.open[at].1.measured = Some([measured, weights]);
            }
            let (plane, weight, is_first) = (&mut sums.open[at].1, weights[before.len()], before.is_empty());
            let greys = flat_mut(&mut plane.greys);
            match slice {
                Voxels::U8(slice) => add(slice.as_slice().expect(STANDARD), weight, is_first, f32::from, greys),
                Voxels::U16(slice) => add(slice.as_slice().expect(STANDARD), weight, is_first, f32::from, greys),
                Voxels::F32(slice) => {
                    add(flat(slice), weight, is_first, |grey| grey, greys);
                    if let Some([measured, weights]) = &mut plane.measured {
                        add(flat(slice), weight, is_first, super::measured, flat_mut(measured));
                        add(flat(slice), weight, is_first, super::weight, flat_mut(weights));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether something was not measured.
fn has_holes(greys: &[f32]) -> bool {
    greys.par_chunks(CHUNK).any(|greys| greys.iter().fold(false, |any, grey| any | grey.is_nan()))
}

/// Adds weighted grey values to sums, each as `map` says; the first ones begin them.
fn add<T: Copy + Sync>(greys: &[T], weight: f32, is_first: bool, map: impl Fn(T) -> f32 + Sync, sums: &mut [f32]) {
    sums.par_chunks_mut(CHUNK).zip(greys.par_chunks(CHUNK)).for_each(|(sums, greys)| match is_first {
        true => sums.iter_mut().zip(greys).for_each(|(sum, grey)| *sum = weight * map(*grey)),
        false => sums.iter_mut().zip(greys).for_each(|(sum, grey)| *sum += weight * map(*grey)),
    });
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Interpolation};
    use super::*;
    use crate::progress::Progress;
    use crate::stack::{GreyScale, GreyType, Shape, VoxelSize};
    use crate::volume::Volume;
    use undulator_compute::simd::Isa;

    #[test]
    fn every_way_gives_the_same_bits() {
        let old = Size::new(37, 29, 53);
        // Holes of single voxels and of a third of each slice, from some slice on.
        let hole = |i: u64| i > 20_000 && (i.is_multiple_of(101) || i % 37 < 12);
        for (grey, interpolation, ratio, holes) in [
            (GreyType::U8, Interpolation::AntiAliased, 6.3, false),
            (GreyType::U16, Interpolation::AntiAliased, 2.5, false),
            (GreyType::F32, Interpolation::AntiAliased, 60.0, false),
            (GreyType::U16, Interpolation::Linear, 3.7, false),
            (GreyType::F32, Interpolation::Linear, 0.6, false),
            (GreyType::F32, Interpolation::AntiAliased, 1.0, false),
            (GreyType::F32, Interpolation::AntiAliased, 6.3, true),
            (GreyType::F32, Interpolation::AntiAliased, 60.0, true),
            (GreyType::F32, Interpolation::Linear, 0.6, true),
            (GreyType::F32, Interpolation::Linear, 1.7, true),
        ] {
            let shape = Shape::new(old, VoxelSize::isotropic(1.0), grey);
            let value = |i: u64| if holes && hole(i) { f32::NAN } else { (i * 7919 % 1009) as f32 / 4.1 };
            let values: Vec<f32> = (0..old.voxels()).map(value).collect();
            let volume = Volume::from_values("stack", shape, &values);
            let along = |n: usize| ((n as f64 / ratio) as usize).max(1);
            let new = Size::new(along(old.width), along(old.height), along(old.slices));
            let axis = |old, new| Axis::new(old, new, ratio, interpolation).unwrap();
            let grid = Grid {
                grey,
                scale: GreyScale::IDENTITY,
                filler: f32::NAN,
                old,
                new,
                across: axis(old.width, new.width),
                down: axis(old.height, new.height),
                along: axis(old.slices, new.slices),
                isa: Isa::best(),
            };
            let made = |way: &dyn Fn(&mut Volume) -> Result<(), ResampleError>| {
                let mut sink = Volume::black("made", Shape { size: new, ..shape });
                way(&mut sink).unwrap();
                sink.to_values().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let strips = made(&|sink| grid.by_strips(4.min(new.slices), 8, &volume, sink, Progress::silent()));
            assert!(strips.iter().any(|value| *value != strips[0]) || ratio > 50.0);
            for (name, other) in [
                ("single rows", made(&|sink| grid.by_strips(1, 1, &volume, sink, Progress::silent()))),
                ("planes", made(&|sink| grid.by_planes(&volume, sink, Progress::silent()))),
                ("sums", made(&|sink| grid.by_sums(&volume, sink, Progress::silent()))),
            ] {
                assert!(strips == other, "{name} of {interpolation} at {ratio} differ");
            }
        }
    }
}
