//! `Resample`: a stack on cubic voxels.

use strum::VariantNames;

use super::{
    Absent, Command, CommandError, Greys, Grid, Host, Image, Key, NewImage, Options, host::VolumeSink, result_file,
};
use crate::{
    progress::Progress,
    resample::{self, Interpolation},
    stack_file::StackFile,
};

/// The command.
pub fn command() -> Command {
    Command {
        name: "Resample",
        summary: "Brings a stack to cubic voxels.",
        help: "The new grid starts at the corner of the same field, and the value of a voxel is that at its centre. \
               Anti-aliased interpolation keeps fine detail from turning into false structure where the voxels grow.",
        result: "`<title>-resampled`",
        keys: vec![
            Key::image("image", "Image", Absent::Active).help("The stack to resample."),
            Key::number("voxel", "Voxel size", 0.6, 1e-9, Key::LONGEST)
                .help("Edge of the new voxels, in the unit of the image."),
            Key::choice("interpolation", "Interpolation", Interpolation::VARIANTS),
            result_file::key(),
        ],
        run,
    }
}

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let image = host.image("image", options.text("image"))?;
    let (voxel, interpolation) = (options.get("voxel"), options.parse("interpolation")?);
    let result = NewImage {
        name: "resampled",
        source: Some("image"),
        grid: Grid::Resampled,
        greys: Greys::Source,
        channels: image.channels(),
        frames: image.frames(),
        main: true,
    };
    match options.path("output") {
        Some(path) => {
            result_file::refuse_volumes(image.as_ref())?;
            let volume = image.volume(0, 0);
            let job = resample::job(&volume, voxel, interpolation)?;
            let mut file = StackFile::new(&path, result_file::display_settings(image.as_ref(), None), job);
            let shape = resample::resample(&volume, voxel, interpolation, &mut file, Progress::new(host))?;
            host.open(&result, &path, shape)?;
        }
        None => resample_volumes(image.as_ref(), voxel, interpolation, &result, host)?,
    }
    Ok(String::new())
}

fn resample_volumes(
    image: &dyn Image,
    voxel: f64,
    interpolation: Interpolation,
    result: &NewImage,
    host: &dyn Host,
) -> Result<(), CommandError> {
    let mut sink = host.create(result)?;
    let volumes = result.channels * result.frames;
    for number in 0..volumes {
        let (channel, frame) = (number % result.channels, number / result.channels);
        let share = number as f64 / volumes as f64..(number + 1) as f64 / volumes as f64;
        let progress = Progress::new(host).share(share);
        let mut one = VolumeSink::new(sink.as_mut(), result, channel, frame);
        resample::resample(&image.volume(channel, frame), voxel, interpolation, &mut one, progress)?;
    }
    sink.finish()?;
    Ok(())
}
