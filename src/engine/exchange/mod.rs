//! Results copied from store to store, by content: what a script needs, or all there is.
//!
//! In: two stores, or one and the address of another; which cells are meant. Out: results in the other store, and how many.
//! Never: a result whose bytes are not those that its line names (each is hashed before it is put), or one in the place of another that is there.

#[cfg(feature = "object-store")]
mod bucket;
pub mod choice;
mod copy;
mod folder;
mod mirrored;
mod rsync;

#[cfg(test)]
mod tests;

use super::store::{Store, StoreError};
use choice::Choice;
pub use copy::Copied;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why results could not be copied.
#[derive(Debug)]
pub enum Trouble {
    /// A store cannot be opened, read or written.
    Store(StoreError),
    /// What copies over the network says so.
    Transport(String),
    /// It was stopped; the same again goes on.
    Stopped,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Store(e) => e.fmt(f),
            Trouble::Transport(words) => f.write_str(words),
            Trouble::Stopped => f.write_str("stopped; the same command continues from here"),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(e: StoreError) -> Trouble {
        Trouble::Store(e)
    }
}

/// What stops copying.
#[derive(Clone, Copy)]
pub struct Watch<'a>(pub &'a AtomicBool);

impl Watch<'_> {
    /// Errors: it is to stop.
    fn look(&self) -> Result<(), Trouble> {
        if self.0.load(Ordering::Relaxed) { Err(Trouble::Stopped) } else { Ok(()) }
    }
}

/// Says of a store which of its cells are meant.
pub type Choose<'a> = &'a dyn Fn(&Store) -> Choice;

/// A store that is somewhere else.
pub trait Remote {
    /// Copies from there what `choose` says of it.
    ///
    /// Errors: there is no store, it cannot be read, or `to` cannot be written.
    fn pull(&self, to: &Store, choose: Choose, watch: Watch) -> Result<Copied, Trouble>;

    /// Copies what is chosen of a store to there; a store is made where there is none.
    ///
    /// Errors: it cannot be made or written, or what is there is something else.
    fn push(&self, from: &Store, choice: &Choice, watch: Watch) -> Result<Copied, Trouble>;
}

/// Returns the store of an address: a folder; `ssh://[USER@]HOST[:PORT]/PATH` or `[USER@]HOST:PATH`, reached by rsync over ssh; or `s3://`, `gs://`, `az://` with
/// `BUCKET/FOLDER`.
///
/// Errors: a sentence.
pub fn at(address: &str) -> Result<Box<dyn Remote>, String> {
    if address.trim().is_empty() {
        return Err("the address of the store is empty: write a folder, `ssh://HOST/PATH`, or a bucket".to_string());
    }
    if let Some(there) = rsync::Rsync::of(address)? {
        return Ok(Box::new(mirrored::Mirrored(there)));
    }
    #[cfg(feature = "object-store")]
    if let Some(there) = bucket::Bucket::of(address)? {
        return Ok(Box::new(mirrored::Mirrored(there)));
    }
    if let Some((scheme, _)) = address.split_once("://") {
        if !cfg!(feature = "object-store") && ["s3", "gs", "az"].contains(&scheme) {
            return Err(format!("`{scheme}://` needs a cfx that was built with the feature `object-store`"));
        }
        return Err(format!(
            "`{scheme}://` is no address of a store: write a folder, `ssh://HOST/PATH`, `HOST:PATH`, or `s3://BUCKET/FOLDER` (`gs://`, `az://`)"
        ));
    }
    Ok(Box::new(folder::Folder(Path::new(address).to_path_buf())))
}
