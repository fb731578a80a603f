//! Runs commands on files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::TempDir;
use undulator::{
    command::{self, Code, CommandError, Greys, Host, Image, ImageSink, NewImage, Row},
    grey::Window,
    picture::Picture,
    progress::{Event, Listener},
    stack::Shape,
    stack_file::DisplaySettings,
    train::{Request, TrainEvent, TrainListener},
};

use super::{
    arguments::Run,
    interrupt, models,
    report::Outcome,
    results::{Kept, Results},
    show::Show,
    tiff::TiffImage,
};

/// A host whose images are files.
pub struct FileHost {
    show: Show,
    state: Mutex<State>,
}

struct State {
    /// What is known of the images that were opened, by their keys.
    opened: BTreeMap<&'static str, Opened>,
    results: Results,
    rows: Vec<Row>,
    images: Vec<Kept>,
    files: Vec<PathBuf>,
    unpacked: Option<TempDir>,
}

struct Opened {
    title: String,
    range: Option<Window>,
}

impl FileHost {
    /// A host for one run.
    ///
    /// # Errors
    /// [`Code::File`] when there is no such folder for results.
    pub fn new(run: &Run) -> Result<Self, CommandError> {
        let state = State {
            opened: BTreeMap::new(),
            results: Results::new(run.folder.clone())?,
            rows: Vec::new(),
            images: Vec::new(),
            files: Vec::new(),
            unpacked: None,
        };
        Ok(Self { show: Show::new(run.quiet), state: Mutex::new(state) })
    }

    /// Puts new images in their places: the command has ended well.
    ///
    /// # Errors
    /// [`Code::File`] when the system does not.
    pub fn keep_images(&self) -> Result<(), CommandError> {
        let kept = self.state().results.keep()?;
        for Kept { path, properties, renamed } in &kept {
            if *renamed {
                let line = format!("a file of that name was created meanwhile, so the image is {}", path.display());
                self.show.event(Event::Warning(&line));
            }
            self.show.event(Event::Message(&format!("written: {}", path.display())));
            for (key, value) in properties {
                self.show.event(Event::Message(&format!("{key} of {}: {value}", path.display())));
            }
        }
        self.state().images.extend(kept);
        Ok(())
    }

    /// How the command ended, with all that was found.
    pub fn outcome(&self, ended: Result<String, CommandError>) -> Outcome {
        self.show.end();
        let (messages, warnings) = self.show.lines();
        let state = self.state();
        let (rows, images, files) = (state.rows.clone(), state.images.clone(), state.files.clone());
        Outcome { ended, rows, images, files, messages, warnings }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What a new image is called, without its ending.
    fn title(&self, name: &str, source: Option<&str>) -> String {
        match source.and_then(|source| self.opened.get(source)) {
            Some(source) => format!("{}-{name}", source.title),
            None => name.to_owned(),
        }
    }

    fn display(&self, image: &NewImage) -> DisplaySettings {
        let range = match image.greys {
            Greys::Source => image.source.and_then(|key| self.opened.get(key)).and_then(|source| source.range),
            Greys::Other => None,
            Greys::Overlay => Window::new(0.0, 255.0).ok(),
        };
        let NewImage { unit, value_unit, channels, frames, .. } = image.clone();
        DisplaySettings { unit, value_unit, channels, frames, range }
    }
}

/// The name of a file without folder and ending.
fn title(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let endings = [".ome.tiff", ".ome.tif", ".tiff", ".tif"];
    let ending = endings.iter().find(|ending| name.to_lowercase().ends_with(*ending));
    name[..name.len() - ending.map_or(0, |ending| ending.len())].to_owned()
}

impl Listener for FileHost {
    fn event(&self, event: Event<'_>) {
        self.show.event(event);
    }

    fn cancelled(&self) -> bool {
        interrupt::asked()
    }
}

impl TrainListener for FileHost {
    /// Its epochs come as lines for the log, too.
    fn training(&self, _event: TrainEvent<'_>) {}

    /// Who stops a training by [`cancelled`](Listener::cancelled) keeps its best model.
    fn request(&self) -> Request {
        Request::GoOn
    }
}

impl Host for FileHost {
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError> {
        let path = &command::absolute(name);
        if name == "active" && !path.exists() {
            let message = format!("{key} is missing");
            return Err(CommandError::new(Code::Option, message).advice(format!("name a file: {key}=FILE")));
        }
        let image = TiffImage::open(path)?;
        if let Some(warning) = image.warning() {
            self.show.event(Event::Warning(&warning));
        }
        let opened = Opened { title: title(path), range: image.range() };
        self.state().opened.insert(key, opened);
        Ok(Box::new(image))
    }

    fn expect(&self, name: &'static str, source: Option<&'static str>) -> Result<(), CommandError> {
        let state = self.state();
        state.results.place(&state.title(name, source)).map(drop)
    }

    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError> {
        let mut state = self.state();
        let (title, display) = (state.title(image.name, image.source), state.display(image));
        state.results.create(&title, display)
    }

    fn open(&self, _image: &NewImage, path: &Path, _shape: Shape) -> Result<(), CommandError> {
        self.show.event(Event::Message(&format!("written: {}", path.display())));
        let kept = Kept { path: path.to_owned(), properties: Vec::new(), renamed: false };
        self.state().images.push(kept);
        Ok(())
    }

    fn written(&self, path: &Path) {
        self.show.event(Event::Message(&format!("written: {}", path.display())));
        self.state().files.push(path.to_owned());
    }

    fn model(&self, name: &str) -> PathBuf {
        models::find(name, &mut self.state().unpacked).unwrap_or_else(|error| {
            self.show.event(Event::Warning(&format!("the model {name} cannot be unpacked: {error}")));
            name.into()
        })
    }

    fn models(&self) -> PathBuf {
        models::folder()
    }

    fn row(&self, row: Row) {
        self.state().rows.push(row);
    }

    /// A terminal shows none.
    fn picture(&self, _name: &'static str, _picture: &Picture) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_names_without_endings() {
        let titles = ["/a/b.tif", "b.OME.tiff", "b.2.tif", "b", ".tif"].map(|path| title(Path::new(path)));
        assert_eq!(titles, ["b", "b", "b.2", "b", ""]);
    }
}
