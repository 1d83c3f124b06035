//! What a run leaves for people: tables, figures, one HTML report, a manifest.
//!
//! In: values, and what became of each cell, as plain data. Out: files that people already read. Never: computing a result.

pub mod figure;
pub mod kernels;

pub use kernels::kernels;

/// Returns a file name for a title: ASCII letters, digits and hyphens, at most 80; `untitled` where nothing is left.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.truncate(80);
    let out = out.trim_matches('-');
    if out.is_empty() { "untitled".into() } else { out.into() }
}
