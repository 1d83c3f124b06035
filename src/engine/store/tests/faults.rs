//! Tests of the store on a file system that fails: at each of its operations in turn, in each way that is known of disks.

use super::*;
use crate::engine::store::disk::Disk;
use crate::engine::store::leases::EXPIRY;
use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Part is written, and the rest has no room.
    Short,
    /// There is no room.
    Full,
    /// The device fails.
    Device,
    /// One bit is another one afterwards, without a word.
    Bit,
    /// It takes long.
    Slow,
    /// Names come in another order.
    Order,
    /// There are no locks.
    NoLocks,
    /// Whoever wants a lock gets it.
    AllLocks,
}

/// The file system of this machine, on which something goes wrong: always, or at one operation.
#[derive(Debug)]
pub(super) struct Faulty {
    wrong: Wrong,
    /// The operation at which it does; all where this is nothing.
    at: Option<u64>,
    done: AtomicU64,
}

impl Faulty {
    pub(super) fn new(wrong: Wrong, at: Option<u64>) -> Arc<Faulty> {
        Arc::new(Faulty { wrong, at, done: AtomicU64::new(0) })
    }

    /// Returns what goes wrong at this operation.
    fn now(&self) -> Option<Wrong> {
        let n = self.done.fetch_add(1, Ordering::Relaxed);
        self.at.is_none_or(|at| at == n).then_some(self.wrong)
    }
}

fn full() -> io::Error {
    io::Error::from_raw_os_error(28)
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    let middle = other.len() / 2;
    if let Some(byte) = other.get_mut(middle) {
        *byte ^= 0x10;
    }
    other
}

impl Disk for Faulty {
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        match self.now() {
            Some(Wrong::Short) => file.write_all(&bytes[..bytes.len() / 2]).and(Err(full())),
            Some(Wrong::Full) => Err(full()),
            Some(Wrong::Device) => Err(io::Error::from_raw_os_error(5)),
            Some(Wrong::Bit) => file.write_all(&flipped(bytes)),
            Some(Wrong::Slow) => {
                std::thread::sleep(Duration::from_millis(5));
                file.write_all(bytes)
            }
            _ => file.write_all(bytes),
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8], lasting: bool, fenced: &dyn Fn() -> bool) -> io::Result<bool> {
        let write = |bytes: &[u8]| crate::engine::files::write_unless(path, bytes, lasting, fenced);
        match self.now() {
            Some(Wrong::Short) => {
                // A process that ends here leaves its unfinished file.
                let left = crate::engine::unfinished::make(path.parent().unwrap())?.keep().map_err(|e| e.error)?.1;
                std::fs::write(left, &bytes[..bytes.len() / 2])?;
                Err(full())
            }
            Some(Wrong::Full) => Err(full()),
            Some(Wrong::Device) => Err(io::Error::from_raw_os_error(5)),
            Some(Wrong::Bit) => write(&flipped(bytes)),
            Some(Wrong::Slow) => {
                std::thread::sleep(Duration::from_millis(5));
                write(bytes)
            }
            _ => write(bytes),
        }
    }

    fn read(&self, file: &File, start: u64, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let had = into.len();
        let wrong = self.now();
        if wrong == Some(Wrong::Device) {
            return Err(io::Error::from_raw_os_error(5));
        }
        crate::engine::store::disk::System.read(file, start, length, into)?;
        match wrong {
            Some(Wrong::Short) => into.truncate(had + (into.len() - had) / 2),
            Some(Wrong::Bit) => {
                let other = flipped(&into[had..]);
                into.truncate(had);
                into.extend(other);
            }
            _ => {}
        }
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = crate::engine::store::disk::System.names(folder)?;
        match self.now() {
            Some(Wrong::Device) => return Err(io::Error::from_raw_os_error(5)),
            Some(Wrong::Order) => {
                names.sort();
                names.reverse();
            }
            _ => {}
        }
        Ok(names)
    }

    fn try_lock(&self, file: &File) -> Result<(), TryLockError> {
        match self.wrong {
            Wrong::NoLocks => Err(TryLockError::Error(io::Error::from_raw_os_error(37))),
            Wrong::AllLocks => Ok(()),
            _ => file.try_lock(),
        }
    }

    fn try_lock_shared(&self, file: &File) -> Result<(), TryLockError> {
        match self.wrong {
            Wrong::NoLocks | Wrong::AllLocks => self.try_lock(file),
            _ => file.try_lock_shared(),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        match self.now() {
            Some(Wrong::Device) => Err(io::Error::from_raw_os_error(5)),
            Some(Wrong::Full | Wrong::Short) => Err(full()),
            _ => file.sync_all(),
        }
    }
}

/// What is put: small and large, in and out of a batch, again after it was let go, and of equal content.
fn contents() -> Vec<(u8, Vec<u8>)> {
    let content = |n: u8| vec![n; if n.is_multiple_of(2) { SMALL + n as usize } else { 30 + n as usize }];
    (1..=8).map(|n| (n, content(if n == 8 { 6 } else { n }))).collect()
}

/// Puts everything, and looks at it on the way; returns whether something was refused.
fn use_it(store: &Store) -> bool {
    let mut refused = false;
    let run = store.start_run("faults", (1..=8).map(key));
    refused |= run.is_err();
    {
        let _together = store.batch();
        for (n, bytes) in contents().into_iter().take(4) {
            refused |= store.put(&key(n), &bytes, &made("a"), false).is_err();
            refused |= store.put_alias(&key(100 + n), &key(n)).is_err();
        }
    }
    store.put_checkpoint(&key(7), "here", b"half of it");
    for (n, bytes) in contents().into_iter().skip(4) {
        let lock = store.try_lock_cell(&key(n));
        refused |= lock.is_err() || store.put(&key(n), &bytes, &made("a"), false).is_err();
        refused |= store.put_alias(&key(100 + n), &key(n)).is_err();
        right(store);
    }
    refused |= store.spare(&key(2), 0).is_err();
    refused |= store.sync().is_err();
    if let Ok(run) = run {
        refused |= store.end_run(&run, "done").is_err();
    }
    right(store);
    refused
}

/// Whatever comes back of the store is what was put in.
fn right(store: &Store) -> usize {
    let back = contents().into_iter().filter(|(n, bytes)| match get(store, &key(*n)) {
        Ok(back) => {
            assert_eq!(&back, bytes, "the artifact of {n} is another one");
            true
        }
        Err(_) => false,
    });
    let count = back.count();
    if let Some(checkpoint) = store.checkpoint(&key(7), "here") {
        assert_eq!(checkpoint, b"half of it");
    }
    count
}

/// Returns the number of operations of an undisturbed use.
fn operations(wrong: Wrong) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(wrong, Some(u64::MAX));
    let store = Store::open_on(folder.path(), disk.clone(), false, EXPIRY).unwrap();
    assert!(!use_it(&store) && right(&store) == 7);
    disk.done.load(Ordering::Relaxed)
}

/// At each operation in turn something goes wrong once. Nothing wrong comes back, what was kept before is there, and what is put later, on a sound disk,
/// is whole.
#[test]
fn whatever_goes_wrong_on_the_disk_no_result_is_wrong_and_the_next_run_is_right() {
    for wrong in [Wrong::Short, Wrong::Full, Wrong::Device, Wrong::Bit, Wrong::Slow, Wrong::Order] {
        let all = operations(wrong);
        assert!(all > 30, "{all}");
        let mut seen = 0;
        // Every one in the long form; else each operation meets two ways of failing.
        let step = match wrong {
            _ if std::env::var_os("CFX_LONG").is_some() => 1,
            Wrong::Slow | Wrong::Order => 7,
            _ => 2,
        };
        for at in (wrong as u64 % 2..all).step_by(step) {
            let folder = tempfile::tempdir().unwrap();
            drop(Store::open(folder.path()).unwrap());
            let disk = Faulty::new(wrong, Some(at));
            if let Ok(store) = Store::open_on(folder.path(), disk.clone(), false, EXPIRY) {
                let refused = use_it(&store);
                seen += u64::from(refused);
                if matches!(wrong, Wrong::Slow | Wrong::Order) {
                    assert!(!refused && right(&store) == 7, "{wrong:?} at {at}");
                }
            }
            // The next run, on a sound disk: what is there is right, what is missing can be put, and then all is there.
            let store = Store::open(folder.path()).unwrap();
            let there = right(&store);
            assert!(!use_it(&store), "{wrong:?} at {at}");
            assert_eq!(right(&store), 7, "{wrong:?} at {at}, {there} were there before");
            drop(store);
            let store = Store::open(folder.path()).unwrap();
            assert_eq!(right(&store), 7, "{wrong:?} at {at}, opened again");
            match store.sweep(5) {
                // What the run was about is not known then, and nothing is taken out.
                Err(e) if matches!(wrong, Wrong::Bit) && e.message.contains("the record of a run") => {}
                swept => assert_eq!(swept.unwrap().cells, 0, "{wrong:?} at {at}"),
            }
            assert_eq!(right(&Store::open(folder.path()).unwrap()), 7, "{wrong:?} at {at}, swept");
        }
        if matches!(wrong, Wrong::Short | Wrong::Full | Wrong::Device) {
            assert!(seen >= 8, "{wrong:?} was refused {seen} times of {all}");
        }
    }
}

/// A disk that stays full: what was put before is there, everything later is refused, and said to be for want of room; spare results go first.
#[test]
fn a_full_disk_refuses_with_a_word_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        store.put(&key(1), b"small", &made("a"), true).unwrap();
        store.put(&key(2), &vec![2; SMALL + 1], &made("train"), true).unwrap();
        store.spare(&key(2), u64::MAX).unwrap();
    }
    let store = Store::open_on(folder.path(), Faulty::new(Wrong::Full, None), false, EXPIRY).unwrap();
    for (n, bytes) in [(3, vec![3; 10]), (4, vec![4; SMALL + 1])] {
        let refused = store.put(&key(n), &bytes, &made("a"), true).unwrap_err();
        assert!(refused.full && refused.message.contains("No space left"), "{refused}");
    }
    assert!(store.is_full() && store.sync().is_ok());
    assert!(!store.object_path(&Hash::of(&vec![2; SMALL + 1])).exists(), "spare weights made room");
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(
        (get(&store, &key(1)), get(&store, &key(3)).is_ok(), get(&store, &key(2)).is_ok()),
        (Ok(b"small".to_vec()), false, false)
    );
}
