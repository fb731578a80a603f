//! Slices and batches that are read while work is done on earlier ones.

use std::{
    sync::mpsc::{Receiver, Sender, channel, sync_channel},
    thread,
};

use ndarray::Array2;

use crate::stack::{SliceSource, StackError, black_slice, read_measured};

/// Slices that wait to be worked on: with the one that is being read they are two ahead.
const WAITING: usize = 1;

/// Reads slices in the order of `wanted` on a thread of its own, two ahead of `work`, and ends when `work` does.
///
/// Values that are not finite become NaN. Memory: the slices ahead, and those that `work` holds.
pub(crate) fn read_ahead<T>(
    source: &dyn SliceSource,
    mut wanted: impl Iterator<Item = usize> + Send,
    work: impl FnOnce(&mut Ahead) -> T,
) -> T {
    let read = |used: Option<Array2<f32>>| {
        let z = wanted.next()?;
        let slice = used.map_or_else(|| black_slice(source.shape().size), Ok);
        Some(slice.and_then(|mut slice| {
            read_measured(source, z, slice.view_mut())?;
            Ok(slice)
        }))
    };
    make_ahead(WAITING, read, work)
}

/// Makes things on a thread of its own while `work` uses earlier ones, and ends when `work` does.
///
/// `make` is given one that is used up, where there is one, to make the next in its memory; it gives `None` after the
/// last, and is not called again after an error. At most `waiting` are made and wait, beside the one that is being made.
pub(crate) fn make_ahead<T: Send, E: Send, R>(
    waiting: usize,
    mut make: impl FnMut(Option<T>) -> Option<Result<T, E>> + Send,
    work: impl FnOnce(&mut Ahead<T, E>) -> R,
) -> R {
    let (to_work, made) = sync_channel(waiting);
    let (free, used) = channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some(next) = make(used.try_recv().ok()) {
                let failed = next.is_err();
                // Nobody waits for it any more when the work has stopped.
                if to_work.send(next).is_err() || failed {
                    return;
                }
            }
        });
        work(&mut Ahead { made, free })
    })
}

/// Hands out what is made ahead.
pub(crate) struct Ahead<T = Array2<f32>, E = StackError> {
    made: Receiver<Result<T, E>>,
    free: Sender<T>,
}

impl<T, E> Ahead<T, E> {
    /// The next one. It is to be given back when the work on it is done.
    ///
    /// # Panics
    /// If there are no more.
    pub fn next(&mut self) -> Result<T, E> {
        self.made.recv().expect("as many are made as are asked for")
    }

    /// Takes one back, for another to be made in its memory.
    pub fn give_back(&mut self, used: T) {
        // The last ones are not needed any more.
        let _ = self.free.send(used);
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
