//! Leases: what stands in for file locks where a file system has none, or has some that do not hold (NFS without a lock daemon, or mounted
//! with locks that each machine has for itself).
//!
//! A lease on a name is a file `NAME.ATTEMPT` in `locks/`, made only where it is not there yet; the highest attempt counts. It says who holds it and
//! how often that was said: a thread of the holder writes it anew every few seconds. A lease that has not been written anew for [`EXPIRY`] on
//! the clock of who looks (clocks of machines differ), or whose process is gone from this machine, is dead, and who wants the name makes
//! the next attempt and removes those before. An old holder that wakes up finds its file gone, or a higher attempt beside it: it is fenced
//! off, and what it made is not put in the place of what is newer.

use super::disk::Disk;
use crate::engine::process::{UNKNOWN, is_gone, machine};
use crate::plan::seen;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A lease is dead when it has not been written anew for so long.
pub const EXPIRY: Duration = Duration::from_secs(60);

/// The leases of an open store. They are written anew by a thread for as long as it is open.
#[derive(Debug)]
pub(super) struct Leases {
    folder: PathBuf,
    owner: String,
    disk: Arc<dyn Disk>,
    expiry: Duration,
    held: Mutex<BTreeMap<String, Held>>,
    /// What leases of others said, and since when.
    seen: Mutex<BTreeMap<String, (String, Instant)>>,
    ended: Mutex<bool>,
    end: Condvar,
}

/// A lease that this store holds, or held before it was fenced off.
#[derive(Debug)]
struct Held {
    file: File,
    attempt: u64,
    beats: u64,
}

/// The right to a name. Given back when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    name: String,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.give_back(&self.name);
    }
}

impl Leases {
    /// Returns the leases of the process of that name in a folder, and has a thread write them anew, four times before they would be dead.
    pub fn new(folder: &Path, name: &str, disk: Arc<dyn Disk>, expiry: Duration) -> Arc<Leases> {
        let owner = format!("{} {} {name}", machine(), std::process::id());
        let leases = Arc::new(Leases {
            folder: folder.to_path_buf(),
            owner,
            disk,
            expiry,
            held: Mutex::default(),
            seen: Mutex::default(),
            ended: Mutex::new(false),
            end: Condvar::new(),
        });
        let beating = leases.clone();
        // Where no thread can be started, leases die while they are held, and what was made under them is fenced off.
        let _ = std::thread::Builder::new().name("leases".to_string()).spawn(move || beating.beat());
        leases
    }

    /// Has the thread end.
    pub fn end(&self) {
        *lock(&self.ended) = true;
        self.end.notify_all();
    }

    fn beat(&self) {
        let mut ended = lock(&self.ended);
        while !*ended {
            for held in lock(&self.held).values_mut() {
                held.beats += 1;
                // Who cannot write it is taken for dead, as it should be.
                let _ = self.disk.rewrite(&held.file, self.text(held.attempt, held.beats).as_bytes());
            }
            ended = self.end.wait_timeout(ended, self.expiry / 12).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn text(&self, attempt: u64, beats: u64) -> String {
        format!("{} {attempt:020} {beats:020}\n", self.owner)
    }

    fn path(&self, name: &str, attempt: u64) -> PathBuf {
        self.folder.join(format!("{name}.{attempt}"))
    }

    /// Returns the lease on a name; `None` if it has a holder that is not known to be dead.
    ///
    /// Errors: the folder cannot be read or written.
    pub fn try_take(self: &Arc<Self>, name: &str) -> io::Result<Option<Lease>> {
        let before = self.attempts(name)?;
        let highest = before.iter().copied().max();
        let dead = highest.map(|highest| (highest, self.said(name, highest)));
        if let Some((highest, text)) = &dead
            && !self.is_dead(name, *highest, text.as_deref())
        {
            return Ok(None);
        }
        let too_high = || io::Error::new(io::ErrorKind::InvalidData, format!("{name}.{} is no attempt", u64::MAX));
        let attempt = highest.unwrap_or(0).checked_add(1).ok_or_else(too_high)?;
        let path = self.path(name, attempt);
        let file = match self.disk.create(&path, self.text(attempt, 0).as_bytes()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => {
                // What was made and could not be filled is no lease.
                let _ = std::fs::remove_file(&path);
                return Err(e);
            }
        };
        // Somebody may have been a step ahead when the names were read, or have taken over and given back what was dead.
        let ahead = self.attempts(name)?.into_iter().any(|other| other > attempt);
        if ahead || dead.is_some_and(|(highest, text)| self.said(name, highest) != text) {
            let _ = std::fs::remove_file(&path);
            return Ok(None);
        }
        for old in before {
            // Who takes the next attempt removes it otherwise.
            let _ = std::fs::remove_file(self.path(name, old));
        }
        lock(&self.held).insert(name.to_string(), Held { file, attempt, beats: 0 });
        Ok(Some(Lease { leases: self.clone(), name: name.to_string() }))
    }

    /// Returns whether this store had the lease on a name and lost it to somebody else.
    pub fn fenced(&self, name: &str) -> bool {
        let Some(attempt) = lock(&self.held).get(name).map(|h| h.attempt) else { return false };
        let own = self.said(name, attempt).is_some_and(|text| text.starts_with(&self.owner));
        !own || self.attempts(name).is_ok_and(|all| all.into_iter().any(|other| other > attempt))
    }

    /// Returns who holds a name, for reading: `process 4711`.
    pub fn holder(&self, name: &str) -> Option<String> {
        let text = self.said(name, self.attempts(name).ok()?.into_iter().max()?)?;
        Some(format!("process {}", text.split_whitespace().nth(1)?))
    }

    /// Returns whether somebody else holds a lease on a name that begins so; waits until it is known whether holders are dead.
    pub fn others(&self, beginning: &str) -> bool {
        let all = self.disk.names(&self.folder).unwrap_or_default();
        let mut names: Vec<(String, u64)> = all.iter().filter(|n| n.starts_with(beginning)).filter_map(|n| split(n)).collect();
        names.retain(|(name, _)| !lock(&self.held).contains_key(name));
        let said = |(name, attempt): &(String, u64)| self.said(name, *attempt);
        let first: Vec<Option<String>> = names.iter().map(said).collect();
        loop {
            let now: Vec<Option<String>> = names.iter().map(said).collect();
            if now.iter().zip(&first).any(|(now, first)| now.is_some() && now != first) {
                return true;
            }
            let dead = |((name, attempt), text): (&(String, u64), &Option<String>)| {
                text.is_none() || self.is_dead(name, *attempt, text.as_deref())
            };
            if names.iter().zip(&now).all(dead) {
                return false;
            }
            std::thread::sleep(self.expiry / 100);
        }
    }

    /// Returns whether somebody else holds a name, as far as is known now.
    pub fn is_held(&self, name: &str) -> bool {
        let highest = self.attempts(name).unwrap_or_default().into_iter().max();
        highest.is_some_and(|attempt| !self.is_dead(name, attempt, self.said(name, attempt).as_deref()))
    }

    fn give_back(&self, name: &str) {
        let fenced = self.fenced(name);
        let held = lock(&self.held).remove(name);
        if let Some(held) = held.filter(|_| !fenced) {
            // What cannot be removed dies.
            let _ = std::fs::remove_file(self.path(name, held.attempt));
        }
    }

    fn attempts(&self, name: &str) -> io::Result<Vec<u64>> {
        let all = self.disk.names(&self.folder)?;
        Ok(all.iter().filter_map(|n| split(n)).filter(|(n, _)| n == name).map(|(_, attempt)| attempt).collect())
    }

    fn said(&self, name: &str, attempt: u64) -> Option<String> {
        let file = seen::open(&self.path(name, attempt)).ok()?;
        let mut bytes = Vec::new();
        self.disk.read(&file, 0, 400, &mut bytes).ok()?;
        // Whatever stands there: one that no holder writes anew dies.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns whether the holder of an attempt, which says this now, is dead: its process is gone from this machine, or it has said nothing else
    /// for too long. One whose file is gone was given back, or succeeded by another: who asks looks again.
    fn is_dead(&self, name: &str, attempt: u64, text: Option<&str>) -> bool {
        let file = format!("{name}.{attempt}");
        let Some(text) = text.map(str::to_string) else { return false };
        let mut words = text.split_whitespace();
        let (there, process) = (words.next(), words.next().and_then(|p| p.parse::<u32>().ok()));
        if there == Some(machine()) && there != Some(UNKNOWN) && process.is_some_and(is_gone) {
            return true;
        }
        let mut seen = lock(&self.seen);
        let (said, since) = seen.entry(file).or_insert_with(|| (text.clone(), Instant::now()));
        if *said != text {
            (*said, *since) = (text, Instant::now());
        }
        since.elapsed() > self.expiry
    }
}

/// Returns the name and the attempt of a lease's file.
pub(super) fn split(file: &str) -> Option<(String, u64)> {
    let (name, attempt) = file.rsplit_once('.')?;
    Some((name.to_string(), attempt.parse().ok().filter(|n| *n > 0)?))
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
