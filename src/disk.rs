//! Files that are written whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::NamedTempFile;

/// Lets `write` fill a temporary file beside `path`, which then takes its name. What stood there stays when it fails.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = temporary(folder(path))?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Like [`write_whole`], for a file that is written again and again: the temporary file has a name of its own, `<name>.part`, so
/// that programs that are killed leave one file at the most, which the next writing replaces. Two programs must not
/// write the same file at once.
pub(crate) fn write_over(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let fill = || {
        let mut file = File::create(&part)?;
        write(&mut file)?;
        file.sync_all()
    };
    let written = fill().and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // What was written of it helps nobody.
        let _ = fs::remove_file(&part);
    }
    written
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
    use std::io::Write;

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
}
