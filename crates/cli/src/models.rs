//! Models by their names: those in the user's folder, and those inside the program.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

const ENDING: &str = ".zip";

/// The models that come with the program, as in `models/list.txt`.
const SHIPPED: [(&str, &[u8]); 1] =
    [("sample-cathode", include_bytes!("../../../models/sample-cathode.zip").as_slice())];

/// Where models are found by name, and installed: `undulator/models` in the user's folder for data.
pub fn folder() -> PathBuf {
    dirs::data_dir().unwrap_or_default().join("undulator").join("models")
}

/// The file of a model: `name` itself if it is a path or exists, an installed model, or one from inside the program, which
/// is written to a folder that `unpacked` then holds. What was given if there is no such model.
///
/// # Errors
/// When a model from inside the program cannot be written.
pub fn find(name: &str, unpacked: &mut Option<TempDir>) -> io::Result<PathBuf> {
    let given = Path::new(name);
    if given.file_name() != Some(given.as_os_str()) || given.exists() {
        return Ok(given.to_owned());
    }
    let installed = [name.to_owned(), format!("{name}{ENDING}")].map(|name| folder().join(name));
    if let Some(file) = installed.into_iter().find(|file| file.is_file()) {
        return Ok(file);
    }
    let bare = name.strip_suffix(ENDING).unwrap_or(name);
    let Some((name, bytes)) = SHIPPED.iter().find(|(shipped, _)| *shipped == bare) else {
        return Ok(given.to_owned());
    };
    let folder = match unpacked.take() {
        Some(folder) => folder,
        None => tempfile::Builder::new().prefix("undulator-models-").tempdir()?,
    };
    let file = unpacked.insert(folder).path().join(format!("{name}{ENDING}"));
    fs::write(&file, bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_is_inside() {
        let list = include_str!("../../../models/list.txt");
        let inside: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(list.lines().filter(|name| !name.is_empty()).collect::<Vec<_>>(), inside);
    }

    #[test]
    fn models_are_found_by_name() {
        let mut unpacked = None;
        let file = find("sample-cathode", &mut unpacked).unwrap();
        assert_eq!(fs::read(&file).unwrap(), SHIPPED[0].1);
        drop(unpacked);
        assert!(!file.exists(), "{} stayed", file.display());
        assert_eq!(find("unknown", &mut None).unwrap(), Path::new("unknown"));
        assert_eq!(find("a/sample-cathode", &mut None).unwrap(), Path::new("a/sample-cathode"));
    }
}
