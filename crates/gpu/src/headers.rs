//! The CUDA headers that every kernel needs: checks that they are complete, and in one folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};

use crate::toolkit::{Installation, entries};

/// The headers that CubeCL's kernels include, each with the packages that contain it: NVIDIA's, and pip's.
///
/// Without those for tensor cores CubeCL would silently skip its fast kernels.
pub(crate) const NEEDED: [(&str, &str, &str); 6] = [
    ("cuda_runtime.h", "cuda-cudart-dev", "nvidia-cuda-runtime-cu12"),
    ("cuda_fp16.h", "cuda-cudart-dev", "nvidia-cuda-runtime-cu12"),
    ("cooperative_groups.h", "cuda-cudart-dev", "nvidia-cuda-runtime-cu12"),
    ("mma.h", "cuda-cudart-dev", "nvidia-cuda-runtime-cu12"),
    ("crt/mma.h", "cuda-crt or cuda-nvcc", "nvidia-cuda-nvcc-cu12"),
    ("cuda/barrier", "cuda-cccl", "nvidia-cuda-cccl-cu12"),
];

/// The folders that hold all headers together: those of the first complete installation, as few as possible.
/// Installations are searched in the order given.
///
/// # Errors
/// What is missing where most of them are, and what to do.
pub(crate) fn find<'a>(installations: impl Iterator<Item = &'a Installation>) -> Result<Vec<PathBuf>, String> {
    let mut nearest: Option<(usize, String)> = None;
    for installation in installations.filter(|installation| !installation.includes.is_empty()) {
        let alone = installation.includes.iter().map(std::slice::from_ref);
        match alone.chain([&installation.includes[..]]).find(|folders| lacking(folders).is_empty()) {
            Some(folders) => return Ok(folders.to_vec()),
            None => {
                let lacking = lacking(&installation.includes);
                if nearest.as_ref().is_none_or(|(fewest, _)| lacking.len() < *fewest) {
                    nearest = Some((lacking.len(), sentence(lacking[0], &installation.includes)));
                }
            }
        }
    }
    Err(nearest.map_or_else(nowhere, |(_, reason)| reason))
}

fn lacking(folders: &[PathBuf]) -> Vec<&'static (&'static str, &'static str, &'static str)> {
    // CUDA 13 keeps the C++ library one folder deeper; CubeCL looks there as well.
    let has = |file: &str| {
        folders.iter().any(|folder| folder.join(file).is_file() || folder.join("cccl").join(file).is_file())
    };
    NEEDED.iter().filter(|(file, ..)| !has(file)).collect()
}

fn sentence((file, package, wheel): &(&str, &str, &str), folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    format!(
        "the CUDA headers are incomplete: no {file} in {} (install the CUDA toolkit, or its package {package}; with pip: \
         {wheel})",
        folders.join(", ")
    )
}

fn nowhere() -> String {
    let (file, package, wheel) = NEEDED[0];
    format!(
        "the CUDA headers are missing: no {file} in CUDA_PATH, /usr/local/cuda, /opt/cuda, /usr/include or the packages \
         of conda and pip (install the CUDA toolkit, or its packages {package}, cuda-crt and cuda-cccl; with pip: {wheel}, \
         {} and {})",
        NEEDED[4].2, NEEDED[5].2
    )
}

/// One folder `include` with what is in all of `folders`: the only one itself, or a folder below `cache` made for them.
///
/// CubeCL takes a single one. Files are linked where the system lets users do that, else copied.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn gathered(folders: &[PathBuf], cache: &Path) -> io::Result<PathBuf> {
    if let [only] = folders {
        return Ok(only.clone());
    }
    let home = cache.join("headers").join(name(folders)?);
    let include = home.join("include");
    if lacking(std::slice::from_ref(&include)).is_empty() {
        return Ok(include);
    }
    // Renamed when complete, so that leftovers of earlier or parallel processes do no harm.
    fs::create_dir_all(cache.join("headers"))?;
    let fresh = tempfile::tempdir_in(cache.join("headers"))?;
    for folder in folders {
        gather(folder, &fresh.path().join("include"))?;
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    fs::rename(fresh.path(), &home)?;
    let _ = fresh.keep();
    Ok(include)
}

/// A name for the present content of these folders: a replaced package gives another name.
fn name(folders: &[PathBuf]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for folder in folders {
        let changed = fs::metadata(folder)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        hash.update(format!("{} {}\n", folder.display(), changed.as_nanos()));
    }
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds the content of `from` to the folder `to`, without replacing anything.
fn gather(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for path in entries(from) {
        let Some(target) = path.file_name().map(|name| to.join(name)) else { continue };
        if path.is_dir() {
            gather(&path, &target)?;
        } else if !target.exists() {
            link(&path, &target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(file: &Path, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(file, name)
}

#[cfg(not(unix))]
fn link(file: &Path, name: &Path) -> io::Result<()> {
    fs::copy(file, name).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[&str]) {
        for file in files.iter().map(|file| root.join(file)) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
    }

    fn installation(root: &Path, includes: &[&str]) -> Installation {
        Installation { libraries: vec![], includes: includes.iter().map(|name| root.join(name)).collect() }
    }

    /// The layout of toolkits and Debian, of CUDA 13, of pip's wheels.
    const LAYOUTS: [[&str; 6]; 3] = [
        ["i/cuda_runtime.h", "i/cuda_fp16.h", "i/cooperative_groups.h", "i/mma.h", "i/crt/mma.h", "i/cuda/barrier"],
        [
            "i/cuda_runtime.h",
            "i/cuda_fp16.h",
            "i/cooperative_groups.h",
            "i/mma.h",
            "i/crt/mma.h",
            "i/cccl/cuda/barrier",
        ],
        ["i/cuda_runtime.h", "i/cuda_fp16.h", "i/cooperative_groups.h", "i/mma.h", "j/crt/mma.h", "k/cuda/barrier"],
    ];

    #[test]
    fn headers_are_complete_in_one_folder_or_several() {
        for (files, folders) in LAYOUTS.iter().zip([1, 1, 3]) {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), files);
            let found = find([&installation(root.path(), &["i", "j", "k"])].into_iter()).unwrap();
            assert_eq!(found.len(), folders);
        }
    }

    #[test]
    fn the_file_that_is_missing_is_named_with_what_to_install() {
        for files in LAYOUTS {
            for (missing, (file, package, wheel)) in NEEDED.iter().enumerate() {
                let root = tempfile::tempdir().unwrap();
                let rest: Vec<&str> = (0..6).filter(|at| *at != missing).map(|at| files[at]).collect();
                write(root.path(), &rest);
                let reason = find([&installation(root.path(), &["i", "j", "k"])].into_iter()).unwrap_err();
                let folder = root.path().join("i").display().to_string();
                for part in [&format!("no {file} in"), &folder, *package, *wheel] as [&str; 4] {
                    assert!(reason.contains(part), "{part} in {reason}");
                }
            }
        }
        assert!(
            find([].into_iter()).unwrap_err().contains("the CUDA headers are missing: no cuda_runtime.h in CUDA_PATH")
        );
    }

    #[test]
    fn the_first_complete_place_counts_and_else_the_most_complete_one() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &LAYOUTS[0]);
        write(root.path(), &["part/cuda_runtime.h", "more/cuda_runtime.h", "more/mma.h"]);
        let [part, more, whole] = ["part", "more", "i"].map(|name| installation(root.path(), &[name]));
        assert_eq!(find([&part, &whole].into_iter()).unwrap(), [root.path().join("i")]);
        let reason = find([&part, &more].into_iter()).unwrap_err();
        assert!(reason.contains("no cuda_fp16.h") && reason.contains("more"), "{reason}");
    }

    #[test]
    fn headers_of_several_folders_are_gathered_once() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &LAYOUTS[2]);
        write(root.path(), &["i/crt/host_defines.h"]);
        let folders = ["i", "j", "k"].map(|name| root.path().join(name));
        let cache = root.path().join("cache");
        let include = gathered(&folders, &cache).unwrap();
        assert!(include.ends_with("include") && lacking(std::slice::from_ref(&include)).is_empty());
        assert!(include.join("crt/host_defines.h").is_file());
        fs::write(include.join("mark"), "").unwrap();
        assert_eq!(gathered(&folders, &cache).unwrap(), include);
        assert!(include.join("mark").exists());
        // An unfinished one is made again.
        fs::remove_file(include.join("mma.h")).unwrap();
        assert_eq!(gathered(&folders, &cache).unwrap(), include);
        assert!(include.join("mma.h").exists() && !include.join("mark").exists());
        assert_eq!(gathered(&folders[..1], &cache).unwrap(), folders[0]);
    }
}
