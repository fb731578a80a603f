//! Comparing networks, stopped and gone on with.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use ndarray::ArrayViewMut2;
use tempfile::TempDir;
use undulator::{
    compare::{CompareError, CompareListener, CompareOptions, Row, compare},
    model::Model,
    progress::{Event, Listener, Silent},
    stack::{GreyType, Shape, Size, SliceSource, StackError, VoxelSize},
    train::{Request, TrainEvent, TrainListener, TrainOptions, checkpoint_of},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

fn pair() -> (Volume, Volume) {
    let shape = Shape::new(Size::new(32, 32, 8), VoxelSize::isotropic(0.6), GreyType::F32);
    let values = |scale: f32| (0..shape.size.voxels()).map(|i| scale * (i as f32 * 0.21).sin()).collect::<Vec<_>>();
    (Volume::from_values("low", shape, &values(3.0)), Volume::from_values("reference", shape, &values(1.0)))
}

fn options(folder: &Path) -> CompareOptions {
    let spec =
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Relu, channels: 2, residual: true };
    CompareOptions {
        layers: vec![3, 4],
        activations: vec![Activation::Relu, Activation::Prelu],
        srcnn: true,
        training: TrainOptions { spec, epochs: 3, validation: 2, device: DeviceRequest::Cpu, ..Default::default() },
        folder: folder.to_owned(),
    }
}

/// Stops the comparison after so many epochs of any network.
struct Stopping {
    epochs: AtomicUsize,
    rows: Mutex<Vec<Row>>,
}

impl Stopping {
    fn after(epochs: usize) -> Self {
        Self { epochs: AtomicUsize::new(epochs), rows: Mutex::default() }
    }
}

impl Listener for Stopping {
    fn event(&self, _event: Event<'_>) {}

    fn cancelled(&self) -> bool {
        self.epochs.load(Ordering::SeqCst) == 0
    }
}

impl TrainListener for Stopping {
    fn training(&self, event: TrainEvent<'_>) {
        if let TrainEvent::Epoch { .. } = event {
            self.epochs.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn request(&self) -> Request {
        Request::GoOn
    }
}

impl CompareListener for Stopping {
    fn network(&self, row: &Row) {
        self.rows.lock().unwrap().push(row.clone());
    }
}

/// The table without what time does to it.
fn table(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("comparison.csv")).unwrap();
    let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut rows: Vec<_> = text.lines().map(fields).collect();
    let seconds = rows[0].iter().position(|heading| heading == "seconds").unwrap();
    rows.iter_mut().for_each(|row| drop(row.remove(seconds)));
    rows
}

#[test]
fn a_comparison_survives_being_stopped_and_comes_to_the_same() {
    let (low, reference) = pair();
    let [whole, parts] = [(); 2].map(|()| TempDir::new().unwrap());
    let expected = compare(&low, &reference, &options(whole.path()), &Silent).unwrap();
    let networks: Vec<String> = expected.rows.iter().map(|row| row.spec.to_string()).collect();
    assert_eq!(networks.len(), 8);
    assert!(
        networks[0].starts_with("SRCNN 3 layers, ReLU, 4 channels")
            && networks[7].starts_with("RED-Net 4 layers, PReLU")
    );
    for row in &expected.rows {
        let model = Model::load(&row.model).unwrap();
        assert_eq!((model.card.network, model.card.scores), (row.spec, row.scores));
        assert_eq!(row.epochs, 3);
    }
    assert!(expected.figure.exists() && expected.figure.with_extension("svg").exists());

    // Five epochs are one network and two thirds of the next; those that are done are not trained again.
    for epochs in [5, 7] {
        let error = compare(&low, &reference, &options(parts.path()), &Stopping::after(epochs)).unwrap_err();
        assert!(matches!(error, CompareError::Cancelled { networks: 8, .. }), "{error}");
    }
    let rest = Stopping::after(8 * 3 - 12 + 1);
    compare(&low, &reference, &options(parts.path()), &rest).unwrap();
    assert_eq!(rest.epochs.into_inner(), 1, "no epoch was trained twice");
    assert_eq!(rest.rows.into_inner().unwrap().len(), 8);
    assert_eq!(table(parts.path()), table(whole.path()));
    assert_eq!(table(parts.path()).len(), 9);
}

#[test]
fn what_cannot_be_compared_is_said_before_anything_is_trained() {
    let (low, reference) = pair();
    let folder = TempDir::new().unwrap();
    let refuse = |options: CompareOptions| compare(&low, &reference, &options, &Silent).unwrap_err().to_string();
    let options = options(folder.path());
    let nothing = CompareOptions { layers: vec![], srcnn: false, ..options.clone() };
    assert!(refuse(nothing).contains("no network to compare"));
    assert!(refuse(CompareOptions { layers: vec![3, 9], ..options.clone() }).contains("layers=9"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(refuse(CompareOptions { folder: file.join("in"), ..options.clone() }).contains("cannot be used"));
    fs::remove_file(&file).unwrap();

    // A folder is made with those around it. The folder of another comparison is left as it is.
    let folder = folder.path().join("a/b");
    let options = CompareOptions { folder: folder.clone(), ..options };
    let small = CompareOptions { layers: vec![3], activations: vec![Activation::Relu], srcnn: false, ..options };
    compare(&low, &reference, &small, &Silent).unwrap();
    let model = fs::read(folder.join("red-net-3-relu.zip")).unwrap();
    let training = TrainOptions { seed: 2, ..small.training.clone() };
    assert!(refuse(CompareOptions { training, ..small.clone() }).contains("trained otherwise (seed)"));
    let unlike = compare(&reference, &low, &small, &Silent).unwrap_err().to_string();
    assert!(unlike.contains("trained otherwise (pair of stacks)"), "{unlike}");
    assert!(fs::read(folder.join("red-net-3-relu.zip")).unwrap() == model);
}

/// Counts how often slices are read.
struct Counted(Volume, AtomicUsize);

impl SliceSource for Counted {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.read(z, out)
    }
}

#[test]
fn finished_networks_need_no_checkpoint_and_the_pair_is_looked_at_once() {
    let (low, reference) = pair();
    let folder = TempDir::new().unwrap();
    let options = options(folder.path());
    let expected = compare(&low, &reference, &options, &Silent).unwrap();
    let before = table(folder.path());
    for row in &expected.rows {
        fs::remove_file(checkpoint_of(&row.model)).unwrap();
    }
    let [low, reference] = [low, reference].map(|stack| Counted(stack, AtomicUsize::new(0)));
    let again = Stopping::after(1);
    let found = compare(&low, &reference, &options, &again).unwrap();
    assert_eq!(again.epochs.into_inner(), 1, "no epoch is trained");
    assert!(found.rows == expected.rows && table(folder.path()) == before);
    // What was measured is found in all eight slices. Windows read the six training slices twice at most, contrast and
    // baselines the two others, once and twice.
    for stack in [low, reference] {
        let reads = stack.1.into_inner();
        assert!(reads <= 8 + 2 * 6 + 3 * 2, "{reads} slices read for eight networks");
    }
}
