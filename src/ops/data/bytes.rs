//! Reading files that may be truncated, mislabelled or malicious: sizes are checked, and memory grows only with what really arrives.

use crate::engine::Failure;
use crate::plan::facts::Problem;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Most bytes that deflate can make of one byte.
const DEFLATE_RATIO: u64 = 1_040;

/// Bytes reserved ahead of what has been read.
const FIRST: u64 = 1 << 20;

/// Returns the problem of a file that is not what it should be.
pub fn broken(path: &Path, words: impl AsRef<str>) -> Problem {
    Problem {
        code: "cfx::file::broken",
        parameter: None,
        message: format!("`{}` {}", path.display(), words.as_ref()),
        help: None,
    }
}

/// Returns the problem of a setting that does not fit the data.
pub fn unfit(parameter: &'static str, words: impl Into<String>) -> Problem {
    Problem { code: "cfx::data::setting", parameter: Some(parameter), message: words.into(), help: None }
}

/// Adds what to do to a problem.
pub fn with_help(problem: Problem, help: impl Into<String>) -> Problem {
    Problem { help: Some(help.into()), ..problem }
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
}

impl<'a> Input<'a> {
    /// Opens a file, plain or gzip (told by its first bytes, not by its name).
    ///
    /// Errors: it cannot be opened, or is packed in a form that is not read here (xz, bzip2, zstd).
    pub fn open(path: &'a Path) -> Result<Self, Problem> {
        let cannot = |e: std::io::Error| broken(path, format!("cannot be read: {e}"));
        let mut file = File::open(path).map_err(cannot)?;
        let meta = file.metadata().map_err(cannot)?;
        if !meta.is_file() {
            return Err(broken(path, "is no file"));
        }
        let mut head = Vec::new();
        (&mut file).take(6).read_to_end(&mut head).map_err(cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        let packed = [(&b"\xfd7zXZ\0"[..], "xz"), (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd")];
        if let Some((_, tool)) = packed.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(with_help(
                broken(path, format!("is packed with {tool}")),
                format!("unpack it first: `{tool} -dk {}`", path.file_name().unwrap_or_default().to_string_lossy()),
            ));
        }
        let buffered = BufReader::with_capacity(1 << 16, file);
        Ok(if head.starts_with(&[0x1f, 0x8b]) {
            let ceiling = meta.len().saturating_mul(DEFLATE_RATIO).saturating_add(1 << 16);
            Input { path, inner: Box::new(MultiGzDecoder::new(buffered)), ceiling }
        } else {
            Input { path, inner: Box::new(buffered), ceiling: meta.len() }
        })
    }

    /// Returns an input over bytes in memory, named by a path for messages.
    pub fn over(path: &'a Path, bytes: Vec<u8>) -> Self {
        let ceiling = bytes.len() as u64;
        Input { path, inner: Box::new(std::io::Cursor::new(bytes)), ceiling }
    }

    /// Returns an input over a reader that can give at most `ceiling` bytes, such as a member of an archive.
    pub fn lending(path: &'a Path, inner: &'a mut dyn Read, ceiling: u64) -> Self {
        Input { path, inner: Box::new(inner), ceiling }
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
        (&mut self.inner)
            .take(most.saturating_add(1))
            .read_to_end(&mut out)
            .map_err(|e| broken(self.path, format!("cannot be read: {e}")))?;
        if out.len() as u64 > most {
            return Err(broken(self.path, format!("holds more than {most} bytes")));
        }
        Ok(out)
    }

    /// Checks that nothing follows.
    ///
    /// Errors: bytes are left over, so the header does not describe the file.
    pub fn end(&mut self) -> Result<(), Problem> {
        let mut one = [0u8; 1];
        match self.inner.read(&mut one) {
            Ok(0) => Ok(()),
            Ok(_) => Err(broken(self.path, "goes on after what its header describes")),
            Err(e) => Err(broken(self.path, format!("cannot be read to its end: {e}"))),
        }
    }
}
