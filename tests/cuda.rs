//! The CUDA engine on emulated cards (tests/cuda/README.md), beside the CPU engine.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "cuda/emulator.rs"]
mod emulator;
#[path = "cuda/networks.rs"]
mod networks;
#[path = "cuda/stacks.rs"]
mod stacks;

use emulator::{ALL_BUT_MMA, ALL_BUT_WMMA, Emulated, toolkit_without};
use networks::*;
use stacks::*;
use tempfile::TempDir;
use undulator::{
    engine::{
        Loss, Multiply,
        device::{self, Wanted},
        memory,
    },
    network::{Activation, Architecture, Spec},
    stack::Size,
    train::{TrainError, TrainOptions},
};

#[test]
fn an_old_card_restores_as_the_cpu_does() {
    Emulated::cards("6.1").run(|| {
        let device = card().unwrap();
        for spec in every_network(4) {
            let apart = apart_restored(&device, spec).unwrap();
            assert!(apart < 1e-5, "{spec}: {apart}");
        }
    });
}

#[test]
fn an_old_card_trains_as_the_cpu_does() {
    Emulated::cards("6.1").run(|| {
        let device = card().unwrap();
        let losses = Loss::ALL.into_iter().cycle();
        for (spec, loss) in every_network(3).zip(losses) {
            assert_alike(spec, loss, &steps(&device, spec, loss, 3).unwrap());
        }
    });
}

#[test]
fn an_old_card_trains_for_every_loss_as_the_cpu_does() {
    Emulated::cards("6.1").run(|| {
        let device = card().unwrap();
        for network in [Architecture::RedNet, Architecture::Srcnn] {
            for loss in Loss::ALL {
                let spec = Spec { network, ..red_net(3, Activation::Prelu, 8) };
                assert_alike(spec, loss, &steps(&device, spec, loss, 3).unwrap());
            }
        }
    });
}

fn assert_alike(spec: Spec, loss: Loss, steps: &Steps) {
    println!("{spec}, {loss}: {steps:?}");
    assert!(steps.losses < 1e-5 && steps.worst < 2e-5, "{spec}, {loss}: {steps:?}");
}

/// Matrix kernels multiply in TF32, so that the first step takes some weights the other way: gradients near zero.
#[test]
fn matrix_kernels_train_nearly_as_the_cpu_does() {
    for (slow, losses) in [(ALL_BUT_WMMA, &Loss::ALL[..]), (ALL_BUT_MMA, &[Loss::SsimL1])] {
        Emulated::cards("8.6").with("SLOW", slow).run(|| {
            let device = card().unwrap();
            let spec = red_net(3, Activation::Prelu, 8);
            for &loss in losses {
                let steps = steps(&device, spec, loss, 1).unwrap();
                println!("{loss}: {steps:?}");
                assert!(steps.apart * 100 <= steps.weights && steps.losses < 1e-3, "{loss}: {steps:?}");
            }
        });
    }
}

#[test]
fn matrix_kernels_restore_nearly_as_the_cpu_does() {
    Emulated::cards("8.6").with("SLOW", ALL_BUT_WMMA).run(|| {
        let device = card().unwrap();
        for spec in [red_net(4, Activation::Relu, 8), red_net(3, Activation::Prelu, 16)] {
            let apart = apart_restored(&device, spec).unwrap();
            println!("{spec}: {apart}");
            assert!(apart > 1e-6, "{spec}: {apart}: these were not the matrix kernels");
            assert!(apart < 3e-3, "{spec}: {apart}");
        }
    });
}

/// Three products of TF32 numbers in place of one.
#[test]
fn matrix_kernels_with_split_factors_are_as_exact_as_the_cpu() {
    Emulated::cards("8.6").with("SLOW", ALL_BUT_WMMA).run(|| {
        let spec = red_net(3, Activation::Prelu, 8);
        let apart = apart_restored_with(Multiply::SplitTf32, spec).unwrap();
        println!("{spec}: {apart}");
        assert!(apart < 1e-5, "{spec}: {apart}");
        for loss in [Loss::Mse, Loss::SsimL1] {
            assert_alike(spec, loss, &steps_with(Multiply::SplitTf32, spec, loss, 1).unwrap());
        }
    });
}

/// The portion that the log says the training went on with, if it did: images a step, and the edge of patches.
fn smaller_portion(log: &[String]) -> Option<(usize, usize)> {
    let line = log.iter().rfind(|line| line.contains("going on with batch="))?;
    let number = |key: &str| line.split_once(key)?.1.split([',', ' ']).next()?.parse().ok();
    Some((number("batch=")?, number("patch=").unwrap_or(0)))
}

#[test]
fn a_full_card_trains_in_smaller_portions_and_says_so() {
    let size = Size::new(96, 96, 8);
    for mebibytes in [40, 16, 8, 4] {
        Emulated::cards("6.1").memory(mebibytes).run(|| {
            let folder = TempDir::new().unwrap();
            let on_card = options(folder.path(), Wanted::Cuda(0));
            let (outcome, log) = trained(size, &on_card);
            let model = outcome.unwrap().model;
            let first_epoch = log.iter().position(|line| line.starts_with("epoch 1/")).unwrap();
            let portion = smaller_portion(&log[..first_epoch]);
            assert_eq!(portion, smaller_portion(&log), "the portion changed later");
            let (batch, patch) = portion.unwrap_or((on_card.batch, 0));
            assert!(mebibytes > 16 || portion.is_some(), "{mebibytes} MiB were enough for whole batches");
            let alike = TrainOptions { batch, patch, ..options(folder.path(), Wanted::Cpu) };
            let expected = losses(&trained(size, &alike).0.unwrap().model);
            for (a, b) in expected.iter().zip(losses(&model)) {
                assert!(
                    (a - b).abs() <= 1e-3 * a,
                    "{mebibytes} MiB, batch={batch}, patch={patch}: {b} in place of {a}"
                );
            }
        });
    }
}

#[test]
fn a_full_card_restores_in_tiles_and_says_so() {
    let size = Size::new(160, 128, 2);
    for mebibytes in [40, 16, 8, 4] {
        Emulated::cards("6.1").memory(mebibytes).run(|| {
            let folder = TempDir::new().unwrap();
            let small = TrainOptions { epochs: 1, ..options(folder.path(), Wanted::Cpu) };
            let model = trained(Size::new(32, 32, 6), &small).0.unwrap().model;
            let (expected, _) = restored(size, &model, Wanted::Cpu);
            let (found, log) = restored(size, &model, Wanted::Cuda(0));
            let apart = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 2e-5, "{mebibytes} MiB: {apart}");
            let says_tiles = log.iter().any(|line| line.contains("tiles"));
            assert!(says_tiles || mebibytes > 8, "{mebibytes} MiB were enough for whole slices");
        });
    }
}

#[test]
fn memory_is_given_back() {
    Emulated::cards("6.1").run(|| {
        let folder = TempDir::new().unwrap();
        trained(Size::new(32, 32, 6), &options(folder.path(), Wanted::Cuda(0))).0.unwrap();
        let free = memory::free(&card().unwrap()).unwrap();
        assert_eq!(free, 4 << 30, "{} bytes are still held", (4 << 30) - free);
    });
}

/// Trains on the card; gives back what was said of its failure. Afterwards the CPU still trains.
fn failure() -> String {
    let folder = TempDir::new().unwrap();
    let size = Size::new(32, 32, 6);
    let (outcome, _) = trained(size, &options(folder.path(), Wanted::Cuda(0)));
    let said = outcome.expect_err("the training failed").to_string();
    println!("said: {said}");
    assert!(said.chars().count() < 700 && !said.contains("unwrap()"), "{said}");
    trained(size, &options(folder.path(), Wanted::Cpu)).0.unwrap();
    said
}

fn assert_said(said: &str, words: &[&str]) {
    let low = said.to_lowercase();
    assert!(words.iter().all(|word| low.contains(&word.to_lowercase())), "{words:?} are not all in: {said}");
}

#[test]
fn a_card_without_memory_says_so() {
    Emulated::cards("6.1").with("MEMORY", 64 << 10).run(|| assert_said(&failure(), &["memory"]));
}

#[test]
fn launches_that_fail_are_told_and_never_make_numbers() {
    for nth in [2, 40, 300] {
        Emulated::cards("6.1")
            .with("LAUNCH_FAILS", format!("{nth}:700"))
            .run(|| assert_said(&failure(), &["ILLEGAL_ADDRESS"]));
    }
}

#[test]
fn waits_that_fail_are_told_and_never_make_numbers() {
    for nth in [1, 8] {
        Emulated::cards("6.1")
            .with("EVENT_FAILS", format!("{nth}:719"))
            .run(|| assert_said(&failure(), &["LAUNCH_FAILED"]));
    }
}

#[test]
fn kernels_that_do_not_compile_are_told() {
    let convolutions = "conv";
    Emulated::cards("6.1").with("COMPILE_FAILS", convolutions).run(|| assert_said(&failure(), &["error"]));
}

#[test]
fn a_kernel_that_does_not_compile_is_done_without_where_others_can_do_its_work() {
    Emulated::cards("8.6").with("SLOW", ALL_BUT_WMMA).with("COMPILE_FAILS", "nvcuda::wmma::mma_sync").run(|| {
        let spec = red_net(3, Activation::Prelu, 8);
        let apart = apart_restored(&card().unwrap(), spec).unwrap();
        assert!(apart < 3e-3, "{apart}");
    });
}

#[test]
fn a_driver_that_is_too_old_is_told() {
    Emulated::cards("8.6").with("DRIVER", 11080).run(|| assert_said(&failure(), &["driver", "11.8", "update"]));
    Emulated::cards("8.6")
        .with("DRIVER", 12020)
        .with("NVRTC", 12.9)
        .run(|| assert_said(&failure(), &["driver", "12.2", "NVRTC 12.9"]));
}

#[test]
fn a_card_that_nvrtc_does_not_know_is_told() {
    Emulated::cards("6.1")
        .with("NVRTC", "13.0")
        .with("DRIVER", 13000)
        .run(|| assert_said(&failure(), &["NVRTC 13.0", "6.1", "12.9"]));
    Emulated::cards("12.0").with("NVRTC", 12.4).run(|| assert_said(&failure(), &["NVRTC 12.4", "12.0", "12.8"]));
}

#[test]
fn headers_that_are_incomplete_are_told() {
    for header in ["crt/mma.h", "cccl/cuda/barrier", "cuda_runtime.h"] {
        let toolkit = toolkit_without(header);
        let name = header.trim_start_matches("cccl/");
        Emulated::cards("8.6").toolkit(toolkit.path()).run(|| assert_said(&failure(), &["header", name]));
    }
}

#[test]
fn a_driver_that_does_not_start_is_told() {
    Emulated::cards("6.1").with("INIT", 803).run(|| assert_said(&failure(), &["driver", "SYSTEM_DRIVER_MISMATCH"]));
}

#[test]
fn a_card_without_memory_pools_trains() {
    Emulated::cards("6.1").with("NO_ASYNC", 1).run(|| {
        let spec = red_net(3, Activation::Relu, 3);
        assert_alike(spec, Loss::Mse, &steps(&card().unwrap(), spec, Loss::Mse, 1).unwrap());
    });
}

#[test]
fn two_unlike_cards_are_used_one_after_the_other() {
    Emulated::cards("8.6,6.1").run(|| {
        let spec = red_net(3, Activation::Prelu, 4);
        for (index, tolerance) in [(0, 3e-3), (1, 1e-5)] {
            let apart = apart_restored(&numbered_card(index).unwrap(), spec).unwrap();
            assert!(apart < tolerance, "card {index}: {apart}");
        }
    });
}

#[test]
fn kernels_that_are_kept_are_not_given_to_another_card() {
    let cache = TempDir::new().unwrap();
    for (capability, tolerance) in [("6.1", 1e-5), ("8.6", 3e-3), ("6.1", 1e-5)] {
        Emulated::cards(capability).with("SLOW", ALL_BUT_WMMA).cache(cache.path()).run(|| {
            let apart = apart_restored(&card().unwrap(), red_net(3, Activation::Prelu, 8)).unwrap();
            assert!(apart < tolerance, "{capability}: {apart}");
        });
    }
}

#[test]
fn what_is_there_is_reported() {
    Emulated::cards("8.6,6.1").run(|| {
        let rows = device::report();
        let words = rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("\n");
        for part in ["CUDA 12.8", "Emulated GPU sm_86", "Emulated GPU sm_61", "4.0 GiB"] {
            assert!(words.contains(part), "{part} is not in:\n{words}");
        }
    });
}
