//! Times tract for `benches/apply/compare.py`: lines `apply CHANNELS SIZE BATCH RUNS` are answered with the seconds of the
//! runs. The argument is a folder with the network as `CHANNELS.onnx`.

use std::{
    collections::HashMap,
    error::Error,
    io::{BufRead, Write},
    path::PathBuf,
    thread,
    time::Instant,
};

use tract_linalg::multithread::{Executor, set_default_executor};
use tract_onnx::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("the argument is a folder")?);
    set_default_executor(Executor::multithread(thread::available_parallelism()?.get()));
    let mut networks = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let numbers = line.strip_prefix("apply ").ok_or("a line is: apply CHANNELS SIZE BATCH RUNS")?;
        let numbers = numbers.split(' ').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        let [channels, size, batch, runs] = numbers[..] else { return Err("four numbers are needed".into()) };
        let shape = [batch, 1, size, size];
        if !networks.contains_key(&(channels, size, batch)) {
            let network = tract_onnx::onnx()
                .model_for_path(folder.join(format!("{channels}.onnx")))?
                .with_input_fact(0, f32::fact(shape).into())?
                .into_optimized()?
                .into_runnable()?;
            networks.insert((channels, size, batch), network);
        }
        let network = &networks[&(channels, size, batch)];
        let values: Vec<f32> = (0..batch * size * size).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
        let image = Tensor::from_shape(&shape, &values)?;
        let mut seconds = Vec::new();
        for _ in 0..runs {
            let start = Instant::now();
            network.run(tvec!(image.clone().into()))?;
            seconds.push(format!("{:.6}", start.elapsed().as_secs_f64()));
        }
        println!("{}", seconds.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}
