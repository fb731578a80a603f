//! `Models`: looks at model files, installs them, and exports them for other programs.

use std::path::{Path, PathBuf};

use strum::VariantNames;

use super::{Absent, Code, Command, CommandError, Host, Key, Options, Row};
use crate::{
    model::{self, Export, Facts, ModelError},
    progress::{Event, Progress},
    stack::VoxelSize,
};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Models",
        summary: "Shows a model file, installs it for Apply, or exports it for other programs.",
        help: HELP,
        result: "a window with the model's card, and rows",
        keys: vec![
            Key::choice("action", "Action", &["Inspect", "Install", "List", "Export", "Verify"]),
            Key::model("model", "Model").help("A model file, or the name of an installed model.").optional(),
            Key::folder("folder", "Folder")
                .help("Where to install, list or export; empty for the folder of the installed models.")
                .optional(),
            Key::choice("format", "Export format", Export::VARIANTS),
            Key::flag("force", "Force").help("Replace an older file."),
            Key::image("image", "Image", Absent::Active)
                .help("An image to compare voxel sizes with; the card warns if they differ.")
                .optional(),
        ],
        run,
    }
}

const HELP: &str = "\
A model file is a bioimage.io package: deepImageJ and Python run it too.

**Inspect** shows its card, and says if its voxel size is not that of the open image.

**Install** copies it to the folder of models: *Apply* then takes its name alone.

**List** makes a table of the models in a folder.

**Export** writes the network as ONNX, or its weights as safetensors, for other programs.

**Verify** runs it on the test image in the package.";

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let folder = options.path("folder").unwrap_or_else(|| host.models());
    if options.text("action") == "List" {
        return list(&folder, host);
    }
    if options.text("model").is_empty() {
        return Err(
            CommandError::new(Code::Option, "the model is missing").advice("name its file, or a model that List shows")
        );
    }
    let (file, force) = (host.model(options.text("model")), options.get("force"));
    match options.text("action") {
        "Install" => {
            let checked = wait(host, "Checking the model", &file, move |file| model::check(file, force))?;
            let copy = model::install_checked(&file, &checked, &folder, force)?;
            Ok(told(host, &copy, "installed"))
        }
        "Export" => {
            let exported = model::export(&file, options.parse("format")?, &folder, force)?;
            Ok(told(host, &exported, "written"))
        }
        "Verify" => {
            let verification = wait(host, "Running the model on its test image", &file, model::verify)?;
            if !verification.passed() {
                return Err(CommandError::new(Code::Model, format!("{}: {verification}", file.display())));
            }
            host.row(summary(&file, &wait(host, "Reading the model", &file, model::inspect)?));
            Ok(format!("{}: {verification}", file.display()))
        }
        _ => inspect(&file, options, host),
    }
}

/// Looks at a model as long as the user waits for it: reading a large package and running its network take long, and
/// neither asks whether to stop.
fn wait<T: Send + 'static>(
    host: &dyn Host,
    phase: &str,
    file: &Path,
    work: impl FnOnce(&Path) -> Result<T, ModelError> + Send + 'static,
) -> Result<T, CommandError> {
    let (progress, file) = (Progress::new(host), file.to_owned());
    host.event(Event::Phase(phase));
    Ok(progress.wait_for(move || work(&file))??)
}

fn told(host: &dyn Host, file: &Path, done: &str) -> String {
    host.row(Row::new().text("File", file.display().to_string()));
    host.written(file);
    format!("{done} {}", file.display())
}

fn list(folder: &Path, host: &dyn Host) -> Result<String, CommandError> {
    let files = models(folder);
    for (done, file) in files.iter().enumerate() {
        Progress::new(host).step(done, files.len())?;
        match wait(host, "Reading the models", file, model::inspect) {
            Ok(facts) => host.row(summary(file, &facts)),
            Err(error) if error.code == Code::Cancelled => return Err(error),
            // A zip of another kind.
            Err(error) => Progress::new(host).message(&error.to_string()),
        }
    }
    Ok(String::new())
}

/// The zip files of a folder, in the order of their names; none of a folder that does not exist.
fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let zip = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let mut files: Vec<PathBuf> = entries.filter(zip).collect();
    files.sort();
    files
}

/// A model in one row.
fn summary(file: &Path, facts: &Facts) -> Row {
    let card = facts.card.as_ref();
    let fact = |name: &str| {
        let found = card.and_then(|card| card.summary().into_iter().find(|(known, _)| *known == name));
        found.map_or_else(String::new, |(_, value)| value)
    };
    let network = if card.is_none() { EXTERNAL.to_owned() } else { fact("Network") };
    let row = Row::new()
        .text("File", file.file_name().unwrap_or_default().to_string_lossy())
        .text("Name", facts.name.as_str())
        .text("Network", network)
        .text("Voxel size", fact("Voxel size"));
    let row = match card.and_then(|card| card.scores) {
        Some(scores) => row.number("PSNR", "dB", scores.restored).number("Raw PSNR", "dB", scores.raw),
        None => row.text("PSNR", "").text("Raw PSNR", ""),
    };
    row.text("Runs", if verdict(facts).0 { "yes" } else { "no" })
}

const EXTERNAL: &str = "of another program, in ONNX: it is applied on the CPU, not trained on or exported";

/// Whether the model runs here, and how that is known.
fn verdict(facts: &Facts) -> (bool, String) {
    match &facts.runs {
        Ok(Some(verification)) => (verification.passed(), verification.to_string()),
        Ok(None) => (true, facts.untried.unwrap_or_default().to_owned()),
        Err(reason) => (false, reason.clone()),
    }
}

/// The whole card: a row in `results`, and the tables `card`, `scores` and `history`, with the cover.
fn inspect(file: &Path, options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let facts = wait(host, "Reading the model", file, model::inspect)?;
    let image = match (host.image("image", options.text("image")), options.text("image")) {
        // No image need be open.
        (Err(_), "active") => None,
        (image, _) => Some(image?),
    };
    host.row(summary(file, &facts));
    for (name, value) in card(&facts) {
        host.row(Row::of("card").text("Name", name).text("Value", value));
    }
    if let Some(card) = &facts.card {
        if let Some(scores) = card.scores {
            host.row(
                Row::of("scores")
                    .number("PSNR", "dB", scores.restored)
                    .number("Raw PSNR", "dB", scores.raw)
                    .number("Matched PSNR", "dB", scores.matched)
                    .number("Filtered PSNR", "dB", scores.filtered),
            );
        }
        for epoch in &card.training.history {
            let psnr = epoch.psnr.unwrap_or(f64::NAN);
            let row = Row::of("history").number("Epoch", "", epoch.epoch as f64);
            host.row(row.number("Loss", "", epoch.loss).number("PSNR", "dB", psnr));
        }
    }
    if let Some(cover) = &facts.cover {
        host.picture("cover", cover);
    }
    let (runs, words) = verdict(&facts);
    host.row(Row::of("check").text("Runs", if runs { "yes" } else { "no" }).text("Check", words.as_str()));
    host.row(Row::of("readme").text("Text", facts.readme.as_str()));
    if let Some(warning) = image.and_then(|image| unlike(&facts, image.shape().voxel)) {
        Progress::new(host).warning(&warning);
    }
    Ok(words)
}

fn unlike(facts: &Facts, voxel: VoxelSize) -> Option<String> {
    facts.card.as_ref()?.voxel_warning(voxel)
}

/// The lines of the card.
fn card(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Name", facts.name.clone()), ("Description", facts.description.clone())];
    if facts.card.is_none() && facts.runs.is_ok() {
        lines.push(("Network", EXTERNAL.to_owned()));
    }
    lines.extend(facts.card.iter().flat_map(|card| card.summary()));
    lines.push(("Authors", joined(&facts.authors)));
    lines.push(("Licence", facts.licence.clone()));
    lines.push(("Cite", joined(&facts.cite)));
    lines.push(("Format", format!("bioimage.io {}", facts.format)));
    lines
}

fn joined(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
