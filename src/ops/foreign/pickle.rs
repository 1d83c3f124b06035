//! A restricted unpickler: builds numbers, texts, bytes, containers, NumPy arrays and descriptions of tensors, and can run nothing.
//!
//! Python's pickles are programs for a stack machine (PEP 307, 3154, 574; `pickletools`). This one knows the instructions of protocols 0 to 5
//! that build data. The names in [`super::global`] are all that stand for something, each for an effect written here. Objects of other kinds are passed
//! over: neither they nor what is made with them are built, and names that could do something are an error that says them.
//! Items live in one arena and refer to each other by index, so that no depth of nesting costs stack.

use super::Unreadable;
use super::items::{malformed, unescaped, unicode};
use super::machine::{MOST, Machine};
use std::collections::BTreeMap;
use std::io::Read;

pub use super::items::{Id, Item, Pickle};

/// Longest pickle that describes weights, in bytes.
pub const LONGEST: u64 = 1 << 26;

/// Reads one pickle that describes weights and leaves the reader behind its end.
///
/// Errors: it is cut short or malformed, too large, or refers to a name that is none of the few known.
pub fn read(from: &mut impl Read) -> Result<Pickle, Unreadable> {
    read_within(from, LONGEST)
}

/// Reads one pickle of at most that many bytes; see [`read`].
pub fn read_within(from: &mut impl Read, longest: u64) -> Result<Pickle, Unreadable> {
    let mut machine =
        Machine { from, left: longest, items: vec![Item::Inert], stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new() };
    let root = machine.run()?;
    Ok(Pickle { items: machine.items, root })
}

impl<R: Read> Machine<'_, R> {
    /// Runs instructions until the one that ends the pickle.
    fn run(&mut self) -> Result<Id, Unreadable> {
        loop {
            let code = self.number(1)? as u8;
            match code {
                b'.' => return self.pop(),
                0x80 => match self.number(1)? {
                    0..=5 => {}
                    other => return Err(malformed(&format!("protocol {other} is not known"))),
                },
                0x95 => drop(self.number(8)?),
                // The stack.
                b'(' => {
                    if self.marks.len() >= MOST {
                        return Err(malformed("it holds more than expected"));
                    }
                    self.marks.push(self.stack.len());
                }
                // As Python has it, this also takes away a mark with nothing above it.
                b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.since_mark()?),
                b'2' => {
                    let id = self.top()?;
                    self.repeat(id)?;
                }
                b'p' => {
                    let key = self.key()?;
                    self.remember(key)?;
                }
                b'q' => {
                    let key = self.number(1)?;
                    self.remember(key)?;
                }
                b'r' => {
                    let key = self.number(4)?;
                    self.remember(key)?;
                }
                0x94 => self.remember(self.memo.len() as u64)?,
                b'g' => {
                    let key = self.key()?;
                    self.recall(key)?;
                }
                b'h' => {
                    let key = self.number(1)?;
                    self.recall(key)?;
                }
                b'j' => {
                    let key = self.number(4)?;
                    self.recall(key)?;
                }
                // Numbers and truth values.
                b'N' | 0x89 => self.push(Item::Inert)?,
                0x88 => self.push(Item::Int(1))?,
                b'I' | b'L' => self.digits()?,
                b'J' => {
                    let number = self.number(4)? as u32 as i32;
                    self.push(Item::Int(number.into()))?;
                }
                b'K' => {
                    let number = self.number(1)?;
                    self.push(Item::Int(number.into()))?;
                }
                b'M' => {
                    let number = self.number(2)?;
                    self.push(Item::Int(number.into()))?;
                }
                0x8a => {
                    let count = self.number(1)?;
                    self.long(count)?;
                }
                0x8b => {
                    let count = self.number(4)?;
                    self.long(count)?;
                }
                b'F' => {
                    let number = self.line()?.parse().map_err(|_| malformed("a number cannot be read"))?;
                    self.push(Item::Float(number))?;
                }
                b'G' => {
                    let bits = self.number(8)?.swap_bytes();
                    self.push(Item::Float(f64::from_bits(bits)))?;
                }
                // Texts and bytes.
                b'S' => {
                    let line = self.bytes_of_line(usize::MAX)?;
                    let line = line.strip_suffix(b"\r").unwrap_or(&line);
                    let text = match line {
                        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => unescaped(inner),
                        _ => return Err(malformed("a text has no quotes")),
                    };
                    self.letters(text)?;
                }
                b'V' => {
                    let line = self.bytes_of_line(usize::MAX)?;
                    self.push(Item::Text(unicode(line.strip_suffix(b"\r").unwrap_or(&line))))?;
                }
                b'X' => {
                    let count = self.number(4)?;
                    self.utf8(count)?;
                }
                b'T' => {
                    let count = self.number(4)?;
                    self.string(count)?;
                }
                b'U' => {
                    let count = self.number(1)?;
                    self.string(count)?;
                }
                0x8c => {
                    let count = self.number(1)?;
                    self.utf8(count)?;
                }
                0x8d => {
                    let count = self.number(8)?;
                    self.utf8(count)?;
                }
                b'B' => {
                    let count = self.number(4)?;
                    self.raw(count)?;
                }
                b'C' => {
                    let count = self.number(1)?;
                    self.raw(count)?;
                }
                0x8e | 0x96 => {
                    let count = self.number(8)?;
                    self.raw(count)?;
                }
                // Containers.
                b')' | b']' | 0x8f => self.push(Item::Sequence(Vec::new()))?,
                b't' | b'l' | 0x91 => {
                    let items = self.since_mark()?;
                    self.push(Item::Sequence(items))?;
                }
                0x85..=0x87 => self.tuple(usize::from(code - 0x84))?,
                b'a' => {
                    let (new, to) = (self.pop()?, self.top()?);
                    self.extend(to, vec![new])?;
                }
                b'e' | 0x90 => {
                    let new = self.since_mark()?;
                    let to = self.top()?;
                    self.extend(to, new)?;
                }
                b'}' => self.dict(Vec::new())?,
                b'd' => {
                    let items = self.since_mark()?;
                    self.dict(items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    let to = self.top()?;
                    self.set(to, vec![key, value])?;
                }
                b'u' => {
                    let new = self.since_mark()?;
                    let to = self.top()?;
                    self.set(to, new)?;
                }
                // Names, and what they make.
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.refer(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (module, name) = (self.text(module)?, self.text(name)?);
                    self.refer(&module, &name)?;
                }
                b'R' | 0x81 => self.reduce()?,
                0x92 => {
                    let (_named, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
                    let made = self.call(callee, arguments)?;
                    self.push(made)?;
                }
                // Objects of classes, in the forms of protocols 0 and 1.
                b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let _given = self.since_mark()?;
                    self.refer(&module, &name)?;
                    self.object()?;
                }
                b'o' => {
                    let given = self.since_mark()?;
                    let class = given.first().copied().ok_or_else(|| malformed("an object has no class"))?;
                    self.repeat(class)?;
                    self.object()?;
                }
                // State of an ordered dictionary (`_metadata`): read and left out.
                b'b' => {
                    let (state, to) = (self.pop()?, self.top()?);
                    match self.items[to] {
                        Item::Array { .. } => self.fill(to, state)?,
                        Item::Text(_) => self.order(to, state),
                        Item::Dict(_) | Item::Tensor { .. } | Item::Foreign(_) => {}
                        _ => return Err(malformed("an object is built in a way not known here")),
                    }
                }
                b'Q' => {
                    let id = self.pop()?;
                    let storage = self.persistent(id)?;
                    self.push(storage)?;
                }
                other => return Err(malformed(&format!("the instruction {other:#04x} builds no data"))),
            }
        }
    }
}
