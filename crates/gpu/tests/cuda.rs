//! The CUDA engine beside the CPU engine, on cards made of the processor (`cuda/README.md`).
//!
//! Each test describes a machine and has a process of its own run a case there, which is one of the functions of
//! [`cases`].

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "cuda/cases.rs"]
mod cases;
#[path = "cuda/emulator.rs"]
mod emulator;
#[path = "../../../tests/common/patterns.rs"]
mod patterns;

use std::{fs, path::PathBuf};

use emulator::Machine;

/// Runs one case, in a process that a test has started.
#[test]
#[ignore = "the other tests start it in processes of their own"]
fn child() {
    cases::run(&emulator::case());
}

/// Gathers the sources of kernels for `make test-nvrtc`, in a folder for each compute capability.
#[test]
#[ignore = "cuda/nvrtc.py starts it"]
fn sources() {
    let folder = PathBuf::from(std::env::var("KERNEL_SOURCES").expect("cuda/nvrtc.py starts this"));
    for capability in ["6.1", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"] {
        let sources = folder.join(capability);
        fs::create_dir_all(&sources).unwrap();
        Machine::new(capability)
            .with("EMULATED_NVRTC", "12.9")
            .with("EMULATED_DRIVER", "12090")
            .with("EMULATED_SOURCES", sources.to_str().unwrap())
            .run("ask for every kernel");
    }
}

#[test]
fn an_old_card_applies_every_network_as_the_cpu_does() {
    Machine::new("6.1").run("apply every network");
}

#[test]
fn an_old_card_trains_with_every_loss_as_the_cpu_does() {
    Machine::new("6.1").run("steps of every loss");
}

#[test]
fn tensor_cores_train_with_every_loss_as_the_cpu_does() {
    Machine::new("8.6").with_matrix_kernels("wmma").run("steps in TF32");
}

#[test]
fn the_other_instructions_of_tensor_cores_do_too() {
    Machine::new("8.6").with_matrix_kernels("mma").run("a step in TF32");
}

#[test]
fn tensor_cores_are_exact_when_they_are_to_be() {
    Machine::new("8.6").with_matrix_kernels("wmma").run("float32 on tensor cores");
    Machine::new("8.6").with_matrix_kernels("mma").run("float32 on tensor cores");
}

#[test]
fn a_card_with_enough_memory_trains_what_was_asked_for() {
    let printed = Machine::new("6.1").with_mebibytes(40).run("train and apply");
    assert!(!printed.contains("going on with"), "{printed}");
}

#[test]
fn a_card_with_little_memory_trains_in_smaller_portions() {
    for mebibytes in [16, 8, 4] {
        let printed = Machine::new("6.1").with_mebibytes(mebibytes).run("train and apply");
        assert!(printed.contains("going on with"), "{mebibytes} MiB: {printed}");
    }
}

#[test]
fn a_step_that_does_not_fit_is_an_error_and_a_smaller_one_is_right() {
    for mebibytes in [40, 12] {
        Machine::new("6.1").with_mebibytes(mebibytes).run("a step that does not fit");
    }
}

#[test]
fn memory_is_given_back_after_every_job() {
    Machine::new("6.1").run("memory after jobs");
}

#[test]
fn a_card_with_next_to_no_memory_says_so() {
    let printed = Machine::new("6.1").with("EMULATED_MEMORY", "65536").run("a fault");
    assert!(printed.contains("memory is full"), "{printed}");
}

#[test]
fn a_card_without_pools_of_memory_computes_as_the_cpu_does() {
    Machine::new("6.1").with("EMULATED_NO_ASYNC", "1").run("apply one network");
}

#[test]
fn a_launch_that_fails_is_an_error() {
    // The first launch is the probe's.
    for (launch, what) in [(1, "cannot be used"), (30, "the device failed"), (400, "the device failed")] {
        let machine = Machine::new("6.1").with("EMULATED_LAUNCH_FAULT", &format!("{launch}:700"));
        let printed = machine.run("a fault");
        assert!(printed.contains(what) && printed.contains("ILLEGAL_ADDRESS"), "launch {launch}: {printed}");
    }
}

#[test]
fn one_launch_that_fails_makes_no_wrong_number() {
    for launch in [20, 900, 1500] {
        let machine = Machine::new("6.1").with("EMULATED_LAUNCH_FAULT", &format!("{launch}:701"));
        machine.run("a fault that may be got over");
    }
}

#[test]
fn a_wait_that_fails_is_an_error() {
    let printed = Machine::new("6.1").with("EMULATED_EVENT_FAULT", "40:719").run("a fault");
    assert!(printed.contains("the device failed") && printed.contains("LAUNCH_FAILED"), "{printed}");
}

#[test]
fn kernels_that_do_not_compile_are_an_error() {
    let printed = Machine::new("6.1").with("EMULATED_COMPILE_FAULT", "direct_conv2d_kernel").run("a fault");
    assert!(printed.contains("the device failed"), "{printed}");
}

#[test]
fn what_does_not_fit_together_is_told_in_words() {
    let machines: [(Machine, &[&str]); 6] = [
        (Machine::new("8.6").with("EMULATED_DRIVER", "11080"), &["driver is too old", "CUDA 11.8", "12.0"]),
        (
            Machine::new("8.6").with("EMULATED_DRIVER", "12020").with("EMULATED_NVRTC", "12.9"),
            &["driver is too old for NVRTC 12.9", "CUDA 12.2", "update the NVIDIA driver"],
        ),
        (
            Machine::new("6.1").with("EMULATED_DRIVER", "13000").with("EMULATED_NVRTC", "13.0"),
            &["NVRTC 13.0 does not know", "compute capability 6.1", "12.9 or older"],
        ),
        (
            Machine::new("12.0").with("EMULATED_NVRTC", "12.4"),
            &["NVRTC 12.4 does not know", "compute capability 12.0", "12.8 or newer"],
        ),
        (Machine::new("8.6").with("EMULATED_INIT", "803"), &["the NVIDIA driver does not answer", "DRIVER_MISMATCH"]),
        (Machine::new("8.6").with("CUDA_PATH", "/nonexistent").with("PATH", "/usr/bin"), &["CUDA headers"]),
    ];
    for (machine, words) in machines {
        let printed = machine.run("what can be used");
        for word in words {
            assert!(printed.contains(word), "no {word:?} in {printed}");
        }
        assert!(printed.contains("auto | CPU"), "{printed}");
    }
}

#[test]
fn incomplete_headers_are_told_in_words() {
    for missing in ["crt/mma.h", "cccl/cuda/barrier", "cuda_runtime.h"] {
        let folder = tempfile::tempdir().unwrap();
        let headers =
            ["cuda_runtime.h", "mma.h", "crt/mma.h", "cuda_fp16.h", "cooperative_groups.h", "cccl/cuda/barrier"];
        for header in headers.iter().filter(|header| **header != missing) {
            assert!(emulator::toolkit().join("include").join(header).is_file());
            let copy = folder.path().join("include").join(header);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, "").unwrap();
        }
        let path = folder.path().to_str().unwrap();
        let printed = Machine::new("8.6").with("CUDA_PATH", path).run("what can be used");
        let name = missing.trim_start_matches("cccl/");
        assert!(printed.contains("CUDA headers are incomplete") && printed.contains(name), "{missing}: {printed}");
    }
}

#[test]
fn two_unlike_cards_compute_one_after_the_other() {
    Machine::new("8.6,6.1").run("two cards");
}

#[test]
fn another_card_does_not_run_the_kernels_of_the_one_before() {
    let machine = Machine::new("6.1");
    machine.run("apply one network");
    let machine = machine.with("EMULATED_CC", "8.6");
    machine.run("apply one network");
    machine.with("EMULATED_CC", "6.1").run("apply one network");
}
