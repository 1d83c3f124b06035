//! The standard library as files, so that an editor can show where a built-in is declared.

use crate::engine::files::write_beside;
use std::path::PathBuf;

/// Returns the path of a file of the standard library, written where it is not there yet: `cfx/VERSION/std/data.cfx` below the user's folder for caches.
///
/// Errors: it cannot be written.
pub fn file(name: &str, text: &str) -> std::io::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).or_else(|| set("HOME").map(|h| h.join(".cache")));
    let folder = cache.unwrap_or_else(std::env::temp_dir).join("cfx").join(env!("CARGO_PKG_VERSION")).join("std");
    let path = folder.join(name);
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder)?;
    write_beside(&path, text.as_bytes())?;
    Ok(path)
}
