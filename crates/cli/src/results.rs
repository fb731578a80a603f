//! New images: TIFF files that ImageJ opens.
//!
//! They grow in a hidden folder beside their place, and take their names when the command has ended well. What exists
//! is never written over.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ndarray::{ArrayView2, ArrayViewMut2};
use tempfile::{TempDir, TempPath};
use undulator::{
    command::{Code, CommandError, ImageSink},
    grey::Window,
    stack::{Shape, SliceSink, StackError, StackFileError},
    stack_file::{DisplaySettings, Job, StackFile},
};

use super::interrupt;

/// The images that a command makes.
pub struct Results {
    folder: PathBuf,
    // Before the folder, as Windows removes no open files.
    growing: Vec<Growing>,
    /// Where they grow.
    hidden: Option<TempDir>,
}

struct Growing {
    at: PathBuf,
    place: PathBuf,
    content: Arc<Mutex<Content>>,
}

/// What a command and its host share of a new image.
struct Content {
    file: StackFile,
    properties: Vec<(String, String)>,
}

/// An image in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub path: PathBuf,
    pub properties: Vec<(String, String)>,
    /// Whether its name was taken meanwhile, and it got another.
    pub renamed: bool,
}

impl Results {
    /// Images go to a folder that exists; empty is the current one.
    ///
    /// # Errors
    /// [`Code::File`] when it does not.
    pub fn new(folder: PathBuf) -> Result<Self, CommandError> {
        match folder.as_os_str().is_empty() || folder.is_dir() {
            true => Ok(Self { folder, growing: Vec::new(), hidden: None }),
            false => Err(CommandError::new(Code::File, format!("there is no folder {}", folder.display()))
                .advice("create it, or choose another with --folder")),
        }
    }

    /// The place of an image.
    ///
    /// # Errors
    /// [`Code::File`] when there is such a file already.
    pub fn place(&self, title: &str) -> Result<PathBuf, CommandError> {
        let path = self.folder.join(format!("{title}.tif"));
        match path.exists() || self.growing.iter().any(|image| image.place == path) {
            true => Err(StackError::from(StackFileError::Exists { path }).into()),
            false => Ok(path),
        }
    }

    /// Where the slices of a new image go.
    ///
    /// # Errors
    /// [`Code::File`] when there is such a file already, or the folder cannot be written to.
    pub fn create(&mut self, title: &str, display: DisplaySettings) -> Result<Box<dyn ImageSink>, CommandError> {
        let place = self.place(title)?;
        let name = place.file_name().unwrap_or_default().to_owned();
        let at = self.hidden().map_err(|error| unwritable(&place, &error))?.join(name);
        let file = StackFile::new(&at, display, Job::default());
        let content = Arc::new(Mutex::new(Content { file, properties: Vec::new() }));
        self.growing.push(Growing { at, place, content: content.clone() });
        Ok(Box::new(FileSink(content)))
    }

    fn hidden(&mut self) -> io::Result<PathBuf> {
        let hidden = match self.hidden.take() {
            Some(hidden) => hidden,
            None => {
                let hidden = tempfile::Builder::new().prefix(".undulator-").tempdir_in(&self.folder)?;
                interrupt::clear_up(hidden.path().to_owned());
                hidden
            }
        };
        Ok(self.hidden.insert(hidden).path().to_owned())
    }

    /// Puts all images in their places.
    ///
    /// # Errors
    /// [`Code::File`] when the system does not.
    pub fn keep(&mut self) -> Result<Vec<Kept>, CommandError> {
        std::mem::take(&mut self.growing).into_iter().map(Growing::keep).collect()
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CommandError {
    CommandError::new(Code::File, format!("{} cannot be written: {error}", path.display()))
}

impl Growing {
    /// A file that came there meanwhile stays, and the image gets another name: its work is not lost.
    fn keep(self) -> Result<Kept, CommandError> {
        let mut content = locked(&self.content);
        content.file.finish()?;
        let properties = std::mem::take(&mut content.properties);
        let mut file = TempPath::try_from_path(&self.at).map_err(|error| unwritable(&self.place, &error))?;
        let others = (1..).map(|number| numbered(&self.place, number));
        for (number, path) in std::iter::once(self.place.clone()).chain(others).enumerate() {
            match file.persist_noclobber(&path) {
                Ok(()) => return Ok(Kept { path, properties, renamed: number > 0 }),
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => file = taken.path,
                Err(failed) => return Err(unwritable(&path, &failed.error)),
            }
        }
        unreachable!("some number is free")
    }
}

/// `a-1.tif`, as ImageJ tells titles apart.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.tif"))
}

fn locked(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new image that grows in its file. The command may read it, and say how to show it, until it has ended.
struct FileSink(Arc<Mutex<Content>>);

impl SliceSink for FileSink {
    fn begin(&mut self, shape: Shape) -> Result<(), StackError> {
        locked(&self.0).file.begin(shape)
    }

    fn write(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        locked(&self.0).file.write(z, slice)
    }

    fn mark_filler(&mut self) {
        locked(&self.0).file.mark_filler();
    }

    fn read_done(&mut self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        locked(&self.0).file.read_done(z, out)
    }
}

impl ImageSink for FileSink {
    fn display_range(&mut self, range: Window) {
        locked(&self.0).file.show(range);
    }

    fn property(&mut self, key: &str, value: &str) {
        locked(&self.0).properties.push((key.to_owned(), value.to_owned()));
    }
}
