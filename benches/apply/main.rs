//! Times applying and training on the CPU for `compare.py`, which runs it in turn with other engines.
//!
//! Reads lines `apply|train CHANNELS SIZE BATCH RUNS` and answers each with the seconds of its runs. The network is a
//! RED-Net with six layers, PReLU and a residual output; it is kept from line to line.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    time::Instant,
};

use undulator::{
    engine::{
        Images, Loss, Runner, Trainer, TrainerState,
        cpu::{self, CpuRunner, CpuTrainer},
    },
    network::{Activation, Architecture, Plan, Spec, Weights},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut runners, mut trainers) = (HashMap::<_, CpuRunner>::new(), HashMap::<_, CpuTrainer>::new());
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
                        None => cpu::runner(&plan, &weights)?,
                    };
                    runners.entry(channels).or_insert(runner).run(&images)?;
                }
                _ => {
                    let trainer = match trainers.remove(&channels) {
                        Some(trainer) => trainer,
                        None => cpu::trainer(&plan, &TrainerState::start(weights.clone()), Loss::Mse)?,
                    };
                    trainers.entry(channels).or_insert(trainer).step(&images, &images, 1e-3)?;
                }
            }
            seconds.push(format!("{:.6}", start.elapsed().as_secs_f64()));
        }
        println!("{}", seconds.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn network(channels: usize) -> Result<(Plan, Weights), Box<dyn std::error::Error>> {
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
