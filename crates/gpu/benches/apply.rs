//! The core's bench `apply` with `cuda` among its devices.

#[path = "../../../benches/apply/main.rs"]
mod apply;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    undulator_gpu::register();
    apply::main()
}
