//! Where compiled GPU kernels and the findings of autotuning are kept.
//!
//! CubeCL would keep no kernels, and look for a project folder above the current one, which for ImageJ is anywhere.

use std::{fs, panic::catch_unwind, path::PathBuf, sync::OnceLock};

use cubecl_runtime::config::{
    CubeClRuntimeConfig, RuntimeConfig, autotune::AutotuneConfig, cache::CacheConfig, compilation::CompilationConfig,
};

/// Lets CubeCL keep them in the user's cache folder, so that the second start is quick. Call it before the first kernel;
/// gives back the folder, or `None` where there is none to write to and every start compiles anew.
pub fn keep() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = dirs::cache_dir()?.join("undulator");
            fs::create_dir_all(&folder).ok()?;
            // A new file tells whether the folder can be written: CubeCL would panic in the middle of a training.
            tempfile::NamedTempFile::new_in(&folder).ok()?;
            let cache = || CacheConfig::File(folder.clone());
            let config = CubeClRuntimeConfig {
                autotune: AutotuneConfig { cache: cache(), ..Default::default() },
                compilation: CompilationConfig { cache: Some(cache()), ..Default::default() },
                ..Default::default()
            };
            // It panics when another has settled it before.
            catch_unwind(|| CubeClRuntimeConfig::set(config)).ok()?;
            Some(folder)
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_kept_in_the_users_folder() {
        let Some(folder) = keep() else { return };
        assert!(folder.is_dir() && keep() == Some(folder.clone()));
        let config = CubeClRuntimeConfig::get();
        assert_eq!(config.autotune.cache.root(), folder);
        assert_eq!(config.compilation.cache.as_ref().map(CacheConfig::root), Some(folder));
    }
}
