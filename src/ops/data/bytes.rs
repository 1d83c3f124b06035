//! Reading files that may be truncated, mislabelled or malicious: sizes are checked, and memory grows only with what really arrives.

use crate::base::text::on_a_line;
use crate::engine::Failure;
use crate::ops::foreign::{Unreadable, named, packed};
use crate::plan::facts::Problem;
use crate::plan::seen;
use flate2::read::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes reserved ahead of what has been read.
const FIRST: u64 = 1 << 20;

/// Returns the problem of a file that is not what it should be.
pub fn broken(path: &Path, words: impl AsRef<str>) -> Problem {
    Problem {
        code: "cfx::file::broken",
        parameter: None,
        message: on_a_line(&format!("`{}` {}", path.display(), words.as_ref())).into_owned(),
        help: None,
    }
}

/// Returns the problem of a file that cannot be used, for the reason that its reader gave.
pub fn unreadable(path: &Path, why: Unreadable) -> Problem {
    Problem { help: why.help, ..broken(path, why.words) }
}

/// Returns the problem of a setting that does not fit the data.
pub fn unfit(parameter: &'static str, words: impl Into<String>) -> Problem {
    Problem { code: "cfx::data::setting", parameter: Some(parameter), message: words.into(), help: None }
}

/// Adds what to do to a problem.
pub fn with_help(problem: Problem, help: impl Into<String>) -> Problem {
    Problem { help: Some(help.into()), ..problem }
}

/// Returns bytes as the text that they are.
///
/// Errors: they are no UTF-8; read as something else, two names could become one.
pub fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes)
        .map_err(|_| with_help(broken(path, "is not text in UTF-8"), "convert it first: `iconv -f latin1 -t utf8`"))
}

/// Returns the failure that a problem is, once the run has begun.
pub fn failed(problem: Problem) -> Failure {
    Failure::Failed { message: problem.message, help: problem.help }
}

/// A file read from front to back, unpacked on the way where it is gzip.
pub struct Input<'a> {
    path: &'a Path,
    inner: Box<dyn Read + 'a>,
    /// No more bytes than this can still come.
    ceiling: u64,
    /// Whether just so many come.
    exact: bool,
}

impl<'a> Input<'a> {
    /// Opens a file, plain or gzip (told by its first bytes, not by its name).
    ///
    /// Errors: it cannot be opened, is packed in a form that is not read here (xz, bzip2, zstd), or is one of the kinds that stand in place of
    /// data: a pointer of Git LFS, a page of the web.
    pub fn open(path: &'a Path) -> Result<Self, Problem> {
        Input::opened(path, named::stranger)
    }

    /// As [`Input::open`], for files in which any text may stand.
    pub fn text(path: &'a Path) -> Result<Self, Problem> {
        Input::opened(path, named::strange_text)
    }

    fn opened(path: &'a Path, strange: fn(&[u8]) -> Option<Unreadable>) -> Result<Self, Problem> {
        let cannot = |e: std::io::Error| broken(path, format!("cannot be read: {e}"));
        let known = |head: &[u8]| strange(head).map_or(Ok(()), |why| Err(unreadable(path, why)));
        let file = seen::open(path).map_err(cannot)?;
        let length = file.metadata().map_err(cannot)?.len();
        let mut plain = BufReader::with_capacity(1 << 16, file);
        let head = plain.fill_buf().map_err(cannot)?;
        if head.is_empty() {
            return Err(broken(path, "is empty"));
        }
        let tools = [(&b"\xfd7zXZ\0"[..], "xz"), (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd")];
        if let Some((_, tool)) = tools.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(with_help(
                broken(path, format!("is packed with {tool}")),
                format!("unpack it first: `{tool} -dk {}`", path.file_name().unwrap_or_default().to_string_lossy()),
            ));
        }
        known(head)?;
        if !head.starts_with(&[0x1f, 0x8b]) {
            return Ok(Input { path, inner: Box::new(plain), ceiling: length, exact: true });
        }
        let mut unpacked = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain));
        known(unpacked.fill_buf().map_err(|e| broken(path, format!("cannot be unpacked: {e}")))?)?;
        Ok(Input { path, inner: Box::new(unpacked), ceiling: packed::most(length), exact: false })
    }

    /// Returns an input over bytes in memory, named by a path for messages.
    pub fn over(path: &'a Path, bytes: Vec<u8>) -> Self {
        let ceiling = bytes.len() as u64;
        Input { path, inner: Box::new(std::io::Cursor::new(bytes)), ceiling, exact: true }
    }

    /// Returns an input over a reader that can give at most `ceiling` bytes, such as a member of an archive.
    pub fn lending(path: &'a Path, inner: &'a mut dyn Read, ceiling: u64) -> Self {
        Input { path, inner: Box::new(inner), ceiling, exact: false }
    }

    /// Returns the file's path.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Checks that the file can hold `count` more bytes; `what` names them in messages.
    ///
    /// Errors: it cannot. Of a packed file only what no packing could reach is refused here.
    pub fn room_for(&self, count: u64, what: &str) -> Result<(), Problem> {
        if count <= self.ceiling {
            return Ok(());
        }
        let message = format!("is too short: its {what} would take {count} bytes, it can hold {} more", self.ceiling);
        Err(broken(self.path, message))
    }

    /// Returns the next `count` bytes; `what` names them in messages.
    ///
    /// Errors: the file cannot hold that many, or ends before.
    pub fn take(&mut self, count: u64, what: &str) -> Result<Vec<u8>, Problem> {
        self.room_for(count, what)?;
        let mut out = Vec::with_capacity(count.min(FIRST) as usize);
        (&mut self.inner)
            .take(count)
            .read_to_end(&mut out)
            .map_err(|e| broken(self.path, format!("cannot be read ({what}): {e}")))?;
        if (out.len() as u64) < count {
            return Err(broken(self.path, format!("ends too early: of its {what}, {} of {count} bytes are there", out.len())));
        }
        self.ceiling -= count;
        Ok(out)
    }

    /// Returns all bytes that are left, at most `most`.
    ///
    /// Errors: there are more.
    pub fn rest(&mut self, most: u64) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::new();
        let ceiling = self.ceiling.min(most);
        (&mut self.inner)
            .take(ceiling.saturating_add(1))
            .read_to_end(&mut out)
            .map_err(|e| broken(self.path, format!("cannot be read: {e}")))?;
        if out.len() as u64 > ceiling && ceiling < most {
            let words = format!("unpacks to more than {ceiling} bytes, which is more than data of its length do");
            return Err(with_help(broken(self.path, words), "if it is the right file, unpack it first"));
        }
        if out.len() as u64 > most {
            return Err(broken(self.path, format!("holds more than {most} bytes")));
        }
        Ok(out)
    }

    /// Checks that the file can end after `count` more bytes.
    ///
    /// Errors: more are there, so the header does not describe the file. Of a packed file that is not known before it is read.
    pub fn ends_after(&self, count: u64) -> Result<(), Problem> {
        if self.exact && self.ceiling > count { Err(self.longer()) } else { Ok(()) }
    }

    fn longer(&self) -> Problem {
        broken(self.path, "has more bytes than its header describes")
    }

    /// Checks that nothing follows.
    ///
    /// Errors: bytes are left over, so the header does not describe the file.
    pub fn end(&mut self) -> Result<(), Problem> {
        let mut one = [0u8; 1];
        match self.inner.read(&mut one) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.longer()),
            Err(e) => Err(broken(self.path, format!("cannot be read to its end: {e}"))),
        }
    }
}
