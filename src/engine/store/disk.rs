//! The file operations of the store, all in one place: what they come to on this system, and where a test can have them fail.

use crate::engine::files::write_unless;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What the store asks of a file system. Errors are those of the system.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Appends to a file that was opened for that.
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Writes over the beginning of a file.
    fn rewrite(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(bytes)
    }

    /// Writes a file whole or not at all: beside its place and renamed, unless `fenced` holds when all is written. Returns whether it was
    /// renamed. `lasting`: it is on the disk when this returns.
    fn replace(&self, path: &Path, bytes: &[u8], lasting: bool, fenced: &dyn Fn() -> bool) -> io::Result<bool> {
        write_unless(path, bytes, lasting, fenced)
    }

    /// Makes a file that is not there yet; no two processes succeed.
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let mut file = File::options().create_new(true).write(true).open(path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Reads `length` bytes of a file from `start` on, or those that there are.
    fn read(&self, mut file: &File, start: u64, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(into).map(|_| ())
    }

    /// Returns the names in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        Ok(std::fs::read_dir(folder)?.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
    }

    /// Takes the lock of a file for itself.
    fn try_lock(&self, file: &File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    /// Takes the lock of a file together with others that do.
    fn try_lock_shared(&self, file: &File) -> Result<(), TryLockError> {
        file.try_lock_shared()
    }

    /// Waits until a file is on the disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
}

/// The file system of this machine.
#[derive(Debug)]
pub(super) struct System;

impl Disk for System {}
