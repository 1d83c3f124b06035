//! The machine that pickles are programs for: reading, the stack, and what the names that are known make.

use super::Unreadable;
use super::global::{Global, Known, known};
use super::items::{Id, Item, NAME, malformed, scalar};
use std::collections::BTreeMap;
use std::io::Read;

/// Most items that a pickle may build.
pub(super) const MOST: usize = 1 << 22;
/// Longest line of the text protocol.
const LINE: usize = 1 << 20;
/// Longest tuple that is taken apart: arguments, shapes.
const TUPLE: usize = 64;

/// The stack machine: what is read, and what was built.
pub(super) struct Machine<'a, R> {
    pub(super) from: &'a mut R,
    pub(super) left: u64,
    pub(super) items: Vec<Item>,
    pub(super) stack: Vec<Id>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: BTreeMap<u64, Id>,
}

impl<R: Read> Machine<'_, R> {
    /// Returns that many bytes.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Unreadable> {
        self.left = self.left.checked_sub(count).ok_or_else(|| malformed("it is longer than expected"))?;
        let mut out = Vec::new();
        (&mut *self.from).take(count).read_to_end(&mut out)?;
        if out.len() as u64 == count { Ok(out) } else { Err(Unreadable::new("is cut short")) }
    }

    /// Returns a little-endian number of that many bytes.
    pub(super) fn number(&mut self, size: u64) -> Result<u64, Unreadable> {
        let mut eight = [0u8; 8];
        let to = &mut eight[..size.min(8) as usize];
        self.left = self.left.checked_sub(to.len() as u64).ok_or_else(|| malformed("it is longer than expected"))?;
        self.from.read_exact(to)?;
        Ok(u64::from_le_bytes(eight))
    }

    /// Returns a line of text without its end.
    pub(super) fn line(&mut self) -> Result<String, Unreadable> {
        self.bytes_of_line(LINE).map(|out| String::from_utf8_lossy(&out).trim_end_matches('\r').to_string())
    }

    pub(super) fn bytes_of_line(&mut self, longest: usize) -> Result<Vec<u8>, Unreadable> {
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
    pub(super) fn digits(&mut self) -> Result<(), Unreadable> {
        let line = self.line()?;
        let digits = line.trim_end_matches('L');
        let item = match digits.parse() {
            Ok(number) => Item::Int(number),
            Err(_) if !digits.is_empty() && digits.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) => Item::Inert,
            Err(_) => return Err(malformed("a number cannot be read")),
        };
        self.push(item)
    }

    /// Puts a string of Python 2 down: a text where it may be a name, bytes where it is too long for one, or no text.
    pub(super) fn letters(&mut self, bytes: Vec<u8>) -> Result<(), Unreadable> {
        match String::from_utf8(bytes) {
            Ok(text) if text.len() <= NAME => self.push(Item::Text(text)),
            Ok(text) => self.push(Item::Bytes(text.into_bytes())),
            Err(none) => self.push(Item::Bytes(none.into_bytes())),
        }
    }

    pub(super) fn add(&mut self, item: Item) -> Result<Id, Unreadable> {
        if self.items.len() >= MOST {
            return Err(malformed("it holds more than expected"));
        }
        self.items.push(item);
        Ok(self.items.len() - 1)
    }

    pub(super) fn push(&mut self, item: Item) -> Result<(), Unreadable> {
        let id = if item == Item::Inert { 0 } else { self.add(item)? };
        self.repeat(id)
    }

    pub(super) fn repeat(&mut self, id: Id) -> Result<(), Unreadable> {
        if self.stack.len() >= MOST {
            return Err(malformed("it holds more than expected"));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Returns the lowest place that may be popped: behind the last mark.
    pub(super) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Result<Id, Unreadable> {
        if self.stack.len() <= self.floor() {
            return Err(malformed("it uses more values than it has stored"));
        }
        self.stack.pop().ok_or_else(|| malformed("it uses more values than it has stored"))
    }

    pub(super) fn top(&self) -> Result<Id, Unreadable> {
        let top = self.stack.last().filter(|_| self.stack.len() > self.floor());
        top.copied().ok_or_else(|| malformed("it refers to something that is missing"))
    }

    /// Returns everything above the last mark, and removes the mark.
    pub(super) fn since_mark(&mut self) -> Result<Vec<Id>, Unreadable> {
        let mark = self.marks.pop().ok_or_else(|| malformed("a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Returns a short text. (What is copied is bounded, so that referring to one item again and again cannot fill the memory.)
    pub(super) fn text(&self, id: Id) -> Result<String, Unreadable> {
        match &self.items[id] {
            Item::Text(text) if text.len() <= NAME => Ok(text.clone()),
            Item::Int(number) => Ok(number.to_string()),
            _ => Err(malformed("a name is missing")),
        }
    }

    /// Returns the parts of a short tuple.
    pub(super) fn sequence(&self, id: Id) -> Result<Vec<Id>, Unreadable> {
        match &self.items[id] {
            Item::Sequence(items) if items.len() <= TUPLE => Ok(items.clone()),
            _ => Err(malformed("a tuple is missing")),
        }
    }

    pub(super) fn count(&self, id: Id) -> Result<u64, Unreadable> {
        match &self.items[id] {
            Item::Int(number) => u64::try_from(*number).map_err(|_| malformed("a size is wrong")),
            _ => Err(malformed("a size is missing")),
        }
    }

    pub(super) fn counts(&self, id: Id) -> Result<Vec<u64>, Unreadable> {
        self.sequence(id)?.into_iter().map(|i| self.count(i)).collect()
    }

    /// Puts a name down: what it stands for, or an object that is passed over.
    pub(super) fn refer(&mut self, module: &str, name: &str) -> Result<(), Unreadable> {
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
    pub(super) fn call(&mut self, callee: Id, arguments: Id) -> Result<Item, Unreadable> {
        let known = match &self.items[callee] {
            Item::Global(known) => *known,
            // Nothing is made, whatever is given.
            Item::Foreign(name) => return Ok(Item::Foreign(name.clone())),
            _ => return Err(malformed("it calls something that is not a function")),
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
            // Numbers whose sign is turned only where they are read: those of the storage are not the tensor's.
            (Global::Tensor, [_, _, _, _, _, _, view, ..]) if matches!(&self.items[*view], Item::Dict(pairs) if pairs.iter().any(|(_, v)| self.items[*v] == Item::Int(1))) => {
                Ok(Item::Foreign("a tensor that is a conjugate or negative view".into()))
            }
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
    pub(super) fn persistent(&mut self, id: Id) -> Result<Item, Unreadable> {
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

    pub(super) fn extend(&mut self, to: Id, new: Vec<Id>) -> Result<(), Unreadable> {
        match &mut self.items[to] {
            Item::Sequence(items) => items.extend(new),
            Item::Foreign(_) => {}
            _ => return Err(malformed("it appends to something that is not a list")),
        }
        Ok(())
    }

    pub(super) fn set(&mut self, to: Id, new: Vec<Id>) -> Result<(), Unreadable> {
        if !new.len().is_multiple_of(2) {
            return Err(malformed("a key has no value"));
        }
        match &mut self.items[to] {
            Item::Dict(pairs) => pairs.extend(new.chunks_exact(2).map(|p| (p[0], p[1]))),
            Item::Foreign(_) => {}
            _ => return Err(malformed("it sets items of something that is not a dictionary")),
        }
        Ok(())
    }

    pub(super) fn dict(&mut self, items: Vec<Id>) -> Result<(), Unreadable> {
        self.push(Item::Dict(Vec::new()))?;
        let to = self.top()?;
        self.set(to, items)
    }

    pub(super) fn utf8(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.push(Item::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(super) fn string(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.letters(bytes)
    }

    pub(super) fn raw(&mut self, count: u64) -> Result<(), Unreadable> {
        let bytes = self.bytes(count)?;
        self.push(Item::Bytes(bytes))
    }

    /// Fills an array from its state: version, shape, kind of numbers, order, bytes.
    pub(super) fn fill(&mut self, array: Id, state: Id) -> Result<(), Unreadable> {
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
    pub(super) fn order(&mut self, of: Id, state: Id) {
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
    pub(super) fn object(&mut self) -> Result<(), Unreadable> {
        match self.items[self.top()?] {
            Item::Foreign(_) => Ok(()),
            _ => Err(malformed("an object is built in a way not known here")),
        }
    }

    pub(super) fn long(&mut self, count: u64) -> Result<(), Unreadable> {
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

    pub(super) fn remember(&mut self, key: u64) -> Result<(), Unreadable> {
        let id = self.top()?;
        self.memo.insert(key, id);
        if self.memo.len() > MOST { Err(malformed("it holds more than expected")) } else { Ok(()) }
    }

    pub(super) fn recall(&mut self, key: u64) -> Result<(), Unreadable> {
        let id = self.memo.get(&key).copied().ok_or_else(|| malformed("it refers to something that is missing"))?;
        self.repeat(id)
    }

    pub(super) fn key(&mut self) -> Result<u64, Unreadable> {
        self.line()?.parse().map_err(|_| malformed("a position cannot be read"))
    }

    pub(super) fn tuple(&mut self, count: usize) -> Result<(), Unreadable> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Item::Sequence(items))
    }

    pub(super) fn reduce(&mut self) -> Result<(), Unreadable> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let made = self.call(callee, arguments)?;
        self.push(made)
    }
}
