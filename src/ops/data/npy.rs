//! NumPy's `.npy` arrays and `.npz` archives: numbers only, never pickled objects.
//!
//! Format: NEP 1 and `numpy.lib.format`, versions 1 to 3; either byte order, C or Fortran order.

use super::bytes::{Input, broken, unreadable, with_help};
use crate::base::natural;
use crate::ops::foreign::Unreadable;
use crate::ops::foreign::zip::Archive;
pub use crate::ops::foreign::zip::is_archive;
use crate::plan::facts::Problem;
use std::path::{Path, PathBuf};

/// Longest header that is read, in bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// Most dimensions an array may have, as in NumPy.
const MOST_DIMENSIONS: usize = 32;

/// What the header of an array says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Lengths of the dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    kind: u8,
    width: usize,
    big: bool,
}

/// An array as it lies in the file.
#[derive(Clone, Debug)]
pub struct Npy {
    /// Its header.
    pub header: Header,
    bytes: Vec<u8>,
}

/// An array in a file: the file, and the array's name where the file is an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The array's name inside an `.npz` archive.
    pub array: Option<String>,
}

impl Place {
    /// Returns the place as it is written: the file, and behind a colon the array in it.
    pub fn written(&self) -> PathBuf {
        match &self.array {
            Some(name) => PathBuf::from(format!("{}:{name}", self.path.display())),
            None => self.path.clone(),
        }
    }
}

/// Splits `folder/file.npz:name` into path and array name; other texts are a path alone.
pub fn place_in(text: &str) -> (&str, Option<&str>) {
    match text.rfind(".npz:") {
        Some(at) => (&text[..at + 4], Some(&text[at + 5..])),
        None => (text, None),
    }
}

impl Header {
    /// Returns the number of bytes that the numbers take.
    ///
    /// Errors: the product of the lengths is beyond 64 bits, with lengths of 0 counted as 1.
    fn size(&self, path: &Path) -> Result<u64, Problem> {
        let sum = |least| self.shape.iter().try_fold(self.width as u64, |n, d| n.checked_mul((*d as u64).max(least)));
        sum(1)
            .and_then(|_| sum(0))
            .ok_or_else(|| broken(path, format!("claims a shape of {:?}, which is too large for any machine", self.shape)))
    }

    /// Returns whether the numbers are unsigned bytes.
    pub fn is_bytes(&self) -> bool {
        self.kind == b'u' && self.width == 1
    }

    /// Returns whether the numbers are truth values.
    pub fn is_truths(&self) -> bool {
        self.kind == b'b'
    }

    /// Returns how many numbers there are.
    pub fn count(&self) -> usize {
        self.shape.iter().fold(1usize, |n, d| n.saturating_mul(*d))
    }

    /// Returns whether the numbers are whole by their type.
    pub fn is_whole(&self) -> bool {
        matches!(self.kind, b'u' | b'i' | b'b')
    }

    /// Reads a header from an input that stands at its first byte.
    ///
    /// Errors: no `.npy` data, an unknown version or type of numbers, a broken header.
    pub fn read(input: &mut Input) -> Result<Header, Problem> {
        let path = input.path();
        let start = input.take(8, "header").map_err(|_| broken(path, "is not a NumPy array: it is too short"))?;
        if !start.starts_with(b"\x93NUMPY") {
            let what = if start.starts_with(&[0x80]) {
                "is a Python pickle, which is not read here"
            } else {
                "is not a NumPy array: it does not begin as NumPy's files do"
            };
            return Err(with_help(broken(path, what), "save arrays with `np.save` or `np.savez`"));
        }
        let length = match start[6] {
            1 => input.take(2, "header")?.iter().rev().fold(0usize, |n, b| n << 8 | *b as usize),
            2 | 3 => input.take(4, "header")?.iter().rev().fold(0usize, |n, b| n << 8 | *b as usize),
            other => return Err(broken(path, format!("is a NumPy array of an unknown version, {other}"))),
        };
        if length > LONGEST_HEADER {
            return Err(broken(path, format!("has a NumPy header of {length} bytes; at most {LONGEST_HEADER} are read")));
        }
        let text = input.take(length as u64, "header")?;
        let header = parse_header(&String::from_utf8_lossy(&text)).map_err(|why| unreadable(path, why))?;
        let size = header.size(path)?;
        input.room_for(size, "numbers")?;
        input.ends_after(size).map_err(|p| with_help(p, "save one array in each file; several go into one with `np.savez`"))?;
        Ok(header)
    }
}

/// Reads the Python dictionary of a header.
fn parse_header(text: &str) -> Result<Header, Unreadable> {
    let bad = |what: &str| Unreadable::new(format!("has a broken NumPy header: {what}"));
    let mut rest = text.trim().strip_prefix('{').ok_or_else(|| bad("it is no dictionary"))?;
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.starts_with('}') {
            break;
        }
        let (key, after) = quoted(rest).ok_or_else(|| bad("a key is missing"))?;
        let value = after.trim_start().strip_prefix(':').ok_or_else(|| bad("a colon is missing"))?.trim_start();
        rest = match key {
            "descr" => {
                let (text, after) = quoted(value).ok_or_else(|| {
                    Unreadable::new("holds records of several fields").help("save each field as an array of its own")
                })?;
                descr = Some(text);
                after
            }
            "fortran_order" => {
                let (flag, after) = match (value.strip_prefix("True"), value.strip_prefix("False")) {
                    (Some(after), _) => (true, after),
                    (_, Some(after)) => (false, after),
                    _ => return Err(bad("the order is neither True nor False")),
                };
                fortran = Some(flag);
                after
            }
            "shape" => {
                let inner = value.strip_prefix('(').ok_or_else(|| bad("the shape is not a tuple"))?;
                let end = inner.find(')').ok_or_else(|| bad("the shape does not end"))?;
                let mut lengths = Vec::new();
                for part in inner[..end].split(',').map(str::trim).filter(|p| !p.is_empty()) {
                    let number =
                        part.trim_end_matches('L').parse::<u64>().map_err(|_| bad("the shape is not made of numbers"))?;
                    lengths.push(usize::try_from(number).map_err(|_| bad("a length is beyond this machine"))?);
                }
                if lengths.len() > MOST_DIMENSIONS {
                    return Err(bad("there are too many dimensions"));
                }
                shape = Some(lengths);
                &inner[end + 1..]
            }
            other => return Err(bad(&format!("the key `{other}` is unknown"))),
        };
    }
    let descr = descr.ok_or_else(|| bad("the type is missing"))?;
    let (kind, width, big) = number_type(descr)?;
    Ok(Header {
        shape: shape.ok_or_else(|| bad("the shape is missing"))?,
        fortran: fortran.ok_or_else(|| bad("the order is missing"))?,
        kind,
        width,
        big,
    })
}

/// Returns a quoted text and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let inner = &text[1..];
    let end = inner.find(quote)?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Returns kind, width in bytes and byte order (true: big-endian) of a type such as `<f4`.
fn number_type(descr: &str) -> Result<(u8, usize, bool), Unreadable> {
    let (big, name) = match descr.as_bytes().first() {
        Some(b'>') => (true, &descr[1..]),
        Some(b'<' | b'|' | b'=') => (false, &descr[1..]),
        _ => (false, descr),
    };
    let (words, help) = match name {
        "f2" | "f4" | "f8" | "i1" | "i2" | "i4" | "i8" | "u1" | "u2" | "u4" | "u8" | "b1" => {
            return Ok((name.as_bytes()[0], (name.as_bytes()[1] - b'0') as usize, big));
        }
        "O" => (
            "holds pickled Python objects, which are never read".to_string(),
            "save plain numbers, `np.save(path, np.stack(x).astype(\"float32\"))`; texts are numbered from 0: `names, numbers = np.unique(x.astype(str), return_inverse=True); np.save(path, numbers)`",
        ),
        "V2" => (
            "holds numbers of two bytes whose type NumPy does not know, as bfloat16 is saved".to_string(),
            "save them as 32 bits, which changes no number: `np.save(path, x.astype(\"float32\"))` (in PyTorch `x.float().numpy()`)",
        ),
        _ if name.starts_with(['U', 'S']) => (
            "holds texts".to_string(),
            "number them from 0: `names, numbers = np.unique(x, return_inverse=True); np.save(path, numbers)`",
        ),
        _ if name.starts_with(['M', 'm']) => (format!("holds times (`{descr}`)"), "save them as numbers: `x.astype(\"int64\")`"),
        _ if name.starts_with('c') => {
            (format!("holds complex numbers (`{descr}`)"), "save their real parts, imaginary parts or sizes")
        }
        _ => (
            format!("holds numbers of type `{descr}`; floats (f2 f4 f8), integers (i1 to u8) and booleans are read"),
            "save them as 64 bits: `np.save(path, x.astype(\"float64\"))`",
        ),
    };
    Err(Unreadable::new(words).help(help))
}

impl Npy {
    /// Reads an array from an input that stands at its first byte and ends with it.
    ///
    /// Errors: as [`Header::read`]; the data are shorter or longer than the header says.
    pub fn read(input: &mut Input) -> Result<Npy, Problem> {
        let header = Header::read(input)?;
        let size = header.size(input.path())?;
        let bytes = input.take(size, "numbers")?;
        input.end()?;
        Ok(Npy { header, bytes })
    }

    /// Returns the element at a position of the file as a float.
    fn float(&self, at: usize) -> f64 {
        let Header { kind, width, big, .. } = self.header;
        let mut raw = [0u8; 8];
        let bytes = &self.bytes[at * width..(at + 1) * width];
        for (i, byte) in bytes.iter().enumerate() {
            raw[if big { width - 1 - i } else { i }] = *byte;
        }
        let whole = u64::from_le_bytes(raw);
        match (kind, width) {
            (b'f', 2) => half::f16::from_bits(whole as u16).to_f64(),
            (b'f', 4) => f32::from_bits(whole as u32) as f64,
            (b'f', _) => f64::from_bits(whole),
            (b'i', 1) => whole as u8 as i8 as f64,
            (b'i', 2) => whole as u16 as i16 as f64,
            (b'i', 4) => whole as u32 as i32 as f64,
            (b'i', _) => whole as i64 as f64,
            _ => whole as f64,
        }
    }

    /// Calls `f` with the position in the file of each element, in row-major order of the array.
    fn positions(&self, mut f: impl FnMut(usize)) {
        let shape = &self.header.shape;
        let count: usize = shape.iter().product();
        if !self.header.fortran || shape.len() < 2 {
            (0..count).for_each(f);
            return;
        }
        let mut strides = vec![1usize; shape.len()];
        for i in 1..shape.len() {
            strides[i] = strides[i - 1] * shape[i - 1];
        }
        let mut index = vec![0usize; shape.len()];
        for _ in 0..count {
            f(index.iter().zip(&strides).map(|(i, s)| i * s).sum());
            for d in (0..shape.len()).rev() {
                index[d] += 1;
                if index[d] < shape[d] {
                    break;
                }
                index[d] = 0;
            }
        }
    }

    /// Returns the numbers in row-major order.
    pub fn f64s(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.bytes.len() / self.header.width);
        self.positions(|at| out.push(self.float(at)));
        out
    }

    /// Returns the numbers in row-major order, rounded to 32 bits.
    pub fn f32s(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.bytes.len() / self.header.width);
        self.positions(|at| out.push(self.float(at) as f32));
        out
    }

    /// Returns the numbers in row-major order, where they are unsigned bytes.
    pub fn u8s(&self) -> Option<Vec<u8>> {
        self.header.is_bytes().then(|| {
            let mut out = Vec::with_capacity(self.bytes.len());
            self.positions(|at| out.push(self.bytes[at]));
            out
        })
    }

    /// Returns the whole numbers of a one-dimensional array (or one with a single column), for labels.
    ///
    /// Errors: another shape; a number that is negative, not whole, or no 32-bit number.
    pub fn labels(&self, path: &Path) -> Result<Vec<u32>, Problem> {
        let shape = &self.header.shape;
        if !(shape.len() == 1 || shape.len() == 2 && shape[1] == 1) {
            let problem = broken(path, format!("has shape {shape:?} where labels are one number an example"));
            let one_hot = shape.len() == 2
                && self.f64s().chunks(shape[1].max(1)).all(|row| row.iter().sum::<f64>() == 1.0 && row.contains(&1.0));
            return Err(match one_hot {
                true => with_help(
                    problem,
                    "each row has a single 1: save the number of its column, `np.save(path, x.argmax(axis=1))`",
                ),
                false => problem,
            });
        }
        let numbers = self.f64s();
        let wrong = numbers.iter().position(|x| !(*x >= 0.0 && *x <= u32::MAX as f64 && x.fract() == 0.0));
        if let Some(row) = wrong {
            return Err(with_help(
                broken(
                    path,
                    format!("holds {} at row {row}, which is not a label (labels are whole numbers from 0)", numbers[row]),
                ),
                "number the classes from 0: `names, numbers = np.unique(x, return_inverse=True); np.save(path, numbers)`",
            ));
        }
        Ok(numbers.into_iter().map(|x| x as u32).collect())
    }
}

/// What names of arrays end in within an archive.
const ENDING: &str = ".npy";

/// Opens an archive.
fn archive(path: &Path) -> Result<Archive, Problem> {
    Archive::open(path).map_err(|why| unreadable(path, why))
}

/// Returns the names of the arrays in an archive, in natural order.
fn names_of(archive: &Archive) -> Vec<String> {
    let mut names: Vec<String> = archive.names().filter_map(|n| n.strip_suffix(ENDING)).map(str::to_string).collect();
    names.sort_by_key(|n| natural(n));
    names
}

/// Returns the names of the arrays in an archive, in natural order.
///
/// Errors: the file is no archive.
pub fn arrays_in(path: &Path) -> Result<Vec<String>, Problem> {
    archive(path).map(|a| names_of(&a))
}

/// Calls `f` on the array at a place; in an archive without a name given, on its only array, or on the only one among `usual`.
fn at_place<T>(place: &Place, usual: &[&str], f: impl FnOnce(&mut Input) -> Result<T, Problem>) -> Result<T, Problem> {
    let path = &place.path;
    if !is_archive(path) {
        if let Some(name) = &place.array {
            return Err(broken(path, format!("is not a `.npz` archive, so it has no array `{name}`")));
        }
        return f(&mut Input::open(path)?);
    }
    let mut archive = archive(path)?;
    let names = names_of(&archive);
    if names.is_empty() {
        let help = if archive.names().any(|n| n.ends_with("data.pkl")) {
            "it is a PyTorch checkpoint: `import_weights` reads it"
        } else {
            "save it with `np.savez`"
        };
        return Err(with_help(broken(path, "is an archive without NumPy arrays"), help));
    }
    let listed = || listed(&names);
    let name = match &place.array {
        Some(name) if names.contains(name) => name,
        Some(name) => return Err(with_help(broken(path, format!("has no array `{name}`")), format!("it has {}", listed()))),
        None => {
            let known: Vec<_> = names.iter().filter(|n| usual.contains(&n.as_str())).collect();
            match (names.as_slice(), known.as_slice()) {
                ([only], _) => only,
                (_, [only]) => *only,
                _ => {
                    let help = format!("write one of them after a colon: `{}:NAME`; it has {}", path.display(), listed());
                    return Err(with_help(broken(path, format!("holds {} arrays, and none is named", names.len())), help));
                }
            }
        }
    };
    let member = archive.member(&format!("{name}{ENDING}")).map_err(|why| unreadable(path, why))?;
    let Some((mut member, ceiling)) = member else { return Err(broken(path, format!("has no array `{name}`"))) };
    // Which of several arrays it is stands in none of the messages.
    let named = |p: Problem| match names.len() {
        1 => p,
        _ => Problem {
            message: p.message.replacen(&format!("{}`", path.display()), &format!("{}:{name}`", path.display()), 1),
            ..p
        },
    };
    f(&mut Input::lending(path, &mut member, ceiling)).map_err(named)
}

/// Most names that a message lists.
const LISTED: usize = 12;

/// Returns names for a message.
fn listed(names: &[String]) -> String {
    let more = if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
    format!("{}{more}", names.iter().take(LISTED).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
}

/// Returns the header of the array at a place; see [`read`].
pub fn header(place: &Place, usual: &[&str]) -> Result<Header, Problem> {
    at_place(place, usual, Header::read)
}

/// Returns the array at a place. `usual` are array names to look for in an archive where the place names none.
///
/// Errors: as [`Npy::read`]; no such array; several arrays and none named.
pub fn read(place: &Place, usual: &[&str]) -> Result<Npy, Problem> {
    at_place(place, usual, Npy::read)
}
