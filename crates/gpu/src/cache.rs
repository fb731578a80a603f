//! Where files are kept that can be made again.

use std::{env, path::PathBuf};

/// The user's folder for them.
pub(crate) fn folder() -> PathBuf {
    dirs::cache_dir().unwrap_or_else(env::temp_dir).join("undulator")
}
