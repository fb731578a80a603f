//! The interface between commands and the program that runs them: images, new images, and progress.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ndarray::{ArrayView2, ArrayViewMut2, Ix2};

use super::{Code, CommandError, Row, options::MODEL, paths};
use crate::{
    grey::Window,
    picture::Picture,
    progress::{Event, Listener, Rising},
    stack::{GreyType, Shape, SliceSink, SliceSource, StackError, Voxels},
    train::{Request, TrainEvent, TrainListener},
};

/// Whoever runs a command.
///
/// A host names images as it likes: ImageJ by titles, the command line by files. It listens to the work, which it may
/// stop, and shows the new images when the command has ended well: those of [`NewImage::main`] last.
pub trait Host: TrainListener {
    /// The image that the option `key` names. The command holds it until it ends.
    ///
    /// # Errors
    /// [`Code::Image`] when there is no such image, or it holds no grey values.
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError>;

    /// The command will make this image, with that source: see [`NewImage`]. Said before long work, for hosts that can
    /// tell already that they will not take it.
    ///
    /// # Errors
    /// [`Code::Image`] or [`Code::File`] when the host cannot take it.
    fn expect(&self, _name: &'static str, _source: Option<&'static str>) -> Result<(), CommandError> {
        Ok(())
    }

    /// Makes room for a new image.
    ///
    /// # Errors
    /// [`Code::Image`] or [`Code::File`] when the host cannot take it. That the memory does not suffice may be told by
    /// [`begin`](SliceSink::begin).
    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError>;

    /// A file that was written in place of a new image: the host opens it as what [`create`](Self::create) would have made.
    ///
    /// # Errors
    /// [`Code::File`] when it cannot be opened.
    fn open(&self, image: &NewImage, path: &Path, shape: Shape) -> Result<(), CommandError>;

    /// A file that was written beside the images: a model, a table, a figure.
    fn written(&self, path: &Path);

    /// Whether a file that is there already may be replaced by the command's own. Asked before long work. A host that
    /// asks nobody says yes: scripts run again.
    fn may_replace(&self, _path: &Path) -> bool {
        true
    }

    /// The file of a model: `name` itself if it is a path, or that of a model that the host knows by that name.
    fn model(&self, name: &str) -> PathBuf;

    /// Where the host keeps models.
    fn models(&self) -> PathBuf;

    /// A row is known. Rows are told as soon as they are.
    fn row(&self, row: Row);

    /// A picture that belongs to what the rows say, such as a model's cover.
    fn picture(&self, name: &'static str, picture: &Picture);
}

/// A property, and its value, by which hosts may remember [`SliceSink::mark_filler`] for [`SliceSource::has_filler`].
pub const FILLER: (&str, &str) = ("undulator.filler", "lowest");

/// An image of the host: all slices of all its channels and frames, the channels first, then z, then the frames.
pub trait Image: SliceSource {
    /// How many channels the host says that it has, from one. Commands ask for [`axes`](#method.axes).
    fn channels(&self) -> usize;

    /// How many frames in time the host says that it has, from one.
    fn frames(&self) -> usize;
}

/// How the planes of a stack are volumes: channels first, then z, then the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes {
    /// Channels, from one.
    pub channels: usize,
    /// Frames in time, from one.
    pub frames: usize,
}

impl Axes {
    /// One volume: all planes are slices.
    pub const VOLUME: Self = Self { channels: 1, frames: 1 };

    /// The volumes.
    pub fn volumes(self) -> usize {
        self.channels * self.frames
    }
}

impl<'i> dyn Image + 'i {
    /// Channels and frames. A stack of which only one axis is long is a volume, whether the host calls that axis slices,
    /// frames or channels: many programs write slices as either.
    pub fn axes(&self) -> Axes {
        let axes @ Axes { channels, frames } = self.named_axes();
        let slices = self.shape().size.slices / axes.volumes();
        match [channels, slices, frames].into_iter().filter(|count| *count > 1).count() {
            0 | 1 => Axes::VOLUME,
            _ => axes,
        }
    }

    /// Channels and frames of a result with so many planes: a result with as many as the image has calls them what the
    /// image does.
    pub fn axes_of_result(&self, planes: usize) -> Axes {
        if planes == self.shape().size.slices { self.named_axes() } else { self.axes() }
    }

    fn named_axes(&self) -> Axes {
        Axes { channels: self.channels().max(1), frames: self.frames().max(1) }
    }

    /// The slices of one channel in one frame, both from zero, of [`axes`](Self::axes).
    pub fn volume(&self, channel: usize, frame: usize) -> Volume<'_> {
        Volume { image: self, axes: self.axes(), channel, frame }
    }

    /// The image as the one volume that it holds: see [`axes`](Self::axes).
    ///
    /// # Errors
    /// [`Code::Hyperstack`] for several channels or several volumes in time.
    pub fn one_volume(&self) -> Result<&dyn SliceSource, CommandError> {
        let axes @ Axes { channels, frames } = self.axes();
        if axes == Axes::VOLUME {
            return Ok(self);
        }
        let name = self.name();
        let message =
            format!("{name} is a hyperstack of {channels} channels and {frames} frames, and one volume is needed");
        Err(CommandError::new(Code::Hyperstack, message).advice("take one volume out of it first"))
    }
}

/// One volume of a hyperstack.
#[derive(Clone, Copy)]
pub struct Volume<'a> {
    image: &'a (dyn Image + 'a),
    axes: Axes,
    channel: usize,
    frame: usize,
}

impl SliceSource for Volume<'_> {
    fn name(&self) -> &str {
        self.image.name()
    }

    fn shape(&self) -> Shape {
        let mut shape = self.image.shape();
        shape.size.slices /= self.axes.volumes();
        shape
    }

    fn unit(&self) -> &str {
        self.image.unit()
    }

    fn value_unit(&self) -> &str {
        self.image.value_unit()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.image.read(self.at(z), out)
    }

    fn has_filler(&self) -> bool {
        self.image.has_filler()
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        self.image.read_voxels(self.at(z), out)
    }
}

impl Volume<'_> {
    fn at(&self, z: usize) -> usize {
        (self.frame * self.shape().size.slices + z) * self.axes.channels + self.channel
    }
}

/// What a new image is, beyond its size and grey values.
#[derive(Clone, Debug, PartialEq)]
pub struct NewImage {
    /// What it is: with a source the ending of its title, else the whole of it.
    pub name: &'static str,
    /// The key of the image that it was made from, whose title, properties and colours it takes; `None` for one made from
    /// nothing.
    pub source: Option<&'static str>,
    /// Where its voxels lie.
    pub grid: Grid,
    /// What its grey values are.
    pub greys: Greys,
    /// The unit that the host is to give it: [`VoxelSize::edges_in`](crate::stack::VoxelSize::edges_in) converts the
    /// edges of its voxels.
    pub unit: String,
    /// What its grey values are measured in; empty if that is unknown.
    pub value_unit: String,
    /// How many channels it has; they come first, then z, then the frames.
    pub channels: usize,
    /// How many frames in time it has.
    pub frames: usize,
    /// Whether it is the one to look at.
    pub main: bool,
}

/// Where the voxels of a new image lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grid {
    /// Where those of its source lie; slices keep their labels.
    Same,
    /// In the field of its source, from the same corner.
    Resampled,
    /// In the field of another image.
    Within {
        /// The key of that image, whose unit and origin it takes.
        field: &'static str,
        /// How far the grid's corner lies from that of the field, along x, y and z, in [`NewImage::unit`].
        corner: [f64; 3],
    },
}

/// What the grey values of a new image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greys {
    /// Those of its source, shown as they are shown there.
    Source,
    /// Others, shown by [`ImageSink::display_range`].
    Other,
    /// 8 bits for the eye: grey for one channel, red and green for two.
    Overlay,
}

/// Takes the slices of a new image, in the order of [`Image`].
pub trait ImageSink: SliceSink {
    /// Which grey values to show as black and white.
    fn display_range(&mut self, range: Window);

    /// A property that the image is to carry: a key without spaces, and any text.
    fn property(&mut self, key: &str, value: &str);
}

/// One volume of a new hyperstack, as a sink. Volumes are written one after the other.
pub(super) struct VolumeSink<'a> {
    pub sink: &'a mut dyn ImageSink,
    pub image: &'a NewImage,
    pub channel: usize,
    pub frame: usize,
    slices: usize,
}

impl<'a> VolumeSink<'a> {
    pub fn new(sink: &'a mut dyn ImageSink, image: &'a NewImage, channel: usize, frame: usize) -> Self {
        Self { sink, image, channel, frame, slices: 0 }
    }

    fn at(&self, z: usize) -> usize {
        (self.frame * self.slices + z) * self.image.channels + self.channel
    }
}

impl SliceSink for VolumeSink<'_> {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        self.slices = shape.size.slices;
        if self.channel + self.frame > 0 {
            return Ok(());
        }
        let mut whole = shape;
        whole.size.slices *= self.image.channels * self.image.frames;
        self.sink.begin(whole)
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        self.sink.write(self.at(z), slice)
    }

    fn mark_filler(&mut self) {
        self.sink.mark_filler();
    }

    fn read_done(&mut self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.sink.read_done(self.at(z), out)
    }
}

/// A new image that can be read again once it was written.
pub(super) struct Written<'a> {
    name: String,
    shape: Shape,
    has_filler: bool,
    sink: Mutex<&'a mut dyn ImageSink>,
}

impl<'a> Written<'a> {
    /// With filler if a share of it, `unmeasured`, is not measured.
    pub fn new(name: String, shape: Shape, unmeasured: f64, sink: &'a mut dyn ImageSink) -> Self {
        let has_filler = unmeasured > 0.0 && shape.grey != GreyType::F32;
        Self { name, shape, has_filler, sink: Mutex::new(sink) }
    }
}

impl SliceSource for Written<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn has_filler(&self) -> bool {
        self.has_filler
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).read_done(z, out)
    }
}

/// Asks before a file is replaced.
///
/// # Errors
/// [`Code::Cancelled`] when it is to stay.
pub(super) fn ask_to_replace(host: &dyn Host, path: &Path) -> Result<(), CommandError> {
    match path.exists() && !host.may_replace(path) {
        true => Err(CommandError::new(Code::Cancelled, format!("{} stays as it is", path.display()))),
        false => Ok(()),
    }
}

/// Passes everything on to the host, keeps the rows for the report, and remembers whether the user stopped the work: an
/// error after that is no failure.
pub(super) struct Recording<'a> {
    host: &'a dyn Host,
    rows: Mutex<Vec<Row>>,
    cancelled: AtomicBool,
    fraction: Rising,
}

impl<'a> Recording<'a> {
    pub fn new(host: &'a dyn Host) -> Self {
        Self { host, rows: Mutex::new(Vec::new()), cancelled: AtomicBool::new(false), fraction: Rising::default() }
    }

    pub fn into_rows(self) -> Vec<Row> {
        self.rows.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error as what it is, if the user asked for it.
    pub fn judge(&self, error: CommandError) -> CommandError {
        if self.cancelled.load(Ordering::Relaxed) { CommandError { code: Code::Cancelled, ..error } } else { error }
    }
}

impl Listener for Recording<'_> {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Fraction(fraction) => {
                self.fraction.next(fraction).into_iter().for_each(|done| self.host.event(Event::Fraction(done)));
            }
            other => self.host.event(other),
        }
    }

    fn cancelled(&self) -> bool {
        let cancelled = self.host.cancelled();
        self.cancelled.fetch_or(cancelled, Ordering::Relaxed);
        cancelled
    }
}

impl TrainListener for Recording<'_> {
    fn training(&self, event: TrainEvent<'_>) {
        self.host.training(event);
    }

    fn request(&self) -> Request {
        let request = self.host.request();
        self.cancelled.fetch_or(request == Request::Cancel, Ordering::Relaxed);
        request
    }
}

impl Host for Recording<'_> {
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError> {
        self.host.image(key, name)
    }

    fn expect(&self, name: &'static str, source: Option<&'static str>) -> Result<(), CommandError> {
        self.host.expect(name, source)
    }

    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError> {
        self.host.create(image)
    }

    fn open(&self, image: &NewImage, path: &Path, shape: Shape) -> Result<(), CommandError> {
        self.host.open(image, path, shape)
    }

    fn written(&self, path: &Path) {
        self.host.written(path);
    }

    fn may_replace(&self, path: &Path) -> bool {
        self.host.may_replace(path)
    }

    fn model(&self, name: &str) -> PathBuf {
        paths::found(self.host.model(name), MODEL)
    }

    fn models(&self) -> PathBuf {
        self.host.models()
    }

    fn row(&self, row: Row) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row.clone());
        self.host.row(row);
    }

    fn picture(&self, name: &'static str, picture: &Picture) {
        self.host.picture(name, picture);
    }
}
