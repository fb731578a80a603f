//! Networks as plain data, the CPU engine that runs them, and the interface for engines of other devices.
//!
//! A [`network::Spec`] is what a user chooses, its [`Plan`](network::Plan) the steps that every engine walks. A [`Runner`]
//! applies a network and a [`Trainer`] trains it, on plain [`Images`]. [`cpu`] is the engine for the CPU; [`device`] picks
//! among it and the [backends](device::Backend) that other crates bring. Nothing here knows of stacks, files or users.

pub mod cpu;
pub mod device;
pub mod gaussian;
pub mod loss;
pub mod memory;
pub mod network;
pub mod queue;
pub mod reflection;
pub mod simd;
pub mod ssim;
pub mod worker;

mod adam;
mod error;
mod frame;
mod images;
mod runner;
mod schedule;
mod slice;
mod tile_choice;
mod tiles;
mod trainer;

pub use adam::{ADAM, Adam};
pub use error::{EngineError, UnknownName};
pub use frame::Frame;
pub use images::{Images, check_images};
pub use loss::Loss;
pub use runner::Runner;
pub use schedule::Schedule;
pub use slice::SliceRunner;
pub use tile_choice::TileChoice;
pub use tiles::{Tiled, Tiling};
pub use trainer::{Trainer, TrainerState};
