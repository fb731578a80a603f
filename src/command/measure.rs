//! `Measure`: how close one stack is to another.

use super::{Absent, Command, CommandError, Host, Key, Options, Row, lengths};
use crate::{
    measure::{self, Scale, Score},
    progress::Progress,
};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Measure",
        summary: "Compares two stacks on the same grid: PSNR and SSIM, for the stack and for each slice.",
        help: "PSNR is that of ImageMagick's `compare`, SSIM that of scikit-image with a Gaussian window. The PSNR of the stack \
               is that of all its voxels together; its SSIM is the mean over the slices. The peak is 255 or 65535, or for \
               32 bits the reference's range; a warning says when the reference fills little of it.",
        result: "a row for the stack and one per slice",
        keys: vec![
            Key::image("test", "Test", Absent::Refused).help("The stack to measure."),
            Key::image("reference", "Reference", Absent::Refused).help("The stack to compare with."),
            Key::flag("windowed", "Windowed").help(
                "Stretch each stack to its 0.3 and 99.7 percentiles in 8 bits first, as in Kodama et al. (2023).",
            ),
        ],
        run,
    }
}

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let test = host.image("test", options.text("test"))?;
    let reference = host.image("reference", options.text("reference"))?;
    lengths::warn_of_unlike(test.as_ref(), reference.as_ref(), host);
    let how = measure::Options { windowed: options.get("windowed") };
    let (test, reference, progress) = (test.one_volume()?, reference.one_volume()?, Progress::new(host));
    let (measured, scale) = measure::measure_and_scale(test, reference, how, progress)?;
    scale.warning(reference.name()).inspect(|warning| progress.warning(warning));
    host.row(row("stack".to_owned(), &measured.stack, &scale));
    for (z, score) in measured.slices.iter().enumerate() {
        host.row(row((z + 1).to_string(), score, &scale));
    }
    Ok(format!("PSNR {:.2} dB, SSIM {:.4}, {scale}", measured.stack.psnr, measured.stack.ssim))
}

fn row(slice: String, score: &Score, scale: &Scale) -> Row {
    let row = Row::new().text("Slice", slice).number("PSNR", "dB", score.psnr).number("SSIM", "", score.ssim);
    row.number("Peak", "", scale.peak)
}
