//! Files as they were when the plan was made: their hashes, which are in keys, and the assurance that what is read later is the same.

use super::problem::Problem;
use crate::base::text::on_a_line;
use crate::base::{Hash, Hasher};
use rayon::prelude::*;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file that was changed less than this ago may change again without another time standing on it: some file systems count in steps of two
/// seconds.
const COARSEST: Duration = Duration::from_secs(2);

/// How often a file that keeps changing is read again.
const TRIES: usize = 3;

/// What tells that a file is another one, or has other contents, without reading it. The time of change (`ctime`) moves with every write and
/// rename, and no program can set it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

impl Stamp {
    /// Returns the stamp of a file or folder.
    ///
    /// Errors: there is none.
    pub fn of(path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|m| Stamp::from(&m))
    }

    /// Returns whether so much time has passed since the last change that another one would show.
    fn settled(&self) -> bool {
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.changed.0.max(0) as u64));
        let last = changed.into_iter().chain(self.modified).max();
        last.is_some_and(|t| t.elapsed().is_ok_and(|passed| passed >= COARSEST + Duration::from_secs(1)))
    }
}

impl From<&Metadata> for Stamp {
    #[cfg(unix)]
    fn from(m: &Metadata) -> Stamp {
        use std::os::unix::fs::MetadataExt;
        Stamp { place: (m.dev(), m.ino()), size: m.len(), modified: m.modified().ok(), changed: (m.ctime(), m.ctime_nsec()) }
    }

    #[cfg(not(unix))]
    fn from(m: &Metadata) -> Stamp {
        Stamp { place: (0, 0), size: m.len(), modified: m.modified().ok(), changed: (0, 0) }
    }
}

/// Returns what stands at a path that is neither a file nor a folder; `None` if it is one, or there is nothing.
pub fn no_file(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    if kind.is_file() || kind.is_dir() { None } else { Some("no file") }
}

/// Opens a regular file for reading; what else there is, is looked at first, since opening a pipe waits for its other end.
///
/// Errors: it cannot be opened, or is no file.
pub fn open(path: &Path) -> io::Result<File> {
    plain(path)?;
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    File::open(path)
}

/// Checks that no pipe or device is at a path.
///
/// Errors: one is.
pub fn plain(path: &Path) -> io::Result<()> {
    no_file(path).map_or(Ok(()), |what| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}"))))
}

/// Returns the contents of a regular file.
///
/// Errors: as [`open`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the text of a regular file.
///
/// Errors: as [`open`]; it is no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// A file or a folder that a cell reads. The contents of a folder are the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its path, as found.
    pub path: String,
    /// The hash of its contents, which is in the key.
    pub hash: Hash,
    /// How it stood while it was hashed.
    stamp: Option<Stamp>,
    /// Whether it is a folder.
    pub folder: bool,
}

impl Seen {
    /// Reads a file, or the names in a folder, and hashes what was read. What is not there or cannot be read has a hash too, by which it differs
    /// from all that can.
    pub fn now(path: &Path) -> Seen {
        let mut stamp = Stamp::of(path).ok();
        let mut hash = contents(path);
        for _ in 1..TRIES {
            let after = Stamp::of(path).ok();
            if after == stamp {
                break;
            }
            (stamp, hash) = (after, contents(path));
        }
        Seen { path: path.display().to_string(), hash, stamp, folder: path.is_dir() }
    }

    /// Returns a file of these contents that there need not be.
    #[cfg(test)]
    pub fn named(path: &str, hash: Hash) -> Seen {
        Seen { path: path.to_string(), hash, stamp: None, folder: false }
    }

    /// Returns whether there was such a file, which could be read.
    pub fn there(&self) -> bool {
        self.hash != unreadable()
    }

    /// Returns how the file stands now, where its contents are those that were hashed.
    fn same(&self) -> Result<Option<Stamp>, Problem> {
        let path = Path::new(&self.path);
        let stamp = Stamp::of(path).ok();
        if stamp == self.stamp && stamp.is_none_or(|s| s.settled()) {
            return Ok(stamp);
        }
        let now = Seen::now(path);
        if now.hash == self.hash { Ok(now.stamp) } else { Err(self.problem(now.stamp.is_some())) }
    }

    /// Returns the problem of a file that is another one than was hashed; `there`: whether there is one.
    fn problem(&self, there: bool) -> Problem {
        let what = match (self.there(), there, self.folder) {
            (false, _, false) => "is there, and was not when the run was planned",
            (_, false, _) => "is not there, and was when the run was planned",
            (_, true, true) => "has other files since the run was planned",
            (true, true, false) => "has changed since the run was planned",
        };
        Problem {
            code: "cfx::file::changed",
            parameter: None,
            message: format!("`{}` {what}", on_a_line(&self.path)),
            help: Some(
                "nothing was kept of what was read; run again, so that the plan is made for the files as they are now"
                    .to_string(),
            ),
        }
    }
}

/// Calls `read`, and makes sure that all it reads of the files is what was hashed: they have those contents before, and nothing happened to them
/// until after. Where something did that left the contents as they were, it is called again.
///
/// Errors: a file has other contents, or keeps changing; of several, the first.
pub fn guarded<T>(files: &[Seen], mut read: impl FnMut() -> T) -> Result<T, Problem> {
    let stand = || files.par_iter().map(Seen::same).collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>, _>>();
    let mut before = stand()?;
    let mut tries = 0;
    loop {
        let out = read();
        let after = stand()?;
        let Some(restless) = (0..files.len()).find(|i| before[*i] != after[*i]) else { return Ok(out) };
        tries += 1;
        if tries == TRIES {
            return Err(files[restless].problem(after[restless].is_some()));
        }
        before = after;
    }
}

fn unreadable() -> Hash {
    Hash::of(b"unreadable")
}

/// Returns the hash of the contents of a file, or of the names in a folder, those aside that begin with a dot; of what cannot be read, that of the
/// word for it.
fn contents(path: &Path) -> Hash {
    if path.is_dir() {
        return names(path).unwrap_or_else(|_| unreadable());
    }
    let mut hasher = blake3::Hasher::new();
    match open(path).and_then(|file| hasher.update_reader(file).map(|h| h.finalize())) {
        Ok(hash) => Hash(*hash.as_bytes()),
        Err(_) => unreadable(),
    }
}

fn names(folder: &Path) -> io::Result<Hash> {
    let mut all: Vec<(String, bool)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            let kind = entry.file_type()?;
            all.push((name, kind.is_dir() || kind.is_symlink() && entry.path().is_dir()));
        }
    }
    all.sort();
    let mut h = Hasher::new("cfx.folder.1");
    all.iter().for_each(|(name, folder)| {
        h.text(name).int(u64::from(*folder));
    });
    Ok(h.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.txt");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_read_is_what_was_hashed() {
        let (_dir, path) = file("one");
        let seen = [Seen::now(&path)];
        let read = || std::fs::read_to_string(&path).unwrap();
        assert_eq!(guarded(&seen, read).unwrap(), "one");
        std::fs::write(&path, "two").unwrap();
        let words = guarded(&seen, read).unwrap_err().message;
        assert!(words.contains("has changed since the run was planned"), "{words}");
        // Put back, it is the file that was planned for, whatever its times.
        std::fs::write(&path, "one").unwrap();
        assert_eq!(guarded(&seen, read).unwrap(), "one");
        std::fs::remove_file(&path).unwrap();
        let words = guarded(&seen, || ()).unwrap_err().message;
        assert!(words.contains("is not there, and was when the run was planned"), "{words}");
    }

    #[test]
    fn a_file_that_is_another_one_only_while_it_is_read_is_read_again() {
        let (_dir, path) = file("one");
        let seen = [Seen::now(&path)];
        let mut calls = 0;
        let out = guarded(&seen, || {
            calls += 1;
            if calls > 1 {
                return std::fs::read_to_string(&path).unwrap();
            }
            // Times of files move in steps of some milliseconds.
            std::thread::sleep(Duration::from_millis(30));
            std::fs::write(&path, "two").unwrap();
            let read = std::fs::read_to_string(&path).unwrap();
            std::thread::sleep(Duration::from_millis(30));
            std::fs::write(&path, "one").unwrap();
            read
        });
        assert_eq!((out.unwrap().as_str(), calls), ("one", 2));
    }

    #[test]
    fn a_folder_is_its_names() {
        let (dir, path) = file("one");
        let seen = [Seen::now(dir.path())];
        std::fs::write(dir.path().join(".DS_Store"), "litter").unwrap();
        assert!(guarded(&seen, || ()).is_ok(), "hidden names are no part of it");
        std::fs::rename(&path, dir.path().join("t.txt")).unwrap();
        let words = guarded(&seen, || ()).unwrap_err().message;
        assert!(words.contains("has other files"), "{words}");
    }

    #[test]
    fn what_is_not_there_is_known_by_it() {
        let (dir, path) = file("one");
        let absent = dir.path().join("later.txt");
        let seen = [Seen::now(&absent)];
        assert!(!seen[0].there() && Seen::now(&path).there());
        assert!(guarded(&seen, || ()).is_ok());
        std::fs::write(&absent, "x").unwrap();
        let words = guarded(&seen, || ()).unwrap_err().message;
        assert!(words.contains("is there, and was not when the run was planned"), "{words}");
    }
}
