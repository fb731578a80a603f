//! What a bioimage.io description, of format 0.5 or 0.4, says of a network's images.

use undulator_onnx::{Input, Lengths, Padding};

use super::{
    processing::{self, Step},
    tensor::{is_older, kind},
};
use crate::{model::package::yaml::Yaml, stack::GreyType};

/// No slice that a network takes as a whole is longer.
const LONGEST: usize = 1 << 16;

/// How the network is fed, and what its numbers mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Description {
    pub input: Input,
    /// How many pixels at the edges of an image do not count.
    pub halo: usize,
    pub preprocessing: Vec<Step>,
    pub postprocessing: Vec<Step>,
    /// Grey type of the result.
    pub grey: GreyType,
}

/// One axis, whichever format it was written in.
#[derive(Clone, Copy)]
struct Axis<'a> {
    /// `batch`, `channel`, `y`, `x` or something that does not run here.
    name: &'a str,
    /// A number, or a map with `min` and `step`.
    lengths: Option<Lengths>,
    channels: usize,
    halo: usize,
}

impl Description {
    /// # Errors
    /// In words: for every model whose images are not slices of grey values, in and out.
    pub fn read(rdf: &Yaml) -> Result<Self, String> {
        let (input, output) = (only(rdf, "inputs")?, only(rdf, "outputs")?);
        let (leading, [height, width]) = slice(&axes(input)?, "input")?;
        let (_, made) = slice(&axes(output)?, "output")?;
        let unknown = || "its input has an axis without a size, or with one that does not run here".to_owned();
        Ok(Self {
            input: Input {
                leading,
                height: height.lengths.ok_or_else(unknown)?,
                width: width.lengths.ok_or_else(unknown)?,
                padding: padding(input)?,
                // Format 0.4 knows the halo for tiles alone.
                border: made.map(|axis| if is_older(output) { 0 } else { axis.halo }),
            },
            halo: made.map(|axis| axis.halo).into_iter().max().unwrap_or_default(),
            preprocessing: processing::preprocessing(input)?,
            postprocessing: processing::postprocessing(output)?,
            grey: match kind(output) {
                "uint8" => GreyType::U8,
                "uint16" => GreyType::U16,
                _ => GreyType::F32,
            },
        })
    }
}

fn padding(input: &Yaml) -> Result<Padding, String> {
    match input.get("pad").filter(|pad| !pad.is_null()).map_or("symmetric", |pad| pad.text_at("mode")) {
        "symmetric" => Ok(Padding::Symmetric),
        "reflect" => Ok(Padding::Reflect),
        "edge" => Ok(Padding::Edge),
        mode => Err(format!("its input is padded in the mode {mode:?}, which does not run here")),
    }
}

fn only<'a>(rdf: &'a Yaml, what: &str) -> Result<&'a Yaml, String> {
    match rdf.get(what) {
        Some(Yaml::List(items)) if items.len() == 1 => Ok(&items[0]),
        Some(Yaml::List(items)) => Err(format!("it has {} {what}: only one runs here", items.len())),
        _ => Err(format!("its description has no {what}")),
    }
}

fn axes(tensor: &Yaml) -> Result<Vec<Axis<'_>>, String> {
    match tensor.get("axes") {
        Some(Yaml::List(axes)) => axes.iter().map(axis).collect(),
        Some(Yaml::Scalar { text, .. }) => Ok(letters(text, tensor)),
        _ => Err("its description has a tensor without axes".to_owned()),
    }
}

/// An axis of format 0.5.
fn axis(yaml: &Yaml) -> Result<Axis<'_>, String> {
    let kind = yaml.text_at("type");
    let name = if kind == "space" { yaml.text_at("id") } else { kind };
    let channels = match yaml.get("channel_names") {
        Some(Yaml::List(names)) => names.len(),
        _ => yaml.get("size").and_then(length).unwrap_or(1),
    };
    let size = yaml.get("size");
    let lengths = match size {
        Some(Yaml::Map(_)) => {
            let part = |key| size.and_then(|size| size.get(key)).and_then(length);
            part("min").zip(part("step")).map(|(least, step)| Lengths { least, step: Some(step) })
        }
        _ => size.and_then(length).map(|least| Lengths { least, step: None }),
    };
    Ok(Axis { name, lengths, channels, halo: yaml.get("halo").and_then(length).unwrap_or_default() })
}

/// The axes of format 0.4, one a letter, whose sizes stand in a list beside them.
fn letters<'a>(letters: &'a str, tensor: &'a Yaml) -> Vec<Axis<'a>> {
    let shape = tensor.get("shape");
    let at = |list: Option<&Yaml>, place: usize| match list {
        Some(Yaml::List(items)) => items.get(place).and_then(|item| item.as_text()?.parse::<usize>().ok()),
        _ => None,
    };
    let axis = |(place, letter): (usize, &'a str)| {
        let least = at(shape, place).or_else(|| at(shape.and_then(|shape| shape.get("min")), place));
        let step = at(shape.and_then(|shape| shape.get("step")), place).filter(|step| *step > 0);
        let allowed = |length: &usize| (1..=LONGEST).contains(length);
        Axis {
            name: match letter {
                "b" => "batch",
                "c" => "channel",
                other => other,
            },
            lengths: least.filter(allowed).map(|least| Lengths { least, step: step.filter(allowed) }),
            channels: least.unwrap_or(1),
            halo: at(tensor.get("halo"), place).filter(allowed).unwrap_or_default(),
        }
    };
    letters.split("").filter(|letter| !letter.is_empty()).enumerate().map(axis).collect()
}

fn length(yaml: &Yaml) -> Option<usize> {
    yaml.as_text()?.parse().ok().filter(|length| (1..=LONGEST).contains(length))
}

/// How many axes of length one there are, then y and x.
fn slice<'a>(axes: &[Axis<'a>], what: &str) -> Result<(usize, [Axis<'a>; 2]), String> {
    for Axis { name, channels, .. } in axes {
        match *name {
            "batch" | "y" | "x" => {}
            "channel" if *channels == 1 => {}
            "channel" => return Err(format!("its {what} has {channels} channels: only one runs here")),
            "z" => return Err(format!("its {what} has an axis z: it needs 3D, and slices are 2D")),
            other => return Err(format!("its {what} has an axis of the type {other:?}")),
        }
    }
    match axes {
        [leading @ .., y, x] if (y.name, x.name) == ("y", "x") && leading.iter().all(|axis| axis.name.len() > 1) => {
            Ok((leading.len(), [*y, *x]))
        }
        _ => Err(format!("the axes of its {what} do not end with y and x")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::package::yaml::read;

    fn described(input: &str, output: &str) -> Result<Description, String> {
        Description::read(&read(format!("inputs: [{input}]\noutputs: [{output}]\n").as_bytes()).unwrap())
    }

    #[test]
    fn both_formats_say_the_same() {
        let newer = described(
            "{axes: [{type: batch}, {type: channel, channel_names: [grey]}, {type: space, id: y, size: {min: 64, step: 16}}, \
             {type: space, id: x, size: 32}], data: {type: float32}}",
            "{axes: [{type: batch}, {type: channel, channel_names: [grey]}, {type: space, id: y, halo: 8, size: \
             {tensor_id: raw, axis_id: y}}, {type: space, id: x, size: 32}], data: {type: uint8}}",
        );
        let older = described(
            "{axes: bcyx, data_type: float32, shape: {min: [1, 1, 64, 32], step: [0, 0, 16, 0]}}",
            "{axes: bcyx, data_type: uint8, shape: {reference_tensor: raw, scale: [1, 1, 1, 1], offset: [0, 0, 0, 0]}, \
             halo: [0, 0, 8, 0]}",
        );
        let (newer, older) = (newer.unwrap(), older.unwrap());
        let width = Lengths { least: 32, step: None };
        assert_eq!((newer.input.leading, newer.halo, newer.input.width, newer.grey), (2, 8, width, GreyType::U8));
        assert_eq!((newer.input.border, older.input.border), ([8, 0], [0, 0]));
        let input = Input { border: [0, 0], ..newer.input };
        assert_eq!(older, Description { input, ..newer });
    }

    #[test]
    fn what_is_no_slice_is_refused() {
        let slice = "{axes: bcyx, data_type: float32, shape: [1, 1, 32, 32]}";
        for (input, reason) in [
            ("{axes: bczyx, data_type: float32, shape: [1, 1, 8, 32, 32]}", "needs 3D"),
            ("{axes: bcyx, data_type: float32, shape: [1, 3, 32, 32]}", "3 channels"),
            ("{axes: bcxy, data_type: float32, shape: [1, 1, 32, 32]}", "end with y and x"),
            ("{axes: yyx, data_type: float32, shape: [1, 32, 32]}", "end with y and x"),
            ("{axes: tyx, data_type: float32, shape: [1, 32, 32]}", "\"t\""),
            ("{axes: yx, data_type: float32}", "without a size"),
            ("{axes: yx, data_type: float32, shape: [100000, 32]}", "without a size"),
            ("{data_type: float32}", "without axes"),
        ] {
            let error = described(input, slice).unwrap_err();
            assert!(error.contains(reason), "{input}: {error}");
        }
        assert!(described(slice, &format!("{slice}, {slice}")).unwrap_err().contains("2 outputs"));
    }
}
