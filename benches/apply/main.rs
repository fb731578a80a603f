//! Times applying and training for `compare.py`, which runs it in turn with other engines. The bench of the same name in
//! crates/gpu is this one with CUDA.
//!
//! The argument is the device, `cpu` unless given. Reads lines `apply|train CHANNELS SIZE BATCH RUNS` and answers each with
//! the seconds of its runs; a GPU computes ahead, so there each is the mean of all. The network is a RED-Net with six
//! layers, PReLU and a residual output; it is kept from line to line.

use std::{
    collections::HashMap,
    error::Error,
    io::{BufRead, Write},
    time::Instant,
};

use undulator_compute::{
    Images, Loss, Runner, Trainer, TrainerState,
    device::{self, Device, DeviceRequest, Precision},
    network::{Activation, Architecture, Plan, Spec, Weights},
};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    // Cargo itself adds --bench.
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted: DeviceRequest = argument.as_deref().unwrap_or("cpu").parse()?;
    let (device, lines) = device::pick(wanted, Precision::Auto)?;
    eprintln!("undulator: {device} {}", lines.join("; "));
    // What runs on a GPU must stay on its thread.
    device::compute(&device, || answer(&device).map_err(|error| error.to_string()))??;
    Ok(())
}

fn answer(device: &Device) -> Result<(), Box<dyn Error>> {
    let mut runners = HashMap::<_, Box<dyn Runner>>::new();
    let mut trainers = HashMap::<_, Box<dyn Trainer>>::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (what, numbers) = line.split_once(' ').ok_or("a line is: apply|train CHANNELS SIZE BATCH RUNS")?;
        let numbers = numbers.split(' ').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        let [channels, size, batch, runs] = numbers[..] else { return Err("four numbers are needed".into()) };
        let images = images(batch, size);
        let (plan, weights) = network(channels)?;
        let mut seconds = Vec::new();
        for _ in 0..runs {
            let start = Instant::now();
            match what {
                "apply" => {
                    let runner = match runners.remove(&channels) {
                        Some(runner) => runner,
                        None => device::runner(device, &plan, &weights)?,
                    };
                    runners.entry(channels).or_insert(runner).run(&images)?;
                }
                _ => {
                    let trainer = match trainers.remove(&channels) {
                        Some(trainer) => trainer,
                        None => device::trainer(device, &plan, &TrainerState::start(weights.clone()), Loss::Mse)?,
                    };
                    trainers.entry(channels).or_insert(trainer).step(&images, &images, 1e-3)?;
                }
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        if let (Device::Accelerator(_), Some(trainer)) = (device, trainers.get_mut(&channels)) {
            let start = Instant::now();
            trainer.loss()?; // waits for the device
            let mean = (seconds.iter().sum::<f64>() + start.elapsed().as_secs_f64()) / runs as f64;
            seconds.fill(mean);
        }
        let seconds: Vec<String> = seconds.iter().map(|second| format!("{second:.6}")).collect();
        println!("{}", seconds.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn network(channels: usize) -> Result<(Plan, Weights), Box<dyn Error>> {
    let network = Architecture::RedNet;
    let spec = Spec { network, layers: 6, activation: Activation::Prelu, channels, residual: true };
    let plan = spec.plan()?;
    let weights = Weights::initial(&spec, &plan, 1);
    Ok((plan, weights))
}

fn images(count: usize, size: usize) -> Images {
    let values = (0..count * size * size).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    Images { count, height: size, width: size, values }
}
