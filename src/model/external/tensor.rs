//! What both formats of bioimage.io write of a tensor in different ways.

use crate::model::package::yaml::Yaml;

/// Whether a tensor is described in format 0.4.
pub(super) fn is_older(tensor: &Yaml) -> bool {
    tensor.get("data_type").is_some()
}

/// The kind of a tensor's numbers.
pub(super) fn kind(tensor: &Yaml) -> &str {
    tensor.get("data").map_or_else(|| tensor.text_at("data_type"), |data| data.text_at("type"))
}
