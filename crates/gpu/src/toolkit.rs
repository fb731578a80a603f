//! Finds CUDA's run-time compiler and its headers.
//!
//! NVIDIA's own packages, those of the distributions, conda's and pip's each put them in different places, and an ImageJ
//! started from the desktop has few environment variables. So all usual folders are searched.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What the search for installations depends on: environment variables and root folders.
pub(crate) struct Environment<'a> {
    /// The environment's variables.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Root of the system's folders.
    pub root: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Whether folders are laid out as on Windows.
    pub windows: bool,
}

impl Environment<'_> {
    /// Those of this process.
    pub fn here() -> Self {
        let root = if cfg!(windows) { "C:/" } else { "/" };
        Self { variable: &|name| env::var_os(name), root: root.into(), home: env::home_dir(), windows: cfg!(windows) }
    }

    fn folder(&self, variable: &str) -> Option<PathBuf> {
        (self.variable)(variable).filter(|name| !name.is_empty()).map(PathBuf::from)
    }
}

/// One installation: folders that may hold NVRTC, and folders that hold the headers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    pub libraries: Vec<PathBuf>,
    pub includes: Vec<PathBuf>,
}

/// NVIDIA's folder names for processors: x86-64, and both kinds of ARM.
const TARGETS: [&str; 3] = ["x86_64-linux", "sbsa-linux", "aarch64-linux"];
/// Debian's names for the same.
const TRIPLETS: [&str; 2] = ["x86_64-linux-gnu", "aarch64-linux-gnu"];

/// All installations that exist, the most deliberate choice first: what variables name, toolkits, the distribution's
/// packages, conda's, and pip's.
pub(crate) fn installations(environment: &Environment) -> Vec<Installation> {
    let named = ["CUDA_PATH", "CUDA_HOME"].into_iter().filter_map(|name| environment.folder(name));
    let mut installations: Vec<Installation> =
        named.chain(toolkits(environment)).map(|folder| toolkit(&folder)).collect();
    if !environment.windows {
        installations.push(distribution(&environment.root.join("usr")));
    }
    if let Some(prefix) = environment.folder("CONDA_PREFIX") {
        installations.push(toolkit(&if environment.windows { prefix.join("Library") } else { prefix }));
    }
    installations.extend(site_packages(environment).iter().flat_map(|folder| wheels(folder)));
    for installation in &mut installations {
        installation.libraries.retain(|folder| folder.is_dir());
        installation.includes.retain(|folder| folder.is_dir());
    }
    installations.retain(|installation| !installation.libraries.is_empty() || !installation.includes.is_empty());
    installations
}

/// The folders of whole toolkits: the default one, then by version, the newest first.
fn toolkits(environment: &Environment) -> Vec<PathBuf> {
    if environment.windows {
        let programs = environment.folder("ProgramFiles").unwrap_or_else(|| environment.root.join("Program Files"));
        return versions(&programs.join("NVIDIA GPU Computing Toolkit/CUDA"), "v");
    }
    let local = environment.root.join("usr/local");
    let mut all = vec![local.join("cuda")];
    all.extend(versions(&local, "cuda-"));
    all.push(environment.root.join("opt/cuda"));
    all
}

/// The folders in `parent` whose names are `prefix` and a version, the newest first.
fn versions(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let version = |path: &Path| -> Option<Vec<u32>> {
        let numbers = path.file_name()?.to_str()?.strip_prefix(prefix)?.split('.').map(|number| number.parse().ok());
        numbers.collect()
    };
    let mut found: Vec<_> = entries(parent).into_iter().filter_map(|path| Some((version(&path)?, path))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// A toolkit as NVIDIA lays it out, on Linux and Windows; conda does the same.
fn toolkit(folder: &Path) -> Installation {
    let mut libraries: Vec<PathBuf> = ["lib64", "lib", "bin/x64", "bin"].map(|name| folder.join(name)).into();
    let mut includes = vec![folder.join("include")];
    for target in TARGETS.map(|target| folder.join("targets").join(target)) {
        libraries.push(target.join("lib"));
        includes.push(target.join("include"));
    }
    Installation { libraries, includes }
}

/// Files installed by distributions in the system's own folders.
fn distribution(usr: &Path) -> Installation {
    let lib = usr.join("lib");
    let mut libraries: Vec<PathBuf> = TRIPLETS.map(|triplet| lib.join(triplet)).into();
    libraries.extend([lib.join("cuda/lib64"), usr.join("lib64")]);
    Installation { libraries, includes: vec![usr.join("include"), lib.join("cuda/include")] }
}

/// Python's package folders: the environment's, and the user's.
fn site_packages(environment: &Environment) -> Vec<PathBuf> {
    let bases = [environment.folder("VIRTUAL_ENV"), environment.folder("CONDA_PREFIX")].into_iter().flatten();
    if environment.windows {
        let own = environment.folder("APPDATA").map(|folder| entries(&folder.join("Python"))).unwrap_or_default();
        let own = own.into_iter().map(|version| version.join("site-packages"));
        return bases.map(|base| base.join("Lib/site-packages")).chain(own).collect();
    }
    let own = environment.home.as_ref().map(|home| home.join(".local"));
    let pythons = bases.chain(own).flat_map(|base| versions(&base.join("lib"), "python"));
    pythons.map(|python| python.join("site-packages")).collect()
}

/// NVIDIA's wheels: those of CUDA 13 share a folder, those of CUDA 12 have one each.
fn wheels(site: &Path) -> [Installation; 2] {
    let within = |names: &[&str]| names.iter().map(|name| site.join("nvidia").join(name)).collect();
    [
        Installation {
            libraries: within(&["cu13/lib", "cu13/bin/x86_64", "cu13/bin"]),
            includes: within(&["cu13/include"]),
        },
        Installation {
            libraries: within(&["cuda_nvrtc/lib", "cuda_nvrtc/bin"]),
            includes: within(&["cuda_runtime/include", "cuda_nvcc/include", "cuda_cccl/include"]),
        },
    ]
}

/// The entries of a folder, by name; none if it cannot be read.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// The files of an installation that may be NVRTC, by name.
pub(crate) fn compilers(installation: &Installation, windows: bool) -> Vec<PathBuf> {
    let (prefix, extension) = if windows { ("nvrtc64_", ".dll") } else { ("libnvrtc.so", "") };
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // The alternative library on Windows uses another front end.
        name.starts_with(prefix) && name.ends_with(extension) && !name.contains(".alt.")
    };
    installation.libraries.iter().flat_map(|folder| entries(folder)).filter(is_one).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The installations found with these files and variables; `ROOT` in a variable is the folder of the files.
    fn found(windows: bool, files: &[&str], variables: &[(&str, &str)]) -> Vec<Installation> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in files.iter().map(|file| root.join(file)) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let values: HashMap<_, _> = variables.iter().map(|(name, value)| (*name, root.join(value))).collect();
        let variable = |name: &str| values.get(name).map(|path| path.clone().into_os_string());
        let environment =
            Environment { variable: &variable, root: root.into(), home: Some(root.join("home")), windows };
        let bare = |paths: &[PathBuf]| paths.iter().map(|path| path.strip_prefix(root).unwrap().into()).collect();
        let bare = |installation: &Installation| Installation {
            libraries: bare(&installation.libraries),
            includes: bare(&installation.includes),
        };
        installations(&environment).iter().map(bare).collect()
    }

    fn installation(libraries: &[&str], includes: &[&str]) -> Installation {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        Installation { libraries: paths(libraries), includes: paths(includes) }
    }

    #[test]
    fn toolkits_come_in_order_and_the_newest_version_first() {
        let files = [
            "usr/local/cuda/lib64/libnvrtc.so.12",
            "usr/local/cuda-9.2/lib64/libnvrtc.so.9.2",
            "usr/local/cuda-12.10/targets/x86_64-linux/include/mma.h",
            "usr/local/cuda-tools/lib64/none",
            "opt/cuda/lib/libnvrtc.so",
            "mine/include/mma.h",
        ];
        let expected = [
            installation(&[], &["mine/include"]),
            installation(&["usr/local/cuda/lib64"], &[]),
            installation(&[], &["usr/local/cuda-12.10/targets/x86_64-linux/include"]),
            installation(&["usr/local/cuda-9.2/lib64"], &[]),
            installation(&["opt/cuda/lib"], &[]),
        ];
        assert_eq!(found(false, &files, &[("CUDA_PATH", "mine"), ("CUDA_HOME", "nowhere")]), expected);
    }

    #[test]
    fn distributions_conda_and_pip_are_found() {
        let debian = ["usr/lib/x86_64-linux-gnu/libnvrtc.so.12", "usr/include/cuda_runtime.h"];
        assert_eq!(found(false, &debian, &[]), [installation(&["usr/lib/x86_64-linux-gnu"], &["usr/include"])]);
        let conda = ["conda/lib/libnvrtc.so.12", "conda/targets/x86_64-linux/include/cuda_runtime.h"];
        let expected = [installation(&["conda/lib"], &["conda/targets/x86_64-linux/include"])];
        assert_eq!(found(false, &conda, &[("CONDA_PREFIX", "conda")]), expected);
        let site = "home/.local/lib/python3.12/site-packages/nvidia";
        let wheels = ["cuda_nvrtc/lib/n", "cuda_runtime/include/c", "cuda_nvcc/include/crt/m", "cuda_cccl/include/b"];
        let files = wheels.map(|name| format!("{site}/{name}"));
        let includes = ["cuda_runtime", "cuda_nvcc", "cuda_cccl"].map(|name| format!("{site}/{name}/include"));
        let expected = installation(&[&format!("{site}/cuda_nvrtc/lib")], &includes.each_ref().map(String::as_str));
        assert_eq!(found(false, &files.each_ref().map(String::as_str), &[]), [expected]);
        let site = "env/lib/python3.13/site-packages/nvidia/cu13";
        let files = [format!("{site}/lib/libnvrtc.so.13"), format!("{site}/include/cuda_runtime.h")];
        let expected = [installation(&[&format!("{site}/lib")], &[&format!("{site}/include")])];
        assert_eq!(found(false, &files.each_ref().map(String::as_str), &[("VIRTUAL_ENV", "env")]), expected);
    }

    #[test]
    fn windows_has_its_own_folders() {
        let toolkit = "Program Files/NVIDIA GPU Computing Toolkit/CUDA/v13.0";
        let files = [format!("{toolkit}/bin/x64/nvrtc64_130_0.dll"), format!("{toolkit}/include/cuda_runtime.h")];
        let libraries = [format!("{toolkit}/bin/x64"), format!("{toolkit}/bin")];
        let expected = [installation(&libraries.each_ref().map(String::as_str), &[&format!("{toolkit}/include")])];
        assert_eq!(found(true, &files.each_ref().map(String::as_str), &[]), expected);
    }

    #[test]
    fn compilers_are_told_from_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "libnvrtc.so.12",
            "libnvrtc-builtins.so.12.8",
            "libnvrtc_static.a",
            "nvrtc64_120_0.dll",
            "nvrtc64_120_0.alt.dll",
            "nvrtc-builtins64_128.dll",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let installation = Installation { libraries: vec![folder.path().into()], includes: vec![] };
        assert_eq!(compilers(&installation, false), [folder.path().join(names[0])]);
        assert_eq!(compilers(&installation, true), [folder.path().join(names[3])]);
    }
}
