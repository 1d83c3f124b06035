//! What stores offer to those that carry their files: an index without artifacts, where artifacts lie, and folders to work in.

use super::index::Spot;
use super::opening::{FORMAT, other_form};
use super::{Store, StoreError, trouble};
use crate::base::Hash;
use crate::base::text::on_a_line;
use crate::plan::seen;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of a store in which transfers work.
const FOLDER: &str = "transfers";

/// The file that a transfer holds locked while it works.
const LOCK: &str = "lock";

/// After this long a transfer that is at work holds its lock.
const SETTLED: Duration = Duration::from_secs(60);

/// A folder for one transfer; it goes with it.
#[derive(Debug)]
pub struct Transfer {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Transfer {
    /// Begins a transfer, in the store where that can be written; what transfers that were killed left there goes.
    ///
    /// Errors: no folder can be made.
    pub fn begin(store: &Store) -> Result<Transfer, StoreError> {
        let below = if store.writable { store.root.join(FOLDER) } else { std::env::temp_dir() };
        std::fs::create_dir_all(&below).map_err(trouble("make", &below))?;
        if store.writable {
            clear(&below);
        }
        let prefix = format!("{}-", store.name);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(&below).map_err(trouble("write", &below))?;
        let path = folder.path().join(LOCK);
        let lock = File::create(&path).map_err(trouble("write", &path))?;
        // Where there are no locks, nobody takes the folder for that of a dead transfer either.
        let _ = lock.try_lock();
        Ok(Transfer { folder, _lock: lock })
    }

    /// Returns a folder in it, made.
    ///
    /// Errors: it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).map_err(trouble("make", &path))?;
        Ok(path)
    }

    /// Returns the folder of a new store in it.
    ///
    /// Errors: it cannot be made.
    pub fn made(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder(name)?;
        Store::open(&path).map(|_| path)
    }
}

/// Removes the folders of transfers whose processes have ended.
fn clear(below: &Path) {
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        // One that has just begun may not hold its lock yet.
        let old = entry.metadata().and_then(|m| m.modified()).is_ok_and(|t| t.elapsed().is_ok_and(|e| e > SETTLED));
        if old && seen::open(&entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            // What cannot be removed now is removed the next time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Store {
    /// Opens what is said of a store whose artifacts need not lie here: its index. Where there is none, it is empty. Messages name the address that it
    /// comes from.
    ///
    /// Errors: as [`Store::look`].
    pub fn listed(root: &Path, address: &str) -> Result<Store, StoreError> {
        let form = std::fs::read_to_string(root.join("format")).unwrap_or_default();
        if let Some(form) = other_form(&form) {
            return Err(StoreError::new(format!(
                "{address} is the store of another version of cfx: its form is `{}`, and this one reads `{FORMAT}`; nothing in it is \
                 touched",
                on_a_line(form)
            )));
        }
        let mut store = Store::look(root)?;
        store.listed = true;
        Ok(store)
    }

    /// Returns the file in which the artifact of a cell lies, as a path below the store.
    pub fn file_of(&self, key: &Hash) -> Option<String> {
        let known = self.own_known(key)?;
        let path = match known.spot? {
            Spot::File => self.object_path(&known.hash),
            // The name is what a line of another store says.
            Spot::Pack(pack, _) => self.pack_path(self.index().pack(pack).filter(|name| !name.contains(['/', '\\']))?),
        };
        path.strip_prefix(&self.root).ok().map(|p| p.display().to_string())
    }

    /// Returns all plan keys that are known to have come to content keys.
    pub fn aliases(&self) -> Vec<(Hash, Hash)> {
        self.index().aliases().map(|(plan, key, _)| (plan, key)).collect()
    }
}
