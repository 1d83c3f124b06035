//! A restricted unpickler: builds numbers, texts, bytes, containers, NumPy arrays and descriptions of tensors, and can run nothing.
//!
//! Python's pickles are programs for a stack machine (PEP 307, 3154, 574; `pickletools`). This one knows the instructions of protocols 0 to 5
//! that build data. The names in [`global`] are all that a pickle may refer to; each stands for an effect written here. Any other name is
//! an error that says it. Items live in one arena and refer to each other by index, so that no depth of nesting costs stack.

use super::{Kind, Unreadable};
use std::collections::BTreeMap;
use std::io::Read;

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
    /// Where numbers are kept: the key of a storage, what it holds, how many, and the first one of this view.
    Storage { key: String, kind: Kind, count: u64, first: u64 },
    /// A tensor within a storage.
    Tensor { storage: Id, offset: u64, shape: Vec<u64>, stride: Vec<u64> },
    /// A NumPy array: its shape, its kind of numbers (`u1`, `f4`), whether the first index runs fastest, and its bytes.
    Array { shape: Vec<u64>, of: String, columns_first: bool, bytes: Id },
}

/// The names that a pickle may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`, `collections.Counter`.
    Dict,
    /// `torch.Size`: a tuple.
    Size,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    Tensor,
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`.
    Parameter,
    /// `torch.FloatStorage` and its kin.
    Storage(Kind),
    /// `numpy.core.multiarray._reconstruct`: an array that its state fills.
    NewArray,
    /// `numpy.ndarray`.
    ArrayType,
    /// `numpy.dtype`.
    NumberType,
    /// `_codecs.encode`: bytes written as a text by Python 3 for Python 2.
    Encode,
}

/// Returns what a name stands for; nothing for all that are refused.
fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "Counter") => Global::Dict,
        ("torch", "Size") => Global::Size,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Global::NewArray,
        ("numpy", "ndarray") => Global::ArrayType,
        ("numpy", "dtype") => Global::NumberType,
        ("_codecs", "encode") => Global::Encode,
        ("torch" | "torch.cuda" | "torch.storage", _) => Global::Storage(match name {
            "DoubleStorage" => Kind::F64,
            "FloatStorage" => Kind::F32,
            "HalfStorage" => Kind::F16,
            "BFloat16Storage" => Kind::Bf16,
            "LongStorage" | "ComplexFloatStorage" => Kind::Other(8),
            "IntStorage" => Kind::Other(4),
            "ShortStorage" => Kind::Other(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Kind::Other(1),
            _ => return None,
        }),
        _ => return None,
    })
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
        let mut out = Vec::new();
        loop {
            match self.number(1)? as u8 {
                b'\n' => return Ok(String::from_utf8_lossy(&out).trim_end_matches('\r').to_string()),
                byte if out.len() < LINE => out.push(byte),
                _ => return Err(malformed("a line is too long")),
            }
        }
    }

    fn whole(&mut self, what: &str) -> Result<i128, Unreadable> {
        self.line()?.trim_end_matches('L').parse().map_err(|_| malformed(what))
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

    /// Puts a name down, where it is one of those known.
    fn refer(&mut self, module: &str, name: &str) -> Result<(), Unreadable> {
        match global(module, name) {
            Some(known) => self.push(Item::Global(known)),
            None => Err(Unreadable::new(format!(
                "refers to `{module}.{name}`, which is not built here: only tensors and plain containers are"
            ))
            .help("save the weights alone, `torch.save(model.state_dict(), path)`, or as safetensors")),
        }
    }

    /// Returns what a known name makes of its arguments.
    fn call(&mut self, callee: Id, arguments: Id) -> Result<Item, Unreadable> {
        let Item::Global(known) = self.items[callee] else { return Err(malformed("it calls what cannot be called")) };
        let arguments = self.sequence(arguments)?;
        match (known, &arguments[..]) {
            (Global::Dict, []) => Ok(Item::Dict(Vec::new())),
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
        let Item::Global(Global::Storage(kind)) = self.items[kind] else { return Err(malformed("a storage has no kind")) };
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

    /// Puts a string of Python 2 down: a text where it may be a name, bytes where it is too long for one.
    fn string(&mut self, count: u64) -> Result<(), Unreadable> {
        if count <= NAME as u64 { self.utf8(count) } else { self.raw(count) }
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

    fn long(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        if bytes.len() > 16 {
            return Err(malformed("a number is too large"));
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
                b'I' | b'L' => {
                    let number = self.whole("a number is no number")?;
                    self.push(Item::Int(number))?;
                }
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
                    let line = self.line()?;
                    let quoted = |q: char| line.strip_prefix(q).and_then(|l| l.strip_suffix(q));
                    let text = quoted('\'').or_else(|| quoted('"')).ok_or_else(|| malformed("a text has no quotes"))?;
                    self.push(Item::Text(text.to_string()))?;
                }
                b'V' => {
                    let text = self.line()?;
                    self.push(Item::Text(text))?;
                }
                b'X' => {
                    let count = self.number(4)?;
                    self.utf8(count)?;
                }
                b'T' => {
                    let count = self.number(4)?;
                    self.string(count)?;
                }
                b'U' | 0x8c => {
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
                b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.refer(&module, &name)?;
                    return Err(malformed("an object is built in a way not known here"));
                }
                // State of an ordered dictionary (`_metadata`): read and left out.
                b'b' => {
                    let (state, to) = (self.pop()?, self.top()?);
                    match self.items[to] {
                        Item::Array { .. } => self.fill(to, state)?,
                        // The state of a kind of numbers is the order of its bytes, which matters to numbers of several alone.
                        Item::Dict(_) | Item::Tensor { .. } | Item::Text(_) => {}
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
