//! Networks as ONNX files, for other programs.
//!
//! Opset 17 and IR version 8: deepImageJ's ONNX Runtime reads no later ones. Batch, height and width are free; the
//! latter two are named after what they must be multiples of, such as `32*h`.
//!
//! An ONNX file is one protocol-buffers message (`onnx.proto` of the ONNX project has the field numbers). Writing needs
//! two of the format's wire types, so the few lines below do instead of a library and its code generator.

use undulator_compute::network::{Plan, Step, Weights};

const IR_VERSION: u64 = 8;
/// The version of the operators.
pub const OPSET: u64 = 17;

/// The name of the network's input in the file.
pub const INPUT: &str = "input";
/// The name of its output.
pub const OUTPUT: &str = "output";

const FLOAT: u64 = 1;
const UNPOOL_SCALES: &str = "unpool.scales";

/// Writes a network as ONNX: (batch, 1, y, x) in, the same out, `f32`, on the scale of the grey windows.
///
/// The weights must be the plan's ([`Weights::fitted`]); a tensor that is absent leaves a file that nothing runs.
pub fn to_onnx(plan: &Plan, weights: &Weights) -> Vec<u8> {
    let mut nodes = Nodes::default();
    plan.steps.iter().for_each(|step| nodes.add(step));
    nodes.finish();
    let mut graph = Message::default();
    nodes.nodes.into_iter().for_each(|node| graph.message(1, node));
    graph.text(2, "undulator");
    for tensor in &weights.0 {
        graph.message(5, initializer(&tensor.name, &onnx_shape(&tensor.name, &tensor.shape), &tensor.values));
    }
    if plan.steps.contains(&Step::Unpool) {
        graph.message(5, initializer(UNPOOL_SCALES, &[4], &[1.0, 1.0, 2.0, 2.0]));
    }
    graph.message(11, image(INPUT, plan.multiple));
    graph.message(12, image(OUTPUT, plan.multiple));

    model(graph, OPSET)
}

/// A file of nodes and tensors of another file, which make one value.
pub(crate) fn model_of(nodes: &[&[u8]], tensors: &[&[u8]], output: &str, opset: u64) -> Vec<u8> {
    let mut graph = Message::default();
    nodes.iter().for_each(|node| graph.message(1, Message(node.to_vec())));
    graph.text(2, "part");
    tensors.iter().for_each(|tensor| graph.message(5, Message(tensor.to_vec())));
    let mut made = Message::default();
    made.text(1, output);
    graph.message(12, made);
    model(graph, opset)
}

fn model(graph: Message, version: u64) -> Vec<u8> {
    let mut opset = Message::default();
    opset.text(1, "");
    opset.number(2, version);
    let mut model = Message::default();
    model.number(1, IR_VERSION);
    model.text(2, "undulator");
    model.text(3, env!("CARGO_PKG_VERSION"));
    model.message(7, graph);
    model.message(8, opset);
    model.0
}

/// Slopes have one number a channel; ONNX spreads them over (batch, channel, y, x) only as (channel, 1, 1).
fn onnx_shape(name: &str, shape: &[usize]) -> Vec<usize> {
    match shape {
        [channels] if name.ends_with(".slope") => vec![*channels, 1, 1],
        shape => shape.to_vec(),
    }
}

/// The nodes so far, and the names of the images between them.
struct Nodes {
    nodes: Vec<Message>,
    current: String,
    remembered: Vec<String>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { nodes: Vec::new(), current: INPUT.to_owned(), remembered: Vec::new() }
    }
}

impl Nodes {
    fn add(&mut self, step: &Step) {
        match step {
            Step::Convolve { name, kernel, .. } => {
                let (kernel, pad) = (*kernel as u64, *kernel as u64 / 2);
                let attributes = vec![
                    integers("dilations", &[1, 1]),
                    integer("group", 1),
                    integers("kernel_shape", &[kernel, kernel]),
                    integers("pads", &[pad, pad, pad, pad]),
                    integers("strides", &[1, 1]),
                ];
                self.node("Conv", &[&format!("{name}.weight"), &format!("{name}.bias")], attributes);
            }
            Step::Relu => self.node("Relu", &[], vec![]),
            Step::Prelu { name, .. } => self.node("PRelu", &[&format!("{name}.slope")], vec![]),
            Step::Remember => self.remembered.push(self.current.clone()),
            Step::MaxPool => {
                let attributes = vec![
                    integers("kernel_shape", &[2, 2]),
                    integers("pads", &[0, 0, 0, 0]),
                    integers("strides", &[2, 2]),
                ];
                self.node("MaxPool", &[], attributes);
            }
            Step::Unpool => {
                let attributes = vec![
                    word("coordinate_transformation_mode", "asymmetric"),
                    word("mode", "nearest"),
                    word("nearest_mode", "floor"),
                ];
                // The empty name stands for the region of interest, which nearest neighbours do not have.
                self.node("Resize", &["", UNPOOL_SCALES], attributes);
            }
            Step::AddRemembered => {
                let other = self.remembered.pop().unwrap_or_default();
                self.node("Add", &[&other], vec![]);
            }
            Step::AddInput => self.node("Add", &[INPUT], vec![]),
        }
    }

    /// A node that takes the current image and others, and makes the next current image.
    fn node(&mut self, operator: &str, others: &[&str], attributes: Vec<Message>) {
        let name = format!("{}.{}", self.nodes.len(), operator.to_lowercase());
        self.push(operator, others, attributes, &name);
    }

    /// Gives the last image the name of the output.
    fn finish(&mut self) {
        self.push("Identity", &[], vec![], OUTPUT);
    }

    fn push(&mut self, operator: &str, others: &[&str], attributes: Vec<Message>, output: &str) {
        let mut node = Message::default();
        node.text(1, &self.current);
        others.iter().for_each(|other| node.text(1, other));
        node.text(2, output);
        node.text(3, output);
        node.text(4, operator);
        attributes.into_iter().for_each(|attribute| node.message(5, attribute));
        self.nodes.push(node);
        self.current = output.to_owned();
    }
}

fn integer(name: &str, value: u64) -> Message {
    let mut attribute = attribute(name, 2);
    attribute.number(3, value);
    attribute
}

fn integers(name: &str, values: &[u64]) -> Message {
    let mut attribute = attribute(name, 7);
    values.iter().for_each(|value| attribute.number(8, *value));
    attribute
}

fn word(name: &str, value: &str) -> Message {
    let mut attribute = attribute(name, 3);
    attribute.text(4, value);
    attribute
}

fn attribute(name: &str, kind: u64) -> Message {
    let mut attribute = Message::default();
    attribute.text(1, name);
    attribute.number(20, kind);
    attribute
}

fn initializer(name: &str, shape: &[usize], values: &[f32]) -> Message {
    let mut tensor = Message::default();
    shape.iter().for_each(|length| tensor.number(1, *length as u64));
    tensor.number(2, FLOAT);
    tensor.text(8, name);
    tensor.bytes(9, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    tensor
}

fn image(name: &str, multiple: usize) -> Message {
    let named = |axis: &str| if multiple == 1 { axis.to_owned() } else { format!("{multiple}*{axis}") };
    let mut shape = Message::default();
    for axis in ["n".to_owned(), String::new(), named("h"), named("w")] {
        let mut dimension = Message::default();
        match axis.is_empty() {
            true => dimension.number(1, 1),
            false => dimension.text(2, &axis),
        }
        shape.message(1, dimension);
    }
    let mut tensor = Message::default();
    tensor.number(1, FLOAT);
    tensor.message(2, shape);
    let mut kind = Message::default();
    kind.message(1, tensor);
    let mut value = Message::default();
    value.text(1, name);
    value.message(2, kind);
    value
}

/// A message of protocol buffers, as bytes.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    const VARINT: u64 = 0;
    const LENGTH_DELIMITED: u64 = 2;

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | Self::VARINT);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | Self::LENGTH_DELIMITED);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: Message) {
        self.bytes(field, &message.0);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol_buffers_guide() {
        // "Encoding" in its documentation: field 1 is 150; field 2 is "testing".
        let mut message = Message::default();
        message.number(1, 150);
        message.text(2, "testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
    }
}
