//! What both formats of bioimage.io write of a tensor in different ways.

use crate::model::package::yaml::Yaml;

/// Whether a tensor is described in format 0.4.
pub(super) fn is_older(tensor: &Yaml) -> bool {
    tensor.get("data_type").is_some()
}

/// The kind of a tensor's numbers: in format 0.5 of all its channels, `float32` where nothing is said, and `uint8` where
/// the values are listed.
pub(super) fn kind(tensor: &Yaml) -> &str {
    if is_older(tensor) {
        return tensor.text_at("data_type");
    }
    let data = match tensor.given("data") {
        Some(Yaml::List(channels)) => channels.first(),
        data => data,
    };
    let given = data.and_then(|data| data.given("type")).and_then(Yaml::as_text);
    let listed = data.is_some_and(|data| data.given("values").is_some());
    given.unwrap_or(if listed { "uint8" } else { "float32" })
}

/// The name of a tensor.
pub(super) fn name<'a>(tensor: &'a Yaml, default: &'a str) -> &'a str {
    let key = if is_older(tensor) { "name" } else { "id" };
    tensor.given(key).and_then(Yaml::as_text).unwrap_or(default)
}
