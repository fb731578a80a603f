//! Resampling, against scipy and Pillow and for what must hold of any stack.

#[path = "common/data.rs"]
mod data;
#[path = "common/python.rs"]
mod python;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use data::battery;
use ndarray::ArrayViewMut2;
use proptest::prelude::*;
use serde_json::json;
use undulator::progress::{Event, Listener, Progress};
use undulator::resample::{Interpolation, ResampleError, resample};
use undulator::stack::{GreyType, Shape, Size, SliceSource, StackError, VoxelSize};
use undulator::volume::Volume;

use Interpolation::{AntiAliased, Linear};

fn volume(grey: GreyType, size: Size, voxel: VoxelSize, value: impl Fn(usize) -> f32) -> Volume {
    let values: Vec<f32> = (0..size.voxels() as usize).map(value).collect();
    Volume::from_values("laboratory", Shape::new(size, voxel, grey), &values)
}

/// Grey values without order, over the whole scale of the type.
fn noise(grey: GreyType, i: usize) -> f32 {
    let unit = ((i as u64 + 1).wrapping_mul(6_364_136_223_846_793_005) >> 40) as f32 / (1 << 24) as f32;
    match grey.white() {
        Some(white) => (unit * white).round(),
        None => unit * 3.0 - 1.0,
    }
}

fn resampled(source: &dyn SliceSource, voxel: f64, interpolation: Interpolation) -> Volume {
    let mut out = Volume::black("resampled", source.shape());
    let shape = resample(source, voxel, interpolation, &mut out, Progress::silent()).unwrap();
    assert_eq!(shape, out.shape());
    assert_eq!(shape.voxel, VoxelSize::isotropic(voxel));
    assert_eq!(shape.grey, source.shape().grey);
    out
}

/// Resamples stacks here and with scipy (linear) or Pillow (anti-aliased), and checks that no grey value of a result
/// differs by more than one grey level, or by rounding in 32 bits.
fn compare_with_peer(cases: &[(Volume, f64, Interpolation)]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, i: usize| folder.path().join(format!("{name}{i}"));
    let request = cases.iter().enumerate().map(|(i, (source, new, interpolation))| {
        let Shape { size, voxel, grey, .. } = source.shape();
        python::write_floats(&path("input", i), &source.to_values());
        json!({
            "input": path("input", i), "output": path("output", i), "new": new,
            "shape": [size.slices, size.height, size.width], "voxel": [voxel.z, voxel.y, voxel.x],
            "dtype": match grey { GreyType::U8 => "uint8", GreyType::U16 => "uint16", GreyType::F32 => "float32" },
            "interpolation": interpolation.to_string(),
        })
    });
    let shapes = python::ask("resample.py", &request.collect());
    for (i, (source, new, interpolation)) in cases.iter().enumerate() {
        let Shape { size: old, voxel, grey, .. } = source.shape();
        let case = format!("{grey:?} {old} voxels of {voxel} to {new}, {interpolation}");
        let ours = resampled(source, *new, *interpolation);
        let size = ours.shape().size;
        assert_eq!(shapes[i], json!([size.slices, size.height, size.width]), "{case}");
        let theirs = python::read_floats(&path("output", i));
        let difference = ours.to_values().iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let tolerance = if grey == GreyType::F32 { 2e-6 } else { 1.0 };
        assert!(theirs.len() as u64 == size.voxels() && difference <= tolerance, "{case}: {difference}");
    }
}

#[test]
fn scipy_and_pillow_agree() {
    let grids = [
        (Size::new(31, 24, 17), VoxelSize::isotropic(0.31), 0.6),
        (Size::new(20, 21, 9), VoxelSize::isotropic(0.495), 0.2),
        (Size::new(33, 18, 12), VoxelSize::new(0.2, 0.9, 1.5), 0.6),
        (Size::new(40, 30, 25), VoxelSize::new(0.1, 0.17, 0.12), 0.6),
        (Size::new(1, 13, 6), VoxelSize::new(0.6, 0.3, 0.5), 0.6),
        (Size::new(14, 1, 1), VoxelSize::new(0.4, 1.2, 0.9), 0.6),
        (Size::new(9, 8, 7), VoxelSize::isotropic(0.6), 0.6),
    ];
    let mut cases = Vec::new();
    for (size, voxel, new) in grids {
        for grey in [GreyType::U8, GreyType::U16, GreyType::F32] {
            for interpolation in [Linear, AntiAliased] {
                cases.push((volume(grey, size, voxel, |i| noise(grey, i)), new, interpolation));
            }
        }
    }
    compare_with_peer(&cases);
}

#[test]
fn scipy_and_pillow_agree_on_the_battery() {
    let (laboratory, synchrotron) = (battery::measured("laboratory"), battery::measured("synchrotron"));
    compare_with_peer(&[(laboratory, battery::VOXEL, Linear), (synchrotron, battery::VOXEL, AntiAliased)]);
}

/// Stripes finer than the new voxels: whatever is left of them has a false period.
#[test]
fn anti_aliasing_removes_stripes_that_linear_turns_into_coarser_ones() {
    let size = Size::new(60, 60, 60);
    for axis in 0..3 {
        let stripes = volume(GreyType::F32, size, VoxelSize::isotropic(0.2), |i| {
            let along = [i % 60, i / 60 % 60, i / 3600][axis];
            (along as f32 * std::f32::consts::TAU / 2.6).sin()
        });
        let swing = |interpolation| {
            let values = resampled(&stripes, 0.6, interpolation).to_values();
            // Voxels whose stretched kernel does not meet the border.
            let inside = (0..8000).filter(|i| [i % 20, i / 20 % 20, i / 400].iter().all(|at| (1..19).contains(at)));
            inside.map(|i| values[i].abs()).fold(0.0, f32::max)
        };
        let (linear, anti_aliased) = (swing(Linear), swing(AntiAliased));
        assert!(linear > 0.9, "{linear}");
        assert!(anti_aliased < 0.05, "{anti_aliased}");
    }
}

/// A source that notes what is read.
struct Noting<'a> {
    inner: &'a Volume,
    read: Mutex<Vec<usize>>,
}

impl SliceSource for Noting<'_> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn shape(&self) -> Shape {
        self.inner.shape()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.read.lock().unwrap().push(z);
        self.inner.read(z, out)
    }
}

#[test]
fn every_slice_is_read_at_most_once_and_in_order() {
    for voxel in [0.17, 0.6, 1.0, 4.0] {
        for interpolation in [Linear, AntiAliased] {
            let inner = volume(GreyType::U8, Size::new(8, 7, 23), VoxelSize::isotropic(0.6), |i| (i % 200) as f32);
            let source = Noting { inner: &inner, read: Mutex::default() };
            resampled(&source, voxel, interpolation);
            let read = source.read.into_inner().unwrap();
            assert!(read.is_sorted_by(|a, b| a < b), "{voxel} {interpolation}: {read:?}");
            assert!(read.len() == 23 || voxel > 0.6, "{voxel} {interpolation}: {read:?}");
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let source =
        volume(GreyType::F32, Size::new(70, 65, 20), VoxelSize::new(0.3, 0.4, 0.7), |i| noise(GreyType::F32, i));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| resampled(&source, 0.5, AntiAliased))
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn impossible_requests_are_explained() {
    let refuse = |source: &Volume, voxel: f64| {
        let mut out = Volume::black("resampled", source.shape());
        resample(source, voxel, Linear, &mut out, Progress::silent()).unwrap_err().to_string()
    };
    let micrometre = VoxelSize::isotropic(1.0);
    let source = volume(GreyType::U8, Size::new(4, 3, 2), micrometre, |_| 1.0);
    for voxel in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let said = refuse(&source, voxel);
        assert!(said.contains(&voxel.to_string()) && said.contains("above zero"), "{said}");
    }
    for voxel in [1e-300, 1e-7, 1e-6, 3e-4] {
        let said = refuse(&source, voxel);
        assert!(said.contains("4×3×2") && said.contains("larger voxels"), "{said}");
    }
    for voxel in [2.5, 3.5, 100.0] {
        let said = refuse(&source, voxel);
        assert!(said.contains("4×3×2 µm") && said.contains(&format!("{voxel} µm")), "{said}");
    }
    let uncalibrated = volume(GreyType::U8, Size::new(4, 3, 2), VoxelSize::new(1.0, 0.0, 1.0), |_| 1.0);
    assert!(refuse(&uncalibrated, 1.0).contains("voxel size of laboratory is 1×0×1 µm"));
    assert!(refuse(&volume(GreyType::U8, Size::new(4, 3, 0), micrometre, |_| 1.0), 1.0).contains("empty"));
}

/// Cancels after the first slice.
#[derive(Default)]
struct Impatient(AtomicBool);

impl Listener for Impatient {
    fn event(&self, event: Event<'_>) {
        if let Event::Fraction(fraction) = event {
            self.0.store(fraction > 0.0, Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_request_to_stop_is_heard() {
    let source = volume(GreyType::U8, Size::new(4, 3, 9), VoxelSize::isotropic(1.0), |_| 1.0);
    let mut out = Volume::black("resampled", source.shape());
    let stopped = resample(&source, 0.5, Linear, &mut out, Progress::new(&Impatient::default()));
    assert!(matches!(stopped, Err(ResampleError::Cancelled(_))));
}

fn any_size() -> impl Strategy<Value = Size> {
    (1..20usize, 1..20usize, 1..20usize).prop_map(|(width, height, slices)| Size::new(width, height, slices))
}

fn any_voxel() -> impl Strategy<Value = VoxelSize> {
    (0.1..3.0, 0.1..3.0, 0.1..3.0).prop_map(|(x, y, z)| VoxelSize::new(x, y, z))
}

/// Whether new voxels are no larger than the field: others are refused.
fn fits(size: Size, voxel: VoxelSize, new: f64) -> bool {
    let axes = [(size.width, voxel.x), (size.height, voxel.y), (size.slices, voxel.z)];
    axes.iter().all(|(n, edge)| *n == 1 || new <= *n as f64 * edge)
}

fn any_interpolation() -> impl Strategy<Value = Interpolation> {
    prop_oneof![Just(Linear), Just(AntiAliased)]
}

fn any_grey() -> impl Strategy<Value = GreyType> {
    prop_oneof![Just(GreyType::U8), Just(GreyType::U16), Just(GreyType::F32)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_constant_stays(
        size in any_size(), voxel in any_voxel(), new in 0.2..4.0, how in any_interpolation(), grey in any_grey(),
        value in 0u8..=255,
    ) {
        prop_assume!(fits(size, voxel, new));
        let source = volume(grey, size, voxel, |_| f32::from(value));
        for v in resampled(&source, new, how).to_values() {
            prop_assert!((v - f32::from(value)).abs() <= if grey == GreyType::F32 { 1e-4 } else { 0.0 }, "{v}");
        }
    }

    #[test]
    fn a_ramp_is_reproduced_away_from_the_border(
        size in any_size(), voxel in any_voxel(), new in 0.2..2.0, slope in prop::array::uniform3(-2.0f64..2.0),
    ) {
        prop_assume!(fits(size, voxel, new));
        // A linear function of the position, in the voxel size's unit, from the corner of the field.
        let plane = |x: f64, y: f64, z: f64| slope[0] * x + slope[1] * y + slope[2] * z;
        let source = volume(GreyType::F32, size, voxel, |i| {
            let (x, y, z) = (i % size.width, i / size.width % size.height, i / size.plane());
            plane((x as f64 + 0.5) * voxel.x, (y as f64 + 0.5) * voxel.y, (z as f64 + 0.5) * voxel.z) as f32
        });
        let out = resampled(&source, new, Linear);
        let new_size = out.shape().size;
        for (i, v) in out.to_values().into_iter().enumerate() {
            let at = [i % new_size.width, i / new_size.width % new_size.height, i / new_size.plane()];
            let p = at.map(|i| (i as f64 + 0.5) * new);
            let field = [(size.width, voxel.x), (size.height, voxel.y), (size.slices, voxel.z)];
            let inside = p.iter().zip(field).all(|(p, (n, edge))| (0.5..=n as f64 - 0.5).contains(&(p / edge)));
            prop_assert!(!inside || (f64::from(v) - plane(p[0], p[1], p[2])).abs() < 1e-3, "{at:?}: {v}");
        }
    }

    #[test]
    fn the_same_voxel_size_gives_the_same_grey_values(
        size in any_size(), edge in 0.01..9.0, how in any_interpolation(), grey in any_grey(),
    ) {
        let source = volume(grey, size, VoxelSize::isotropic(edge), |i| noise(grey, i));
        prop_assert_eq!(resampled(&source, edge, how).to_values(), source.to_values());
    }

    #[test]
    fn new_voxels_lie_inside_the_field(size in any_size(), voxel in any_voxel(), new in 0.2..4.0) {
        prop_assume!(fits(size, voxel, new));
        let source = volume(GreyType::U8, size, voxel, |_| 7.0);
        let out = resampled(&source, new, Linear).shape().size;
        for (n, old, edge) in
            [(out.width, size.width, voxel.x), (out.height, size.height, voxel.y), (out.slices, size.slices, voxel.z)]
        {
            let (length, field) = (n as f64 * new, old as f64 * edge);
            prop_assert!(n == 1 || length <= field * (1.0 + 1e-5), "{length} in {field}");
            prop_assert!(length + new > field * (1.0 - 1e-5));
        }
    }
}
