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
    stacks::{JavaImage, JavaSink},
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
        let class = &self.new_image;
        java!(
            env,
            new class,
            "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;[DLjava/lang/String;IIZ)V",
            name,
            source,
            grid,
            field,
            &corner[..],
            greys,
            channels,
            frames,
            main
        )
    }
}

/// Tells the host something by a method that answers nothing.
macro_rules! tell {
    ($host:expr, $method:literal, $signature:literal, $($argument:expr),*) => {{
        $host.caller.tell(|env| java!(env, &$host.object, $method, $signature, $($argument),*)?.v());
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
            Event::Phase(name) => tell!(self, "phase", "(Ljava/lang/String;)V", name),
            Event::Fraction(fraction) => tell!(self, "fraction", "(D)V", fraction),
            Event::Message(line) => tell!(self, "message", "(Ljava/lang/String;)V", line),
            Event::Warning(line) => tell!(self, "warning", "(Ljava/lang/String;)V", line),
        }
    }

    fn cancelled(&self) -> bool {
        let ask = |env: &mut Env| java!(env, &self.object, "cancelled", "()Z")?.z();
        self.caller.stopped() || self.caller.tell(ask).unwrap_or(true)
    }
}

impl Host for JavaHost {
    fn image(&self, key: &'static str, name: &str) -> Result<Box<dyn Image>, CommandError> {
        let image = self.caller.call(|env| {
            let object = java!(
                env,
                &self.object,
                "image",
                "(Ljava/lang/String;Ljava/lang/String;)Lundulator/StackSource;",
                key,
                name
            )?
            .l()?;
            JavaImage::new(env, &self.caller, &object)
        });
        Ok(Box::new(image.map_err(refused)??))
    }

    fn create(&self, image: &NewImage) -> Result<Box<dyn ImageSink>, CommandError> {
        let sink = self.caller.call(|env| {
            let image = self.new_image(env, image)?;
            let sink = java!(env, &self.object, "create", "(Lundulator/NewImage;)Lundulator/StackSink;", image)?.l()?;
            env.new_global_ref(sink)
        });
        Ok(Box::new(JavaSink::new(&self.caller, sink.map_err(refused)?)))
    }

    fn open(&self, image: &NewImage, path: &Path, shape: Shape) -> Result<(), CommandError> {
        let (path, voxel) = (path.to_string_lossy(), [shape.voxel.x, shape.voxel.y, shape.voxel.z]);
        let open = |env: &mut Env| {
            let image = self.new_image(env, image)?;
            java!(env, &self.object, "open", "(Lundulator/NewImage;Ljava/lang/String;[D)V", image, &*path, &voxel[..])?
                .v()
        };
        self.caller.call(open).map_err(refused)
    }

    fn written(&self, path: &Path) {
        tell!(self, "written", "(Ljava/lang/String;)V", &*path.to_string_lossy());
    }

    fn model(&self, name: &str) -> PathBuf {
        let path = self.caller.tell(|env| {
            let path = java!(env, &self.object, "model", "(Ljava/lang/String;)Ljava/lang/String;", name)?.l()?;
            env.cast_local::<JString>(path)?.try_to_string(env)
        });
        path.unwrap_or_default().into()
    }

    fn models(&self) -> PathBuf {
        let path = self.caller.tell(|env| {
            let path = java!(env, &self.object, "models", "()Ljava/lang/String;")?.l()?;
            env.cast_local::<JString>(path)?.try_to_string(env)
        });
        path.unwrap_or_default().into()
    }

    fn row(&self, Row { table, cells }: Row) {
        let columns: Vec<&str> = cells.iter().map(|(column, _)| column.name).collect();
        let units: Vec<&str> = cells.iter().map(|(column, _)| column.unit).collect();
        let (numbers, texts): (Vec<f64>, Vec<Option<&str>>) = cells
            .iter()
            .map(|(_, value)| match value {
                Value::Number(number) => (*number, None),
                Value::Text(text) => (f64::NAN, Some(text.as_str())),
            })
            .unzip();
        tell!(
            self,
            "row",
            "(Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/String;[D[Ljava/lang/String;)V",
            table,
            &columns[..],
            &units[..],
            &numbers[..],
            &texts[..]
        );
    }

    fn picture(&self, name: &'static str, Picture { width, height, rgb }: &Picture) {
        tell!(self, "picture", "(Ljava/lang/String;II[B)V", name, *width, *height, &rgb[..]);
    }
}
