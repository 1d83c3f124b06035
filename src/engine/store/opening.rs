//! Opening a store: whose folder it is, whether it can be written, who else has it open.

use super::disk::{Disk, System};
use super::leases::{EXPIRY, Lease, Leases};
use super::locks::locks_hold;
use super::own::Own;
use super::packs::Packs;
use super::{Store, StoreError, now, trouble};
use crate::engine::unfinished;
use crate::plan::seen;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the file `format` of a store of this form holds. Stores of version 1 had an index of texts, and took ten times the memory.
pub(super) const FORMAT: &str = "cfx store 2";

/// Folders of a store.
const FOLDERS: [&str; 7] = ["objects", "packs", "index", "locks", "checkpoints", "runs", "kept"];

/// The file by which a store is known to have leases stand in for locks.
const LEASES: &str = "leases";

/// Beginning of the lease by which a store is known to be open, and the lease of who sweeps it.
pub(super) const OPEN: &str = "open-";
const SWEEP: &str = "sweep";

/// Opening merges the logs of the index where there are more than this.
const MANY_LOGS: usize = 64;

/// Opening waits this long for another process to finish sweeping.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns how long opening waits for a sweeper whose lease dies after `expiry`: one that died on another machine is known by that alone.
pub(super) fn patience(expiry: Duration) -> Duration {
    PATIENCE + expiry
}

/// What a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It is not there, or holds nothing.
    Nothing,
    /// A store.
    Store,
}

/// Returns the form of a store, as its file `format` says it, where this version of cfx has another one.
pub(super) fn other_form(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|form| *form != FORMAT && form.starts_with("cfx store"))
}

/// Returns whether a folder is a store, of whichever version.
pub fn is_store(folder: &Path) -> bool {
    seen::read_text(&folder.join("format")).is_ok_and(|text| text.starts_with("cfx store"))
}

/// Returns what a folder is. Errors: it is the folder of something else, or cannot be looked at.
fn found(root: &Path) -> Result<Found, StoreError> {
    use io::ErrorKind::{InvalidData, InvalidInput, IsADirectory, NotADirectory};
    let path = root.join("format");
    let read = seen::read_text(&path);
    let missing = matches!(&read, Err(e) if e.kind() == io::ErrorKind::NotFound);
    match read {
        Ok(text) if text.trim() == FORMAT => return Ok(Found::Store),
        Ok(text) if other_form(&text).is_some() => {
            let (root, there) = (root.display(), text.trim());
            let message = format!(
                "{root} is the store of another version of cfx: its form is `{there}`, and this one reads `{FORMAT}`; remove the \
                 folder, or name another with `--store DIR`, and its results are computed again"
            );
            return Err(StoreError::new(message));
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        // A file in the folder's place, or a folder in the file's.
        Err(e) if matches!(e.kind(), NotADirectory | IsADirectory | InvalidData | InvalidInput) => {}
        Err(e) => return Err(trouble("read", &path)(e)),
    }
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(e) => return Err(trouble("open", root)(e)),
    };
    for entry in entries {
        let entry = entry.map_err(trouble("read", root))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What a process that was killed while it made the store may have left.
        let begun = FOLDERS.contains(&name.as_str()) && std::fs::read_dir(entry.path()).is_ok_and(|mut d| d.next().is_none());
        if !begun && !unfinished::is_ours(&name) {
            // Another process may have made the store since its mark was looked for.
            if missing && path.exists() {
                return found(root);
            }
            let shown = root.display();
            let message = if root.join("gate").is_file() && FOLDERS.iter().all(|f| root.join(f).is_dir()) {
                format!(
                    "{shown} looks like a store of cfx, but its file `format` is lost or damaged: write `{FORMAT}` into \
                     {shown}/format if it is one, or name another folder with `--store DIR`"
                )
            } else {
                format!(
                    "{shown} is not a store of cfx, and has other files (`{name}`): nothing in it is touched; name an \
                     empty folder or a new one with `--store DIR`"
                )
            };
            return Err(StoreError::new(message));
        }
    }
    Ok(Found::Nothing)
}

impl Store {
    /// Opens the store in a folder, which is made where it is not there. A store that can only be read is opened so: what it holds is used,
    /// and putting something into it is an error.
    ///
    /// Errors: the folder is that of something else, cannot be made or read, is of another version, or is being swept.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        Store::open_on(root, Arc::new(System), false, EXPIRY)
    }

    /// Opens a store as [`Store::open`], and has leases stand in for file locks in it from now on: for file systems whose locks each machine has for
    /// itself, which cannot be found out from one machine.
    ///
    /// Errors: as there.
    pub fn open_with_leases(root: &Path) -> Result<Store, StoreError> {
        Store::open_on(root, Arc::new(System), true, EXPIRY)
    }

    /// Opens a store on a file system; leases die after `expiry`.
    pub(super) fn open_on(root: &Path, disk: Arc<dyn Disk>, leases: bool, expiry: Duration) -> Result<Store, StoreError> {
        if found(root)? == Found::Nothing {
            make(root, disk.as_ref())?;
        }
        let gate = root.join("gate");
        match seen::plain(&gate).and_then(|()| File::options().create(true).truncate(false).write(true).open(&gate)) {
            Ok(file) => {
                FOLDERS.iter().try_for_each(|f| {
                    let path = root.join(f);
                    std::fs::create_dir_all(&path).map_err(trouble("make", &path))
                })?;
                let store = Store::made(root, disk, Some(file), true);
                if leases || store.wants_leases()? { store.on_leases(expiry) } else { store.on_locks() }
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                Store::made(root, disk, seen::open(&gate).ok(), false).on_locks()
            }
            Err(e) => Err(trouble("open", &gate)(e)),
        }
    }

    /// Opens the store in a folder to look at what it holds; nothing is written. Where there is no store, it is empty.
    ///
    /// Errors: the folder is that of something else, cannot be read, is of another version, or is being swept.
    pub fn look(root: &Path) -> Result<Store, StoreError> {
        match found(root)? {
            Found::Store => Store::made(root, Arc::new(System), seen::open(&root.join("gate")).ok(), false).on_locks(),
            Found::Nothing => Ok(Store::made(root, Arc::new(System), None, false)),
        }
    }

    /// Returns whether there is a store in a folder.
    ///
    /// Errors: the folder is that of something else, or cannot be read.
    pub fn is_there(root: &Path) -> Result<bool, StoreError> {
        Ok(found(root)? == Found::Store)
    }

    fn made(root: &Path, disk: Arc<dyn Disk>, gate: Option<File>, writable: bool) -> Store {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        // Processes of equal number on two machines may open a store in the same millisecond.
        let number = machine() << 16 | OPENED.fetch_add(1, Ordering::Relaxed) & 0xffff;
        let name = format!("{:013}-{}-{number}", now(), std::process::id());
        Store {
            root: root.to_path_buf(),
            index: Mutex::default(),
            own: Mutex::new(Own::new(root, &name, disk.clone())),
            packs: Packs::new(disk.clone()),
            name,
            gate,
            disk,
            leases: None,
            open: None,
            writable,
            faults: AtomicU64::new(0),
            faulty: Mutex::default(),
            full: AtomicBool::new(false),
            in_use: Mutex::default(),
            beside: Vec::new(),
            listed: false,
        }
    }

    /// Returns whether leases stand in for locks here: somebody said so, or the locks of the file system do not hold.
    fn wants_leases(&self) -> Result<bool, StoreError> {
        Ok(self.root.join(LEASES).exists() || !locks_hold(self.disk.as_ref(), &self.root.join("locks"))?)
    }

    /// Returns the store when nobody sweeps it, known to be open by a lock.
    fn on_locks(self) -> Result<Store, StoreError> {
        if let Some(gate) = &self.gate {
            if self.writable && self.logs() > MANY_LOGS && self.disk.try_lock(gate).is_ok() {
                self.merge_logs()?;
                gate.unlock().map_err(trouble("unlock", &self.root))?;
            }
            // Whoever sweeps or merges is done soon.
            let start = Instant::now();
            while matches!(self.disk.try_lock_shared(gate), Err(TryLockError::WouldBlock)) {
                self.has_patience(start, PATIENCE)?;
            }
        }
        self.refresh();
        Ok(self)
    }

    /// As [`Store::on_locks`], by leases. Logs are merged when the store is swept alone: that nobody else has it open takes long to find out.
    fn on_leases(mut self, expiry: Duration) -> Result<Store, StoreError> {
        let mark = self.root.join(LEASES);
        if !mark.exists() {
            self.disk.replace(&mark, b"leases stand in for file locks\n", true, &|| false).map_err(trouble("write", &mark))?;
        }
        let folder = self.root.join("locks");
        let leases = Leases::new(&folder, &self.name, self.disk.clone(), expiry);
        self.leases = Some(leases.clone());
        self.open = leases.try_take(&format!("{OPEN}{}", self.name)).map_err(trouble("make a lease in", &folder))?;
        // Who sweeps looks who has it open after saying so; one of both sees the other.
        let start = Instant::now();
        while leases.is_held(SWEEP) {
            self.has_patience(start, patience(expiry))?;
        }
        self.refresh();
        Ok(self)
    }

    fn has_patience(&self, start: Instant, longest: Duration) -> Result<(), StoreError> {
        if start.elapsed() > longest {
            let message = format!("the store {} is being swept by another process", self.root.display());
            return Err(StoreError { locked: true, ..StoreError::new(message) });
        }
        std::thread::sleep(Duration::from_millis(10));
        Ok(())
    }

    /// Returns when nobody else has the store open; others do not open it while what is returned is held, and while this process has it open.
    ///
    /// Errors: another process has it open, or it can only be read.
    pub(super) fn alone(&self) -> Result<Option<Lease>, StoreError> {
        let Some(gate) = self.gate.as_ref().filter(|_| self.writable) else { return Err(self.read_only()) };
        let used = || {
            let message = format!("the store {} is in use by another process", self.root.display());
            StoreError { locked: true, ..StoreError::new(message) }
        };
        if let Some(leases) = &self.leases {
            let sweeping = leases.try_take(SWEEP).map_err(trouble("make a lease in", &self.root))?.ok_or_else(used)?;
            return if leases.others(OPEN) { Err(used()) } else { Ok(Some(sweeping)) };
        }
        gate.unlock().map_err(trouble("unlock", &self.root))?;
        if matches!(self.disk.try_lock(gate), Err(TryLockError::WouldBlock)) {
            return Err(used());
        }
        Ok(None)
    }
}

/// Returns a number of the machine, of 32 bits: different on different machines as far as their names and their starts are.
fn machine() -> u64 {
    let read = |path: &str| std::fs::read(path).unwrap_or_default();
    let mut all = read("/proc/sys/kernel/hostname");
    all.extend(read("/proc/sys/kernel/random/boot_id"));
    let [a, b, c, d, ..] = crate::base::Hash::of(&all).0;
    u64::from(u32::from_le_bytes([a, b, c, d]))
}

/// Makes an empty store: its mark first, so that whatever is left half made is known for what it is.
fn make(root: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
    std::fs::create_dir_all(root).map_err(trouble("make", root))?;
    let path = root.join("format");
    disk.replace(&path, format!("{FORMAT}\n").as_bytes(), true, &|| false).map_err(trouble("write", &path)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::engine::store::Made;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_of_something_else_is_refused_and_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["index/a.txt", "runs/metrics.json", "checkpoints/best.ckpt"] {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), "mine").unwrap();
        }
        for open in [Store::open, Store::look] {
            let Err(e) = open(folder.path()) else { panic!("a folder of other files is opened") };
            assert!(e.message.contains("is not a store of cfx"), "{e}");
        }
        assert!(Store::is_there(folder.path()).is_err());
        assert_eq!(names(folder.path()), ["checkpoints", "index", "runs"]);
        assert_eq!(names(&folder.path().join("index")), ["a.txt"]);
    }

    #[test]
    fn what_was_left_half_made_is_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("objects")).unwrap();
        let left = unfinished::make(folder.path()).unwrap().keep().unwrap().1;
        std::fs::write(left, "cfx st").unwrap();
        assert!(!Store::is_there(folder.path()).unwrap());
        drop(Store::open(folder.path()).unwrap());
        assert!(Store::is_there(folder.path()).unwrap());
    }

    #[test]
    fn looking_writes_nothing_and_reads_all() {
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none");
        assert!(Store::look(&none).unwrap().list().is_empty() && !none.exists());
        let (root, key) = (folder.path().join("store"), Hash::of(b"key"));
        let store = Store::open(&root).unwrap();
        store.put(&key, b"bytes", &Made::default(), true).unwrap();
        store.sync().unwrap();
        drop(store);
        let before = names(&root.join("index"));
        let looked = Store::look(&root).unwrap();
        assert_eq!(looked.read(&looked.known(&key).unwrap()).unwrap(), b"bytes");
        assert!(!looked.writable() && looked.put(&Hash::of(b"other"), b"more", &Made::default(), true).is_err());
        assert!(looked.is_full() && looked.try_lock_cell(&key).is_err() && !looked.keep_note("plan", "text"));
        assert!(looked.sweep(1).is_err());
        assert_eq!(names(&root.join("index")), before);
    }

    #[test]
    fn sweeping_leaves_what_others_put_into_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let mine = [
            "index/notes.txt",
            "runs/metrics.json",
            "checkpoints/best.ckpt",
            "packs/a.pack",
            "mine.txt",
            "packs/.tmp-a",
            ".cfx-tmp-a",
        ];
        mine.iter().for_each(|path| std::fs::write(folder.path().join(path), "mine").unwrap());
        let left = ["", "index", "packs", "locks", "checkpoints", "runs", "kept"]
            .map(|f| unfinished::make(&folder.path().join(f)).unwrap());
        let left = left.map(|file| file.keep().unwrap().1);
        Store::open(folder.path()).unwrap().sweep(0).unwrap();
        mine.iter().for_each(|path| assert!(folder.path().join(path).exists(), "{path} is gone"));
        left.iter().for_each(|path| assert!(!path.exists(), "{} stays", path.display()));
    }
}
