//! Locks on cells being computed and on large artifacts being put or let go: advisory file locks, which the system lets go when their
//! process dies; or leases, where the file system has no locks that hold.

use super::disk::Disk;
use super::leases::Lease;
use super::{Store, StoreError, now, trouble};
use crate::base::Hash;
use crate::engine::unfinished;
use crate::plan::seen;
use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The right to compute a cell, or to put or remove the file of an artifact. Given back when dropped.
#[derive(Debug)]
pub struct CellLock(Held);

#[derive(Debug)]
enum Held {
    File { file: File, path: PathBuf, disk: Arc<dyn Disk> },
    Lease { _lease: Lease },
}

impl Store {
    /// Returns the lock on a content key, or `None` if another process (or another cell of this one) holds it.
    pub fn try_lock_cell(&self, key: &Hash) -> Result<Option<CellLock>, StoreError> {
        if !self.writable {
            return Err(self.read_only());
        }
        let path = self.root.join("locks").join(key.to_string());
        if let Some(leases) = &self.leases {
            let lease = leases.try_take(&key.to_string()).map_err(trouble("make a lease", &path))?;
            return Ok(lease.map(|lease| CellLock(Held::Lease { _lease: lease })));
        }
        loop {
            seen::plain(&path).map_err(trouble("open", &path))?;
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                // One that another user of the store left can be locked by whoever may read it.
                .or_else(|e| if e.kind() == io::ErrorKind::PermissionDenied { File::open(&path) } else { Err(e) })
                .map_err(trouble("open", &path))?;
            match self.disk.try_lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(trouble("lock", &path)(e)),
            }
            // The last holder removes the file: a lock on a removed file is no lock.
            if same_file(&file, &path) {
                let mut lock = CellLock(Held::File { file, path, disk: self.disk.clone() });
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

    /// Returns whether this process had the lease on a cell and another one has taken it over: what it made of it is not to be kept.
    pub(super) fn fenced(&self, key: &Hash) -> bool {
        self.leases.as_ref().is_some_and(|leases| leases.fenced(&key.to_string()))
    }

    /// Returns whether leases stand in for file locks.
    pub fn has_leases(&self) -> bool {
        self.leases.is_some()
    }

    /// Returns who computes a cell, for reading: `process 4711`.
    pub fn holder(&self, key: &Hash) -> Option<String> {
        if let Some(leases) = &self.leases {
            return leases.holder(&key.to_string());
        }
        let mut text = String::new();
        seen::open(&self.root.join("locks").join(key.to_string())).ok()?.take(200).read_to_string(&mut text).ok()?;
        Some(format!("process {}", text.split_whitespace().next()?))
    }
}

impl CellLock {
    /// Writes down who holds a file lock, for people: process id, and the time in milliseconds since 1970. Nothing decides by it. (Leases are
    /// written anew by a thread of their own.)
    pub fn beat(&mut self) {
        if let CellLock(Held::File { file, disk, .. }) = self {
            let text = format!("{} {:013}\n", std::process::id(), now());
            // Nothing depends on it.
            let _ = disk.rewrite(file, text.as_bytes());
        }
    }
}

impl Drop for CellLock {
    fn drop(&mut self) {
        if let CellLock(Held::File { file, path, .. }) = self {
            // Removed while held, so that nobody can hold a lock on the file that goes.
            if cfg!(unix) {
                let _ = std::fs::remove_file(path);
            }
            let _ = file.unlock();
        }
    }
}

/// Trials of locks by this process.
static TRIED: AtomicU64 = AtomicU64::new(0);

/// Returns whether the locks of a folder's file system hold: one that is taken cannot be taken a second time. Those that other machines take
/// cannot be tried from here.
///
/// Errors: the folder cannot be written, or locks fail for another reason than that there are none.
pub(super) fn locks_hold(disk: &dyn Disk, folder: &Path) -> Result<bool, StoreError> {
    // Of a process that tries several at once each has a file of its own.
    let path = folder.join(format!("{}{:06}", unfinished::beginning(), TRIED.fetch_add(1, Ordering::Relaxed) % 1_000_000));
    let open = || File::options().create(true).truncate(false).write(true).open(&path).map_err(trouble("open", &path));
    let held = (|| {
        let (first, second) = (open()?, open()?);
        // Who sweeps may have removed the file in between: then these are two. That somebody sweeps alone shows that locks hold.
        if !same(first.metadata(), second.metadata()) {
            return Ok(true);
        }
        match disk.try_lock(&first) {
            Ok(()) => Ok(matches!(disk.try_lock(&second), Err(TryLockError::WouldBlock))),
            // Somebody holds a lock on a file that nobody knows.
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) if has_no_locks(&e) => Ok(false),
            Err(TryLockError::Error(e)) => Err(trouble("lock", &path)(e)),
        }
    })();
    // What is left is swept.
    let _ = std::fs::remove_file(&path);
    held
}

/// Returns whether a file system has no locks to give: it knows none, or its server gives out none (NFS: ENOLCK, 37 on Linux).
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || cfg!(target_os = "linux") && error.raw_os_error() == Some(37)
}

fn same_file(file: &File, path: &Path) -> bool {
    same(file.metadata(), std::fs::metadata(path))
}

#[cfg(unix)]
fn same(a: io::Result<Metadata>, b: io::Result<Metadata>) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (a, b) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same(_a: io::Result<Metadata>, _b: io::Result<Metadata>) -> bool {
    true
}
