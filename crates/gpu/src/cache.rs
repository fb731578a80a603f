//! The cache folder, for files that can be recreated.

use std::{env, path::PathBuf};

/// The user's cache folder.
pub(crate) fn folder() -> PathBuf {
    dirs::cache_dir().unwrap_or_else(env::temp_dir).join("undulator")
}
