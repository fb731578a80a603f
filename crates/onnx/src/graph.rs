//! ONNX files of strangers, looked through before anything else reads them.
//!
//! One walk over the protocol-buffers message (`onnx.proto` of the ONNX project has the field numbers) that takes no
//! memory of its own but names. What no network of images needs is refused; so is what would let a small file ask for
//! much memory before any image is there: what is computed from constants alone is followed with the number of values
//! that it can have at the most. Images between the steps are bounded later, when their sizes are known.

use std::collections::HashSet;

use crate::{
    constants::{Constants, Known, Origin, tensor_name},
    operators::{Made, is_taken_apart, telling, told},
    protobuf::{Fields, Value, damaged, numbers, text, texts},
};

const MOST_NODES: usize = 5000;
/// tract's time to get a network ready grows with the square of its length. Operators that it takes apart count more;
/// constants do not count.
const MOST_LENGTH: usize = 800;
const LENGTHY: usize = 3;
/// Values of all constants together, each time that a step uses them: tract packs them for each.
const MOST_USED: u64 = 1 << 22;
/// Values of one tensor in the file.
const MOST_VALUES: u64 = 1 << 27;
/// Values of all tensors together that are computed from constants.
const MOST_COMPUTED: u64 = 1 << 24;
const MOST_AXES: usize = 8;
/// Kernels, strides, paddings: no network of images comes near.
const MOST_SETTING: i64 = 4096;
const OPSETS: std::ops::RangeInclusive<u64> = 9..=21;

/// Refuses every file that should not be run.
///
/// # Errors
/// In words.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let (mut graphs, mut opsets) = (Vec::new(), Vec::new());
    for field in Fields(bytes) {
        match field? {
            (7, Value::Bytes(graph)) => graphs.push(graph),
            (8, Value::Bytes(import)) if is_onnx(text(import, 1)?) => opsets.extend(numbers(import, 2)?),
            (20 | 25, _) => return Err("it holds functions or a training, which do not run here".to_owned()),
            _ => {}
        }
    }
    match (&graphs[..], &opsets[..]) {
        ([graph], [opset]) if OPSETS.contains(opset) => check_graph(graph, *opset),
        ([_], [opset]) => {
            Err(format!("its operators are of version {opset}, not {} to {}", OPSETS.start(), OPSETS.end()))
        }
        _ => Err(damaged()),
    }
}

fn is_onnx(domain: &str) -> bool {
    ["", "ai.onnx"].contains(&domain)
}

fn check_graph(graph: &[u8], opset: u64) -> Result<(), String> {
    let (mut inputs, mut outputs, mut nodes) = (HashSet::new(), Vec::new(), Vec::new());
    let mut constants = Constants::default();
    for field in Fields(graph) {
        match field? {
            (1, Value::Bytes(node)) => nodes.push(node),
            (5, Value::Bytes(tensor)) => {
                let most = check_tensor(tensor)?;
                constants.add(tensor_name(tensor)?, Known::Constant { most, origin: Origin::Stored(tensor) })?;
            }
            (11, Value::Bytes(input)) => {
                inputs.insert(text(input, 1)?);
            }
            (12, Value::Bytes(output)) => outputs.push(text(output, 1)?),
            (15, _) => return Err("it holds sparse tensors, which do not run here".to_owned()),
            _ => {}
        }
        if nodes.len() > MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} nodes"));
        }
    }
    inputs.retain(|input| constants.get(input).is_none());
    if (inputs.len(), outputs.len()) != (1, 1) {
        return Err(format!(
            "it has {} inputs and {} outputs: only one of each runs here",
            inputs.len(),
            outputs.len()
        ));
    }
    let mut sums = Sums { stored: constants.stored(), ..Sums::default() };
    inputs.into_iter().try_for_each(|input| constants.add(input, Known::Image))?;
    for node in nodes {
        check_node(node, opset, &mut constants, &mut sums)?;
    }
    match constants.get(outputs[0]) {
        Some(Known::Image) => Ok(()),
        _ => Err("its output does not depend on its input".to_owned()),
    }
}

/// What all steps come to together.
#[derive(Default)]
struct Sums {
    /// Values that the file holds.
    stored: u64,
    /// Values that are computed from constants.
    computed: u64,
    /// Values of the constants that steps with images take.
    used: u64,
    length: usize,
}

impl Sums {
    fn check(&self) -> Result<(), String> {
        let Self { stored, computed, used, length } = *self;
        if computed > MOST_COMPUTED {
            return Err(format!("it computes more than {MOST_COMPUTED} values from constants alone"));
        }
        if length > MOST_LENGTH {
            return Err(format!("it has more steps than {MOST_LENGTH}, some of which count for {LENGTHY}"));
        }
        if used > MOST_USED + 2 * stored {
            return Err(format!("it holds {stored} constant values, and its steps use {used} again and again"));
        }
        Ok(())
    }
}

fn check_node<'a>(node: &'a [u8], opset: u64, known: &mut Constants<'a>, sums: &mut Sums) -> Result<(), String> {
    let (operator, domain) = (text(node, 4)?, text(node, 7)?);
    let made = Made::by(operator).filter(|_| is_onnx(domain));
    let made = made.ok_or_else(|| format!("its operator {operator:?} does not run here"))?;
    let mut stored = 0;
    for field in Fields(node) {
        if let (5, Value::Bytes(attribute)) = field? {
            stored += check_attribute(attribute, operator)?;
        }
    }
    let inputs: Vec<&str> = texts(node, 1)?.into_iter().filter(|name| !name.is_empty()).collect();
    let (mut constants, mut of_images) = (Vec::new(), false);
    for name in &inputs {
        match known.get(name) {
            None => return Err(format!("nothing before its operator {operator} makes the value {name:?}")),
            Some(Known::Image) => of_images = true,
            Some(Known::Constant { most, .. }) => constants.push(most),
        }
    }
    let most = match made {
        Made::Stored => Some(stored.max(1)),
        Made::PerAxis => Some(MOST_AXES as u64),
        Made::One => Some(1),
        _ if of_images => None,
        Made::AsTold => {
            let telling = inputs.get(telling(operator)).ok_or_else(damaged)?;
            let numbers = known.numbers(telling, opset);
            let numbers = numbers.map_err(|what| {
                format!("its operator {operator} makes a tensor whose size {what}, which does not run here")
            })?;
            Some(at_most(told(operator, constants[0], &numbers))?)
        }
        _ => Some(most_values(operator, made, &constants)?),
    };
    sums.length += match operator {
        "Constant" => 0,
        _ if is_taken_apart(operator) => LENGTHY,
        _ => 1,
    };
    match (made, most) {
        (_, None) => sums.used += constants.iter().sum::<u64>(),
        (Made::Stored, Some(most)) => sums.stored += most,
        (_, Some(most)) => sums.computed += most,
    }
    sums.check()?;
    let result = match most {
        None => Known::Image,
        // What is asked of an image are its sizes.
        Some(most) if of_images => Known::Constant { most, origin: Origin::Sized },
        Some(most) => Known::Constant { most, origin: known.step(node, inputs) },
    };
    texts(node, 2)?.into_iter().filter(|name| !name.is_empty()).try_for_each(|name| known.add(name, result))
}

/// How many values an operator can make of constants that have so many.
fn most_values(operator: &str, made: Made, constants: &[u64]) -> Result<u64, String> {
    let most = match made {
        Made::AsAll => constants.iter().map(|values| *values as f64).sum(),
        Made::AsFirst => constants.first().map_or(f64::INFINITY, |values| *values as f64),
        Made::Spread => constants.iter().map(|values| *values as f64).product(),
        _ => return Err(format!("its operator {operator} is applied to constants alone, which does not run here")),
    };
    at_most(most)
}

fn at_most(values: f64) -> Result<u64, String> {
    match values <= MOST_COMPUTED as f64 {
        true => Ok(values as u64),
        false => Err(format!("it computes more than {MOST_COMPUTED} values from constants alone")),
    }
}

/// How many values it holds.
fn check_attribute(attribute: &[u8], operator: &str) -> Result<u64, String> {
    let (mut values, mut tensors) = (0, 0);
    for field in Fields(attribute) {
        match field? {
            (5, Value::Bytes(tensor)) => {
                tensors += 1;
                values += check_tensor(tensor)?;
            }
            (2, _) => values += 1,
            (7, Value::Bytes(packed)) => values += packed.len() as u64 / 4,
            (8, Value::Bytes(packed)) => values += packed.len() as u64,
            (7..=9, _) => values += 1,
            (1 | 3 | 4 | 13 | 20 | 21, _) => {}
            _ => return Err(format!("its operator {operator} holds a graph, which does not run here")),
        }
    }
    // A second tensor would be merged with the first by other readers.
    if tensors > 1 {
        return Err(damaged());
    }
    let name = text(attribute, 1)?;
    if operator != "Constant" && !["starts", "ends"].contains(&name) {
        let settings = [numbers(attribute, 3)?, numbers(attribute, 8)?].concat();
        let far = settings.iter().map(|setting| *setting as i64).find(|setting| !within(*setting));
        if let Some(far) = far.or_else(|| (settings.len() > 2 * MOST_AXES).then_some(settings.len() as i64)) {
            return Err(format!("its operator {operator} has a {name} of {far}: no network of images needs that"));
        }
    }
    Ok(values)
}

fn within(setting: i64) -> bool {
    (-MOST_SETTING..=MOST_SETTING).contains(&setting)
}

/// A tensor has as many bytes as its shape asks for, all of them in this file. Gives back how many values it has.
fn check_tensor(tensor: &[u8]) -> Result<u64, String> {
    let (mut kind, mut raw, mut listed) = (0, None, 0u64);
    for field in Fields(tensor) {
        match field? {
            (2, Value::Number(number)) => kind = number,
            (4, Value::Bytes(packed)) => listed += packed.len() as u64 / 4,
            (5 | 7, Value::Bytes(packed)) => {
                // Each number ends with the only one of its bytes whose highest bit is not set.
                listed += packed.iter().filter(|byte| **byte < 128).count() as u64;
            }
            (10, Value::Bytes(packed)) => listed += packed.len() as u64 / 8,
            (4 | 5 | 7 | 10, _) => listed += 1,
            (9, Value::Bytes(bytes)) => raw = Some(bytes.len() as u64),
            (13, _) | (14, Value::Number(1..)) => {
                return Err("its weights are in another file, which is not read".to_owned());
            }
            (3 | 6 | 11, _) => return Err("it holds a tensor of a kind that does not run here".to_owned()),
            _ => {}
        }
    }
    let values = values(tensor)?;
    // float, uint8, int8, uint16, int16, int32, int64, bool, float16, double.
    let width = match kind {
        1 | 6 => 4,
        2 | 3 | 9 => 1,
        4 | 5 | 10 => 2,
        7 | 11 => 8,
        _ => return Err("it holds a tensor of a kind that does not run here".to_owned()),
    };
    let held = match raw {
        Some(bytes) if listed > 0 || !bytes.is_multiple_of(width) => None,
        Some(bytes) => Some(bytes / width),
        None => Some(listed),
    };
    match held == Some(values) {
        true => Ok(values),
        false => Err("it holds a tensor whose numbers are not as many as its shape asks for".to_owned()),
    }
}

/// How many values a tensor's shape asks for.
fn values(tensor: &[u8]) -> Result<u64, String> {
    let shape = numbers(tensor, 1)?;
    if shape.len() > MOST_AXES {
        return Err(format!("it holds a tensor of {} axes, more than {MOST_AXES}", shape.len()));
    }
    let values = shape.iter().try_fold(1u64, |all, length| all.checked_mul(*length));
    values
        .filter(|values| *values <= MOST_VALUES && shape.iter().all(|length| *length <= MOST_VALUES))
        .ok_or_else(|| format!("it holds a tensor of more than {MOST_VALUES} values"))
}

#[cfg(test)]
mod tests {
    use undulator_compute::network::{Activation, Architecture, Spec, Weights};

    use super::*;
    use crate::write::to_onnx;

    fn own() -> Vec<u8> {
        let (network, activation) = (Architecture::Srcnn, Activation::Prelu);
        let spec = Spec { network, layers: 3, activation, channels: 4, residual: true };
        let plan = spec.plan().unwrap();
        to_onnx(&plan, &Weights::initial(&spec, &plan, 3))
    }

    fn message(number: u64, bytes: &[u8]) -> Vec<u8> {
        assert!(bytes.len() < 128);
        [&[((number << 3) | 2) as u8, bytes.len() as u8], bytes].concat()
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
        let mut node: Vec<u8> = inputs.iter().flat_map(|input| message(1, input.as_bytes())).collect();
        node.extend(message(2, output.as_bytes()));
        node.extend(message(4, operator.as_bytes()));
        node
    }

    fn tensor(name: &str, shape: &[u8], data: &[u8]) -> Vec<u8> {
        [&message(1, shape)[..], &[16, 1], &message(8, name.as_bytes()), &message(9, data)].concat()
    }

    /// A graph from `in` to `out` with eight floats `w`.
    fn graph(nodes: &[Vec<u8>]) -> Vec<u8> {
        let mut graph: Vec<u8> = nodes.iter().flat_map(|node| message(1, node)).collect();
        graph.extend(message(5, &tensor("w", &[8], &[0; 32])));
        graph.extend(message(11, &message(1, b"in")));
        graph.extend(message(12, &message(1, b"out")));
        graph
    }

    fn refused(nodes: &[Vec<u8>]) -> String {
        check_graph(&graph(nodes), 17).unwrap_err()
    }

    #[test]
    fn networks_of_this_project_pass_and_parts_of_them_do_not() {
        let whole = own();
        assert_eq!(check(&whole), Ok(()));
        for length in (0..whole.len()).step_by(7) {
            // Without its last field, the version of the operators, it is none either.
            assert!(check(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn operators_and_graphs_that_do_not_run_are_named() {
        assert!(refused(&[node("Loop", &["in"], "out")]).contains("\"Loop\""));
        assert!(refused(&[[node("Conv", &["in", "w"], "out"), message(7, b"com.stranger")].concat()]).contains("Conv"));
        let hidden = [node("Conv", &["in", "w"], "out"), message(5, &message(6, b""))].concat();
        assert!(refused(&[hidden]).contains("holds a graph"));
        let two = [graph(&[node("Relu", &["in"], "out")]), message(11, &message(1, b"b"))].concat();
        assert!(check_graph(&two, 17).unwrap_err().contains("2 inputs"));
        assert!(refused(&[node("Relu", &["nowhere"], "out")]).contains("\"nowhere\""));
        assert!(refused(&[node("Relu", &["in"], "w"), node("Relu", &["in"], "out")]).contains("the name \"w\""));
        assert!(refused(&[node("Relu", &["w"], "out")]).contains("does not depend"));
        let wide = [node("MaxPool", &["in"], "out"), message(5, &[&message(1, b"pads")[..], &[64, 128, 64]].concat())];
        assert!(refused(&[wide.concat()]).contains("pads of 8192"));
        assert_eq!(check_graph(&graph(&[node("Relu", &["in"], "a"), node("Mul", &["a", "w"], "out")]), 17), Ok(()));
    }

    #[test]
    fn constants_cannot_be_blown_up() {
        let image = || node("Mul", &["in", "w"], "out");
        // Each takes twice the values of the one before: 2^40 at the end.
        let mut doubling = vec![node("Concat", &["w", "w"], "0")];
        for step in 1..40 {
            let (last, next) = ((step - 1).to_string(), step.to_string());
            doubling.push(node("Concat", &[&last, &last], &next));
        }
        assert!(refused(&[&doubling[..], &[image()]].concat()).contains("more than 16777216"));
        let spread = |from: &str, to: &str| node("Add", &[from, from], to);
        let squares = [spread("w", "a"), spread("a", "b"), spread("b", "c"), spread("c", "d"), image()];
        assert!(refused(&squares).contains("more than 16777216"));
        assert!(refused(&[node("Pad", &["w", "w"], "a"), image()]).contains("constants alone"));
        assert_eq!(check_graph(&graph(&[spread("w", "a"), node("Shape", &["in"], "b"), image()]), 17), Ok(()));
    }

    /// A constant of whole numbers.
    fn whole(name: &str, numbers: &[i64]) -> Vec<u8> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let tensor = [&message(1, &[numbers.len() as u8])[..], &[16, 7], &message(9, &bytes)].concat();
        let attribute = [message(1, b"value"), message(5, &tensor), vec![160, 1, 4]].concat();
        [message(2, name.as_bytes()), message(4, b"Constant"), message(5, &attribute)].concat()
    }

    #[test]
    fn sizes_that_constants_tell_are_computed() {
        let image = || node("Mul", &["in", "w"], "out");
        // Twice four, less as many as there are paddings: so many zeros follow them.
        let pads = |more: Vec<Vec<u8>>| {
            let steps = vec![
                whole("pads", &[1, 1, 1, 1]),
                node("Size", &["pads"], "given"),
                whole("all", &[8]),
                node("Sub", &["all", "given"], "missing"),
                node("ConstantOfShape", &["missing"], "zeros"),
                node("Concat", &["pads", "zeros"], "padded"),
            ];
            check_graph(&graph(&[steps, more, vec![image()]].concat()), 17)
        };
        assert_eq!(pads(vec![]), Ok(()));
        assert_eq!(pads(vec![node("Expand", &["padded", "missing"], "spread")]), Ok(()));
        let most = "more than 16777216";
        let large =
            |operator: &str, inputs: &[&str]| pads(vec![whole("large", &[4096, 4096, 2]), node(operator, inputs, "b")]);
        assert!(large("Expand", &["padded", "large"]).unwrap_err().contains(most));
        assert!(large("ConstantOfShape", &["large"]).unwrap_err().contains(most));
        assert!(large("Tile", &["padded", "large"]).unwrap_err().contains(most));
        let range = |limit: i64, delta: i64| {
            let ends = vec![whole("start", &[0]), whole("limit", &[limit]), whole("delta", &[delta])];
            pads([ends, vec![node("Range", &["start", "limit", "delta"], "b")]].concat())
        };
        assert_eq!(range(1000, 10), Ok(()));
        assert!(range(1 << 40, 10).unwrap_err().contains(most));
        assert!(range(10, 0).unwrap_err().contains(most));
        let sized = [node("Shape", &["in"], "shape"), node("ConstantOfShape", &["shape"], "a"), image()];
        assert!(
            refused(&sized).contains("ConstantOfShape makes a tensor whose size follows from the size of the image")
        );
    }

    #[test]
    fn a_constant_of_one_number_counts() {
        let one = [
            message(2, b"one"),
            message(4, b"Constant"),
            message(5, &[&message(1, b"value_int")[..], &[24, 7]].concat()),
        ];
        let spread = |from: &str, to: &str| node("Add", &[from, from], to);
        let nodes = [
            one.concat(),
            node("Add", &["w", "one"], "a"),
            spread("a", "b"),
            spread("b", "c"),
            spread("c", "d"),
            spread("d", "e"),
        ];
        assert!(refused(&[&nodes[..], &[node("Mul", &["in", "w"], "out")]].concat()).contains("more than 16777216"));
    }

    #[test]
    fn tensors_hold_what_their_shapes_ask_for() {
        assert_eq!(check_tensor(&tensor("w", &[2, 3], &[0; 24])), Ok(6));
        assert!(check_tensor(&tensor("w", &[2, 3], &[0; 20])).unwrap_err().contains("as many"));
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 2];
        assert!(check_tensor(&tensor("w", &huge, &[0; 4])).unwrap_err().contains("more than"));
        assert!(check_tensor(&tensor("w", &[1; 9], &[0; 4])).unwrap_err().contains("9 axes"));
        let elsewhere = [tensor("w", &[1], &[0; 4]), message(13, b"")].concat();
        assert!(check_tensor(&elsewhere).unwrap_err().contains("another file"));
        let marked = [&tensor("w", &[1], &[0; 4])[..], &[112, 1]].concat();
        assert!(check_tensor(&marked).unwrap_err().contains("another file"));
        let twice = message(5, &message(5, &tensor("w", &[1], &[0; 4])).repeat(2));
        assert!(refused(&[[node("Constant", &[], "out"), twice].concat()]).contains("damaged"));
    }
}
