//! Reading packs: files stay open, and where artifacts are read one after the other, as they were put, many are read at a time.

use super::Fault;
use super::disk::Disk;
use crate::plan::seen;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at a time where artifacts are read in order.
const PIECE: u64 = 256 << 10;

/// Packs kept open: a process can have some hundred files open.
const OPEN: usize = 64;

/// The packs of a store that are open for reading.
pub(super) struct Packs {
    disk: Arc<dyn Disk>,
    open: Mutex<BTreeMap<u32, Arc<Mutex<Pack>>>>,
    reads: AtomicU64,
}

/// A pack, with the piece of it that was read last.
struct Pack {
    file: File,
    start: u64,
    piece: Vec<u8>,
    /// Where the last artifact asked for ended; far away at first.
    end: u64,
}

impl Packs {
    /// Returns the packs of a store on a file system; none is open.
    pub fn new(disk: Arc<dyn Disk>) -> Packs {
        Packs { disk, open: Mutex::default(), reads: AtomicU64::new(0) }
    }

    /// Returns bytes of the pack of that number, which lies there.
    pub fn read(&self, number: u32, path: &Path, start: u64, length: u64) -> Result<Vec<u8>, Fault> {
        let pack = self.pack(number, path)?;
        let mut pack = pack.lock().unwrap_or_else(PoisonError::into_inner);
        let end = start.checked_add(length).ok_or(Fault::Damaged)?;
        if start < pack.start || end > pack.start + pack.piece.len() as u64 {
            // Only where one lies beside the other is more read than was asked for: behind it, or before it where readers go backwards.
            let follows = start >= pack.end && start - pack.end <= PIECE / 4;
            let precedes = end <= pack.start && pack.start - end <= PIECE / 4;
            self.reads.fetch_add(1, Ordering::Relaxed);
            match (follows, precedes) {
                (true, _) => pack.fetch(self.disk.as_ref(), start, length.max(PIECE))?,
                (_, true) => {
                    let from = start.min(end.saturating_sub(PIECE));
                    pack.fetch(self.disk.as_ref(), from, end - from)?;
                }
                _ => pack.fetch(self.disk.as_ref(), start, length)?,
            }
        }
        pack.end = end;
        let from = (start - pack.start) as usize;
        // The length is that of a line of the index: what the file does not have is not asked for.
        pack.piece.get(from..from + length as usize).map(<[u8]>::to_vec).ok_or(Fault::Damaged)
    }

    fn pack(&self, number: u32, path: &Path) -> Result<Arc<Mutex<Pack>>, Fault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pack) = open.get(&number) {
            return Ok(pack.clone());
        }
        let file = seen::open(path).map_err(|_| Fault::Missing)?;
        if open.len() >= OPEN {
            open.pop_first();
        }
        let pack = Arc::new(Mutex::new(Pack { file, start: 0, piece: Vec::new(), end: u64::MAX }));
        open.insert(number, pack.clone());
        Ok(pack)
    }

    /// Counts a read of a file that is no pack.
    pub fn count(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often bytes were asked of the system.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Pack {
    /// Reads a piece, as much of it as there is.
    fn fetch(&mut self, disk: &dyn Disk, start: u64, length: u64) -> Result<(), Fault> {
        self.start = start;
        self.piece.clear();
        let read = disk.read(&self.file, start, length, &mut self.piece);
        if read.is_err() {
            self.piece.clear();
        }
        read.map_err(|_| Fault::Damaged)
    }
}
