//! What logs of the index consist of: lines in a compact binary form, each found and checked by itself.
//!
//! A line is four bytes that no text begins with, the length of what follows, eight bytes of the BLAKE3 hash of what follows, and that:
//! a letter for its kind, then its fields in order, whole numbers with their lowest byte first, texts after their length. Where a line is
//! damaged or was left unfinished, the next one is found by its first four bytes.

use crate::base::Hash;

/// What a line begins with.
const MARK: [u8; 4] = [0xc5, 0x1f, 0x0d, 0x0a];

/// Bytes before the fields: the mark, the length, the check.
const HEAD: usize = 16;

/// What is known of a cell that has been computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Content hash of its result.
    pub hash: Hash,
    /// The operation.
    pub op: String,
    /// What the cell was called when it was computed.
    pub title: String,
    /// Size of the artifact in bytes.
    pub bytes: u64,
    /// The device kind it was computed on.
    pub device: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory at the peak, where it was seen.
    pub memory: Option<u64>,
    /// The reason, where the result is absent.
    pub absent: Option<String>,
    /// First eight bytes of the hash of the cell without its inputs; 0 where that is not known.
    pub form: u64,
    /// When, in milliseconds since 1970.
    pub created: u64,
    /// Where the artifact lies; `None` if only its hash is kept.
    pub place: Option<Place>,
}

/// Where an artifact lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a file of its own.
    File,
    /// In a pack: its name, and where it begins.
    Pack(String, u64),
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A cell was computed.
    Cell { key: Hash, entry: Entry },
    /// A plan key and the content key that it came to.
    Same { plan: Hash, key: Hash, created: u64 },
    /// The artifact of a cell was let go.
    Gone { key: Hash, created: u64 },
    /// The artifact of a cell is there for later runs alone, and was last used then.
    Spare { key: Hash, created: u64 },
}

/// What the beginning of some bytes of a log is.
#[derive(Debug, PartialEq)]
pub enum Read {
    /// A line, which ends there.
    Line(Box<Line>, usize),
    /// No line; the next one begins there at the earliest.
    Damaged(usize),
    /// The beginning of a line that is still being written, or never was finished.
    Unfinished,
}

impl Line {
    /// Appends the line as it is written.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARK);
        out.extend_from_slice(&[0; HEAD - MARK.len()]);
        match self {
            Line::Cell { key, entry: e } => {
                out.push(b'c');
                out.extend_from_slice(&key.0);
                out.extend_from_slice(&e.hash.0);
                for number in [e.bytes, e.seconds.to_bits(), e.memory.map_or(0, |m| m.saturating_add(1)), e.form, e.created] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                match &e.place {
                    None => out.push(0),
                    Some(Place::File) => out.push(1),
                    Some(Place::Pack(name, at)) => {
                        out.push(2);
                        out.extend_from_slice(&at.to_le_bytes());
                        text(out, name);
                    }
                }
                text(out, &e.op);
                text(out, &e.device);
                text(out, &e.title);
                if let Some(why) = &e.absent {
                    text(out, why);
                }
            }
            Line::Same { plan, key, created } => {
                out.push(b's');
                out.extend_from_slice(&plan.0);
                out.extend_from_slice(&key.0);
                out.extend_from_slice(&created.to_le_bytes());
            }
            Line::Gone { key, created } | Line::Spare { key, created } => {
                out.push(if matches!(self, Line::Gone { .. }) { b'g' } else { b'k' });
                out.extend_from_slice(&key.0);
                out.extend_from_slice(&created.to_le_bytes());
            }
        }
        let length = (out.len() - start - HEAD) as u32;
        let check = Hash::of(&out[start + HEAD..]);
        out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        out[start + 8..start + HEAD].copy_from_slice(&check.0[..8]);
    }

    /// Returns the line that these bytes of a log begin with.
    pub fn read(bytes: &[u8]) -> Read {
        let next = || 1 + find(&bytes[1..], &MARK).unwrap_or(bytes.len() - 1);
        if !MARK.starts_with(&bytes[..bytes.len().min(4)]) {
            return Read::Damaged(next());
        }
        let Some(head) = bytes.get(..HEAD) else { return Read::Unfinished };
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(fields) = bytes.get(HEAD..HEAD + length) else {
            // Either the rest is not there yet, or the length is damaged: then other lines follow.
            return if find(&bytes[1..], &MARK).is_some() { Read::Damaged(next()) } else { Read::Unfinished };
        };
        match fields_of(fields).filter(|_| Hash::of(fields).0[..8] == head[8..HEAD]) {
            Some(line) => Read::Line(Box::new(line), HEAD + length),
            None => Read::Damaged(next()),
        }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

/// Returns the line of these fields; `None` if they are not those of a line.
fn fields_of(fields: &[u8]) -> Option<Line> {
    let (kind, rest) = fields.split_first()?;
    let mut from = Fields(rest);
    let line = match kind {
        b'c' => {
            let (key, hash) = (from.hash()?, from.hash()?);
            let (bytes, seconds, memory, form, created) =
                (from.number()?, from.number()?, from.number()?, from.number()?, from.number()?);
            let place = match from.take(1)?[0] {
                0 => None,
                1 => Some(Place::File),
                2 => {
                    let at = from.number()?;
                    Some(Place::Pack(from.text()?, at))
                }
                _ => return None,
            };
            let (op, device, title) = (from.text()?, from.text()?, from.text()?);
            let absent = if from.0.is_empty() { None } else { Some(from.text()?) };
            let (seconds, memory) = (f64::from_bits(seconds), memory.checked_sub(1));
            Line::Cell { key, entry: Entry { hash, op, title, bytes, device, seconds, memory, absent, form, created, place } }
        }
        b's' => Line::Same { plan: from.hash()?, key: from.hash()?, created: from.number()? },
        b'g' => Line::Gone { key: from.hash()?, created: from.number()? },
        b'k' => Line::Spare { key: from.hash()?, created: from.number()? },
        _ => return None,
    };
    from.0.is_empty().then_some(line)
}

/// Fields not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn hash(&mut self) -> Option<Hash> {
        Some(Hash(self.take(32)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = u32::from_le_bytes(self.take(4)?.try_into().ok()?) as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}
