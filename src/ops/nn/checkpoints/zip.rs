//! The directory of a zip archive (PKWARE APPNOTE 6.3, with zip64): enough to find and unpack the members of a PyTorch checkpoint.

use super::listing::Block;
use crate::ops::foreign::Unreadable;
use flate2::read::DeflateDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Longest tail in which the end record may stand: the record and its comment.
const TAIL: u64 = 22 + 65_535;
/// Longest directory that is read.
const DIRECTORY: u64 = 1 << 28;

/// An archive's members by name.
pub struct Archive {
    members: BTreeMap<String, Member>,
}

/// A member: where its header is, and its sizes.
#[derive(Clone, Copy)]
struct Member {
    header: u64,
    stored: u64,
    bytes: u64,
    method: u64,
}

/// Little-endian numbers out of bytes, or nothing beyond their end.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    Some(part.iter().rev().fold(0, |a, b| a << 8 | u64::from(*b)))
}

fn damaged() -> Unreadable {
    Unreadable::new("is a damaged archive: its directory cannot be read, or it is cut short")
}

/// Returns that many bytes from a place.
fn bytes_at(file: &mut File, at: u64, count: u64) -> Result<Vec<u8>, Unreadable> {
    file.seek(SeekFrom::Start(at))?;
    let mut out = Vec::new();
    file.take(count).read_to_end(&mut out)?;
    if out.len() as u64 == count { Ok(out) } else { Err(damaged()) }
}

impl Archive {
    /// Reads the directory of an archive of that length.
    ///
    /// Errors: there is none, or it is damaged.
    pub fn open(file: &mut File, length: u64) -> Result<Self, Unreadable> {
        let start = length.saturating_sub(TAIL);
        let tail = bytes_at(file, start, length - start)?;
        let end = (0..tail.len().saturating_sub(21)).rev().find(|i| tail[*i..].starts_with(b"PK\x05\x06")).ok_or_else(damaged)?;
        let get = |at, size| number(&tail, end + at, size).ok_or_else(damaged);
        let (mut size, mut offset) = (get(12, 4)?, get(16, 4)?);
        if end >= 20 && tail[end - 20..].starts_with(b"PK\x06\x07") {
            let at = number(&tail, end - 12, 8).ok_or_else(damaged)?;
            let record = bytes_at(file, at, 56)?;
            if !record.starts_with(b"PK\x06\x06") {
                return Err(damaged());
            }
            (size, offset) = (number(&record, 40, 8).ok_or_else(damaged)?, number(&record, 48, 8).ok_or_else(damaged)?);
        }
        if size > DIRECTORY || offset.checked_add(size).is_none_or(|e| e > length) {
            return Err(damaged());
        }
        let directory = bytes_at(file, offset, size)?;
        let mut members = BTreeMap::new();
        let mut at = 0usize;
        while at < directory.len() {
            let record = directory.get(at..).filter(|r| r.starts_with(b"PK\x01\x02")).ok_or_else(damaged)?;
            let (name, member, next) = member(record).ok_or_else(damaged)?;
            members.insert(name, member);
            at += next;
        }
        Ok(Archive { members })
    }

    /// Returns the names of all members in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Returns where the bytes of a member are; nothing where there is no such member.
    ///
    /// Errors: its header is damaged, or it is packed by a method other than deflate.
    pub fn find(&self, file: &mut File, length: u64, name: &str) -> Result<Option<Block>, Unreadable> {
        let Some(member) = self.members.get(name) else { return Ok(None) };
        if !matches!(member.method, 0 | 8) {
            return Err(Unreadable::new(format!("packs `{name}` by method {}, which is not known here", member.method)));
        }
        let header = bytes_at(file, member.header, 30)?;
        let (name_length, extra) = (number(&header, 26, 2).ok_or_else(damaged)?, number(&header, 28, 2).ok_or_else(damaged)?);
        let at = member.header.checked_add(30 + name_length + extra).ok_or_else(damaged)?;
        let deflated = member.method == 8;
        let fits = at.checked_add(member.stored).is_some_and(|e| e <= length);
        if !header.starts_with(b"PK\x03\x04") || !fits || !deflated && member.stored != member.bytes {
            return Err(damaged());
        }
        Ok(Some(Block { at, stored: member.stored, bytes: member.bytes, deflated }))
    }

    /// Returns the bytes of a member, at most `most`; nothing where there is no such member.
    ///
    /// Errors: as [`Archive::find`]; also where it is longer or cut short.
    pub fn read(&self, file: &mut File, length: u64, name: &str, most: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(block) = self.find(file, length, name)? else { return Ok(None) };
        if block.bytes > most {
            return Err(Unreadable::new(format!("has {} bytes in `{name}`; at most {most} are read", block.bytes)));
        }
        let packed = bytes_at(file, block.at, if block.deflated { block.stored } else { block.bytes })?;
        let mut out = packed;
        if block.deflated {
            let mut unpacked = Vec::new();
            DeflateDecoder::new(&out[..]).take(block.bytes).read_to_end(&mut unpacked).map_err(|_| damaged())?;
            out = unpacked;
        }
        if out.len() as u64 == block.bytes { Ok(Some(out)) } else { Err(damaged()) }
    }
}

/// Returns a directory record's name and member, and its own length.
fn member(record: &[u8]) -> Option<(String, Member, usize)> {
    let get = |at, size| number(record, at, size);
    let (name_length, extra_length, comment) = (get(28, 2)? as usize, get(30, 2)? as usize, get(32, 2)? as usize);
    let name = record.get(46..46 + name_length)?;
    let extra = record.get(46 + name_length..46 + name_length + extra_length)?;
    let mut sizes = [get(24, 4)?, get(20, 4)?, get(42, 4)?];
    // zip64: the fields that are all ones stand in extra field 1, in this order.
    let mut rest = extra;
    while rest.len() >= 4 {
        let (tag, size) = (number(rest, 0, 2)?, number(rest, 2, 2)? as usize);
        let body = rest.get(4..4 + size)?;
        if tag == 1 {
            let mut at = 0;
            for field in sizes.iter_mut().filter(|f| **f == 0xffff_ffff) {
                *field = number(body, at, 8)?;
                at += 8;
            }
        }
        rest = &rest[4 + size..];
    }
    let [bytes, stored, header] = sizes;
    let member = Member { header, stored, bytes, method: get(10, 2)? };
    Some((String::from_utf8_lossy(name).into_owned(), member, 46 + name_length + extra_length + comment))
}
