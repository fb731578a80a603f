//! Collects what was found of CUDA.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    cache,
    cuda::{Cuda, Nvrtc},
    driver, headers, nvrtc,
    toolkit::{self, Environment, Installation},
};

/// The driver, its GPUs, NVRTC and the headers.
pub(crate) fn cuda() -> Cuda {
    let (driver, gpus) = match driver::find() {
        Ok((version, gpus)) => (Ok(version), gpus),
        Err(reason) => (Err(reason), Vec::new()),
    };
    let environment = Environment::here();
    let installations = toolkit::installations(&environment);
    let nvrtc = nvrtc::open(&installations, driver.as_ref().ok().copied(), &gpus);
    let headers = headers(&environment, &installations, nvrtc.as_ref().ok());
    Cuda { driver, gpus, nvrtc, headers }
}

/// The folder of the headers: that of `CUDA_PATH`, which CubeCL always prefers, that of the compiler, or any other.
fn headers(
    environment: &Environment,
    installations: &[Installation],
    nvrtc: Option<&Nvrtc>,
) -> Result<PathBuf, String> {
    let named = (environment.variable)("CUDA_PATH").map(PathBuf::from);
    let of_user = |installation: &&Installation| {
        named.as_ref().is_some_and(|root| installation.includes.iter().any(|i| i.starts_with(root)))
    };
    let file = nvrtc.and_then(|nvrtc| nvrtc.file.as_ref());
    let beside = |installation: &&Installation| {
        file.is_some_and(|file| installation.libraries.iter().any(|l| file.starts_with(l)))
    };
    let in_order = installations.iter().filter(of_user).chain(installations.iter().filter(beside)).chain(installations);
    let folders = headers::find(in_order)?;
    let cache = cache::folder();
    headers::gathered(&folders, &cache).map_err(|error| {
        let place = cache.display();
        format!("the CUDA headers are spread over several folders and cannot be gathered in {place}: {error}")
    })
}

/// Makes CubeCL use the headers in that folder. Call it before the first kernel.
pub(crate) fn announce(include: &Path) {
    let Some(root) = include.parent().filter(|root| usual().as_deref() != Some(*root)) else { return };
    // SAFETY: this is called once, before CubeCL reads the variable. Another thread of this process might read or write the
    // environment at the same moment, through the C library and without Rust's lock; Java keeps a copy of its own, so
    // that would have to be another native library. CubeCL offers no other way to name the folder, so the call is left out
    // wherever it would take the right one anyway.
    unsafe { env::set_var("CUDA_PATH", root) };
}

/// The folder that CubeCL uses by default.
fn usual() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CUDA_PATH") {
        return Some(named.into());
    }
    if cfg!(windows) {
        return None;
    }
    let local = ["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from).into_iter().find(|path| path.exists());
    local.or_else(|| Path::new("/usr/bin/nvcc").exists().then(|| "/usr".into()))
}
