//! PyTorch checkpoints: the zip archives of torch.save since 1.6, and the plain files before (torch/serialization.py).

use super::listing::{Block, Entry, Listing};
use super::zip::Archive;
use crate::ops::foreign::Unreadable;
use crate::ops::foreign::pickle::{self, Id, Item, Pickle};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Keys under which training scripts keep a model's weights beside other things.
const WRAPPERS: [&str; 4] = ["state_dict", "model", "model_state_dict", "net"];
/// How deep wrappers may lie within each other.
const DEPTH: usize = 3;
/// torch.save's first pickle.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// Returns the tensors of a zip checkpoint of that length.
///
/// Errors: it is no checkpoint, damaged, written on a big-endian machine, or holds what is not built.
pub fn list_zip(file: &mut File, length: u64) -> Result<Listing, Unreadable> {
    let archive = Archive::open(file, length)?;
    let program = "data.pkl";
    let found = archive.names().find(|n| n.strip_suffix(program).is_some_and(|p| p.is_empty() || p.ends_with('/')));
    let Some(prefix) = found.and_then(|n| n.strip_suffix(program)).map(str::to_string) else {
        return Err(Unreadable::new("is an archive without `data.pkl`, so no PyTorch checkpoint"));
    };
    if archive.names().any(|n| n == format!("{prefix}constants.pkl")) {
        return Err(Unreadable::new("is a TorchScript program, whose code is not run here")
            .help("save its weights alone: `torch.save(model.state_dict(), path)`"));
    }
    if archive.read(file, length, &format!("{prefix}byteorder"), 16)?.is_some_and(|b| b == b"big") {
        return Err(Unreadable::new("was written on a big-endian machine, which is not read here"));
    }
    let name = format!("{prefix}{program}");
    let bytes = archive.read(file, length, &name, pickle::LONGEST)?.unwrap_or_default();
    let pickle = pickle::read(&mut &bytes[..])?;
    let mut blocks = BTreeMap::new();
    for (key, _, _) in pickle.storages() {
        if !blocks.contains_key(key)
            && let Some(block) = archive.find(file, length, &format!("{prefix}data/{key}"))?
        {
            blocks.insert(key.to_string(), block);
        }
    }
    listing(&pickle, &blocks)
}

/// Returns the tensors of a checkpoint in the form before PyTorch 1.6, of that length.
///
/// Errors: as [`list_zip`].
pub fn list_legacy(file: File, length: u64) -> Result<Listing, Unreadable> {
    let mut file = BufReader::new(file);
    let magic = pickle::read(&mut file)?;
    if *magic.item(magic.root) != Item::Int(MAGIC) {
        return Err(Unreadable::new("is a pickle that torch.save did not write")
            .help("save the weights with torch.save or as safetensors"));
    }
    let _protocol = pickle::read(&mut file)?;
    let _machine = pickle::read(&mut file)?;
    let pickle = pickle::read(&mut file)?;
    let keys = pickle::read(&mut file)?;
    let Item::Sequence(order) = keys.item(keys.root) else {
        return Err(Unreadable::new("is damaged: it does not list its storages"));
    };
    let known: BTreeMap<&str, (u64, u64)> =
        pickle.storages().map(|(key, kind, count)| (key, (count, kind.size() as u64))).collect();
    let mut blocks = BTreeMap::new();
    for id in order {
        let wrong = || Unreadable::new("is damaged: its storages are not those that its tensors need");
        let key = keys.text(*id).ok_or_else(wrong)?;
        let (count, size) = known.get(key).copied().ok_or_else(wrong)?;
        let mut eight = [0u8; 8];
        file.read_exact(&mut eight)?;
        let there = u64::from_le_bytes(eight);
        if there.swap_bytes() == count && there != count {
            return Err(Unreadable::new("was written on a big-endian machine, which is not read here"));
        }
        let bytes = there.checked_mul(size).filter(|_| there == count).ok_or_else(wrong)?;
        let at = file.stream_position()?;
        let end = at.checked_add(bytes).filter(|end| *end <= length).ok_or_else(|| Unreadable::new("is cut short"))?;
        blocks.insert(key.to_string(), Block { at, stored: bytes, bytes, deflated: false });
        file.seek(SeekFrom::Start(end))?;
    }
    listing(&pickle, &blocks)
}

/// Returns the tensors of the dictionary that holds the weights.
fn listing(pickle: &Pickle, blocks: &BTreeMap<String, Block>) -> Result<Listing, Unreadable> {
    let mut out = Listing::default();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, value) in weights(pickle)? {
        let name = match pickle.item(key) {
            Item::Text(text) => text.as_str(),
            _ => continue,
        };
        match tensor(pickle, blocks, name, value)? {
            // As in Python, the last of equal keys counts.
            Some(entry) => match places.get(name) {
                Some(i) => out.entries[*i] = entry,
                None => {
                    places.insert(name, out.entries.len());
                    out.entries.push(entry);
                }
            },
            None => out.others.push(name.to_string()),
        }
    }
    Ok(out)
}

/// Returns the dictionary that holds tensors: the outermost one, or one under a usual key.
fn weights(pickle: &Pickle) -> Result<Vec<(Id, Id)>, Unreadable> {
    let mut at = pickle.root;
    for _ in 0..=DEPTH {
        let Item::Dict(pairs) = pickle.item(at) else { break };
        if pairs.iter().any(|(k, v)| pickle.text(*k).is_some() && matches!(pickle.item(*v), Item::Tensor { .. })) {
            return Ok(pairs.clone());
        }
        let under = |wrapper: &&str| {
            let found =
                pairs.iter().rev().find(|(k, v)| pickle.text(*k) == Some(*wrapper) && matches!(pickle.item(*v), Item::Dict(_)));
            found.map(|(_, v)| *v)
        };
        match WRAPPERS.iter().find_map(under) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    let keys = match pickle.item(at) {
        Item::Dict(pairs) => {
            pairs.iter().filter_map(|(k, _)| pickle.text(*k)).take(12).map(|k| format!("`{k}`")).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let there = if keys.is_empty() { "nothing with a name".to_string() } else { keys.join(", ") };
    Err(Unreadable::new(format!(
        "holds no tensors by name, neither outermost nor under `state_dict` or `model`; there is {there}"
    ))
    .help("save the weights alone: `torch.save(model.state_dict(), path)`"))
}

fn tensor(pickle: &Pickle, blocks: &BTreeMap<String, Block>, name: &str, id: Id) -> Result<Option<Entry>, Unreadable> {
    let Item::Tensor { storage, offset, shape, stride } = pickle.item(id) else { return Ok(None) };
    let Item::Storage { key, kind, first, .. } = pickle.item(*storage) else { return Ok(None) };
    let wrong = || Unreadable::new(format!("is damaged: the sizes of the tensor `{name}` cannot be"));
    let size = |x: u64| usize::try_from(x).map_err(|_| wrong());
    let entry = Entry {
        name: name.to_string(),
        shape: shape.iter().map(|n| size(*n)).collect::<Result<_, _>>()?,
        kind: *kind,
        block: blocks.get(key).copied(),
        offset: size(first.checked_add(*offset).ok_or_else(wrong)?)?,
        stride: stride.iter().map(|n| size(*n)).collect::<Result<_, _>>()?,
    };
    entry.check().map(Some)
}
