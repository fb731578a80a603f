//! What the CPU engine takes to train, counted by the allocator. A file of its own, as its allocator serves one test.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use undulator_compute::{
    Images, Loss, Trainer, TrainerState, cpu,
    network::{Activation, Architecture, Spec, Weights},
};

/// Counts the bytes that are in use, and the most that were.
struct Counting;

static NOW: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is the system's; only sizes are counted. What the trait does beside is made of these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size() as u64, SeqCst) + layout.size() as u64;
        // Room that is asked for and given back is never touched.
        let is_probe = layout.align() == 1 && layout.size() > 4 << 20;
        if !is_probe {
            MOST.fetch_max(now, SeqCst);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size() as u64, SeqCst);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that two steps take at the most, their images included, and those that the trainer says.
fn taken_and_said(spec: Spec, loss: Loss, [count, height, width]: [usize; 3]) -> (u64, u64) {
    let plan = spec.plan().unwrap();
    let start = TrainerState::start(Weights::initial(&spec, &plan, 1));
    let mut trainer = cpu::trainer(&plan, &start, loss).unwrap();
    let said = trainer.training_footprint(count, height, width).unwrap();
    let before = NOW.load(SeqCst);
    MOST.store(before, SeqCst);
    let images = Images { count, height, width, values: vec![0.5; count * height * width] };
    let targets = images.clone();
    for _ in 0..2 {
        trainer.step(&images, &targets, 1e-3).unwrap();
    }
    (MOST.load(SeqCst) - before, said)
}

#[test]
fn a_step_takes_what_the_trainer_says() {
    let spec = |network, layers, channels, activation| Spec { network, layers, activation, channels, residual: true };
    let (red_net, srcnn) = (Architecture::RedNet, Architecture::Srcnn);
    for (spec, loss, size) in [
        (spec(red_net, 6, 32, Activation::Prelu), Loss::Mse, [2, 128, 160]),
        (spec(red_net, 6, 32, Activation::Prelu), Loss::SsimL1, [2, 128, 160]),
        (spec(red_net, 3, 9, Activation::Relu), Loss::SsimL1, [5, 96, 96]),
        (spec(red_net, 3, 64, Activation::Relu), Loss::L1, [16, 64, 64]),
        (spec(srcnn, 3, 32, Activation::Prelu), Loss::Mse, [3, 100, 120]),
    ] {
        let (taken, said) = taken_and_said(spec, loss, size);
        println!("{spec}, {loss}, {size:?}: {taken} bytes taken, {said} said");
        let ratio = said as f64 / taken as f64;
        // Similarities of all images of a batch are computed at the same time only where there are as many threads.
        let most = if loss == Loss::SsimL1 { 1.15 } else { 1.03 };
        assert!((0.98..most).contains(&ratio), "{spec}, {size:?}: {said} bytes said, {taken} taken");
    }
}
