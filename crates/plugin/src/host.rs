//! A Java `Host` as the library's.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jni::{
    Env,
    errors::Error as JniError,
    jni_str,
    objects::{JClass, JObject, JString},
    refs::Global,
};

use super::{
    argument::java,
    caller::Caller,
    stacks::{JavaImage, JavaSink, calibration},
};
use undulator::{
    command::{Code, CommandError, Greys, Grid, Host, Image, ImageSink, NewImage, Row, Value},
    picture::Picture,
    progress::{Event, Listener},
    stack::Shape,
};

/// A Java `Host` during one native call.
pub struct JavaHost {
    pub(super) caller: Arc<Caller>,
    pub(super) object: Global<JObject<'static>>,
    /// Threads that are not Java's find no classes of the plugin.
    new_image: Global<JClass<'static>>,
}

impl JavaHost {
    pub fn new(env: &mut Env, object: &JObject) -> Result<Self, JniError> {
        let new_image = env.find_class(jni_str!("undulator/NewImage"))?;
        let new_image = env.new_global_ref(new_image)?;
        Ok(Self { caller: Arc::new(Caller::new(env)?), object: env.new_global_ref(object)?, new_image })
    }

    /// A Java `NewImage`.
    fn new_image<'local>(&self, env: &mut Env<'local>, image: &NewImage) -> Result<JObject<'local>, JniError> {
        let (grid, field, corner) = match image.grid {
            Grid::Same => ("same", None, [0.0; 3]),
            Grid::Resampled => ("resampled", None, [0.0; 3]),
            Grid::Within { field, corner } => ("within", Some(field), corner),
        };
        let greys = match image.greys {
            Greys::Source => "source",
            Greys::Other => "other",
            Greys::Overlay => "overlay",
        };
        let NewImage { name, source, channels, frames, main, .. } = *image;
        java!(env, new &self.new_image =>
            [(JString, JString, JString, JString, [jdouble], JString, JString, jint, jint, jboolean)],
            name, source, grid, field, &corner[..], greys, image.value_unit.as_str(), channels, frames, main)
    }

    /// A path that Java tells.
    fn path(&self, ask: impl FnOnce(&mut Env) -> Result<String, JniError>) -> PathBuf {
        self.caller.tell(ask).unwrap_or_default().into()
    }
}

/// Tells the host something by a method that answers nothing.
macro_rules! tell {
    ($host:expr, $method:literal: [$($signature:tt)*], $($argument:expr),*) => {{
        $host.caller.tell(|env| java!(env, &$host.object, $method: [$($signature)*], $($argument),*)?.v());
    }};
}
pub(super) use tell;

/// What Java threw. The exception itself goes on if this ends the command.
fn refused(message: String) -> CommandError {
    CommandError::new(Code::Image, message)
}

impl Listener for JavaHost {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Phase(name) => tell!(self, "phase": [(JString)], name),
            Event::Fraction(fraction) => tell!(self, "fraction": [(jdouble)], fraction),
            Event::Message(line) => tell!(self, "message": [(JString)], line),
            Event::Warning(line) => tell!(self, "warning": [(JString)], line),
        }
    }

    fn cancelled(&self) -> bool {
        let ask = |env: &mut Env| java!(env, &self.object, "cancelled": [() -> jboolean])?.z();
        self.caller.stopped() || self.caller.tell(ask).unwrap_or(true)
    }
}

impl Host for JavaHost {
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError> {
        let image = self.caller.call(|env| {
            let object = java!(env, &self.object, "image": [(JString, JString) -> undulator.StackSource], key, name)?;
            JavaImage::new(env, &self.caller, &object.l()?)
        });
        Ok(Box::new(image.map_err(refused)??))
    }

    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError> {
        let unit = image.unit.clone();
        let sink = self.caller.call(|env| {
            let image = self.new_image(env, image)?;
            let sink = java!(env, &self.object, "create": [(undulator.NewImage) -> undulator.StackSink], image)?.l()?;
            env.new_global_ref(sink)
        });
        Ok(Box::new(JavaSink::new(&self.caller, sink.map_err(refused)?, unit)))
    }

    fn open(&self, image: &NewImage, path: &Path, shape: Shape) -> Result<(), CommandError> {
        let (path, (voxel, scale)) = (path.to_string_lossy(), calibration(shape, &image.unit));
        let open = |env: &mut Env| {
            let (object, image) = (&self.object, self.new_image(env, image)?);
            java!(env, object, "open": [(undulator.NewImage, JString, [jdouble], [jdouble])],
                image, &*path, &voxel[..], &scale[..])?
            .v()
        };
        self.caller.call(open).map_err(refused)
    }

    fn written(&self, path: &Path) {
        tell!(self, "written": [(JString)], &*path.to_string_lossy());
    }

    fn may_replace(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        let ask = |env: &mut Env| java!(env, &self.object, "mayReplace": [(JString) -> jboolean], &*path)?.z();
        self.caller.tell(ask).unwrap_or(false)
    }

    fn model(&self, name: &str) -> PathBuf {
        self.path(|env| {
            let path = java!(env, &self.object, "model": [(JString) -> JString], name)?.l()?;
            env.cast_local::<JString>(path)?.try_to_string(env)
        })
    }

    fn models(&self) -> PathBuf {
        self.path(|env| {
            let path = java!(env, &self.object, "models": [() -> JString])?.l()?;
            env.cast_local::<JString>(path)?.try_to_string(env)
        })
    }

    fn row(&self, Row { table, cells }: Row) {
        let columns: Vec<&str> = cells.iter().map(|(column, _)| column.name).collect();
        let units: Vec<&str> = cells.iter().map(|(column, _)| column.unit).collect();
        let (numbers, texts): (Vec<f64>, Vec<Option<&str>>) = (cells.iter().map(|(_, value)| match value {
            Value::Number(number) => (*number, None),
            Value::Text(text) => (f64::NAN, Some(text.as_str())),
        }))
        .unzip();
        tell!(self, "row": [(JString, [JString], [JString], [jdouble], [JString])],
            table, &columns[..], &units[..], &numbers[..], &texts[..]);
    }

    fn picture(&self, name: &'static str, Picture { width, height, rgb }: &Picture) {
        tell!(self, "picture": [(JString, jint, jint, [jbyte])], name, *width, *height, &rgb[..]);
    }
}
