//! Writing files so that nothing that happens on the way loses one: beside, on to the disk, renamed.

use super::unfinished;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that a reader sees the old bytes or the new ones, whatever happens: a temporary file in the same folder, renamed.
/// `lasting`: the bytes and the name are on the disk when this returns. The file is as readable as the process's umask lets files be.
///
/// Errors: the file cannot be written; the old one is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8], lasting: bool) -> io::Result<()> {
    write_unless(path, bytes, lasting, &|| false).map(|_| ())
}

/// As [`write_atomically`], unless `fenced` holds at the moment of renaming: the old file then stays. Returns whether the new one is there.
///
/// Errors: as there.
pub fn write_unless(path: &Path, bytes: &[u8], lasting: bool, fenced: &dyn Fn() -> bool) -> io::Result<bool> {
    let folder = folder_of(path);
    let mut file = unfinished::make(folder)?;
    file.write_all(bytes)?;
    if lasting {
        file.as_file().sync_all()?;
    }
    if fenced() {
        return Ok(false);
    }
    file.persist(path).map_err(|e| e.error)?;
    if lasting {
        sync_folder(folder);
    }
    Ok(true)
}

/// Returns the folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// As [`write_atomically`], lasting, among files of people: what was left there by a process that was killed while it did so goes.
///
/// Errors: as there.
pub fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    unfinished::clear(folder_of(path));
    write_atomically(path, bytes, true)
}

/// As [`write_beside`], in the place of a file that is there: a link stays a link, and permissions stay as they are.
///
/// Errors: as there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&target)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is write-protected"));
    }
    write_beside(&target, bytes)?;
    std::fs::set_permissions(&target, permissions)
}

/// Waits until the names in a folder are on the disk, where the system can do that.
pub fn sync_folder(folder: &Path) {
    // Not every system opens folders; a file is then found or not after a loss of power, never half of it.
    let _ = File::open(folder).and_then(|f| f.sync_all());
}

/// Returns whether a disk has no more room: for anybody, or for this user.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Returns whether a file cannot be written because of the name that it was to have: something else is there, or the name is none. All other
/// trouble is of the place: no room, no right to write there, a disk that fails.
pub fn is_of_name(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), AlreadyExists | NotADirectory | IsADirectory | NotFound | InvalidInput | InvalidFilename)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_and_as_readable_as_others() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
        write_atomically(&path, b"one", true).unwrap();
        write_atomically(&path, b"two", false).unwrap();
        std::fs::write(&other, b"").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions();
        assert_eq!(mode(&path), mode(&other));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, b"one").unwrap();
        let mut mode = std::fs::metadata(&path).unwrap().permissions();
        mode.set_readonly(true);
        std::fs::set_permissions(&path, mode).unwrap();
        assert_eq!(replace(&path, b"two").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert!(replace(&folder.path().join("none"), b"two").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn trouble_of_a_name_is_told_from_trouble_of_the_place() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), b"one").unwrap();
        let beyond = write_atomically(&folder.path().join("file/a.txt"), b"two", true).unwrap_err();
        assert!(is_of_name(&beyond) && !beyond.to_string().contains(".cfx-tmp"), "{beyond}");
        // No room, quota, read-only, no right, a disk that fails, no locks.
        for code in [28, 122, 30, 13, 5, 37] {
            assert!(!is_of_name(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, b"one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
    }
}
