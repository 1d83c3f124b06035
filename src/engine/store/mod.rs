//! The store: artifacts by content, and what is known of cells, in one folder that several processes may use at once.
//!
//! In: artifacts as bytes with the content keys of their cells. Out: the same bytes, or the word that they are gone or damaged.
//! Never: a result that differs from what was put in (every artifact is hashed again when it is read); anything about values or kernels.
//!
//! Folder: `objects/ab/HASH` large artifacts; `packs/*.pack` small ones end to end; `index/*.log` what is known of cells, one
//! checked line each; `locks/` one file for each cell being computed (locked, or a lease); `checkpoints/`; `runs/` one record a run, with logs of failures;
//! `kept/` one empty file for each cell whose weights are to stay.
//! Every process appends to files of its own, so that a process killed at any moment leaves at worst one unfinished line at the end
//! of one file, or artifacts that no line names. Artifacts are written before the lines that name them. Millions of small results cost no
//! system call each: within a [`Batch`] what is put is written together, and packs are read a piece at a time.

mod beside;
pub mod checkpoints;
mod disk;
pub mod gc;
pub mod index;
mod kept;
mod leases;
pub mod line;
pub mod locks;
mod notes;
pub mod objects;
mod opening;
mod own;
mod packs;
pub mod runs;
mod spare;
pub mod transfer;

#[cfg(test)]
mod tests;

use crate::base::Hash;
use crate::engine::files::{is_full, sync_folder};
use disk::Disk;
use index::{Index, Known, Spot};
use leases::{Lease, Leases};
use line::{Entry, Line, Place};
use own::Own;
use packs::Packs;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use gc::{Listing, Swept};
pub use locks::CellLock;
pub use objects::Fault;
pub use opening::is_store;
pub use own::Batch;
pub use spare::Spare;

/// The usual folder of a store, beside the script.
pub const FOLDER: &str = ".cfx";

/// Artifacts up to this many bytes go into packs, where they cost no file and no system call of their own.
pub const SMALL: usize = 64 * 1024;

/// What the store cannot do, in words.
#[derive(Debug)]
pub struct StoreError {
    /// The sentence.
    pub message: String,
    /// Whether another process stands in the way: exit code 5.
    pub locked: bool,
    /// Whether the disk has no more room.
    pub full: bool,
}

impl StoreError {
    /// Returns an error in words.
    pub(crate) fn new(message: String) -> Self {
        StoreError { message, locked: false, full: false }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

/// Returns what turns an error of the file system into one of the store.
pub(crate) fn trouble<'a>(what: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> StoreError + 'a {
    move |e| StoreError { full: is_full(&e), ..StoreError::new(format!("cannot {what} {}: {e}", path.display())) }
}

/// A store that is open. Others may have it open too; dropping it lets them sweep.
pub struct Store {
    root: PathBuf,
    /// Name of this process's own files.
    name: String,
    index: Mutex<Index>,
    own: Mutex<Own>,
    packs: Packs,
    /// Held shared for as long as the store is open; sweeping takes it alone.
    gate: Option<File>,
    disk: Arc<dyn Disk>,
    /// What stands in for locks where the file system has none that hold.
    leases: Option<Arc<Leases>>,
    /// The lease that says that the store is open here.
    open: Option<Lease>,
    /// Whether it can be written: a store on a read-only medium, or of somebody else, is read.
    writable: bool,
    /// Artifacts found damaged or gone so far.
    faults: AtomicU64,
    /// The stores in which they were: this one, or some of those beside it.
    faulty: Mutex<BTreeSet<PathBuf>>,
    /// Whether something could not be put into it.
    full: AtomicBool,
    /// Spare results that this process reads.
    in_use: Mutex<BTreeSet<Hash>>,
    /// Stores that are read beside this one ([`Store::beside`]).
    beside: Vec<Store>,
    /// Whether only the index is here ([`Store::listed`]).
    listed: bool,
}

/// What is put into the store with an artifact.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The operation.
    pub op: String,
    /// What the cell is called.
    pub title: String,
    /// The device kind it was computed on.
    pub device: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory at the peak, where it was seen.
    pub memory: Option<u64>,
    /// The reason, where the result is absent.
    pub absent: Option<String>,
    /// First eight bytes of the hash of the cell without its inputs, 0 where nobody asks for it: cells of equal form may turn out to have
    /// equal keys.
    pub form: u64,
}

impl From<Entry> for Made {
    fn from(e: Entry) -> Made {
        let Entry { op, title, device, seconds, memory, absent, form, .. } = e;
        Made { op, title, device, seconds, memory, absent, form }
    }
}

impl Store {
    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what other processes have added since.
    pub fn refresh(&self) {
        let own = format!("{}.log", self.name);
        self.index().read_new(self.disk.as_ref(), &self.root.join("index"), &own);
    }

    /// Returns what is known of a cell by its content key, here or in a store beside this one ([`Store::beside`]).
    pub fn known(&self, key: &Hash) -> Option<Known> {
        let own = self.index().known(key);
        if self.beside.is_empty() { own } else { self.known_beside(key, own) }
    }

    /// Returns the same with what only people read.
    pub fn entry(&self, key: &Hash) -> Option<Entry> {
        let own = self.index().entry(key);
        own.or_else(|| self.beside.iter().find_map(|s| s.entry(key)))
    }

    /// Returns the content key of a cell by its plan key.
    pub fn alias(&self, plan: &Hash) -> Option<Hash> {
        let own = self.index().alias(plan);
        own.or_else(|| self.beside.iter().find_map(|s| s.alias(plan)))
    }

    /// Returns whether a cell of this form ([`Made::form`]), with whatever inputs, is known.
    pub fn knows_form(&self, form: u64) -> bool {
        self.index().knows_form(form) || self.beside.iter().any(|s| s.knows_form(form))
    }

    /// Returns the number of damaged lines met in the index; what they said is computed again.
    pub fn damaged_lines(&self) -> usize {
        self.index().damaged
    }

    /// Puts an artifact under a content key, and returns its content hash.
    ///
    /// With `lasting`, a large one is on the disk when this returns; small ones are when [`Store::sync`] returns. Where the disk is full,
    /// spare results go first.
    pub fn put(&self, key: &Hash, bytes: &[u8], made: &Made, lasting: bool) -> Result<Hash, StoreError> {
        let mut put = self.put_now(key, bytes, made, lasting);
        if put.as_ref().is_err_and(|e| e.full) && self.drop_spares() > 0 {
            put = self.put_now(key, bytes, made, lasting);
        }
        self.full.fetch_or(put.is_err(), Ordering::Relaxed);
        put
    }

    /// Returns whether something could not be put into it.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn put_now(&self, key: &Hash, bytes: &[u8], made: &Made, lasting: bool) -> Result<Hash, StoreError> {
        if !self.writable {
            return Err(self.read_only());
        }
        let hash = Hash::of(bytes);
        // A file that another cell's artifact has already must not go before this cell names it too.
        let _alone = if bytes.len() > SMALL { Some(self.lock_content(&hash)?) } else { None };
        let there = self.index().spot_of(&hash);
        let place = match there {
            Some(spot) if self.read_at(&hash, bytes.len() as u64, spot).is_ok() => self.place(spot),
            _ => Some(self.write_object(key, &hash, bytes, lasting)?),
        };
        if self.fenced(key) {
            return Err(self.taken_over());
        }
        let file = place == Some(Place::File);
        self.record(key, hash, bytes.len() as u64, place, made)?;
        if file {
            // Other processes know of it before they may let the file go.
            self.flush()?;
        }
        Ok(hash)
    }

    /// Keeps the content hash of a result that is itself not stored.
    pub fn put_hash(&self, key: &Hash, hash: Hash, made: &Made) -> Result<(), StoreError> {
        if self.own_known(key).is_some_and(|k| k.hash == hash) {
            return Ok(());
        }
        self.record(key, hash, 0, None, made)
    }

    fn record(&self, key: &Hash, hash: Hash, bytes: u64, place: Option<Place>, made: &Made) -> Result<(), StoreError> {
        let entry = Entry {
            hash,
            op: made.op.clone(),
            title: made.title.clone(),
            bytes,
            device: made.device.clone(),
            seconds: made.seconds,
            memory: made.memory,
            absent: made.absent.clone(),
            form: made.form,
            created: self.index().time_for(key),
            place,
        };
        self.say(Line::Cell { key: *key, entry })
    }

    /// Says that the cell of this plan key has that content key.
    pub fn put_alias(&self, plan: &Hash, key: &Hash) -> Result<(), StoreError> {
        if self.index().alias(plan) == Some(*key) {
            return Ok(());
        }
        let created = self.index().time_for_plan(plan);
        self.say(Line::Same { plan: *plan, key: *key, created })
    }

    /// Lets the artifact of a cell go and keeps its content hash. The object stays where another cell has the same content.
    pub fn retire(&self, key: &Hash) -> Result<(), StoreError> {
        let Some(known) = self.own_known(key) else { return Ok(()) };
        let created = self.index().time_for(key);
        self.say(Line::Gone { key: *key, created })?;
        if self.writable && known.spot == Some(Spot::File) {
            // Nothing may name it when it goes: not what this process has said, nor another cell that comes to the same meanwhile.
            self.flush()?;
            let _alone = self.lock_content(&known.hash)?;
            self.refresh();
            if self.index().spot_of(&known.hash).is_none() {
                // Another process may have removed it already.
                let _ = std::fs::remove_file(self.object_path(&known.hash));
            }
        }
        Ok(())
    }

    /// Notes that the artifact of a cell was found damaged or gone, and forgets where it was: who needs it computes it again.
    ///
    /// Errors: as [`Store::retire`].
    pub fn lose(&self, key: &Hash) -> Result<(), StoreError> {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let place = self.source(key).unwrap_or(&self.root).to_path_buf();
        self.faulty.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
        self.forget(key)
    }

    /// Returns the folders of the stores in which artifacts were found damaged or gone so far.
    pub fn faulty(&self) -> Vec<PathBuf> {
        self.faulty.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Forgets where the artifact of a cell was, here and in the stores beside this one, of which nothing is changed.
    ///
    /// Errors: as [`Store::retire`].
    pub fn forget(&self, key: &Hash) -> Result<(), StoreError> {
        self.beside.iter().try_for_each(|s| s.retire(key))?;
        self.retire(key)
    }

    /// Returns how many artifacts were found damaged or gone so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Returns whether results can be put into it.
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// Writes a line to this process's own log, and takes it in. Of a store that can only be read, what is known is taken in for this
    /// process alone; an artifact is not, since it would be nowhere.
    fn say(&self, line: Line) -> Result<(), StoreError> {
        if !self.writable {
            if matches!(&line, Line::Cell { entry, .. } if entry.place.is_some()) {
                return Err(self.read_only());
            }
            self.index().take_in(line);
            return Ok(());
        }
        self.own().say(&line)?;
        self.index().take_in(line);
        Ok(())
    }

    /// Waits until everything put so far is on the disk. Does nothing if nothing was put.
    pub fn sync(&self) -> Result<(), StoreError> {
        let Some(files) = self.own().written_files()? else { return Ok(()) };
        // Artifacts first, then the lines that name them.
        for file in files {
            self.disk.sync(&file).map_err(trouble("write", &self.root))?;
        }
        for folder in ["packs", "index"] {
            sync_folder(&self.root.join(folder));
        }
        Ok(())
    }

    /// Returns how often bytes of artifacts were asked of the system so far.
    pub fn reads(&self) -> u64 {
        self.packs.reads()
    }

    /// Returns how often this process has written to its own files so far.
    pub fn writes(&self) -> u64 {
        self.own().writes()
    }

    /// Returns the error of who would put something into a store that can only be read.
    fn read_only(&self) -> StoreError {
        let root = self.root.display();
        StoreError::new(format!(
            "the store {root} can only be read: results cannot be kept in it; name another with `--store DIR`"
        ))
    }

    /// Returns the error of who would put the result of a cell that another process has taken over.
    fn taken_over(&self) -> StoreError {
        let message = "another process has taken the cell over".to_string();
        StoreError { locked: true, ..StoreError::new(message) }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The lease that says that it is open is given back, then the thread that writes leases ends.
        self.open = None;
        if let Some(leases) = &self.leases {
            leases.end();
        }
    }
}

/// Returns the milliseconds since 1970. For reading, and for the order of lines; no result depends on it.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
