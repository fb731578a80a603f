//! Runs a test's body in a child process that finds an emulated CUDA where others find NVIDIA's.

use std::{
    any::type_name,
    cell::Cell,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Tells a child process for which of its test's cards it was started, counted from one.
const CHILD: &str = "UNDULATOR_EMULATED_CARD";

/// What a child ends with that ran its body to the end.
const DONE: i32 = 77;

/// A child that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(150);

/// Kernels other than those for tensor cores as wmma has them: autotuning is to find them slow.
pub const ALL_BUT_WMMA: &str = "direct_conv,conv_transpose2d_direct,col2im,[mma],[async]";

/// Kernels other than those for tensor cores as mma has them.
pub const ALL_BUT_MMA: &str = "direct_conv,conv_transpose2d_direct,col2im,[wmma],[async]";

/// What is emulated.
#[derive(Clone, Debug)]
pub struct Emulated {
    variables: Vec<(String, String)>,
    /// Where kernels are kept that were compiled; a fresh folder for each child if none.
    cache: Option<PathBuf>,
}

impl Emulated {
    /// Cards of these compute capabilities.
    pub fn cards(capabilities: &str) -> Self {
        Self { variables: Vec::new(), cache: None }.with("CC", capabilities)
    }

    /// With a variable `EMULATED_…` besides; `tests/cuda/README.md` lists them.
    pub fn with(mut self, variable: &str, value: impl ToString) -> Self {
        self.variables.push((format!("EMULATED_{variable}"), value.to_string()));
        self
    }

    /// With so many MiB of memory.
    pub fn memory(self, mebibytes: usize) -> Self {
        self.with("MEMORY", mebibytes << 20)
    }

    /// With another toolkit in place of the complete one.
    pub fn toolkit(mut self, folder: &Path) -> Self {
        self.variables.push(("CUDA_PATH".to_owned(), folder.display().to_string()));
        self
    }

    /// With Undulator's cache in that folder.
    pub fn cache(mut self, folder: &Path) -> Self {
        self.cache = Some(folder.to_owned());
        self
    }

    /// Runs `body` in a child process, and fails as the child does. To be called by the test itself.
    ///
    /// In the child this never returns when it was started for this card, and does nothing when for another.
    pub fn run<F: FnOnce()>(self, body: F) {
        let test = test_name::<F>();
        let card = number_of_card(test).to_string();
        match std::env::var(CHILD) {
            Ok(wanted) if wanted == card => {
                body();
                std::process::exit(DONE);
            }
            Ok(_) => {}
            Err(_) => self.start(&card, test),
        }
    }

    fn start(self, card: &str, test: &str) {
        let emulator = emulator();
        let folder = TempDir::new().unwrap();
        let printed = folder.path().join("printed");
        let output = File::create(&printed).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args([test, "--exact", "--include-ignored", "--nocapture"])
            .env(CHILD, card)
            .env("LD_LIBRARY_PATH", emulator)
            .env("CUDA_PATH", emulator.join("toolkit"))
            .env("XDG_CACHE_HOME", self.cache.as_deref().unwrap_or(&folder.path().join("cache")))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.path())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        let start = Instant::now();
        let status = status_in_time(child.spawn().unwrap());
        let printed = fs::read(&printed).unwrap();
        let printed = String::from_utf8_lossy(&printed);
        println!("{test}, {self:?}: {:.1?}\n{printed}", start.elapsed());
        let done = status.is_some_and(|status| status.code() == Some(DONE));
        assert!(done, "{test} on card {card}, {self:?}: {status:?}");
    }
}

/// How a child ended; `None` when it had to be ended.
fn status_in_time(mut child: Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// How often a test has asked for a card: parent and child count alike.
fn number_of_card(test: &'static str) -> usize {
    thread_local! { static LAST: Cell<(&'static str, usize)> = const { Cell::new(("", 0)) } }
    let (last, count) = LAST.get();
    let number = if last == test { count + 1 } else { 1 };
    LAST.set((test, number));
    number
}

/// The test that a closure is written in.
fn test_name<F>() -> &'static str {
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    path.split_once("::").expect("a test is in a crate").1
}

/// The folder of the emulator, built when it is first asked for.
pub fn emulator() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulated-cuda");
        let build = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cuda/build.sh")).arg(&folder).output();
        let build = build.expect("tests/cuda/build.sh can be started");
        assert!(build.status.success(), "the emulated CUDA was not built: {}", String::from_utf8_lossy(&build.stderr));
        folder
    })
}

/// A toolkit of the emulator's without one of its headers.
pub fn toolkit_without(header: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let whole = emulator().join("toolkit");
    let copied = Command::new("cp").arg("-r").arg(whole.join("include")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    fs::remove_file(folder.path().join("include").join(header)).unwrap();
    folder
}
