//! What a file is that does not hold what it should: told by its first bytes, with what to do.

use super::Unreadable;

/// Bytes that are enough to tell.
pub const ENOUGH: usize = 512;

/// First bytes, what a file is that begins with them, and what to do.
const MARKS: [(&[u8], &str, &str); 9] = [
    (
        b"version https://git-lfs.github.com/spec/",
        "is a Git LFS pointer, which only names the file that is meant",
        "fetch the file itself: `git lfs pull`",
    ),
    (
        b"\x00\x05\x16\x07",
        "is an AppleDouble file, in which macOS keeps what belongs to another one",
        "the data are in the file without `._` in front of its name; such files can be deleted: `find . -name '._*' -delete`",
    ),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file", "save its arrays with NumPy: `np.save(\"x.npy\", file[\"x\"][:])`"),
    (
        b"MATLAB 5.0 MAT-file",
        "is a MATLAB file",
        "save its arrays with NumPy: `np.save(\"x.npy\", scipy.io.loadmat(\"x.mat\")[\"x\"])`",
    ),
    (b"%PDF-", "is a PDF document", "name the file that holds the data"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", "unpack it first"),
    (b"Rar!\x1a\x07", "is a RAR archive", "unpack it first"),
    (b"PAR1", "is a Parquet file", "save its columns with NumPy: `np.save(\"x.npy\", table[\"x\"].to_numpy())`"),
    (b"SQLite format 3\x00", "is an SQLite database", "save its columns with NumPy"),
];

/// Returns what a file is that begins with these bytes, where it is one of the kinds that stand in place of data; nothing for all others.
pub fn stranger(head: &[u8]) -> Option<Unreadable> {
    if let Some((_, words, help)) = MARKS.iter().find(|(mark, _, _)| head.starts_with(mark)) {
        return Some(Unreadable::new(*words).help(*help));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(Unreadable::new("is a tar archive").help("unpack it first: `tar -xf` (`tar -xzf` where it is packed)"));
    }
    page(head)
}

/// Returns that a file is a page of the web, where it is one.
fn page(head: &[u8]) -> Option<Unreadable> {
    let text = String::from_utf8_lossy(&head[..head.len().min(ENOUGH)]).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let words = match text {
        _ if text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head") => "is an HTML page",
        _ if text.starts_with("<?xml") || text.starts_with("<error>") => "is an XML page",
        _ => return None,
    };
    let help =
        "a download seems to have saved a page of the web, such as a form or an error, in place of the file; download it again";
    Some(Unreadable::new(words).help(help))
}

/// As [`stranger`], for files in which any text may stand: only pointers of Git LFS and files of macOS are none.
pub fn strange_text(head: &[u8]) -> Option<Unreadable> {
    MARKS[..2].iter().find(|(mark, _, _)| head.starts_with(mark)).map(|(_, words, help)| Unreadable::new(*words).help(*help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_place_of_data_is_named() {
        let words = |head: &[u8]| stranger(head).map(|u| (u.words, u.help.unwrap_or_default())).unwrap_or_default();
        let lfs = words(b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 7\n");
        assert!(lfs.0.contains("Git LFS pointer") && lfs.1.contains("git lfs pull"), "{lfs:?}");
        assert!(words(b"\n <!DOCTYPE html><html>").0.contains("HTML"));
        assert!(words(b"<?xml version='1.0'?><Error>").0.contains("XML"));
        assert!(words(b"\0\x05\x16\x07\0\x02\0\0Mac OS X").0.contains("AppleDouble"));
        let mut tar = vec![0u8; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(words(&tar).1.contains("tar -x"));
        assert!(stranger(b"\x93NUMPY").is_none() && stranger(b"").is_none() && stranger(&[0; 512]).is_none());
        assert!(strange_text(b"<html>").is_none());
    }
}
