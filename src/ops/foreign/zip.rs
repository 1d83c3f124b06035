//! Zip archives: NumPy's `.npz` and PyTorch's checkpoints. Members are found by name, and read as far as they really go.

use super::{Unreadable, packed};
use crate::plan::seen;
use flate2::read::DeflateDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// A run of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it begins.
    pub at: u64,
    /// Bytes in the file.
    pub stored: u64,
    /// Bytes it stands for: `stored`, or more where it is deflated.
    pub bytes: u64,
    /// Whether it is deflated.
    pub deflated: bool,
    /// The checksum of its bytes (CRC-32), where one is written down: PyTorch, told to leave it out, writes 0.
    pub checksum: Option<u32>,
}

/// An archive.
pub struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// Length of the file.
    length: u64,
    /// Members by name; of equal names the last.
    members: BTreeMap<String, usize>,
}

/// Returns whether a file is a zip archive by its first bytes.
pub fn is_archive(path: &Path) -> bool {
    let mut head = [0u8; 4];
    seen::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && matches!(&head, b"PK\x03\x04" | b"PK\x05\x06")
}

fn damaged(why: impl std::fmt::Display) -> Unreadable {
    Unreadable::new(format!("is a damaged archive, or cut short: {why}"))
}

impl Archive {
    /// Reads the directory of an archive.
    ///
    /// Errors: the file cannot be opened; its directory is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        let file = seen::open(path)?;
        let length = file.metadata()?.len();
        let zip = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        let members = zip.file_names_raw().enumerate().map(|(i, n)| (String::from_utf8_lossy(n).into_owned(), i)).collect();
        Ok(Archive { zip, length, members })
    }

    /// Returns the names of all members in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Returns where the bytes of a member are; `None` if there is no such member.
    ///
    /// Errors: its header is damaged, or it is encrypted or packed by a method other than deflate.
    pub fn find(&mut self, name: &str) -> Result<Option<Block>, Unreadable> {
        let Some(index) = self.members.get(name) else { return Ok(None) };
        let member = self.zip.by_index_raw(*index).map_err(damaged)?;
        if member.encrypted() {
            return Err(Unreadable::new(format!("has `{name}` encrypted, which is not read here")));
        }
        let deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(Unreadable::new(format!("packs `{name}` by the method {other}, which is not known here"))),
        };
        let (stored, bytes) = (member.compressed_size(), member.size());
        let at = member.data_start().ok_or_else(|| damaged(format!("`{name}` has no place")))?;
        let fits = at.checked_add(stored).is_some_and(|e| e <= self.length);
        if !fits || !deflated && stored != bytes {
            return Err(damaged(format!("`{name}` is not inside the archive")));
        }
        let checksum = Some(member.crc32()).filter(|sum| *sum != 0);
        Ok(Some(Block { at, stored, bytes, deflated, checksum }))
    }

    /// Returns a reader of a member, whose checksum is looked at at its end, and the most bytes that it can give; `None` if there is no such
    /// member.
    ///
    /// Errors: as [`Archive::find`].
    pub fn member(&mut self, name: &str) -> Result<Option<(impl Read + '_, u64)>, Unreadable> {
        let Some(block) = self.find(name)? else { return Ok(None) };
        let Some(index) = self.members.get(name) else { return Ok(None) };
        let member = self.zip.by_index(*index).map_err(damaged)?;
        let most = if block.deflated { block.bytes.min(packed::most(block.stored)) } else { block.bytes };
        Ok(Some((member, most)))
    }

    /// Returns the bytes of a member, at most `most`; `None` if there is no such member. Checksums are not looked at: PyTorch can be told to
    /// leave them out.
    ///
    /// Errors: as [`Archive::find`]; also where it is longer or cut short.
    pub fn read(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(block) = self.find(name)? else { return Ok(None) };
        if block.bytes > most {
            return Err(Unreadable::new(format!("has {} bytes in `{name}`; at most {most} are read", block.bytes)));
        }
        let index = self.members.get(name).copied().unwrap_or_default();
        let member = self.zip.by_index_raw(index).map_err(damaged)?;
        let mut out = Vec::new();
        match block.deflated {
            true => DeflateDecoder::new(member).take(block.bytes).read_to_end(&mut out),
            false => member.take(block.bytes).read_to_end(&mut out),
        }
        .map_err(damaged)?;
        if out.len() as u64 == block.bytes { Ok(Some(out)) } else { Err(damaged(format!("`{name}` ends too early"))) }
    }
}

impl Block {
    /// Checks that the bytes are those of which the checksum was written down.
    ///
    /// Errors: they are not; the file cannot be read there.
    pub fn check(&self, path: &Path) -> Result<(), Unreadable> {
        let Some(sum) = self.checksum else { return Ok(()) };
        let (mut from, mut found) = (BufReader::with_capacity(1 << 16, self.open(path)?), flate2::Crc::new());
        loop {
            let bytes = from.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            found.update(bytes);
            let count = bytes.len();
            from.consume(count);
        }
        if found.sum() == sum { Ok(()) } else { Err(damaged("its bytes are not those of which it has the checksum")) }
    }

    /// Returns a reader of the bytes that a block stands for.
    ///
    /// Errors: the file cannot be read there.
    pub fn open(&self, path: &Path) -> Result<Box<dyn Read>, Unreadable> {
        let mut file = BufReader::new(seen::open(path)?);
        file.seek(SeekFrom::Start(self.at))?;
        Ok(match self.deflated {
            true => Box::new(DeflateDecoder::new(file.take(self.stored)).take(self.bytes)),
            false => Box::new(file.take(self.stored)),
        })
    }
}
