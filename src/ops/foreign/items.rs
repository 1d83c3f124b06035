//! What a pickle builds: items in one arena, and the numbers and texts that bytes stand for.

use super::global::Global;
use super::{Kind, Unreadable};
use std::sync::Arc;

/// Longest text that names something.
pub(super) const NAME: usize = 1 << 12;

/// An item's place in the arena.
pub type Id = usize;

/// What a pickle builds.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// None, a truth value, an object's state: read, and of no use here.
    Inert,
    /// Bytes. Python 2 wrote texts and bytes alike; what is longer than a name is taken for bytes.
    Bytes(Vec<u8>),
    /// A whole number.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Text(String),
    /// A tuple, list or set.
    Sequence(Vec<Id>),
    /// A dictionary, in the order written.
    Dict(Vec<(Id, Id)>),
    /// A name that may be called, or that stands for a kind of numbers.
    Global(Global),
    /// An object of no use here, by the name of what makes it.
    Foreign(Arc<str>),
    /// Where numbers are kept: the key of a storage, what it holds, how many, and the first one of this view.
    Storage { key: String, kind: Kind, count: u64, first: u64 },
    /// A tensor within a storage.
    Tensor { storage: Id, offset: u64, shape: Vec<u64>, stride: Vec<u64> },
    /// A NumPy array: its shape, its kind of numbers (`u1`, `f4`), whether the first index runs fastest, and its bytes.
    Array { shape: Vec<u64>, of: String, columns_first: bool, bytes: Id },
}

/// What a pickle held.
#[derive(Debug)]
pub struct Pickle {
    pub(super) items: Vec<Item>,
    /// The item it stands for.
    pub root: Id,
}

impl Pickle {
    /// Returns an item.
    pub fn item(&self, id: Id) -> &Item {
        self.items.get(id).unwrap_or(&Item::Inert)
    }

    /// Returns the text of an item that is one.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.item(id) {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the whole numbers of a list or of a one-dimensional array of NumPy; `None` if it is neither.
    pub fn whole_numbers(&self, id: Id) -> Option<Vec<i128>> {
        match self.item(id) {
            Item::Sequence(items) => {
                items.iter().map(|id| if let Item::Int(n) = self.item(*id) { Some(*n) } else { None }).collect()
            }
            Item::Array { shape, of, bytes, .. } if shape.iter().filter(|n| **n != 1).count() <= 1 => {
                let Item::Bytes(bytes) = self.item(*bytes) else { return None };
                let width = number_width(of).filter(|w| bytes.len() % w == 0)?;
                let all: Option<Vec<i128>> = bytes.chunks_exact(width).map(|b| whole(&scalar(of, b))).collect();
                all.filter(|n| Some(n.len() as u64) == shape.iter().try_fold(1u64, |a, b| a.checked_mul(*b)))
            }
            _ => None,
        }
    }

    /// Returns all storages, in the order in which they were named.
    pub fn storages(&self) -> impl Iterator<Item = (&str, Kind, u64)> {
        self.items.iter().filter_map(|item| match item {
            Item::Storage { key, kind, count, .. } => Some((key.as_str(), *kind, *count)),
            _ => None,
        })
    }
}

/// Returns the bytes of a number of a kind such as `<i8`, where it is one.
pub(super) fn number_width(of: &str) -> Option<usize> {
    let digits = of.trim_start_matches(['<', '>', '|', '=']).strip_prefix(['i', 'u', 'f', 'b'])?;
    digits.parse().ok().filter(|w| matches!(w, 1 | 2 | 4 | 8))
}

/// Returns the number that bytes stand for; what is none here is inert.
pub(super) fn scalar(of: &str, bytes: &[u8]) -> Item {
    if number_width(of) != Some(bytes.len()) {
        return Item::Inert;
    }
    let mut eight = [0u8; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    if of.starts_with('>') {
        eight[..bytes.len()].reverse();
    }
    let n = u64::from_le_bytes(eight);
    let unused = 64 - 8 * bytes.len() as u32;
    match (of.trim_start_matches(['<', '>', '|', '=']).as_bytes().first(), bytes.len()) {
        (Some(b'f'), 8) => Item::Float(f64::from_bits(n)),
        (Some(b'f'), 4) => Item::Float(f32::from_bits(n as u32).into()),
        (Some(b'f'), 2) => Item::Float(half::f16::from_bits(n as u16).into()),
        (Some(b'i'), _) => Item::Int((((n << unused) as i64) >> unused).into()),
        (Some(b'u' | b'b'), _) => Item::Int(n.into()),
        _ => Item::Inert,
    }
}

pub(super) fn whole(item: &Item) -> Option<i128> {
    match item {
        Item::Int(n) => Some(*n),
        Item::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => Some(*x as i128),
        _ => None,
    }
}

/// Returns the bytes of a text as Python 2 writes it between quotes.
pub(super) fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match after.first() {
            Some(b'x') => {
                let digits = after.get(1..3).and_then(|d| std::str::from_utf8(d).ok());
                out.push(digits.and_then(|d| u8::from_str_radix(d, 16).ok()).unwrap_or(0));
                rest = after.get(3..).unwrap_or_default();
            }
            Some(c) => {
                out.push(match c {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                rest = &after[1..];
            }
            None => {}
        }
    }
    out
}

/// Returns a text as protocol 0 writes it: Latin-1, other characters by four or eight hexadecimal digits behind `\u` and `\U`.
pub(super) fn unicode(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        let size = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let code = line.get(at + 2..at + 2 + size).filter(|_| size > 0).and_then(|d| std::str::from_utf8(d).ok());
        match code.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                at += 2 + size;
            }
            None => {
                out.push(char::from(*byte));
                at += 1;
            }
        }
    }
    out
}

pub(super) fn malformed(what: &str) -> Unreadable {
    Unreadable::new(format!("is damaged, or not a pickle: {what}"))
}
