//! `Apply`: a stack restored by a trained model.

use undulator_compute::device::ComputeOptions;

use super::{
    Absent, Command, CommandError, Greys, Grid, Host, Image, Key, NewImage, Options, Row, result_file, training_keys,
};
use crate::{
    apply::{self, Applied, Comparison},
    model::{self, Loaded},
    progress::Progress,
    stack::{SliceSink, SliceSource},
    stack_file::StackFile,
};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Apply",
        summary: "Restores a stack with a trained model. With a reference, the result is scored against it.",
        help: "The restored stack has the grey scale and bit depth of the reference that the model was trained on. Models of \
               other programs run too, if they are bioimage.io packages with one slice in and one out and weights in ONNX.",
        result: "`<title>-restored`; with a reference a row of scores",
        keys: vec![
            Key::image("image", "Image", Absent::Active).help("The stack to restore."),
            Key::model("model", "Model").help("A model file, or the name of an installed model."),
            Key::image("reference", "Reference", Absent::None).help("A stack to score the result against."),
            training_keys::device(),
            training_keys::precision(),
            Key::flag("force", "Force")
                .help("Apply the model even if it does not reproduce its own test image.")
                .advanced(),
            result_file::key(),
        ],
        run,
    }
}

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let image = host.image("image", options.text("image"))?;
    let reference = match options.text("reference") {
        "none" => None,
        name => Some(host.image("reference", name)?),
    };
    let file = host.model(options.text("model"));
    let model = model::load(&file, options.get("force"))?;
    let work = Work {
        image: image.as_ref(),
        reference: reference.as_deref().map(|stack| stack as &dyn SliceSource),
        model: &model,
        choice: ComputeOptions { device: options.parse("device")?, precision: options.parse("precision")? },
        host,
    };
    let result = NewImage {
        name: "restored",
        source: Some("image"),
        grid: Grid::Same,
        greys: Greys::Other,
        unit: image.unit().to_owned(),
        value_unit: model.value_unit().to_owned(),
        channels: image.channels(),
        frames: image.frames(),
        main: true,
    };
    let range = model.output_window();
    let applied = match options.path("output") {
        Some(path) => {
            let bytes = model::bytes(&file)?;
            let job = apply::job(image.as_ref(), &bytes)?;
            let mut file = StackFile::new(&path, result_file::display_settings(&result, range), job);
            let applied = work.apply(&mut file)?;
            host.open(&result, &path, applied.shape)?;
            applied
        }
        None => {
            let mut sink = host.create(&result)?;
            let applied = work.apply(sink.as_mut())?;
            if let Some(range) = range {
                sink.display_range(range);
            }
            applied
        }
    };
    Ok(applied.comparison.map_or_else(String::new, |comparison| {
        host.row(row(&comparison));
        comparison.to_string()
    }))
}

struct Work<'a> {
    image: &'a dyn Image,
    reference: Option<&'a dyn SliceSource>,
    model: &'a Loaded,
    choice: ComputeOptions,
    host: &'a dyn Host,
}

impl Work<'_> {
    fn apply(&self, sink: &mut dyn SliceSink) -> Result<Applied, CommandError> {
        let progress = Progress::new(self.host);
        Ok(apply::apply_any(self.image, self.reference, self.model, self.choice, sink, progress)?)
    }
}

fn row(Comparison { restored, baselines }: &Comparison) -> Row {
    Row::new()
        .number("PSNR", "dB", restored.psnr)
        .number("SSIM", "", restored.ssim)
        .number("Raw PSNR", "dB", baselines.raw.psnr)
        .number("Matched PSNR", "dB", baselines.matched.psnr)
        .number("Filtered PSNR", "dB", baselines.filtered.psnr)
        .number("Raw SSIM", "", baselines.raw.ssim)
        .number("Matched SSIM", "", baselines.matched.ssim)
        .number("Filtered SSIM", "", baselines.filtered.ssim)
}
