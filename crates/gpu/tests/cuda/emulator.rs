//! Runs a case of this test in a process of its own, on an emulated card.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Names the case that a child process is to run.
const CASE: &str = "EMULATED_CASE";

/// A child that takes so many seconds hangs.
const LONGEST: &str = "300";

/// The folder of the emulated driver, its NVRTC and its toolkit, built once.
static EMULATOR: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda/build.sh");
    let built = Command::new(script).arg(&folder).output().expect("bash can be started");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder
});

/// A machine with emulated cards.
pub struct Machine {
    variables: Vec<(String, String)>,
    cache: PathBuf,
    _folder: tempfile::TempDir,
}

impl Machine {
    /// One card of a compute capability, or several, separated by commas.
    pub fn new(capability: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { variables: Vec::new(), cache: folder.path().to_owned(), _folder: folder }.with("EMULATED_CC", capability)
    }

    /// Sets an environment variable, over one set before.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has autotuning take the kernels for tensor cores, in the instructions named: `wmma` or `mma`.
    pub fn with_matrix_kernels(self, instructions: &str) -> Self {
        let other = if instructions == "wmma" { "[mma]" } else { "[wmma]" };
        self.with("EMULATED_REFUSED", &format!("direct_conv,conv_transpose2d_direct,col2im,[async],{other}"))
    }

    /// Bytes of memory of each card.
    pub fn with_mebibytes(self, mebibytes: u64) -> Self {
        self.with("EMULATED_MEMORY", &(mebibytes << 20).to_string())
    }

    /// Runs a case and gives back what it printed.
    ///
    /// # Panics
    /// When the case fails, or its process dies or hangs.
    pub fn run(&self, case: &str) -> String {
        let mut child = Command::new("timeout");
        child.arg(LONGEST).arg(std::env::current_exe().unwrap());
        child.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]).env(CASE, case);
        // Whatever the surroundings have of CUDA is not this machine's.
        for name in ["CUDA_PATH", "CUDA_HOME", "CONDA_PREFIX", "VIRTUAL_ENV"] {
            child.env_remove(name);
        }
        child
            .env("LD_LIBRARY_PATH", &*EMULATOR)
            .env("CUDA_PATH", EMULATOR.join("toolkit"))
            .env("EMULATED_KERNELS", EMULATOR.join("kernels"))
            .env("XDG_CACHE_HOME", &self.cache)
            .env("RUST_BACKTRACE", "0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: String = errors.chars().skip(errors.chars().count().saturating_sub(4000)).collect();
        let ended = output.status;
        assert!(ended.success(), "{case} on {:?}: {ended}\n{printed}\n…{last}", self.variables);
        printed
    }
}

/// The toolkit of the emulated machines, to copy parts of.
pub fn toolkit() -> PathBuf {
    EMULATOR.join("toolkit")
}

/// The case that this process is to run.
pub fn case() -> String {
    std::env::var(CASE).expect("this test is started by the others")
}
