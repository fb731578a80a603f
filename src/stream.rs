//! Slices that are read while work is done on earlier ones.

use std::{
    sync::mpsc::{Receiver, Sender, channel, sync_channel},
    thread,
};

use ndarray::Array2;

use crate::stack::{SliceSource, StackError, read_finite};

/// Slices that wait to be worked on: with the one that is being read they are two ahead.
const WAITING: usize = 1;

/// Reads slices in the order of `wanted` on a thread of its own, two ahead of `work`, and ends when `work` does.
///
/// Values that are not finite are refused. Memory: the slices ahead, and those that `work` holds.
pub(crate) fn read_ahead<T>(
    source: &dyn SliceSource,
    wanted: impl Iterator<Item = usize> + Send,
    work: impl FnOnce(&mut Ahead) -> T,
) -> T {
    let (to_work, slices) = sync_channel(WAITING);
    let (free, to_read) = channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for z in wanted {
                let new = |_| Array2::zeros(source.shape().size.slice_dim());
                let mut slice: Array2<f32> = to_read.try_recv().unwrap_or_else(new);
                let read = read_finite(source, z, slice.view_mut()).map(|()| slice);
                let failed = read.is_err();
                // Nobody waits for it any more when the work has stopped.
                if to_work.send(read).is_err() || failed {
                    return;
                }
            }
        });
        work(&mut Ahead { slices, free })
    })
}

/// Hands out what is read.
pub(crate) struct Ahead {
    slices: Receiver<Result<Array2<f32>, StackError>>,
    free: Sender<Array2<f32>>,
}

impl Ahead {
    /// The next slice. It is to be given back when the work on it is done.
    ///
    /// # Panics
    /// If there are no more.
    pub fn next(&mut self) -> Result<Array2<f32>, StackError> {
        self.slices.recv().expect("as many slices are read as are asked for")
    }

    /// Takes a slice back, for another to be read into it.
    pub fn give_back(&mut self, slice: Array2<f32>) {
        // The last ones are not needed any more.
        let _ = self.free.send(slice);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::ArrayViewMut2;

    use super::*;
    use crate::stack::{GreyType, Shape, Size, VoxelSize};

    /// A stack without end, whose slice `z` holds `z`; one slice fails.
    struct Counted {
        read: AtomicUsize,
        fails: usize,
    }

    impl SliceSource for Counted {
        fn name(&self) -> &str {
            "counted"
        }

        fn shape(&self) -> Shape {
            Shape::new(Size::new(3, 2, 1000), VoxelSize::isotropic(1.0), GreyType::F32)
        }

        fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
            self.read.fetch_add(1, Ordering::SeqCst);
            if z == self.fails {
                return Err(StackError::Host { slice: z + 1, reason: "torn".to_owned() });
            }
            out.fill(z as f32);
            Ok(())
        }
    }

    #[test]
    fn slices_come_in_order_and_an_error_after_those_before_it() {
        let source = Counted { read: AtomicUsize::new(0), fails: 30 };
        read_ahead(&source, (0..1000).step_by(3), |ahead| {
            for z in (0..30).step_by(3) {
                let slice = ahead.next().unwrap();
                assert_eq!(slice, ndarray::arr2(&[[z as f32; 3]; 2]));
                ahead.give_back(slice);
            }
            assert_eq!(ahead.next().unwrap_err().to_string(), "slice 31: torn");
        });
        assert_eq!(source.read.into_inner(), 11);
    }

    #[test]
    fn work_that_stops_stops_the_reading() {
        let source = Counted { read: AtomicUsize::new(0), fails: usize::MAX };
        let third = read_ahead(&source, 0..1000, |ahead| (0..3).map(|_| ahead.next().unwrap()[[0, 0]]).sum::<f32>());
        assert_eq!(third, 3.0);
        let read = source.read.into_inner();
        assert!((3..=5).contains(&read), "three used, at most two ahead, {read} read");
    }
}
