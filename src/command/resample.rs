//! `Resample`: a stack on cubic voxels.

use strum::VariantNames;

use super::{
    Absent, Axes, Command, CommandError, Greys, Grid, Host, Image, Key, NewImage, Options, Volume, host::VolumeSink,
    result_file,
};
use crate::{
    progress::Progress,
    resample::{self, Interpolation},
    stack::{Shape, SliceSource, length},
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
    let interpolation = options.parse("interpolation")?;
    let voxel = length::to_micrometres(options.get("voxel"), image.unit());
    let volume = image.volume(0, 0);
    let volumes = image.axes().volumes();
    let shape = resample::new_shape(&volume, voxel)?;
    Progress::new(host).message(&becomes(&volume, shape, volumes));
    let Axes { channels, frames } = image.axes_of_result(shape.size.slices * volumes);
    let result = NewImage {
        name: "resampled",
        source: Some("image"),
        grid: Grid::Resampled,
        greys: Greys::Source,
        unit: image.unit().to_owned(),
        value_unit: image.value_unit().to_owned(),
        channels,
        frames,
        main: true,
    };
    match options.path("output") {
        Some(path) => {
            result_file::refuse_volumes(image.as_ref())?;
            let job = resample::job(&volume, voxel, interpolation)?;
            let mut file = StackFile::new(&path, result_file::display_settings(&result, None), job);
            let shape = resample::resample(&volume, voxel, interpolation, &mut file, Progress::new(host))?;
            host.open(&result, &path, shape)?;
        }
        None => resample_volumes(image.as_ref(), voxel, interpolation, &result, host)?,
    }
    Ok(String::new())
}

/// What the stack becomes, said before the work.
fn becomes(volume: &Volume, shape: Shape, volumes: usize) -> String {
    let old = volume.shape();
    let bytes = shape.size.voxels() as f64 * volumes as f64 * f64::from(shape.grey.bits() / 8);
    format!(
        "{}: {} voxels of {} become {} voxels of {}{}, {}",
        volume.name(),
        old.size,
        old.voxel.text_in(volume.unit()),
        shape.size,
        shape.voxel.text_in(volume.unit()),
        if volumes > 1 { format!(" in each of {volumes} volumes") } else { String::new() },
        if bytes < 1e6 { format!("{:.1} kB", bytes / 1e3) } else { format!("{:.1} MB", bytes / 1e6) }
    )
}

fn resample_volumes(
    image: &dyn Image,
    voxel: f64,
    interpolation: Interpolation,
    result: &NewImage,
    host: &dyn Host,
) -> Result<(), CommandError> {
    let mut sink = host.create(result)?;
    // A volume is one, whatever its planes are called.
    let axes = image.axes();
    let (volumes, whole) =
        (axes.volumes(), NewImage { channels: axes.channels, frames: axes.frames, ..result.clone() });
    for number in 0..volumes {
        let (channel, frame) = (number % axes.channels, number / axes.channels);
        let share = number as f64 / volumes as f64..(number + 1) as f64 / volumes as f64;
        let progress = Progress::new(host).share(share);
        let mut one = VolumeSink::new(sink.as_mut(), &whole, channel, frame);
        resample::resample(&image.volume(channel, frame), voxel, interpolation, &mut one, progress)?;
    }
    sink.finish()?;
    Ok(())
}
