//! Trainings where the memory ends: fewer images at once or an error in words, never the end of the program.
//!
//! A file of its own, as its allocator serves all of it.

#[path = "common/heard.rs"]
mod heard;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    path::{Path, PathBuf},
    process::Command,
    ptr::null_mut,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use heard::Heard;
use ndarray::{ArrayViewMut2, Ix2};
use tempfile::TempDir;
use undulator::{
    model::Model,
    stack::{GreyType, Shape, Size, SliceSource, StackError, VoxelSize, Voxels},
    train::{TrainOptions, Trained, train},
};
use undulator_compute::{
    Loss,
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

/// Has no memory for large things beyond a limit, as an address space that is full. Small ones are always had: whoever
/// asks for them cannot be told no.
struct Limited;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Bytes from which a thing is large: as those that grow with the input are here.
const LARGE: usize = 48 << 10;

// SAFETY: everything is the system's, or null, which an allocator may answer with.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), SeqCst) + layout.size();
        if layout.size() >= LARGE && now > MOST.load(SeqCst) {
            NOW.fetch_sub(layout.size(), SeqCst);
            return null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), SeqCst);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static LIMITED: Limited = Limited;

/// A pattern of any size that takes no memory.
struct Waves(Size, f32);

impl SliceSource for Waves {
    fn name(&self) -> &str {
        "waves"
    }

    fn shape(&self) -> Shape {
        Shape::new(self.0, VoxelSize::isotropic(0.6), GreyType::U8)
    }

    fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        let (period, scale) = (41, self.1);
        out.indexed_iter_mut().for_each(|((y, x), grey)| *grey = ((x + 3 * y + 5 * z) % period) as f32 * scale);
        Ok(())
    }

    /// Where the slice is given in memory that is there already, or not at all.
    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        let mut greys = match std::mem::take(out) {
            Voxels::U8(greys) if greys.dim() == self.0.slice_dim() => greys,
            _ => {
                let mut greys = Vec::new();
                let full = |_| StackError::Host { slice: z + 1, reason: "no memory".to_owned() };
                greys.try_reserve_exact(self.0.plane()).map_err(full)?;
                greys.resize(self.0.plane(), 0);
                ndarray::Array2::from_shape_vec(self.0.slice_dim(), greys).unwrap()
            }
        };
        let scale = self.1 as usize;
        greys.indexed_iter_mut().for_each(|((y, x), grey)| *grey = ((x + 3 * y + 5 * z) % 41 * scale) as u8);
        *out = Voxels::U8(greys);
        Ok(())
    }
}

fn options(model: PathBuf) -> TrainOptions {
    let spec =
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 8, residual: true };
    TrainOptions { spec, epochs: 2, batch: 4, validation: 1, device: DeviceRequest::Cpu, model, ..Default::default() }
}

#[test]
fn a_training_whose_memory_ends_anywhere_goes_on_smaller_or_says_so() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = (Waves(Size::new(256, 192, 5), 6.0), Waves(Size::new(256, 192, 5), 3.0));
    let (mut smaller, mut refused, mut whole) = (0, 0, 0);
    for loss in [Loss::Mse, Loss::SsimL1] {
        for tenths in (5..1500).step_by(if loss == Loss::Mse { 29 } else { 97 }) {
            let options = TrainOptions { loss, ..options(folder.path().join(format!("{tenths}.zip"))) };
            let heard = Heard::default();
            MOST.store(NOW.load(SeqCst) + (tenths << 20) / 10, SeqCst);
            let outcome = train(&low, &reference, &options, &heard);
            MOST.store(usize::MAX, SeqCst);
            let said = heard.0.into_inner().unwrap();
            let said: Vec<_> = said.iter().filter(|line| line.contains("going on with batch=")).collect();
            match outcome {
                Ok(Trained { path, .. }) => {
                    // Once, but where the memory ended a second time in a step that had fitted.
                    assert!(Model::load(&path).is_ok() && said.len() <= 2, "{said:?}");
                    *(if said.is_empty() { &mut whole } else { &mut smaller }) += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("memory"), "{tenths}: {text}");
                    refused += 1;
                }
            }
        }
    }
    println!("{whole} as they were, {smaller} smaller, {refused} refused");
    assert!(smaller > 2 && refused > 2 && whole > 2);
}

/// What runs in a limited address space; it does nothing by itself.
#[test]
#[ignore = "is started by the next test"]
fn trains_in_a_limited_address_space() {
    let Ok(given) = std::env::var("UNDULATOR_LIMITED") else { return };
    let mut given = given.splitn(2, ' ');
    let edge: usize = given.next().unwrap().parse().unwrap();
    let model = Path::new(given.next().unwrap()).join("model.zip");
    let heard = Heard::default();
    let size = Size::new(edge, edge, 3);
    let spec = Spec { layers: 4, ..options(PathBuf::new()).spec };
    let options = TrainOptions { epochs: 1, batch: 2, validation: 0, spec, ..options(model) };
    let outcome = train(&Waves(size, 6.0), &Waves(size, 3.0), &options, &heard);
    for line in heard.0.into_inner().unwrap() {
        println!("said: {line}");
    }
    println!("ended: {}", outcome.map_or_else(|error| error.to_string(), |trained| trained.to_string()));
}

#[test]
#[cfg(target_os = "linux")]
fn large_slices_in_a_limited_address_space_never_end_the_program() {
    let mut reduced = 0;
    for (edge, mebibytes) in [(1024, 160), (1024, 600), (2048, 400), (2048, 900), (4096, 300), (4096, 1200)] {
        let folder = TempDir::new().unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -v {}; exec \"$0\" \"$@\"", mebibytes << 10)])
            .arg(std::env::current_exe().unwrap())
            .args(["trains_in_a_limited_address_space", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("UNDULATOR_LIMITED", format!("{edge} {}", folder.path().display()))
            .env("RAYON_NUM_THREADS", "2")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        println!("{edge} with {mebibytes} MB: {:?}\n{said}", output.status);
        assert!(output.status.success(), "{edge} with {mebibytes} MB: {:?} {said}", output.status);
        let (_, ended) = said.split_once("ended: ").unwrap();
        let trained = folder.path().join("model.zip").exists();
        assert!(trained || ended.contains("memory"), "{edge} with {mebibytes} MB: {ended}");
        let smaller = said.lines().filter(|line| line.contains("going on with batch=")).count();
        // By what is free before the first step, and where that was too much, once more.
        assert!(smaller <= 2, "{said}");
        reduced += usize::from(trained && smaller > 0);
    }
    assert!(reduced >= 2, "{reduced} trainings took smaller steps");
}
