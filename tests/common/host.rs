//! A host whose images lie in memory.
#![allow(dead_code, reason = "each test uses its own part")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use ndarray::{ArrayView2, ArrayViewMut2};
use undulator::{
    command::{Code, CommandError, Host, Image, ImageSink, NewImage, Row},
    grey::Window,
    picture::Picture,
    progress::{Event, Listener},
    stack::{Shape, SliceSink, SliceSource, StackError},
    train::{Request, TrainEvent, TrainListener},
    volume::Volume,
};

/// An image in memory.
#[derive(Clone)]
pub struct MemoryImage {
    pub volume: Volume,
    pub unit: &'static str,
    pub value_unit: &'static str,
    pub channels: usize,
    pub frames: usize,
}

impl From<Volume> for MemoryImage {
    fn from(volume: Volume) -> Self {
        Self { volume, unit: "µm", value_unit: "", channels: 1, frames: 1 }
    }
}

impl SliceSource for MemoryImage {
    fn name(&self) -> &str {
        self.volume.name()
    }

    fn shape(&self) -> Shape {
        self.volume.shape()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.volume.read(z, out)
    }

    fn unit(&self) -> &str {
        self.unit
    }

    fn value_unit(&self) -> &str {
        self.value_unit
    }
}

impl Image for MemoryImage {
    fn channels(&self) -> usize {
        self.channels
    }

    fn frames(&self) -> usize {
        self.frames
    }
}

/// A new image as it grew.
#[derive(Clone)]
pub struct Made {
    pub image: NewImage,
    pub volume: Option<Volume>,
    pub range: Option<Window>,
    pub has_filler: bool,
    pub properties: BTreeMap<String, String>,
}

/// What the host keeps of a run.
#[derive(Default)]
pub struct Kept {
    pub made: Vec<Arc<Mutex<Made>>>,
    pub lines: Vec<String>,
    pub phases: Vec<String>,
    pub fractions: Vec<f64>,
    pub rows: Vec<Row>,
    pub opened: Vec<PathBuf>,
    pub written: Vec<PathBuf>,
    pub pictures: Vec<&'static str>,
    pub epochs: usize,
}

/// A host whose images lie in memory.
#[derive(Default)]
pub struct MemoryHost {
    pub images: BTreeMap<String, MemoryImage>,
    models: PathBuf,
    /// Cancels once so many events were heard.
    patience: Option<usize>,
    keeps_files: bool,
    kept: Mutex<Kept>,
    heard: Mutex<usize>,
}

impl MemoryHost {
    pub fn with(mut self, image: impl Into<MemoryImage>) -> Self {
        let image = image.into();
        self.images.insert(image.name().to_owned(), image);
        self
    }

    /// With a folder of models.
    pub fn with_models(self, models: PathBuf) -> Self {
        Self { models, ..self }
    }

    /// Cancels once so many events were heard.
    pub fn cancelling_after(self, events: usize) -> Self {
        Self { patience: Some(events), ..self }
    }

    /// Lets no file be replaced.
    pub fn keeping_files(self) -> Self {
        Self { keeps_files: true, ..self }
    }

    pub fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }

    /// The new image of that name.
    pub fn made(&self, name: &str) -> Made {
        let found = self.kept(|kept| kept.made.iter().find(|made| made.lock().unwrap().image.name == name).cloned());
        found.unwrap_or_else(|| panic!("no image {name} was made")).lock().unwrap().clone()
    }
}

impl Listener for MemoryHost {
    fn event(&self, event: Event<'_>) {
        *self.heard.lock().unwrap() += 1;
        self.kept(|kept| match event {
            Event::Phase(name) => kept.phases.push(name.to_owned()),
            Event::Fraction(fraction) => kept.fractions.push(fraction),
            Event::Message(line) => kept.lines.push(line.to_owned()),
            Event::Warning(line) => kept.lines.push(format!("Warning: {line}")),
        });
    }

    fn cancelled(&self) -> bool {
        self.patience.is_some_and(|patience| *self.heard.lock().unwrap() >= patience)
    }
}

impl TrainListener for MemoryHost {
    fn training(&self, event: TrainEvent<'_>) {
        if let TrainEvent::Epoch { .. } = event {
            self.kept(|kept| kept.epochs += 1);
        }
    }

    fn request(&self) -> Request {
        Request::GoOn
    }
}

impl Host for MemoryHost {
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError> {
        match self.images.get(name) {
            Some(image) => Ok(Box::new(image.clone())),
            None => Err(CommandError::new(Code::Image, format!("there is no image {name} ({key})"))),
        }
    }

    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError> {
        let made =
            Made { image: image.clone(), volume: None, range: None, has_filler: false, properties: BTreeMap::new() };
        let made = Arc::new(Mutex::new(made));
        self.kept(|kept| kept.made.push(made.clone()));
        Ok(Box::new(MemorySink(made)))
    }

    fn open(&self, _image: &NewImage, path: &Path, _shape: Shape) -> Result<(), CommandError> {
        self.kept(|kept| kept.opened.push(path.to_owned()));
        Ok(())
    }

    fn written(&self, path: &Path) {
        self.kept(|kept| kept.written.push(path.to_owned()));
    }

    fn may_replace(&self, _path: &Path) -> bool {
        !self.keeps_files
    }

    fn model(&self, name: &str) -> PathBuf {
        name.into()
    }

    fn models(&self) -> PathBuf {
        self.models.clone()
    }

    fn row(&self, row: Row) {
        self.kept(|kept| kept.rows.push(row));
    }

    fn picture(&self, name: &'static str, _picture: &Picture) {
        self.kept(|kept| kept.pictures.push(name));
    }
}

struct MemorySink(Arc<Mutex<Made>>);

impl SliceSink for MemorySink {
    fn mark_filler(&mut self) {
        self.0.lock().unwrap().has_filler = true;
    }

    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        let mut made = self.0.lock().unwrap();
        made.volume = Some(Volume::black(made.image.name, shape));
        Ok(())
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        self.0.lock().unwrap().volume.as_mut().expect("begun").write(z, slice)
    }

    fn read_done(&mut self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.0.lock().unwrap().volume.as_ref().expect("begun").read(z, out)
    }
}

impl ImageSink for MemorySink {
    fn display_range(&mut self, range: Window) {
        self.0.lock().unwrap().range = Some(range);
    }

    fn property(&mut self, key: &str, value: &str) {
        self.0.lock().unwrap().properties.insert(key.to_owned(), value.to_owned());
    }
}
