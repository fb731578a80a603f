//! `Align`: a stack on the grid of another that shows the same place.

use strum::VariantNames;

use super::{
    Absent, Axes, Code, Command, CommandError, Greys, Grid, Host, Image, Key, NewImage, Options, Row,
    host::{VolumeSink, Written, ask_to_replace},
    lengths,
};
use crate::{
    align::{self, AlignOptions, Alignment, Family, Metric, Overlay, Target, Transform},
    progress::Progress,
    stack::{Measured, SliceSource, length, percent},
};

/// The command.
pub fn command() -> Command {
    let search = "Search";
    let result = "Result";
    Command {
        name: "Align",
        summary: "Registers the moving stack with the reference and writes it on the reference's grid.",
        help: "The voxel sizes of both stacks must be right. A rotation of up to 18 degrees about z and any shift are found by \
               themselves; for more, let it search all angles. A saved transform is applied again by naming its file.",
        result: "`<moving>-aligned` and a row: rotation, scale, shift, NCC, overlap; with `voxel` or `crop` also `<reference>-matched`; with `overlay` also `<moving>-aligned-overlay`",
        keys: vec![
            Key::image("moving", "Moving", Absent::Refused).help("The laboratory scan."),
            Key::image("reference", "Reference", Absent::Refused).help("The synchrotron scan."),
            Key::choice_or_file("transform", "Transform", Family::VARIANTS, ".json")
                .help("The degrees of freedom, or a file with a saved transform to apply."),
            Key::choice("metric", "Metric", Metric::VARIANTS)
                .help("Use mutual information for scans whose grey values are not linearly related."),
            Key::flag("rotation", "Search all rotations").help("All angles about z.").group(search),
            Key::flag("flip", "Search flips").help("Also try slices in reverse order.").group(search),
            Key::flag("drift", "Correct drift").help("Estimate a slow drift along z.").group(search),
            Key::flag("air", "Include air").help("Also use large dark regions of the reference.").group(search),
            Key::file_to_open("start", "Start from transform", ".json")
                .help("A transform to start from, instead of the wide search.")
                .optional()
                .group(search),
            Key::number("voxel", "Voxel size", 0.0, 0.0, Key::LONGEST)
                .help("Edge of cubic voxels of the result, in the unit of the reference; 0 for the reference's grid.")
                .group(result),
            Key::flag("crop", "Crop")
                .help("Keep only the region that both stacks show.")
                .set_in_dialogs()
                .group(result),
            Key::choice("overlay", "Overlay", &[&["None"], Overlay::VARIANTS].concat())
                .help("An image of both stacks to check the alignment visually.")
                .group(result),
            Key::file_to_save("save", "Save transform", ".json").optional().group(result),
        ],
        run,
    }
}

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let moving = host.image("moving", options.text("moving"))?;
    let reference = host.image("reference", options.text("reference"))?;
    let images = Images { moving: moving.as_ref(), reference: reference.as_ref() };
    let (moving, reference) = (moving.one_volume()?, reference.one_volume()?);
    lengths::check_pair(images.moving, images.reference, host)?;
    let reading = Progress::new(host).part(0.0..0.1, "Reading both volumes");
    let moving = &Measured::told(moving, reading.share(0.0..0.5))?;
    let reference = &Measured::told(reference, reading.share(0.5..1.0))?;
    let crop = options.get("crop");
    let voxel = length::to_micrometres(options.get("voxel"), reference.unit());
    // An impossible grid or file is refused before the long work.
    Target::chosen(moving, reference, &Transform::identity(), voxel, false)?;
    expect(options, host)?;
    let save = options.path("save");
    if let Some(file) = &save {
        Transform::check_writable(file)?;
        ask_to_replace(host, file)?;
    }
    let progress = Progress::new(host);
    let found = find(options, moving, reference, progress.share(0.1..0.8))?;
    report(&found, reference.unit(), host);
    if let Some(file) = &save {
        found.transform.save(file)?;
        host.written(file);
    }
    let target = Target::chosen(moving, reference, &found.transform, voxel, crop)?;
    write(
        options,
        host,
        images,
        Pair { moving, reference, target, transform: &found.transform },
        progress.share(0.8..1.0),
    )?;
    Ok(String::new())
}

/// Says which images there will be.
fn expect(options: &Options, host: &dyn Host) -> Result<(), CommandError> {
    host.expect("aligned", Some("moving"))?;
    if on_other_grid(options) {
        host.expect("matched", Some("reference"))?;
    }
    if options.text("overlay") != "None" {
        host.expect("aligned-overlay", Some("moving"))?;
    }
    Ok(())
}

/// Whether the result lies on another grid than the reference.
fn on_other_grid(options: &Options) -> bool {
    options.get("crop") || options.get::<f64>("voxel") != 0.0
}

/// Finds the transform, or judges the one that a file holds.
fn find(
    options: &Options,
    moving: &dyn SliceSource,
    reference: &dyn SliceSource,
    progress: Progress<'_>,
) -> Result<Alignment, CommandError> {
    let transform = options.text("transform");
    let known = transform.to_lowercase().ends_with(".json").then(|| Transform::load(transform.as_ref())).transpose()?;
    let start = options.path("start").map(|file| Transform::load(&file)).transpose()?;
    let measured = reference.shape().voxel.known;
    if let Some(other) = [&known, &start].into_iter().flatten().find(|transform| transform.known != measured) {
        return Err(other_unit(other.known, reference));
    }
    let how = AlignOptions {
        family: if known.is_some() { Family::default() } else { options.parse("transform")? },
        metric: options.parse("metric")?,
        rotation_search: options.get("rotation"),
        flip: options.get("flip"),
        drift: options.get("drift"),
        leave_out_air: !options.get::<bool>("air"),
        start,
    };
    Ok(match known {
        Some(known) => align::assess(moving, reference, &known, &how, progress)?,
        None => align::align(moving, reference, &how, progress)?,
    })
}

/// A shift in micrometres says nothing of stacks without a unit, and the other way round.
fn other_unit(known: bool, reference: &dyn SliceSource) -> CommandError {
    let (has, unit) =
        (if known { "in micrometres" } else { "without a unit of length" }, length::name(reference.unit()));
    let message = format!("the transform is {has}, but the voxel size of {} is in {unit}", reference.name());
    CommandError::new(Code::VoxelSize, message).advice(match known {
        true => "set the voxel sizes of both stacks with their unit",
        false => "find the transform again, with the stacks as they are now",
    })
}

/// The row of the transform, and what to look at before trusting it.
fn report(found: &Alignment, unit: &str, host: &dyn Host) {
    let parts = found.transform.parts();
    let ([about_z, about_y, about_x], shift) = (parts.angles_deg, found.transform.shift);
    let unit = match found.transform.known {
        true => length::MICROMETRE,
        false if unit.to_lowercase().starts_with("pixel") => "pixel",
        false => "",
    };
    let row = Row::new()
        .number("Rotation z", "°", about_z)
        .number("Rotation y", "°", about_y)
        .number("Rotation x", "°", about_x)
        .number("Mirrored", "", f64::from(u8::from(parts.mirrored)))
        .number("Scale", "", parts.scale)
        .number("Shift x", unit, shift[2])
        .number("Shift y", unit, shift[1])
        .number("Shift z", unit, shift[0])
        .number("NCC before", "", found.ncc_before)
        .number("NCC after", "", found.ncc_after)
        .number("Overlap", "", found.overlap);
    host.row(row);
    found.warnings.iter().for_each(|warning| Progress::new(host).warning(warning));
}

/// Both stacks as the host has them.
#[derive(Clone, Copy)]
struct Images<'a> {
    moving: &'a dyn Image,
    reference: &'a dyn Image,
}

struct Pair<'a> {
    moving: &'a dyn SliceSource,
    reference: &'a dyn SliceSource,
    target: Target,
    transform: &'a Transform,
}

/// Writes the aligned stack, on another grid than the reference's also the reference there, and the overlay.
fn write(
    options: &Options,
    host: &dyn Host,
    images: Images,
    pair: Pair,
    progress: Progress<'_>,
) -> Result<(), CommandError> {
    let Pair { moving, reference, target, transform } = pair;
    let [z, y, x] = target.corner(reference.shape()).map(|at| target.voxel.length_in(at, reference.unit()));
    let image = |name, source, of: &dyn Image, main| {
        let Axes { channels, frames } = of.axes_of_result(target.size.slices);
        NewImage {
            name,
            source: Some(source),
            grid: Grid::Within { field: "reference", corner: [x, y, z] },
            greys: Greys::Source,
            unit: reference.unit().to_owned(),
            value_unit: of.value_unit().to_owned(),
            channels,
            frames,
            main,
        }
    };
    let mut aligned = host.create(&image("aligned", "moving", images.moving, true))?;
    let empty = align::apply_transform(moving, &target, transform, aligned.as_mut(), progress.share(0.0..0.4))?;
    report_empty(empty, options.get("crop"), moving, progress);
    let shape = |of: &dyn SliceSource| crate::stack::Shape { size: target.size, voxel: target.voxel, ..of.shape() };
    let mut matched = match on_other_grid(options) {
        true => Some(host.create(&image("matched", "reference", images.reference, false))?),
        false => None,
    };
    let mut beside = 0.0;
    if let Some(matched) = &mut matched {
        let same = Transform::identity();
        beside = align::apply_transform(reference, &target, &same, matched.as_mut(), progress.share(0.4..0.6))?;
    }
    if options.text("overlay") != "None" {
        let overlay: Overlay = options.parse("overlay")?;
        let both = NewImage {
            greys: Greys::Overlay,
            value_unit: String::new(),
            ..image("aligned-overlay", "moving", images.moving, false)
        };
        let aligned = Written::new(format!("{}-aligned", moving.name()), shape(moving), empty, aligned.as_mut());
        let aligned = Measured::by_mark(&aligned);
        let progress = progress.share(0.6..1.0);
        match &mut matched {
            Some(matched) => {
                let beside = Written::new(reference.name().to_owned(), shape(reference), beside, matched.as_mut());
                let beside = Measured::by_mark(&beside);
                draw(overlay, &aligned, &beside, both, host, progress)?;
            }
            None => draw(overlay, &aligned, reference, both, host, progress)?,
        }
    }
    aligned.finish()?;
    if let Some(mut matched) = matched {
        matched.finish()?;
    }
    Ok(())
}

/// The share of the result that is empty from which on cropping is advised.
const MUCH: f64 = 0.05;

/// Says how much of the result was not measured.
fn report_empty(share: f64, cropped: bool, moving: &dyn SliceSource, progress: Progress<'_>) {
    if share == 0.0 {
        return;
    }
    let said = format!("{} of {}-aligned is empty: {} does not show it", percent(share), moving.name(), moving.name());
    match share > MUCH && !cropped {
        true => progress.warning(&format!("{said} (to keep only what both stacks show, crop)")),
        false => progress.message(&said),
    }
}

/// Both stacks in one image for the eye.
fn draw(
    overlay: Overlay,
    aligned: &dyn SliceSource,
    reference: &dyn SliceSource,
    image: NewImage,
    host: &dyn Host,
    progress: Progress<'_>,
) -> Result<(), CommandError> {
    let channels = overlay.channels();
    let image = NewImage { channels, frames: 1, ..image };
    let mut sink = host.create(&image)?;
    progress.phase("Drawing the overlay");
    let share = |channel: usize| channel as f64 / channels as f64;
    for channel in 0..channels {
        let mut volume = VolumeSink::new(sink.as_mut(), &image, channel, 0);
        let progress = progress.share(share(channel)..share(channel + 1));
        overlay.draw(channel, aligned, reference, &mut volume, progress)?;
    }
    sink.finish()?;
    Ok(())
}
