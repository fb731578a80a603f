//! Model files in the hands of other tools.

#[path = "common/python.rs"]
mod python;

use serde_json::json;
use tempfile::TempDir;
use undulator::{
    engine::{Images, Runner, cpu},
    model::onnx::to_onnx,
    network::{Activation, Architecture, Spec, Weights},
};

/// Every network, with both activations and both outputs among them.
fn specs() -> Vec<Spec> {
    let mut specs = Vec::new();
    for (at, activation) in [Activation::Relu, Activation::Prelu].into_iter().enumerate() {
        let mut add = |network, layers: usize| {
            specs.push(Spec { network, layers, activation, channels: 3 + at, residual: (layers + at) % 2 == 0 });
        };
        (3..=7).for_each(|layers| add(Architecture::RedNet, layers));
        [3, 5].into_iter().for_each(|layers| add(Architecture::Srcnn, layers));
    }
    specs
}

/// Weights that leave nothing at its start: biases and slopes differ.
fn weights(spec: &Spec) -> Weights {
    let plan = spec.plan().unwrap();
    let mut weights = Weights::initial(spec, &plan, 11);
    for tensor in &mut weights.0 {
        if tensor.shape.len() == 1 {
            let values = tensor.values.iter_mut().enumerate();
            values.for_each(|(at, value)| *value += 0.05 * (at as f32 + 1.0).sin());
        }
    }
    weights
}

fn images(count: usize, height: usize, width: usize) -> Images {
    let values = (0..count * height * width).map(|at| (at as f32 * 0.37).sin() * (at as f32 * 0.011).cos()).collect();
    Images { count, height, width, values }
}

#[test]
fn onnx_runtime_agrees_with_the_cpu_engine_on_every_network() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for spec in specs() {
        let (plan, weights) = (spec.plan().unwrap(), weights(&spec));
        std::fs::write(path("model.onnx"), to_onnx(&plan, &weights)).unwrap();
        // The networks without poolings take odd sizes, the others odd multiples.
        let images = images(2, plan.multiple * 3, plan.multiple * if plan.multiple == 1 { 37 } else { 1 });
        python::write_floats(&path("input"), &images.values);
        let request = json!({
            "what": "onnx", "model": path("model.onnx"), "input": path("input"), "output": path("output"),
            "shape": [images.count, 1, images.height, images.width],
        });
        let answer = python::ask("package.py", &request);
        assert_eq!((&answer["ir"], &answer["opset"]), (&json!(8), &json!(17)));
        assert_eq!(answer["shape"], request["shape"]);
        let height = if plan.multiple == 1 { "h".to_owned() } else { format!("{}*h", plan.multiple) };
        assert_eq!(answer["axes"][2], json!(height));
        let own = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
        let theirs = python::read_floats(&path("output"));
        let apart = own.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let scale = own.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        println!("{spec}: {apart:.1e} apart, values to {scale:.2}");
        assert!(own.len() == theirs.len() && apart <= 1e-5 * scale.max(1.0), "{spec}: {apart} apart");
        assert!(scale > 1e-3, "{spec}: the output says nothing");
    }
}
