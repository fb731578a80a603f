//! Files that are written whole or not at all.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use tempfile::{NamedTempFile, TempPath};

/// Lets `write` fill a temporary file beside `path`, which then takes its name. What stood there stays when it fails.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = Some(filled(path, write)?);
    patiently(|| {
        let Some(temporary) = file.take() else { return Ok(()) };
        temporary.persist(path).map_err(|failed| {
            file = Some(failed.path);
            failed.error
        })
    })
}

/// Like [`write_whole`], for a name that nothing has yet: what stands there already is never replaced.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when the name is taken.
pub(crate) fn write_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // Kept first: on Windows, temporary files are marked as such.
    let file = filled(path, write)?.keep().map_err(|failed| failed.error)?;
    let renamed = rename_new(&file, path);
    if renamed.is_err() {
        let _ = fs::remove_file(&file);
    }
    renamed
}

/// A temporary file beside `path`, written and closed: Windows renames files that are open no more than those that a
/// virus scanner reads.
fn filled(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<TempPath> {
    let mut file = temporary(folder(path))?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

/// Like [`write_whole`], for a file that is written again and again: the temporary file has a name of its own, `<name>.part`, so
/// that programs that are killed leave one file at the most, which the next writing replaces. Two programs must not
/// write the same file at once.
pub(crate) fn write_over(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let part = with_ending(path, ".part");
    let fill = || {
        let mut file = patiently(|| File::create(&part))?;
        write(&mut file)?;
        file.sync_all()
    };
    let written = fill().and_then(|()| patiently(|| fs::rename(&part, path)));
    if written.is_err() {
        // What was written of it helps nobody.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Renames a file to a name that nothing has yet: what stands there already is never replaced.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when the name is taken.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    // An empty file takes the name, so that nobody else can; then it is replaced.
    File::create_new(to)?;
    let renamed = patiently(|| fs::rename(from, to));
    if renamed.is_err() {
        let _ = fs::remove_file(to);
    }
    renamed
}

/// Renames a file to the first name that is free: `name`, `name2`, `name3`, ….
pub(crate) fn rename_to_free(from: &Path, name: &Path) -> io::Result<PathBuf> {
    first_free(name, "", |to| rename_new(from, to))
}

/// Makes an empty file under the first name that is free: `stem.ending`, `stem2.ending`, ….
pub(crate) fn new_file(folder: &Path, stem: &str, ending: &str) -> io::Result<PathBuf> {
    first_free(&folder.join(stem), ending, |path| File::create_new(path).map(drop))
}

fn first_free(stem: &Path, ending: &str, take: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let name = if number == 1 { ending.to_owned() } else { format!("{number}{ending}") };
        let path = with_ending(stem, &name);
        match take(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            taken => return taken.map(|()| path),
        }
    }
}

/// The path with something behind its name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Does something to a file, and again after a short while where another program holds the file for a moment, as virus
/// scanners and indexers do on Windows with files that have just been written.
pub(crate) fn patiently<T>(operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    patiently_while(is_held, thread::sleep, operation)
}

/// Access denied, sharing violation, lock violation.
fn is_held(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

fn patiently_while<T>(
    held: impl Fn(&io::Error) -> bool,
    wait: impl Fn(Duration),
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    // Two and a half seconds in all.
    for milliseconds in [10, 20, 40, 80, 160, 320, 640, 1280] {
        match operation() {
            Err(error) if held(&error) => wait(Duration::from_millis(milliseconds)),
            done => return done,
        }
    }
    operation()
}

/// A file that one program at a time may have. The system gives it free when the program ends, however that happens.
pub(crate) struct Lock {
    path: PathBuf,
    /// Open as long as it is locked.
    _file: File,
}

impl Lock {
    /// Makes the file `path` and locks it; `None` if it is locked already, by this program or another.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = patiently(|| File::options().write(true).create(true).truncate(false).open(path))?;
            if !try_lock(&file, path) {
                return Ok(None);
            }
            // Whoever had it may have removed the file between these two.
            if is_at(&file, path) {
                return Ok(Some(Self { path: path.to_owned(), _file: file }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is locked by nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether an open file could be locked. Some network drives have no locks: there, nobody has one.
pub(crate) fn try_lock(file: &File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => {
            log::debug!("{} is not locked: {error}", path.display());
            true
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let [own, there] = [file.metadata(), fs::metadata(path)].map(|found| found.ok().map(|it| (it.dev(), it.ino())));
    own.is_some() && own == there
}

/// Files that are open keep their names here until they are closed.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// A temporary file with the permissions of any other: those of temporary files would keep colleagues from reading it.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses a path where no file could be written, before long work begins.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "give the name of a file"));
    }
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "this is a folder: give the name of a file"));
    }
    NamedTempFile::new_in(folder(path)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io::Write};

    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        write_whole(&path, |file| file.write_all(b"old")).unwrap();
        let full = |file: &mut File| file.write_all(b"new").and(Err(io::Error::other("the disk is full")));
        assert_eq!(write_whole(&path, full).unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        assert_eq!(folder(Path::new("file")), Path::new("."));
    }

    #[test]
    fn a_file_that_is_written_again_has_one_temporary_name() {
        let place = tempfile::tempdir().unwrap();
        let (path, part) = (place.path().join("file"), place.path().join("file.part"));
        fs::write(&part, b"left by a program that was killed").unwrap();
        write_over(&path, |file| file.write_all(b"old")).unwrap();
        assert!(!part.exists());
        assert!(write_over(&path, |_| Err(io::Error::other("the disk is full"))).is_err());
        assert!(!part.exists() && fs::read(&path).unwrap() == b"old");
    }

    #[test]
    fn a_file_has_the_permissions_of_any_other() {
        let place = tempfile::tempdir().unwrap();
        let [ours, plain] = ["ours", "plain"].map(|name| place.path().join(name));
        write_whole(&ours, |file| file.write_all(b"x")).unwrap();
        fs::write(&plain, b"x").unwrap();
        let permissions = |path: &Path| fs::metadata(path).unwrap().permissions();
        assert_eq!(permissions(&ours), permissions(&plain));
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused_and_a_good_one_left_alone() {
        let place = tempfile::tempdir().unwrap();
        assert!(check_writable(&place.path().join("file")).is_ok());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(check_writable(place.path()).unwrap_err().to_string().contains("folder"));
        assert!(check_writable(&place.path().join("absent/file")).is_err());
        assert!(check_writable(Path::new("")).unwrap_err().to_string().contains("name of a file"));
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for (name, text) in [("a", "one"), ("b", "two"), ("c", "three"), ("old", "kept")] {
            fs::write(path(name), text).unwrap();
        }
        assert_eq!(rename_new(&path("a"), &path("old")).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(rename_to_free(&path("a"), &path("old")).unwrap(), path("old2"));
        assert_eq!(rename_to_free(&path("b"), &path("old")).unwrap(), path("old3"));
        rename_new(&path("c"), &path("new")).unwrap();
        let texts = ["old", "old2", "old3", "new"].map(|name| fs::read_to_string(path(name)).unwrap());
        assert_eq!(texts, ["kept", "one", "two", "three"]);
        write_new(&path("written"), |file| file.write_all(b"four")).unwrap();
        let taken = write_new(&path("written"), |file| file.write_all(b"five")).unwrap_err();
        assert_eq!((taken.kind(), fs::read(path("written")).unwrap()), (ErrorKind::AlreadyExists, b"four".to_vec()));
        assert_eq!(rename_to_free(&path("absent"), &path("d")).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!path("d").exists());
        let files = [(); 2].map(|()| new_file(place.path(), "rescued", ".zip").unwrap());
        assert_eq!(files, [path("rescued.zip"), path("rescued2.zip")]);
    }

    #[test]
    fn what_a_virus_scanner_holds_is_tried_again_but_not_for_ever() {
        let (waits, failures) = (Cell::new(Duration::ZERO), Cell::new(0));
        let held = |error: &io::Error| error.raw_os_error() == Some(32);
        let attempt = |until: usize, code: i32| {
            failures.set(0);
            waits.set(Duration::ZERO);
            patiently_while(
                held,
                |time| waits.set(waits.get() + time),
                || {
                    failures.set(failures.get() + 1);
                    if failures.get() > until { Ok(failures.get()) } else { Err(io::Error::from_raw_os_error(code)) }
                },
            )
        };
        assert_eq!(attempt(0, 32).unwrap(), 1);
        assert_eq!((attempt(3, 32).unwrap(), waits.get()), (4, Duration::from_millis(70)));
        assert_eq!(attempt(100, 32).unwrap_err().raw_os_error(), Some(32));
        assert!(waits.get() > Duration::from_secs(2) && waits.get() < Duration::from_secs(3));
        // What waiting does not mend is told at once.
        assert_eq!(attempt(100, 2).unwrap_err().raw_os_error(), Some(2));
        assert_eq!((failures.get(), waits.get()), (1, Duration::ZERO));
        assert_eq!(is_held(&io::Error::from_raw_os_error(32)), cfg!(windows));
    }

    #[test]
    fn a_lock_is_one_programs_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("model.zip.lock");
        let lock = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!path.exists());
        // Left by a program that was killed.
        fs::write(&path, b"").unwrap();
        assert!(Lock::take(&path).unwrap().is_some());
        assert!(Lock::take(&place.path().join("absent/lock")).is_err());
    }
}
