//! The cache of compiled GPU kernels and autotuning results.
//!
//! By default CubeCL keeps no kernels, and looks for a project folder above the current one, which for ImageJ can be anywhere.
//! Its cache is keyed by the kernel alone, not by GPU, compiler or driver. So those are part of the folder's name.

use std::{fs, panic::catch_unwind, path::PathBuf, sync::OnceLock};

use cubecl_runtime::config::{
    CubeClRuntimeConfig, RuntimeConfig, autotune::AutotuneConfig, cache::CacheConfig, compilation::CompilationConfig,
};

use crate::cuda::{Cuda, Gpu};

/// Makes CubeCL use the user's cache folder, so that later starts are fast. Call it before the first kernel. Returns the
/// folder, or `None` if none is writable and every start compiles again.
///
/// CubeCL has one folder per process. With different GPUs no compiled kernels are kept, because one GPU would get those of
/// another; autotuning results are kept by the index of the GPU, in a folder that names them all.
pub(crate) fn keep(cuda: &Cuda) -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = dirs::cache_dir()?.join("undulator").join("kernels").join(name(cuda)?);
            fs::create_dir_all(&folder).ok()?;
            // A new file shows whether the folder is writable: CubeCL would panic during training.
            tempfile::NamedTempFile::new_in(&folder).ok()?;
            let cache = || CacheConfig::File(folder.clone());
            let config = CubeClRuntimeConfig {
                autotune: AutotuneConfig { cache: cache(), ..Default::default() },
                compilation: CompilationConfig { cache: alike(&cuda.gpus).then(cache), ..Default::default() },
                ..Default::default()
            };
            // It panics if it was configured before.
            catch_unwind(|| CubeClRuntimeConfig::set(config)).ok()?;
            Some(folder)
        })
        .clone()
}

fn alike(gpus: &[Gpu]) -> bool {
    gpus.windows(2).all(|pair| pair[0].name == pair[1].name && pair[0].capability == pair[1].capability)
}

/// The folder's name: the GPUs, the compiler's version and the driver's. `None` if one of them is unknown.
fn name(cuda: &Cuda) -> Option<String> {
    let ((compiler_major, compiler_minor), (major, minor)) =
        (cuda.nvrtc.as_ref().ok()?.version, *cuda.driver.as_ref().ok()?);
    let mut gpus: Vec<String> = cuda.gpus.iter().map(gpu).collect();
    gpus.dedup();
    let gpus = gpus.join("+");
    // A name may have 255 bytes.
    let gpus = &gpus[..gpus.len().min(200)];
    Some(format!("{gpus}-nvrtc-{compiler_major}.{compiler_minor}-driver-{major}.{minor}"))
}

/// A GPU's name in letters and digits, and its architecture.
fn gpu(gpu: &Gpu) -> String {
    let words = gpu.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let (major, minor) = gpu.capability;
    format!("{}-sm_{major}{minor}", words.collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::Nvrtc;

    fn machine(gpus: &[(&str, (i32, i32))]) -> Cuda {
        let gpus =
            gpus.iter().map(|(name, capability)| Gpu { name: (*name).to_owned(), memory: 1, capability: *capability });
        Cuda {
            driver: Ok((12, 8)),
            gpus: gpus.collect(),
            nvrtc: Ok(Nvrtc { version: (12, 9), file: None, passed_over: None }),
            headers: Ok("include".into()),
        }
    }

    #[test]
    fn the_folder_is_named_by_all_that_compiled_kernels_depend_on() {
        let one = machine(&[("NVIDIA RTX A4000", (8, 6))]);
        assert_eq!(name(&one).unwrap(), "NVIDIA-RTX-A4000-sm_86-nvrtc-12.9-driver-12.8");
        let two = machine(&[("NVIDIA RTX A4000", (8, 6)); 2]);
        assert_eq!(name(&two), name(&one));
        let unlike = machine(&[("Quadro P400", (6, 1)), ("NVIDIA RTX A4000", (8, 6))]);
        assert_eq!(name(&unlike).unwrap(), "Quadro-P400-sm_61+NVIDIA-RTX-A4000-sm_86-nvrtc-12.9-driver-12.8");
        assert_eq!([&one, &two, &unlike].map(|cuda| alike(&cuda.gpus)), [true, true, false]);
        assert_eq!(name(&Cuda { nvrtc: Err(String::new()), ..one }), None);
    }

    #[test]
    fn kernels_are_kept_in_the_users_folder() {
        let cuda = machine(&[("A GPU for tests", (8, 6))]);
        let Some(folder) = keep(&cuda) else { return };
        assert!(folder.is_dir() && keep(&cuda) == Some(folder.clone()));
        let config = CubeClRuntimeConfig::get();
        assert_eq!(config.autotune.cache.root(), folder);
        assert_eq!(config.compilation.cache.as_ref().map(CacheConfig::root), Some(folder));
    }
}
