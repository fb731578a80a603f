//! What a bioimage.io description, of format 0.5 or 0.4, says of a network's images.

use undulator_onnx::{Axis, Input, Lengths, Padding};

use super::{
    axes::{self, Described, Size},
    processing,
    statistics::{Measure, Statistics},
    steps::{self, Step},
    tensor::is_older,
};
use crate::{model::package::yaml::Yaml, stack::GreyType};

/// How the network is fed, and what its numbers mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Description {
    pub input: Input,
    /// How many pixels at the edges of an image do not count.
    pub halo: usize,
    pub preprocessing: Vec<Step>,
    pub postprocessing: Vec<Step>,
    /// The statistics that the steps need.
    pub measures: Vec<Measure>,
    /// The kind of numbers that the network is given, as NumPy names it.
    pub given: String,
    /// Grey type of the result.
    pub grey: GreyType,
}

impl Description {
    /// # Errors
    /// In words: for every model whose images are not slices of grey values, in and out.
    pub fn read(rdf: &Yaml) -> Result<Self, String> {
        let (input, output) = (only(rdf, "inputs")?, only(rdf, "outputs")?);
        if let Some(model) = input.given("output_of").and_then(Yaml::as_text) {
            return Err(format!("its input is the output of another model, {model}, which would have to run first"));
        }
        let (axes, plane) = axes::input(&axes::read(input)?)?;
        let (made, made_plane) = axes::output(&axes::read(output)?)?;
        check_references(&plane, &made_plane)?;
        let (height, width, wider) = lengths(plane)?;
        let (preprocessing, given) = processing::preprocessing(input)?;
        let (postprocessing, kind) = processing::postprocessing(input, output)?;
        let halo = made_plane.map(|axis| axis.halo);
        Ok(Self {
            input: Input {
                axes,
                made,
                height,
                width,
                wider,
                padding: padding(input, &preprocessing)?,
                // Format 0.4 knows the halo for tiles alone.
                border: if is_older(output) { [0, 0] } else { halo },
            },
            halo: halo.into_iter().max().unwrap_or_default(),
            measures: preprocessing.iter().chain(&postprocessing).flat_map(|step| step.measures()).collect(),
            given: given.to_owned(),
            grey: match kind {
                "uint8" => GreyType::U8,
                "uint16" => GreyType::U16,
                _ => GreyType::F32,
            },
            preprocessing,
            postprocessing,
        })
    }

    /// The axes of the test input and output.
    pub fn test_axes(&self) -> [&[Axis]; 2] {
        [&self.input.axes, &self.input.made]
    }
}

/// What height and width may be, and by how many pixels the width is larger where one follows the other.
fn lengths([y, x]: [Described<'_>; 2]) -> Result<(Lengths, Lengths, Option<isize>), String> {
    let longer = |Lengths { least, step }: Lengths, by: isize| {
        least.checked_add_signed(by).filter(|least| *least > 0).map(|least| Lengths { least, step })
    };
    let follows = |axis: &str, other: &Described<'_>| axis == other.name && x.scale == y.scale;
    let found = match (y.size, x.size) {
        (Size::Of(height), Size::Of(width)) => Some((height, width, None)),
        (Size::Of(height), Size::Follows { axis, offset }) if follows(axis, &y) => {
            longer(height, offset).map(|width| (height, width, Some(offset)))
        }
        (Size::Follows { axis, offset }, Size::Of(width)) if follows(axis, &x) => {
            longer(width, offset).map(|height| (height, width, Some(-offset)))
        }
        _ => None,
    };
    found.ok_or_else(|| "its input has an axis without a size, or with one that does not run here".to_owned())
}

/// An output's y belongs to the input's y, and its x to its x, or to what these follow themselves.
fn check_references(input: &[Described<'_>; 2], output: &[Described<'_>; 2]) -> Result<(), String> {
    let followed = |size: Size<'_>| match size {
        Size::Follows { axis, .. } => Some(axis.to_owned()),
        _ => None,
    };
    for (given, made) in input.iter().zip(output) {
        if let Some(axis) = followed(made.size)
            && axis != made.name
            && Some(&axis) != followed(given.size).as_ref()
        {
            return Err(format!("its output's {} follows the axis {axis:?}, which does not run here", made.name));
        }
    }
    Ok(())
}

fn padding(input: &Yaml, preprocessing: &[Step]) -> Result<Padding, String> {
    let Some(pad) = input.given("pad") else { return Ok(Padding::Symmetric) };
    match pad.given("mode").map_or(Some("constant"), Yaml::as_text) {
        Some("symmetric") => Ok(Padding::Symmetric),
        Some("reflect") => Ok(Padding::Reflect),
        Some("edge") => Ok(Padding::Edge),
        Some("constant") if preprocessing.iter().any(|step| !step.measures().is_empty()) => {
            Err("its input is padded with a constant, and measured: that does not run here together".to_owned())
        }
        Some("constant") => {
            let value = pad.given("value").map_or(Some(0.0), Yaml::as_number);
            // It is padded before it is processed.
            let mut value = [value.ok_or("its input is padded with something that is not a number")? as f32];
            steps::apply(preprocessing, &Statistics::default(), &mut value);
            Ok(Padding::Constant(value[0]))
        }
        mode => Err(format!("its input is padded in the mode {:?}, which does not run here", mode.unwrap_or_default())),
    }
}

fn only<'a>(rdf: &'a Yaml, what: &str) -> Result<&'a Yaml, String> {
    match rdf.get(what) {
        Some(Yaml::List(items)) if items.len() == 1 => Ok(&items[0]),
        Some(Yaml::List(items)) => Err(format!("it has {} {what}: only one runs here", items.len())),
        _ => Err(format!("its description has no {what}")),
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
        let axes = [Axis::One, Axis::One, Axis::Y, Axis::X];
        assert_eq!((&newer.input.axes[..], &newer.input.made[..]), (&axes[..], &axes[..]));
        assert_eq!((newer.halo, newer.input.width, newer.grey), (8, width, GreyType::U8));
        assert_eq!((newer.input.border, older.input.border), ([8, 0], [0, 0]));
        // Format 0.5 casts numbers to the result's kind itself.
        let postprocessing = Vec::new();
        assert_eq!(newer.postprocessing, [Step::Whole { low: 0.0, high: 255.0 }]);
        let input = Input { border: [0, 0], ..newer.input };
        assert_eq!(older, Description { input, postprocessing, ..newer });
    }

    #[test]
    fn what_is_no_slice_is_refused() {
        let slice = "{axes: bcyx, data_type: float32, shape: [1, 1, 32, 32]}";
        for (input, reason) in [
            ("{axes: bczyx, data_type: float32, shape: [1, 1, 8, 32, 32]}", "needs 3D"),
            ("{axes: bcyx, data_type: float32, shape: [1, 3, 32, 32]}", "3 channels"),
            ("{axes: yyx, data_type: float32, shape: [1, 32, 32]}", "one axis y"),
            ("{axes: bcx, data_type: float32, shape: [1, 1, 32]}", "one axis y"),
            ("{axes: tyx, data_type: float32, shape: [4, 32, 32]}", "\"time\""),
            ("{axes: yx, data_type: float32}", "without a size"),
            ("{axes: yx, data_type: float32, shape: [100000, 32]}", "without a size"),
            ("{data_type: float32}", "without axes"),
            ("{axes: [{type: space, id: z, size: {min: 1, step: 1}}]}", "needs 3D"),
            ("{axes: [{type: space, id: h, size: 9}]}", "\"h\""),
            ("{axes: yx, shape: [32, 32], output_of: other-model}", "other-model"),
            ("{axes: yx, shape: [32, 32], pad: {mode: wrap}}", "\"wrap\""),
            ("{axes: yx, shape: [32, 32], pad: {}, preprocessing: [{id: scale_range}]}", "padded with a constant"),
        ] {
            let error = described(input, slice).unwrap_err();
            assert!(error.contains(reason), "{input}: {error}");
        }
        assert!(described(slice, &format!("{slice}, {slice}")).unwrap_err().contains("2 outputs"));
    }

    const AXES: [&str; 2] =
        ["{type: space, id: y, size: {min: 16, step: 8}}", "{type: space, size: {min: 9, step: 1}}"];

    fn newer(axes: &[&str], rest: &str) -> Description {
        let axes = axes.join(", ");
        let tensor = format!("{{axes: [{axes}]{rest}}}");
        described(&tensor, &format!("{{axes: [{axes}]}}")).unwrap_or_else(|error| panic!("{tensor}: {error}"))
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let plain = newer(&AXES, "");
        assert_eq!((plain.given.as_str(), plain.grey, plain.halo), ("float32", GreyType::F32, 0));
        assert_eq!((plain.input.padding, plain.input.wider), (Padding::Symmetric, None));
        for same in [
            ", data: {type: float32}",
            ", data: null, pad: null, preprocessing: []",
            ", id: input, optional: true, description: a slice, pad: {mode: symmetric}",
        ] {
            assert_eq!(newer(&AXES, same), plain, "{same}");
        }
        let constant = ", pad: {value: 3}, preprocessing: [{id: scale_linear, kwargs: {gain: 2, offset: 1}}]";
        assert_eq!(newer(&AXES, constant).input.padding, Padding::Constant(7.0));
        assert_eq!(newer(&AXES, ", pad: {}").input.padding, Padding::Constant(0.0));
    }

    #[test]
    fn axes_of_length_one_may_stand_anywhere() {
        use Axis::{One, X, Y};
        let [y, x] = AXES;
        for (axes, expected) in [
            (vec![y, x, "{type: channel, channel_names: [grey]}"], vec![Y, X, One]),
            (vec!["{type: batch, size: 1}", x, y], vec![One, X, Y]),
            (vec![y, "{type: space, id: z, size: 1}", x], vec![Y, One, X]),
            (vec!["{type: time, size: 1}", "{type: index, id: i, size: 1.0}", y, x], vec![One, One, Y, X]),
        ] {
            assert_eq!(newer(&axes, "").input.axes, expected);
        }
        let older = "{axes: bizcyx, data_type: float32, shape: {min: [1, 1, 1, 1, 8, 8], step: [0, 0, 0, 0, 4, 4]}}";
        let implicit = "{axes: bizcyx, data_type: float32, shape: {reference_tensor: raw, scale: [1, 1, 1, 1, 1, 1], \
                        offset: [0, 0, 0, 0, 0, 0]}}";
        assert_eq!(described(older, implicit).unwrap().input.made, [One, One, One, One, Y, X]);
    }

    #[test]
    fn an_axis_may_follow_the_other() {
        let [y, x] = AXES;
        let wider = newer(&[y, "{type: space, id: x, size: {tensor_id: input, axis_id: y, offset: 4}}"], "").input;
        assert_eq!((wider.width, wider.wider), (Lengths { least: 20, step: Some(8) }, Some(4)));
        let higher = newer(&["{type: space, id: y, size: {tensor_id: input, axis_id: x}}", x], "").input;
        assert_eq!((higher.height, higher.wider), (Lengths { least: 9, step: Some(1) }, Some(0)));
    }

    #[test]
    fn an_output_whose_axes_are_swapped_is_refused() {
        let swapped = "{axes: [{type: space, id: y, size: {axis_id: x}}, {type: space, id: x, size: {axis_id: y}}]}";
        let error = described(&format!("{{axes: [{}, {}]}}", AXES[0], AXES[1]), swapped).unwrap_err();
        assert!(error.contains("its output's y follows the axis \"x\""), "{error}");
    }
}
