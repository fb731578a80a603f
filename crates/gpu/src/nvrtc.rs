//! Opens NVRTC, CUDA's run-time compiler, so that cudarc finds the one that fits the driver and the GPUs.
//!
//! cudarc asks the system's loader for a list of bare names and takes the first that opens. The loader reuses a library that
//! is already open: on Linux by its soname (libnvrtc.so.12, .13), on Windows by its file name. So the wanted one is opened by
//! its full path first.
//!
//! On Windows the names end in the version, and cudarc tries those of one major version alone. The library of another is
//! therefore copied to the cache under the name that cudarc tries first.
//!
//! On Linux a link named libnvrtc.so in the loader's path takes precedence; that can only be reported.

use std::{
    ffi::{OsStr, c_int},
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use cudarc::get_lib_name_candidates;
use libloading::Library;

use crate::{
    cache,
    cuda::{Gpu, Nvrtc},
    toolkit::{Installation, compilers, entries},
};

/// Opens the NVRTC that fits best, once per process.
///
/// # Errors
/// When there is none, or none that can be used; the error says what to do.
pub(crate) fn open(installations: &[Installation], driver: Option<(i32, i32)>, gpus: &[Gpu]) -> Result<Nvrtc, String> {
    // cudarc keeps its library: another one can only be used after a restart.
    static OPENED: Mutex<Option<Nvrtc>> = Mutex::new(None);
    let mut opened = OPENED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(nvrtc) = &*opened {
        return Ok(nvrtc.clone());
    }
    let nvrtc = choose(installations, driver, gpus)?;
    Ok(opened.insert(nvrtc).clone())
}

fn choose(installations: &[Installation], driver: Option<(i32, i32)>, gpus: &[Gpu]) -> Result<Nvrtc, String> {
    let mut best: Option<(Fit, Candidate)> = None;
    for file in installations.iter().flat_map(|installation| compilers(installation, cfg!(windows))) {
        let Some(candidate) = Candidate::open(&file) else { continue };
        let fit = Fit::of(&candidate.about, driver, gpus);
        if best.as_ref().is_none_or(|(other, _)| fit > *other) {
            best = Some((fit, candidate));
        }
    }
    let named = best.map(|(fit, candidate)| (fit, candidate.stay()));
    let Some(taken) = taken_by_cudarc() else {
        return Err(match named {
            Some((_, (file, (major, minor)))) => {
                format!("NVRTC {major}.{minor} in {} cannot be used (install NVRTC 12 or 13)", file.display())
            }
            None => missing(),
        });
    };
    Ok(match named {
        Some((_, (file, version))) if version == taken.version => {
            Nvrtc { version, file: Some(file), passed_over: None }
        }
        Some((fit, (file, version))) if fit > Fit::of(&taken, driver, gpus) => {
            Nvrtc { version: taken.version, file: None, passed_over: Some(passed_over(&file, version, taken.version)) }
        }
        _ => Nvrtc { version: taken.version, file: None, passed_over: None },
    })
}

fn missing() -> String {
    let file = if cfg!(windows) { "nvrtc64_*.dll" } else { "libnvrtc.so" };
    format!("NVRTC is missing: {file} was not found (install the CUDA toolkit, or its package cuda-nvrtc)")
}

fn passed_over(file: &Path, (major, minor): (i32, i32), (other_major, other_minor): (i32, i32)) -> String {
    format!(
        "NVRTC {major}.{minor} in {} would suit better, but the system finds {other_major}.{other_minor} under the name \
         libnvrtc.so: let LD_LIBRARY_PATH begin with a folder where that name is a link to the other",
        file.display()
    )
}

/// What an NVRTC reports about itself.
struct About {
    version: (i32, i32),
    /// The compute capabilities that it supports, as 86 for 8.6; all if it does not say.
    known: Option<Vec<c_int>>,
}

/// How well an NVRTC fits; larger is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// How many of the GPUs it knows.
    gpus: usize,
    /// Whether the driver certainly accepts its output.
    driver: bool,
}

impl Fit {
    fn of(about: &About, driver: Option<(i32, i32)>, gpus: &[Gpu]) -> Self {
        let knows = |gpu: &&Gpu| {
            let (major, minor) = gpu.capability;
            about.known.as_ref().is_none_or(|known| known.contains(&(10 * major + minor)))
        };
        Self { gpus: gpus.iter().filter(knows).count(), driver: driver.is_none_or(|driver| about.version <= driver) }
    }
}

/// An NVRTC opened for queries. It is closed again unless it is kept.
struct Candidate {
    library: Library,
    file: PathBuf,
    about: About,
}

impl Candidate {
    fn open(file: &Path) -> Option<Self> {
        // SAFETY: opening the library runs only its own initialisers.
        let library = unsafe { Library::new(file) }.ok()?;
        let about = about(&library)?;
        Some(Self { library, file: file.to_owned(), about })
    }

    /// Leaves it open until the process ends, under a name that cudarc tries.
    fn stay(self) -> (PathBuf, (i32, i32)) {
        // NVRTC looks for its own headers in the loader's path. CUDA 13 of pip does not name the folder that both are in.
        let mut more = builtins(&self.file, self.about.version);
        let names = get_lib_name_candidates("nvrtc");
        if cfg!(windows) && !names.iter().any(|candidate| candidate.eq_ignore_ascii_case(name(&self.file))) {
            // Without the copy cudarc finds none or another one, which is reported.
            more.extend(copied(&self.file, self.about.version, &names[0]));
        }
        // SAFETY: opening a library runs only its own initialisers.
        let more = more.iter().filter_map(|file| unsafe { Library::new(file) }.ok());
        more.chain([self.library]).for_each(std::mem::forget);
        (self.file, self.about.version)
    }
}

/// The libraries beside an NVRTC that hold its own headers.
fn builtins(file: &Path, (major, minor): (i32, i32)) -> Vec<PathBuf> {
    let of_version = |name: &str| match name.strip_prefix("nvrtc-builtins64_") {
        Some(rest) => rest == format!("{major}{minor}.dll"),
        None => name == format!("libnvrtc-builtins.so.{major}.{minor}"),
    };
    let beside = file.parent().map(entries).unwrap_or_default();
    beside.into_iter().filter(|file| of_version(&name(file).to_lowercase())).collect()
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// A copy of the library under another name, in the user's cache.
fn copied(file: &Path, (major, minor): (i32, i32), name: &str) -> io::Result<PathBuf> {
    let length = fs::metadata(file)?.len();
    let folder = cache::folder().join(format!("nvrtc-{major}.{minor}-{length}"));
    let copy = folder.join(name);
    if !copy.is_file() {
        fs::create_dir_all(&folder)?;
        // Renamed when complete, since another process may do the same.
        let fresh = tempfile::NamedTempFile::new_in(&folder)?;
        fs::copy(file, fresh.path())?;
        fresh.persist(&copy)?;
    }
    Ok(copy)
}

/// What the library that cudarc will use reports.
fn taken_by_cudarc() -> Option<About> {
    // SAFETY: opening the library runs only its own initialisers.
    let library = get_lib_name_candidates("nvrtc").into_iter().find_map(|name| unsafe { Library::new(name) }.ok())?;
    about(&library)
}

fn about(library: &Library) -> Option<About> {
    type Version = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;
    type Count = unsafe extern "C" fn(*mut c_int) -> c_int;
    type List = unsafe extern "C" fn(*mut c_int) -> c_int;
    // SAFETY: the signatures are those of nvrtc.h, the numbers outlive the calls, and the list is as long as NVRTC says.
    unsafe {
        let (mut major, mut minor) = (0, 0);
        if library.get::<Version>(b"nvrtcVersion\0").ok()?(&mut major, &mut minor) != 0 {
            return None;
        }
        let known = || {
            let mut count = 0;
            let counted = library.get::<Count>(b"nvrtcGetNumSupportedArchs\0").ok()?(&mut count) == 0;
            let mut known = vec![0; usize::try_from(count).ok().filter(|_| counted)?];
            (library.get::<List>(b"nvrtcGetSupportedArchs\0").ok()?(known.as_mut_ptr()) == 0).then_some(known)
        };
        Some(About { version: (major, minor), known: known() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(major: i32, minor: i32) -> Gpu {
        Gpu { name: "A GPU".to_owned(), memory: 1, capability: (major, minor) }
    }

    #[test]
    fn an_nvrtc_that_knows_the_gpus_and_suits_the_driver_is_preferred() {
        let twelve = About { version: (12, 9), known: Some(vec![50, 61, 75, 86, 90, 120]) };
        let thirteen = About { version: (13, 0), known: Some(vec![75, 86, 90, 120]) };
        let fit = |about: &About, driver, gpus: &[Gpu]| Fit::of(about, Some(driver), gpus);
        let pascal = [gpu(6, 1)];
        assert!(fit(&twelve, (13, 0), &pascal) > fit(&thirteen, (13, 0), &pascal));
        let ampere = [gpu(8, 6)];
        assert!(fit(&twelve, (12, 9), &ampere) > fit(&thirteen, (12, 9), &ampere));
        assert_eq!(fit(&twelve, (13, 0), &ampere), fit(&thirteen, (13, 0), &ampere));
        // One that does not report its capabilities may support all.
        let silent = About { version: (12, 8), known: None };
        assert_eq!(fit(&silent, (12, 8), &ampere), fit(&twelve, (12, 9), &ampere));
    }

    #[test]
    fn what_nvrtc_needs_itself_is_found_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let others =
            ["libnvrtc-builtins.so.12.8", "libnvrtc-builtins.alt.so.13.0", "libnvrtc.so.13", "nvrtc64_130_0.dll"];
        let own = ["libnvrtc-builtins.so.13.0", "nvrtc-builtins64_130.dll"];
        others.iter().chain(&own).for_each(|name| fs::write(file(name), "").unwrap());
        assert_eq!(builtins(&file("libnvrtc.so.13"), (13, 0)), own.map(file));
    }

    #[test]
    fn one_that_is_passed_over_is_told_with_the_way_out() {
        let sentence = passed_over(Path::new("/opt/cuda/lib64/libnvrtc.so.12"), (12, 9), (13, 0));
        let expected = "NVRTC 12.9 in /opt/cuda/lib64/libnvrtc.so.12 would suit better, but the system finds 13.0 under the \
                        name libnvrtc.so: let LD_LIBRARY_PATH begin with a folder where that name is a link to the other";
        assert_eq!(sentence, expected);
    }
}
