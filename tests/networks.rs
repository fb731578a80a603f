//! The layer tables of docs/networks.md are what the networks are.

use undulator_compute::network::{Activation, Architecture, Plan, Spec, Step};

/// One line a step that has weights or changes the size: what it does, its output's shape, its parameters.
fn table(plan: &Plan, edge: usize) -> String {
    let mut text = String::from("| layer | output (channels, y, x) | parameters |\n| --- | --- | --- |\n");
    let (mut channels, mut length, mut remembered) = (1, edge, Vec::new());
    text += &format!("| input | 1, {edge}, {edge} | |\n");
    for step in &plan.steps {
        let (what, parameters) = match step {
            Step::Convolve { name, inputs, outputs, kernel } => {
                assert_eq!(*inputs, channels, "{name} follows what is before it");
                channels = *outputs;
                (format!("`{name}`: convolution {kernel}×{kernel}"), outputs * (inputs * kernel * kernel + 1))
            }
            Step::Prelu { name, channels: slopes } => {
                assert_eq!(*slopes, channels, "{name} has a slope a channel");
                (format!("`{name}`: PReLU"), *slopes)
            }
            Step::Relu => continue,
            Step::Remember => {
                remembered.push((channels, length));
                continue;
            }
            Step::MaxPool => {
                assert_eq!(length % 2, 0);
                length /= 2;
                ("max-pooling 2×2".to_owned(), 0)
            }
            Step::Unpool => {
                length *= 2;
                ("un-pooling 2×2".to_owned(), 0)
            }
            Step::AddRemembered => {
                assert_eq!(remembered.pop(), Some((channels, length)), "only equal images can be added");
                (format!("skip connection from {length}×{length}"), 0)
            }
            Step::AddInput => {
                assert_eq!((channels, length), (1, edge));
                ("residual: input added".to_owned(), 0)
            }
        };
        let parameters = if parameters == 0 { String::new() } else { format!(" {parameters}") };
        text += &format!("| {what} | {channels}, {length}, {length} |{parameters} |\n");
    }
    assert!(remembered.is_empty() && (channels, length) == (1, edge), "one image of the input's size comes out");
    text + &format!("| **all** | | **{}** |\n", plan.parameters())
}

fn spec(network: Architecture, layers: usize, activation: Activation, channels: usize, residual: bool) -> Spec {
    Spec { network, layers, activation, channels, residual }
}

#[test]
fn the_documented_tables_are_those_of_the_networks() {
    let written = include_str!("../docs/networks.md");
    let documented = [
        (spec(Architecture::RedNet, 6, Activation::Prelu, 32, false), 512),
        (spec(Architecture::RedNet, 3, Activation::Relu, 32, true), 512),
        (spec(Architecture::Srcnn, 3, Activation::Relu, 64, false), 512),
        (spec(Architecture::Srcnn, 5, Activation::Relu, 64, false), 512),
    ];
    for (spec, edge) in documented {
        let table = table(&spec.plan().unwrap(), edge);
        assert!(written.contains(&table), "docs/networks.md does not hold the table of {spec}:\n\n{table}");
    }
}

#[test]
fn every_network_can_be_walked_and_counted() {
    let red_net = (3..=7).map(|layers| (Architecture::RedNet, layers));
    let srcnn = (3..=20).map(|layers| (Architecture::Srcnn, layers));
    for (network, layers) in red_net.chain(srcnn) {
        for activation in [Activation::Relu, Activation::Prelu] {
            for (channels, residual) in [(1, false), (5, true), (64, false)] {
                let plan = spec(network, layers, activation, channels, residual).plan().unwrap();
                let sum: usize = table(&plan, 4 * plan.multiple)
                    .lines()
                    .filter(|line| line.starts_with("| `"))
                    .map(|line| line.rsplit('|').nth(1).unwrap().trim().parse::<usize>().unwrap())
                    .sum();
                assert_eq!(sum, plan.parameters());
            }
        }
    }
}
