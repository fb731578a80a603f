//! Puts together what is found of CUDA.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    cache,
    cuda::{Cuda, Nvrtc},
    driver, headers, nvrtc,
    toolkit::{self, Place, Surroundings},
};

/// The driver, its GPUs, NVRTC and the headers.
pub(crate) fn cuda() -> Cuda {
    let (driver, gpus) = match driver::find() {
        Ok((version, gpus)) => (Ok(version), gpus),
        Err(reason) => (Err(reason), Vec::new()),
    };
    let around = Surroundings::here();
    let places = toolkit::places(&around);
    let nvrtc = nvrtc::open(&places, driver.as_ref().ok().copied(), &gpus);
    let headers = headers(&around, &places, nvrtc.as_ref().ok());
    Cuda { driver, gpus, nvrtc, headers }
}

/// The folder of the headers: that of `CUDA_PATH`, which CubeCL takes whatever we say, that of the compiler, or any.
fn headers(around: &Surroundings, places: &[Place], nvrtc: Option<&Nvrtc>) -> Result<PathBuf, String> {
    let named = (around.variable)("CUDA_PATH").map(PathBuf::from);
    let of_user =
        |place: &&Place| named.as_ref().is_some_and(|root| place.includes.iter().any(|i| i.starts_with(root)));
    let file = nvrtc.and_then(|nvrtc| nvrtc.file.as_ref());
    let beside = |place: &&Place| file.is_some_and(|file| place.libraries.iter().any(|l| file.starts_with(l)));
    let in_order = places.iter().filter(of_user).chain(places.iter().filter(beside)).chain(places);
    let folders = headers::find(in_order)?;
    let cache = cache::folder();
    headers::gathered(&folders, &cache).map_err(|error| {
        let place = cache.display();
        format!("the CUDA headers are spread over several folders and cannot be gathered in {place}: {error}")
    })
}

/// Has CubeCL take the headers from that folder. Call it before the first kernel.
pub(crate) fn announce(include: &Path) {
    let Some(root) = include.parent().filter(|root| usual().as_deref() != Some(*root)) else { return };
    // SAFETY: this is called once, before CubeCL reads the variable. Another thread of this process might read or write the
    // environment at the same moment, through the C library and without Rust's lock; Java keeps a copy of its own, so
    // that would have to be another native library. CubeCL offers no other way to name the folder, so the call is left out
    // wherever it would take the right one anyway.
    unsafe { env::set_var("CUDA_PATH", root) };
}

/// The folder that CubeCL takes by itself.
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
