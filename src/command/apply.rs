//! `Apply`: a stack restored by a trained model.

use strum::VariantNames;
use undulator_compute::device::ComputeOptions;

use super::{
    Absent, Command, CommandError, Greys, Grid, Host, Image, Key, NewImage, Options, Row, lengths, result_file,
    training_keys,
};
use crate::{
    apply::{self, Applied, Comparison, InputWindow},
    grey::{HIGH_PERCENT, LOW_PERCENT, Window},
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
            Key::choice("window", "Grey window", InputWindow::VARIANTS)
                .help(
                    "The grey values that the network sees as black and white: those of its training, or the 0.3 and 99.7 \
                     percentiles of the image, for an image on another grey scale.",
                )
                .advanced(),
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
    let (force, progress) = (options.get("force"), Progress::new(host));
    // A model of another program is run on its test image, which may take long.
    let of = file.clone();
    let mut model = progress.wait_for(move || model::load(&of, force))??;
    let window: InputWindow = options.parse("window")?;
    let progress = match window {
        InputWindow::Model => progress,
        InputWindow::Image => {
            use_window_of(image.as_ref(), &mut model, progress.share(0.0..READING))?;
            progress.share(READING..1.0)
        }
    };
    if let Some(reference) = &reference {
        lengths::warn_of_unlike(image.as_ref(), reference.as_ref(), host);
    }
    let work = Work {
        image: image.as_ref(),
        reference: reference.as_deref().map(|stack| stack as &dyn SliceSource),
        model: &model,
        choice: ComputeOptions { device: options.parse("device")?, precision: options.parse("precision")? },
        progress,
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
            let job = apply::job(image.as_ref(), &bytes, window)?;
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

/// The part of the work that finding the image's window is, about.
const READING: f64 = 0.1;

/// Lets the model see the image through the image's own percentiles.
fn use_window_of(image: &dyn Image, model: &mut Loaded, progress: Progress<'_>) -> Result<(), CommandError> {
    match model {
        Loaded::Own(model) => {
            progress.phase("Reading grey values");
            let window = Window::of_percentiles(image, LOW_PERCENT, HIGH_PERCENT, progress)?;
            progress.message(&format!("grey window of the image: {} to {}", window.low, window.high));
            model.card.input_window = window;
        }
        Loaded::External(_) => {
            progress
                .warning("models of other programs scale grey values by their own description: the option is ignored");
        }
    }
    Ok(())
}

struct Work<'a> {
    image: &'a dyn Image,
    reference: Option<&'a dyn SliceSource>,
    model: &'a Loaded,
    choice: ComputeOptions,
    progress: Progress<'a>,
}

impl Work<'_> {
    fn apply(&self, sink: &mut dyn SliceSink) -> Result<Applied, CommandError> {
        Ok(apply::apply_any(self.image, self.reference, self.model, self.choice, sink, self.progress)?)
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
