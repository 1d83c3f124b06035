//! The files that this process appends to, made when first needed: its log of the index, and its pack of small artifacts.

use super::disk::Disk;
use super::line::Line;
use super::{Store, StoreError, trouble};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that wait to be written at most, in the log and in the pack.
const MOST: usize = 1 << 20;

/// What is appended to a file, and what waits for it.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// Bytes of the file.
    length: u64,
    waiting: Vec<u8>,
}

/// The files of this process.
pub(super) struct Own {
    disk: Arc<dyn Disk>,
    log: Tail,
    pack: Tail,
    /// Batches that are open: while there is one, what is put may wait.
    batches: usize,
    dirty: bool,
    writes: u64,
    /// What could not be written when a batch ended, until somebody can be told.
    trouble: Option<StoreError>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Tail { path, file: None, length: 0, waiting: Vec::new() }
    }

    /// Writes what waits. Errors: it cannot be written, and waits no longer; part of it may have been, and the next bytes begin wherever
    /// the file ends.
    fn flush(&mut self, disk: &dyn Disk) -> Result<bool, StoreError> {
        if self.waiting.is_empty() {
            return Ok(false);
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = File::options().create(true).append(true).open(&self.path).map_err(trouble("open", &self.path))?;
                self.length = file.metadata().map_err(trouble("read", &self.path))?.len();
                file
            }
        };
        if let Err(e) = disk.append(&file, &waiting) {
            // Part of it may be there. Where it cannot be taken back, readers pass over it.
            let _ = file.set_len(self.length);
            return Err(trouble("write", &self.path)(e));
        }
        self.length += waiting.len() as u64;
        self.file = Some(file);
        // The room is used again.
        waiting.clear();
        self.waiting = waiting;
        Ok(true)
    }
}

impl Own {
    /// Returns the files of the process of that name in a store.
    pub fn new(root: &Path, name: &str, disk: Arc<dyn Disk>) -> Own {
        let log = Tail::new(root.join("index").join(format!("{name}.log")));
        let pack = Tail::new(root.join("packs").join(format!("{name}.pack")));
        Own { disk, log, pack, batches: 0, dirty: false, writes: 0, trouble: None }
    }

    /// Appends a line to the log.
    pub fn say(&mut self, line: &Line) -> Result<(), StoreError> {
        line.write(&mut self.log.waiting);
        self.dirty = true;
        self.may_wait()
    }

    /// Appends a small artifact to the pack, and returns where it begins. It is written before the next line is.
    pub fn pack(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        if self.pack.file.is_none() && self.pack.waiting.is_empty() {
            // Where the file ends is known once it is open.
            let length = std::fs::metadata(&self.pack.path).map_or(0, |m| m.len());
            self.pack.length = length;
        }
        let start = self.pack.length + self.pack.waiting.len() as u64;
        self.pack.waiting.extend_from_slice(bytes);
        self.dirty = true;
        Ok(start)
    }

    /// Returns the bytes of the pack that have been written.
    pub fn packed(&self) -> u64 {
        self.pack.length
    }

    fn may_wait(&mut self) -> Result<(), StoreError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        if self.batches == 0 || self.log.waiting.len() + self.pack.waiting.len() > MOST { self.flush() } else { Ok(()) }
    }

    /// Writes what waits, artifacts first.
    ///
    /// Errors: it cannot be written. Lines that name artifacts which were not written are not written either.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let disk = self.disk.clone();
        match self.pack.flush(disk.as_ref()) {
            Ok(wrote) => self.writes += u64::from(wrote),
            Err(e) => {
                self.log.waiting.clear();
                return Err(e);
            }
        }
        self.writes += u64::from(self.log.flush(disk.as_ref())?);
        Ok(())
    }

    /// Writes what waits and returns the files that are to be on the disk, in order; `None` if nothing was put since the last time.
    pub fn written_files(&mut self) -> Result<Option<Vec<File>>, StoreError> {
        let earlier = self.trouble.take();
        self.flush()?;
        if let Some(trouble) = earlier {
            return Err(trouble);
        }
        if !std::mem::take(&mut self.dirty) {
            return Ok(None);
        }
        let files = [&self.pack, &self.log].into_iter().filter_map(|tail| tail.file.as_ref());
        files.map(|f| f.try_clone().map_err(trouble("write", &self.log.path))).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Returns how often bytes were given to the system.
    pub fn writes(&self) -> u64 {
        self.writes
    }
}

/// While there is one, what is put into the store may wait to be written: many small results together cost one call to the system. It is
/// written when the last batch ends.
pub struct Batch<'a>(&'a Store);

impl Store {
    /// Begins a batch.
    pub fn batch(&self) -> Batch<'_> {
        self.own().batches += 1;
        Batch(self)
    }

    /// Writes what was put and waits.
    ///
    /// Errors: it cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.own().flush()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut own = self.0.own();
        own.batches -= 1;
        if own.batches == 0
            && let Err(e) = own.flush()
        {
            // Nobody is here to be told: the next put or sync says it.
            own.trouble = Some(e);
        }
    }
}
