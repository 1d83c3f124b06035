//! Names of files that are being written: which process of which machine writes one stands in its name, so that what a process left that was
//! killed can be told from what is being written, and from files of people.

use super::process;
use std::fs::Permissions;
use std::path::Path;
use std::time::Duration;

/// Beginning of the names; then machine, process, and six signs that no other file of the process has.
const BEGINNING: &str = ".cfx-tmp-";

/// What another machine left, or this one before it was started anew, is taken to be left for good when it is so old.
const LONG_AGO: Duration = Duration::from_secs(24 * 3600);

/// Returns how files are made that are being written: beside the file that they will be, as readable as the umask lets files be.
pub fn beginning() -> String {
    format!("{BEGINNING}{}-{}-", process::machine(), std::process::id())
}

/// Makes a file to be written in a folder; it goes unless it is renamed.
///
/// Errors: it cannot be made there.
pub fn make(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let beginning = beginning();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&beginning);
    let mode = readable();
    if let Some(mode) = &mode {
        builder.permissions(mode.clone());
    }
    builder.tempfile_in(folder).map_err(without_name)
}

/// Returns an error without the name of the file that was not made, which says nothing to anybody.
fn without_name(error: std::io::Error) -> std::io::Error {
    let words = error.to_string();
    match words.split_once(" at path ") {
        Some((what, _)) => std::io::Error::new(error.kind(), what),
        None => error,
    }
}

/// Permissions that a new file asks for; the umask takes away what others may not.
#[cfg(unix)]
fn readable() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable() -> Option<Permissions> {
    None
}

/// Returns the process of this machine, if it is one of this machine, in the name of a file that is being written or was left; nothing where
/// the name is none that cfx gives.
fn process_of(name: &str) -> Option<Option<u32>> {
    let mut parts = name.strip_prefix(BEGINNING)?.split('-');
    let (machine, number, rest) = (parts.next()?, parts.next()?.parse::<u32>().ok()?, parts.next()?);
    let hex = machine.len() == 16 && machine.bytes().all(|b| b.is_ascii_hexdigit());
    let random = rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    if !(hex || machine == process::UNKNOWN) || !random || parts.next().is_some() {
        return None;
    }
    Some(Some(number).filter(|_| machine == process::machine() && machine != process::UNKNOWN))
}

/// Returns whether a name is one that cfx gives to files that are being written.
pub fn is_ours(name: &str) -> bool {
    process_of(name).is_some()
}

/// Removes from a folder, not from those in it, what processes left that were killed while they wrote: those of this machine that are gone,
/// and what is a day old.
///
/// Errors: none; what cannot be removed stays.
pub fn clear(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(process) = process_of(&entry.file_name().to_string_lossy()) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let old = || metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LONG_AGO));
        if metadata.is_file() && (process.is_some_and(process::is_gone) || old()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// As [`clear`], in a folder and those below it; links are not followed.
///
/// Errors: as there.
pub fn clear_below(folder: &Path) {
    clear(folder);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            clear_below(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_writers_left_is_known_by_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let here = process::machine();
        // No process has the last number: they end at 4,194,304.
        let gone = format!("{BEGINNING}{here}-4294967295-aB3xY9");
        let of_others = format!("{BEGINNING}0123456789abcdef-1-aB3xY9");
        let mine = [".cfx-tmp-", ".cfx-tmp-notes", ".cfx-tmp-0123456789abcdef-1-aB3xY9.txt", ".tmp-aB3xY9", "a.csv"];
        let all = || [gone.as_str(), of_others.as_str()].into_iter().chain(mine);
        all().for_each(|name| std::fs::write(folder.path().join(name), "1").unwrap());
        let own = make(folder.path()).unwrap();
        assert!(is_ours(&own.path().file_name().unwrap().to_string_lossy()) && is_ours(&gone) && is_ours(&of_others));
        assert!(mine.iter().all(|name| !is_ours(name)));
        clear_below(folder.path());
        let there = |name: &str| folder.path().join(name).exists();
        if here != process::UNKNOWN {
            assert!(!there(&gone));
        }
        assert!(there(&of_others) && mine.iter().all(|name| there(name)) && own.path().exists());
        let long_ago = std::time::SystemTime::now() - 2 * LONG_AGO;
        for name in all() {
            let file = std::fs::File::options().write(true).open(folder.path().join(name));
            file.and_then(|f| f.set_modified(long_ago)).ok();
        }
        clear_below(folder.path());
        assert!(!there(&of_others) && mine.iter().all(|name| there(name)) && own.path().exists());
    }
}
