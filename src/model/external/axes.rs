//! The axes of a tensor, in either format of bioimage.io.

use undulator_onnx::{Axis, Lengths};

use crate::model::package::yaml::Yaml;

/// No slice that a network takes as a whole is longer.
const LONGEST: i64 = 1 << 16;

/// One axis, whichever format it was written in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Described<'a> {
    /// `batch`, `channel`, `index`, `time`, or the name of an axis in space.
    pub name: &'a str,
    pub size: Size<'a>,
    /// How many pixels at each end do not count.
    pub halo: usize,
    /// Pixels of a reference axis by pixels of this one, when multiplied.
    pub scale: f64,
}

/// How long an axis is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size<'a> {
    Of(Lengths),
    /// As another axis, and so many pixels more.
    Follows {
        axis: &'a str,
        offset: isize,
    },
    /// The description does not say, or in a way that does not run here.
    Unknown,
}

impl Size<'_> {
    fn fixed(length: usize) -> Self {
        Self::Of(Lengths { least: length, step: None })
    }

    /// Whether it can have another length than one.
    fn is_one(self) -> bool {
        self == Self::fixed(1)
    }
}

/// The axes of a tensor, in their order.
///
/// # Errors
/// In words: when there are none.
pub(super) fn read(tensor: &Yaml) -> Result<Vec<Described<'_>>, String> {
    match tensor.get("axes") {
        Some(Yaml::List(axes)) => Ok(axes.iter().map(newer).collect()),
        Some(Yaml::Scalar { text, .. }) => Ok(older(text, tensor)),
        _ => Err("its description has a tensor without axes".to_owned()),
    }
}

/// An axis of format 0.5. Batches may have any size, also one.
fn newer(yaml: &Yaml) -> Described<'_> {
    let kind = yaml.text_at("type");
    let name = match (kind, yaml.text_at("id")) {
        ("space", "") => "x",
        ("space", id) => id,
        (kind, _) => kind,
    };
    let size = match (kind, yaml.given("channel_names")) {
        ("batch", _) => Size::fixed(1),
        ("channel", Some(Yaml::List(names))) => Size::fixed(names.len()),
        // Early versions gave a pattern for the names.
        ("channel", _) => yaml.given("size").and_then(length).map_or(Size::fixed(1), Size::fixed),
        _ => yaml.given("size").map_or(Size::Unknown, size),
    };
    let halo = yaml.given("halo").and_then(length).unwrap_or_default();
    let scale = yaml.given("scale").and_then(Yaml::as_number).unwrap_or(1.0);
    Described { name, size, halo, scale }
}

/// A number, a map with `min` and `step`, or one with another axis.
fn size(yaml: &Yaml) -> Size<'_> {
    let part = |key| yaml.given(key).and_then(length);
    if let Some(length) = length(yaml) {
        Size::fixed(length)
    } else if let Some((least, step)) = part("min").zip(part("step")) {
        Size::Of(Lengths { least, step: Some(step) })
    } else if let Some(axis) = yaml.given("axis_id").and_then(Yaml::as_text) {
        let offset = yaml.given("offset").map_or(Some(0), Yaml::as_whole).filter(|offset| offset.abs() <= LONGEST);
        offset.map_or(Size::Unknown, |offset| Size::Follows { axis, offset: offset as isize })
    } else {
        Size::Unknown
    }
}

/// The axes of format 0.4, one a letter, whose sizes stand in a list beside them.
fn older<'a>(letters: &'a str, tensor: &'a Yaml) -> Vec<Described<'a>> {
    let shape = tensor.given("shape");
    let at = |list: Option<&Yaml>, place: usize| match list {
        Some(Yaml::List(items)) => items.get(place).and_then(length),
        _ => None,
    };
    let axis = |(place, letter): (usize, &'a str)| {
        let least = at(shape, place).or_else(|| at(shape.and_then(|shape| shape.get("min")), place));
        let step = at(shape.and_then(|shape| shape.get("step")), place);
        Described {
            name: match letter {
                "b" => "batch",
                "c" => "channel",
                "i" => "index",
                "t" => "time",
                other => other,
            },
            size: least.map_or(Size::Unknown, |least| Size::Of(Lengths { least, step })),
            halo: at(tensor.given("halo"), place).unwrap_or_default(),
            scale: 1.0,
        }
    };
    letters.split("").filter(|letter| !letter.is_empty()).enumerate().map(axis).collect()
}

fn length(yaml: &Yaml) -> Option<usize> {
    yaml.as_whole().filter(|length| (1..=LONGEST).contains(length)).map(|length| length as usize)
}

/// The axes of an input that holds one slice, and those that are y and x.
///
/// # Errors
/// In words: when it holds something else.
pub(super) fn input<'a>(axes: &[Described<'a>]) -> Result<(Vec<Axis>, [Described<'a>; 2]), String> {
    slice(axes, "input", Size::is_one)
}

/// The same for an output. Its lengths may follow from the network alone, which tells them when it is made ready.
///
/// # Errors
/// As for [`input`].
pub(super) fn output<'a>(axes: &[Described<'a>]) -> Result<(Vec<Axis>, [Described<'a>; 2]), String> {
    slice(axes, "output", |size| size.is_one() || !matches!(size, Size::Of(_)))
}

fn slice<'a>(
    axes: &[Described<'a>],
    what: &str,
    is_one: fn(Size<'a>) -> bool,
) -> Result<(Vec<Axis>, [Described<'a>; 2]), String> {
    let mut kinds = Vec::with_capacity(axes.len());
    for axis in axes {
        kinds.push(match (axis.name, axis.size) {
            ("y", _) => Axis::Y,
            ("x", _) => Axis::X,
            (_, size) if is_one(size) => Axis::One,
            ("channel", Size::Of(Lengths { least, .. })) => {
                return Err(format!("its {what} has {least} channels: only one runs here"));
            }
            ("z", _) => return Err(format!("its {what} has an axis z: it needs 3D, and slices are 2D")),
            (other, _) => return Err(format!("its {what} has an axis {other:?} that need not have the length one")),
        });
    }
    let only = |kind: Axis| {
        let mut places = (0..axes.len()).filter(|place| kinds[*place] == kind);
        places.next().filter(|_| places.next().is_none()).map(|place| axes[place])
    };
    match (only(Axis::Y), only(Axis::X)) {
        (Some(y), Some(x)) => Ok((kinds, [y, x])),
        _ => Err(format!("its {what} has not one axis y and one axis x")),
    }
}
