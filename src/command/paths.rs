//! Files and folders as users name them: `~` is the home folder, a relative path begins at the current folder, and the
//! ending of a file may be left out.

use std::path::{Path, PathBuf, is_separator};

/// The absolute path of a file or folder: `~/mm.zip` lies in the home folder, `mm.zip` in the current one.
pub fn absolute(name: &str) -> PathBuf {
    let path = in_home(name).unwrap_or_else(|| name.into());
    std::path::absolute(&path).unwrap_or(path)
}

/// The path behind `~`; `None` without one, and where the system knows no home folder.
fn in_home(name: &str) -> Option<PathBuf> {
    let rest = name.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(is_separator))?;
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(rest.trim_start_matches(is_separator)))
}

/// Whether a model is named by a word, such as that of an installed one, and not by a path.
pub(super) fn is_bare(name: &str) -> bool {
    !name.contains(is_separator) && name != "~" && !Path::new(name).is_absolute()
}

/// The file to read: the one that is named, or else the one with the ending.
pub(super) fn to_open(name: &str, ending: &str) -> PathBuf {
    found(absolute(name), ending)
}

/// [`to_open`] of a path that needs no home folder.
pub(super) fn found(path: PathBuf, ending: &str) -> PathBuf {
    let path = std::path::absolute(&path).unwrap_or(path);
    let longer = with_ending(&path, ending);
    if !path.is_file() && longer.is_file() { longer } else { path }
}

/// The file to write, with its ending.
///
/// # Errors
/// When it is a folder, or has the ending of files of another type: what to name instead.
pub(super) fn to_save(name: &str, ending: &str) -> Result<PathBuf, String> {
    if name.ends_with(is_separator) || name == "~" {
        return Err(format!("it names a folder; add the name of a {ending} file"));
    }
    let path = absolute(name);
    let path = match file_type(&path) {
        Some(found) if is_ending(found, ending) => path,
        Some(found) => return Err(format!("it ends in .{found}; end it in {ending}, or leave the ending out")),
        None => with_ending(&path, ending),
    };
    if path.is_dir() {
        return Err(format!("{} is a folder; name a {ending} file", path.display()));
    }
    Ok(path)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(ending);
    longer.into()
}

/// What stands behind the last dot, unless it is a part of a name such as `scan-0.6um` or `version 1.2`.
fn file_type(path: &Path) -> Option<&str> {
    let ending = path.extension()?.to_str()?;
    let word = ending.starts_with(|first: char| first.is_ascii_alphabetic());
    (word && ending.chars().all(|c| c.is_ascii_alphanumeric())).then_some(ending)
}

/// Whether files of this type may be what the key takes. TIFF files have two endings.
fn is_ending(found: &str, ending: &str) -> bool {
    let wanted = ending.trim_start_matches('.');
    found.eq_ignore_ascii_case(wanted) || wanted == "tif" && found.eq_ignore_ascii_case("tiff")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_and_relative_paths_begin_here() {
        let (home, here) = (std::env::home_dir().unwrap(), std::env::current_dir().unwrap());
        assert_eq!(absolute("~"), home);
        assert_eq!(absolute("~/models/a b.zip"), home.join("models/a b.zip"));
        assert_eq!(absolute("~backup.zip"), here.join("~backup.zip"));
        assert_eq!(absolute("a/~/b"), here.join("a/~/b"));
        assert_eq!(absolute("mm.zip"), here.join("mm.zip"));
        assert_eq!(absolute("./mm.zip"), here.join("mm.zip"));
    }

    #[test]
    fn a_file_to_write_gets_its_ending_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for (name, file) in [
            ("mm", "mm.zip"),
            ("mm.zip", "mm.zip"),
            ("MM.ZIP", "MM.ZIP"),
            ("scan-0.6", "scan-0.6.zip"),
            ("scan 0.6um", "scan 0.6um.zip"),
            ("a. b", "a. b.zip"),
            ("電池", "電池.zip"),
        ] {
            assert_eq!(to_save(&at(name), ".zip").unwrap(), folder.path().join(file), "{name}");
        }
        assert_eq!(to_save(&at("r.tiff"), ".tif").unwrap(), folder.path().join("r.tiff"));
        for (name, words) in
            [("mm.tif", ".tif"), ("mm.onnx", ".onnx"), ("mm.h5", ".h5"), ("mm.zip.checkpoint", ".check")]
        {
            let rule = to_save(&at(name), ".zip").unwrap_err();
            assert!(rule.contains(words) && rule.contains("end it in .zip"), "{rule}");
        }
        std::fs::create_dir(at("models.zip")).unwrap();
        for name in ["models.zip", "models", "models/", "other/"] {
            assert!(to_save(&at(name), ".zip").unwrap_err().contains("folder"), "{name}");
        }
        std::fs::create_dir(at("cathode")).unwrap();
        assert_eq!(to_save(&at("cathode"), ".zip").unwrap(), folder.path().join("cathode.zip"));
    }

    #[test]
    fn a_file_to_read_may_be_named_without_its_ending() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let found = |name: &str| to_open(at(name).to_str().unwrap(), ".zip");
        std::fs::write(at("mm.zip"), "").unwrap();
        assert_eq!(found("mm"), at("mm.zip"));
        std::fs::create_dir(at("mm")).unwrap();
        assert_eq!(found("mm"), at("mm.zip"));
        std::fs::write(at("old"), "").unwrap();
        assert_eq!(found("old"), at("old"));
        assert_eq!(found("none"), at("none"));
    }

    #[test]
    fn words_are_told_from_paths() {
        assert!(is_bare("sample-cathode") && is_bare("mm.zip"));
        assert!(!is_bare("~/mm.zip") && !is_bare("./mm.zip") && !is_bare("/mm.zip"));
    }
}
