//! Locks on cells being computed and on large artifacts being put or let go: advisory file locks, which the system lets go when their
//! process dies.

use super::{Store, StoreError, now, trouble};
use crate::base::Hash;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The right to compute a cell, or to put or remove the file of an artifact. Given back when dropped.
#[derive(Debug)]
pub struct CellLock {
    file: File,
    path: PathBuf,
}

impl Store {
    /// Returns the lock on a content key, or nothing where another process (or another cell of this one) holds it.
    pub fn try_lock_cell(&self, key: &Hash) -> Result<Option<CellLock>, StoreError> {
        if !self.writable {
            return Err(self.read_only());
        }
        let path = self.root.join("locks").join(key.to_string());
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .map_err(trouble("open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                // Where a file system has no locks, two processes may compute a cell twice; both come to the same result.
                Err(TryLockError::Error(e)) if has_no_locks(&e) => {}
                Err(TryLockError::Error(e)) => return Err(trouble("lock", &path)(e)),
            }
            // The last holder removes the file: a lock on a removed file is no lock.
            if same_file(&file, &path) {
                let mut lock = CellLock { file, path };
                lock.beat();
                return Ok(Some(lock));
            }
        }
    }

    /// Returns the lock on the file of a large artifact, by its content hash. Waits for whoever puts or lets go one of the same content.
    pub(super) fn lock_content(&self, hash: &Hash) -> Result<CellLock, StoreError> {
        loop {
            if let Some(lock) = self.try_lock_cell(hash)? {
                return Ok(lock);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns who computes a cell, for reading: `process 4711`.
    pub fn holder(&self, key: &Hash) -> Option<String> {
        let mut text = String::new();
        File::open(self.root.join("locks").join(key.to_string())).ok()?.take(200).read_to_string(&mut text).ok()?;
        Some(format!("process {}", text.split_whitespace().next()?))
    }
}

impl CellLock {
    /// Writes down that the holder is alive: process id, and the time in milliseconds since 1970. For people and for file systems
    /// whose locks do not hold; nothing here decides by it.
    pub fn beat(&mut self) {
        let text = format!("{} {:013}\n", std::process::id(), now());
        // Nothing depends on it.
        let _ = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(text.as_bytes()));
    }
}

impl Drop for CellLock {
    fn drop(&mut self) {
        // Removed while held, so that nobody can hold a lock on the file that goes.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

/// Returns whether a file system has no locks to give: it knows none, or its server gives out none (NFS: ENOLCK, 37 on Linux).
fn has_no_locks(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::Unsupported || cfg!(target_os = "linux") && error.raw_os_error() == Some(37)
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_file: &File, _path: &Path) -> bool {
    true
}
