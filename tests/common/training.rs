//! The facts of a training that never was.

use undulator::{
    engine::{Loss, Schedule},
    model::Training,
    stack::{Size, VoxelSize},
};

/// Without epochs.
pub fn training() -> Training {
    Training {
        size: Size::new(64, 48, 10),
        voxel: VoxelSize::isotropic(0.6),
        training_slices: (0, 7),
        validation_slices: (8, 10),
        batch: 4,
        patch: 0,
        rate: 1e-3,
        schedule: Schedule::Constant,
        loss: Loss::Mse,
        augment: true,
        seed: 1,
        device: "CPU".to_owned(),
        best_epoch: 2,
        history: Vec::new(),
    }
}
