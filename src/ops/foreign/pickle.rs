//! A restricted unpickler: builds numbers, texts, bytes, containers, NumPy arrays and descriptions of tensors, and can run nothing.
//!
//! Python's pickles are programs for a stack machine (PEP 307, 3154, 574; `pickletools`). This one knows the instructions of protocols 0 to 5
//! that build data. The names in [`super::global`] are all that stand for something, each for an effect written here. Objects of other kinds are passed
//! over: neither they nor what is made with them are built, and names that could do something are an error that says them.
//! Items live in one arena and refer to each other by index, so that no depth of nesting costs stack.

use super::global::{Global, Known, known};
use super::{Kind, Unreadable};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Longest pickle that describes weights, in bytes.
pub const LONGEST: u64 = 1 << 26;
/// Most items that a pickle may build.
const MOST: usize = 1 << 22;
/// Longest line of the text protocol.
const LINE: usize = 1 << 20;
/// Longest text that names something.
const NAME: usize = 1 << 12;
/// Longest tuple that is taken apart: arguments, shapes.
const TUPLE: usize = 64;

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
    items: Vec<Item>,
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

    /// Returns the whole numbers of a list or of a one-dimensional array of NumPy; nothing where it is neither.
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

/// Returns the bytes of a number of a kind such as `<i8`, where it is one.
fn number_width(of: &str) -> Option<usize> {
    let digits = of.trim_start_matches(['<', '>', '|', '=']).strip_prefix(['i', 'u', 'f', 'b'])?;
    digits.parse().ok().filter(|w| matches!(w, 1 | 2 | 4 | 8))
}

/// Returns the number that bytes stand for; what is none here is inert.
fn scalar(of: &str, bytes: &[u8]) -> Item {
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

fn whole(item: &Item) -> Option<i128> {
    match item {
        Item::Int(n) => Some(*n),
        Item::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => Some(*x as i128),
        _ => None,
    }
}

/// Returns the bytes of a text as Python 2 writes it between quotes.
fn unescaped(line: &[u8]) -> Vec<u8> {
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
fn unicode(line: &[u8]) -> String {
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

fn malformed(what: &str) -> Unreadable {
    Unreadable::new(format!("is damaged, or no pickle: {what}"))
}

struct Machine<'a, R> {
    from: &'a mut R,
    left: u64,
    items: Vec<Item>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
}

impl<R: Read> Machine<'_, R> {
    /// Returns that many bytes.
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Unreadable> {
        self.left = self.left.checked_sub(count).ok_or_else(|| malformed("it is longer than expected"))?;
        let mut out = Vec::new();
        (&mut *self.from).take(count).read_to_end(&mut out)?;
        if out.len() as u64 == count { Ok(out) } else { Err(Unreadable::new("is cut short")) }
    }

    /// Returns a little-endian number of that many bytes.
    fn number(&mut self, size: u64) -> Result<u64, Unreadable> {
        let mut eight = [0u8; 8];
        let to = &mut eight[..size.min(8) as usize];
        self.left = self.left.checked_sub(to.len() as u64).ok_or_else(|| malformed("it is longer than expected"))?;
        self.from.read_exact(to)?;
        Ok(u64::from_le_bytes(eight))
    }

    /// Returns a line of text without its end.
    fn line(&mut self) -> Result<String, Unreadable> {
        self.bytes_of_line(LINE).map(|out| String::from_utf8_lossy(&out).trim_end_matches('\r').to_string())
    }

    fn bytes_of_line(&mut self, longest: usize) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::new();
        loop {
            match self.number(1)? as u8 {
                b'\n' => return Ok(out),
                byte if out.len() < longest => out.push(byte),
                _ => return Err(malformed("a line is too long")),
            }
        }
    }

    /// Puts a whole number down that is written in digits; one of more than 127 bits is of no use here.
    fn digits(&mut self) -> Result<(), Unreadable> {
        let line = self.line()?;
        let digits = line.trim_end_matches('L');
        let item = match digits.parse() {
            Ok(number) => Item::Int(number),
            Err(_) if !digits.is_empty() && digits.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) => Item::Inert,
            Err(_) => return Err(malformed("a number is no number")),
        };
        self.push(item)
    }

    /// Puts a string of Python 2 down: a text where it may be a name, bytes where it is too long for one, or no text.
    fn letters(&mut self, bytes: Vec<u8>) -> Result<(), Unreadable> {
        match String::from_utf8(bytes) {
            Ok(text) if text.len() <= NAME => self.push(Item::Text(text)),
            Ok(text) => self.push(Item::Bytes(text.into_bytes())),
            Err(none) => self.push(Item::Bytes(none.into_bytes())),
        }
    }

    fn add(&mut self, item: Item) -> Result<Id, Unreadable> {
        if self.items.len() >= MOST {
            return Err(malformed("it holds more than expected"));
        }
        self.items.push(item);
        Ok(self.items.len() - 1)
    }

    fn push(&mut self, item: Item) -> Result<(), Unreadable> {
        let id = if item == Item::Inert { 0 } else { self.add(item)? };
        self.repeat(id)
    }

    fn repeat(&mut self, id: Id) -> Result<(), Unreadable> {
        if self.stack.len() >= MOST {
            return Err(malformed("it holds more than expected"));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Returns the lowest place that may be popped: behind the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, Unreadable> {
        if self.stack.len() <= self.floor() {
            return Err(malformed("it takes more than it has put down"));
        }
        self.stack.pop().ok_or_else(|| malformed("it takes more than it has put down"))
    }

    fn top(&self) -> Result<Id, Unreadable> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        top.copied().ok_or_else(|| malformed("it refers to what is not there"))
    }

    /// Returns everything above the last mark, and removes the mark.
    fn since_mark(&mut self) -> Result<Vec<Id>, Unreadable> {
        let mark = self.marks.pop().ok_or_else(|| malformed("a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Returns a short text. (What is copied is bounded, so that referring to one item again and again cannot fill the memory.)
    fn text(&self, id: Id) -> Result<String, Unreadable> {
        match &self.items[id] {
            Item::Text(text) if text.len() <= NAME => Ok(text.clone()),
            Item::Int(number) => Ok(number.to_string()),
            _ => Err(malformed("a name is missing")),
        }
    }

    /// Returns the parts of a short tuple.
    fn sequence(&self, id: Id) -> Result<Vec<Id>, Unreadable> {
        match &self.items[id] {
            Item::Sequence(items) if items.len() <= TUPLE => Ok(items.clone()),
            _ => Err(malformed("a tuple is missing")),
        }
    }

    fn count(&self, id: Id) -> Result<u64, Unreadable> {
        match &self.items[id] {
            Item::Int(number) => u64::try_from(*number).map_err(|_| malformed("a size is no size")),
            _ => Err(malformed("a size is missing")),
        }
    }

    fn counts(&self, id: Id) -> Result<Vec<u64>, Unreadable> {
        self.sequence(id)?.into_iter().map(|i| self.count(i)).collect()
    }

    /// Puts a name down: what it stands for, or an object that is passed over.
    fn refer(&mut self, module: &str, name: &str) -> Result<(), Unreadable> {
        match known(module, name) {
            Known::As(global) => self.push(Item::Global(global)),
            Known::Inert => self.push(Item::Foreign(format!("{module}.{name}").into())),
            Known::Refused => Err(Unreadable::new(format!(
                "refers to `{module}.{name}`, which is not built here: only tensors and plain containers are"
            ))
            .help("save the weights alone, `torch.save(model.state_dict(), path)`, or as safetensors")),
        }
    }

    /// Returns what a known name makes of its arguments.
    fn call(&mut self, callee: Id, arguments: Id) -> Result<Item, Unreadable> {
        let known = match &self.items[callee] {
            Item::Global(known) => *known,
            // Nothing is made, whatever is given.
            Item::Foreign(name) => return Ok(Item::Foreign(name.clone())),
            _ => return Err(malformed("it calls what cannot be called")),
        };
        let arguments = self.sequence(arguments)?;
        match (known, &arguments[..]) {
            (Global::Dict, []) => Ok(Item::Dict(Vec::new())),
            // A `defaultdict` is given what its missing values are made by.
            (Global::Dict, [made_by]) if matches!(self.items[*made_by], Item::Inert | Item::Foreign(_) | Item::Global(_)) => {
                Ok(Item::Dict(Vec::new()))
            }
            (Global::Dict, [from]) => {
                // What was put together only to be handed over is moved: copies could fill the memory.
                let pairs = match std::mem::replace(&mut self.items[*from], Item::Inert) {
                    Item::Dict(pairs) => pairs,
                    Item::Sequence(items) => {
                        let pair = |id: Id| match &self.items[id] {
                            Item::Sequence(kv) if kv.len() == 2 => Ok((kv[0], kv[1])),
                            _ => Err(malformed("a pair is missing")),
                        };
                        items.into_iter().map(pair).collect::<Result<_, _>>()?
                    }
                    _ => return Err(malformed("a dictionary is missing")),
                };
                Ok(Item::Dict(pairs))
            }
            (Global::Size, [from]) => Ok(Item::Sequence(self.sequence(*from)?)),
            (Global::Tensor, [storage, offset, shape, stride, ..]) if matches!(self.items[*storage], Item::Storage { .. }) => {
                let (shape, stride) = (self.counts(*shape)?, self.counts(*stride)?);
                Ok(Item::Tensor { storage: *storage, offset: self.count(*offset)?, shape, stride })
            }
            // A storage of a kind that is not read: the tensor is none of use.
            (Global::Tensor, [storage, ..]) if matches!(self.items[*storage], Item::Foreign(_)) => {
                Ok(self.items[*storage].clone())
            }
            (Global::Parameter, [data, ..]) if matches!(self.items[*data], Item::Foreign(_)) => Ok(self.items[*data].clone()),
            (Global::Typed, [function, _class, given, ..])
                if matches!(self.items[*function], Item::Global(Global::Tensor | Global::Parameter) | Item::Foreign(_)) =>
            {
                self.call(*function, *given)
            }
            (Global::Scalar, [of, bytes]) => match (&self.items[*of], &self.items[*bytes]) {
                (Item::Text(of), Item::Bytes(bytes)) => Ok(scalar(of, bytes)),
                (Item::Text(of), Item::Text(bytes)) => Ok(scalar(of, bytes.as_bytes())),
                _ => Ok(Item::Inert),
            },
            (Global::NewArray, _) => Ok(Item::Array { shape: Vec::new(), of: String::new(), columns_first: false, bytes: 0 }),
            (Global::NumberType, [of, ..]) => Ok(Item::Text(self.text(*of)?)),
            // Text in Latin-1 is bytes, one a character. (What is handed over is moved, as above.)
            (Global::Encode, [text, _]) => match std::mem::replace(&mut self.items[*text], Item::Inert) {
                Item::Text(text) => Ok(Item::Bytes(text.chars().map(|c| c as u32 as u8).collect())),
                _ => Err(malformed("bytes are described in a way not known here")),
            },
            (Global::Parameter, [data, ..]) if matches!(self.items[*data], Item::Tensor { .. }) => Ok(self.items[*data].clone()),
            _ => Err(malformed("a tensor is described in a way not known here")),
        }
    }

    /// Returns the storage that a persistent id of torch.save names.
    fn persistent(&mut self, id: Id) -> Result<Item, Unreadable> {
        let parts = self.sequence(id)?;
        let &[word, kind, key, _location, count, ref view @ ..] = &parts[..] else {
            return Err(malformed("a storage is described in a way not known here"));
        };
        if self.text(word)? != "storage" {
            return Err(Unreadable::new("holds a whole module, whose code is not run here")
                .help("save its weights alone: `torch.save(model.state_dict(), path)`"));
        }
        let kind = match &self.items[kind] {
            Item::Global(Global::Storage(kind)) => *kind,
            Item::Foreign(name) => return Ok(Item::Foreign(name.clone())),
            _ => return Err(malformed("a storage has no kind")),
        };
        // Files before 1.6 may name a view of a storage: its key, its first number, its size.
        let first = match view.first().map(|v| &self.items[*v]) {
            Some(Item::Sequence(view)) if view.len() == 3 => self.count(view[1])?,
            _ => 0,
        };
        Ok(Item::Storage { key: self.text(key)?, kind, count: self.count(count)?, first })
    }

    fn extend(&mut self, to: Id, new: Vec<Id>) -> Result<(), Unreadable> {
        match &mut self.items[to] {
            Item::Sequence(items) => items.extend(new),
            Item::Foreign(_) => {}
            _ => return Err(malformed("it appends to what is no list")),
        }
        Ok(())
    }

    fn set(&mut self, to: Id, new: Vec<Id>) -> Result<(), Unreadable> {
        if !new.len().is_multiple_of(2) {
            return Err(malformed("a key has no value"));
        }
        match &mut self.items[to] {
            Item::Dict(pairs) => pairs.extend(new.chunks_exact(2).map(|p| (p[0], p[1]))),
            Item::Foreign(_) => {}
            _ => return Err(malformed("it sets items of what is no dictionary")),
        }
        Ok(())
    }

    fn dict(&mut self, items: Vec<Id>) -> Result<(), Unreadable> {
        self.push(Item::Dict(Vec::new()))?;
        let to = self.top()?;
        self.set(to, items)
    }

    fn utf8(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.push(Item::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn string(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.letters(bytes)
    }

    fn raw(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.push(Item::Bytes(bytes))
    }

    /// Fills an array from its state: version, shape, kind of numbers, order, bytes.
    fn fill(&mut self, array: Id, state: Id) -> Result<(), Unreadable> {
        let wrong = || malformed("an array is described in a way not known here");
        let [_, shape, of, order, bytes] = self.sequence(state)?[..] else { return Err(wrong()) };
        let shape = self.counts(shape)?;
        let Item::Text(of) = &self.items[of] else { return Err(wrong()) };
        let of = of.clone();
        // Short runs of bytes from Python 2 came in as texts; those of one number a byte below 128 are the same either way.
        if !matches!(self.items[bytes], Item::Bytes(_) | Item::Text(_)) {
            return Err(wrong());
        }
        self.items[array] = Item::Array { shape, of, columns_first: self.items[order] == Item::Int(1), bytes };
        Ok(())
    }

    /// Notes the order of bytes that the state of a kind of numbers says: version, order, ...
    fn order(&mut self, of: Id, state: Id) {
        let Item::Sequence(state) = &self.items[state] else { return };
        if state.get(1).is_some_and(|order| self.items[*order] == Item::Text(">".to_string()))
            && let Item::Text(of) = &mut self.items[of]
            && of.len() < TUPLE
            && !of.starts_with('>')
        {
            of.insert(0, '>');
        }
    }

    /// Checks that what was put down last is an object that is passed over; no other is built.
    fn object(&mut self) -> Result<(), Unreadable> {
        match self.items[self.top()?] {
            Item::Foreign(_) => Ok(()),
            _ => Err(malformed("an object is built in a way not known here")),
        }
    }

    fn long(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        // Of no use here, and right all the same: `2**200`.
        if bytes.len() > 16 {
            return self.push(Item::Inert);
        }
        let fill = if bytes.last().is_some_and(|b| *b >= 0x80) { 0xff } else { 0 };
        let mut all = [fill; 16];
        all[..bytes.len()].copy_from_slice(&bytes);
        self.push(Item::Int(i128::from_le_bytes(all)))
    }

    fn remember(&mut self, key: u64) -> Result<(), Unreadable> {
        let id = self.top()?;
        self.memo.insert(key, id);
        if self.memo.len() > MOST { Err(malformed("it holds more than expected")) } else { Ok(()) }
    }

    fn recall(&mut self, key: u64) -> Result<(), Unreadable> {
        let id = self.memo.get(&key).copied().ok_or_else(|| malformed("it refers to what is not there"))?;
        self.repeat(id)
    }

    fn key(&mut self) -> Result<u64, Unreadable> {
        self.line()?.parse().map_err(|_| malformed("a place is no number"))
    }

    fn tuple(&mut self, count: usize) -> Result<(), Unreadable> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Item::Sequence(items))
    }

    fn reduce(&mut self) -> Result<(), Unreadable> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let made = self.call(callee, arguments)?;
        self.push(made)
    }

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
                    let number = self.line()?.parse().map_err(|_| malformed("a number is no number"))?;
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
