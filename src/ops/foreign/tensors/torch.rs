//! PyTorch checkpoints: the zip archives of torch.save since 1.6, and the plain files before (torch/serialization.py).

use super::listing::{Block, Entry, Listing};
use crate::ops::foreign::Unreadable;
use crate::ops::foreign::pickle::{self, Id, Item, Pickle};
use crate::ops::foreign::zip::Archive;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Keys under which training scripts keep a model's weights beside other things, those that are taken first before the others.
const WRAPPERS: [&str; 17] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "network",
    "net",
    "weights",
    "params",
    "generator",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "params_ema",
    "ema",
    "student",
    "teacher",
];
/// Keys of two networks, of which neither is meant more than the other.
const EQUAL: [&str; 2] = ["student", "teacher"];
/// How deep wrappers may lie within each other.
const DEPTH: usize = 3;
/// torch.save's first pickle.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// Returns the tensors of a zip checkpoint.
///
/// Errors: it is no checkpoint, damaged, written on a big-endian machine, or holds what is not built.
pub fn list_zip(path: &Path, at: Option<&str>) -> Result<Listing, Unreadable> {
    let mut archive = Archive::open(path)?;
    let program = "data.pkl";
    let found = archive.names().find(|n| n.strip_suffix(program).is_some_and(|p| p.is_empty() || p.ends_with('/')));
    let Some(prefix) = found.and_then(|n| n.strip_suffix(program)).map(str::to_string) else {
        return Err(Unreadable::new("is an archive without `data.pkl`, so it is not a PyTorch checkpoint")
            .help("weights are read from `.safetensors`, and from `.pt`, `.pth` or `.th` as torch.save writes them"));
    };
    if archive.names().any(|n| n == format!("{prefix}constants.pkl")) {
        return Err(Unreadable::new("is a TorchScript program, whose code is not run here")
            .help("save its weights alone: `torch.save(model.state_dict(), path)`"));
    }
    if archive.read(&format!("{prefix}byteorder"), 16)?.is_some_and(|b| b == b"big") {
        return Err(Unreadable::new("was written on a big-endian machine, which is not read here"));
    }
    let name = format!("{prefix}{program}");
    let bytes = archive.read(&name, pickle::LONGEST)?.unwrap_or_default();
    let pickle = pickle::read(&mut &bytes[..])?;
    let mut blocks = BTreeMap::new();
    for (key, _, _) in pickle.storages() {
        if !blocks.contains_key(key)
            && let Some(block) = archive.find(&format!("{prefix}data/{key}"))?
        {
            blocks.insert(key.to_string(), block);
        }
    }
    listing(&pickle, &blocks, at)
}

/// Returns the tensors of a checkpoint in the form before PyTorch 1.6, of that length.
///
/// Errors: as [`list_zip`].
pub fn list_legacy(file: File, length: u64, at: Option<&str>) -> Result<Listing, Unreadable> {
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
        let wrong = || Unreadable::new("is damaged: the storages that its tensors need are not there");
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
        blocks.insert(key.to_string(), Block { at, stored: bytes, bytes, deflated: false, checksum: None });
        file.seek(SeekFrom::Start(end))?;
    }
    listing(&pickle, &blocks, at)
}

/// Returns the tensors of the dictionary that holds the weights.
fn listing(pickle: &Pickle, blocks: &BTreeMap<String, Block>, at: Option<&str>) -> Result<Listing, Unreadable> {
    let (under, found) = weights(pickle, at)?;
    let mut out = Listing { under, ..Listing::default() };
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, value) in found {
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
            None => out.others.push(match pickle.item(value) {
                Item::Foreign(maker) => (name.to_string(), Some(maker.to_string())),
                _ => (name.to_string(), None),
            }),
        }
    }
    Ok(out)
}

/// The dictionary of weights: the keys that lead to it, and its pairs.
type Found = (Vec<String>, Vec<(Id, Id)>);

/// Returns the pairs of a dictionary.
fn pairs(pickle: &Pickle, id: Id) -> &[(Id, Id)] {
    match pickle.item(id) {
        Item::Dict(pairs) => pairs,
        _ => &[],
    }
}

/// Returns the value under a key; of equal keys the last, as in Python.
fn under(pickle: &Pickle, id: Id, key: &str) -> Option<Id> {
    pairs(pickle, id).iter().rev().find(|(k, _)| pickle.text(*k) == Some(key)).map(|(_, v)| *v)
}

/// Returns whether a dictionary has tensors under names.
fn has_tensors(pickle: &Pickle, id: Id) -> bool {
    pairs(pickle, id).iter().any(|(k, v)| pickle.text(*k).is_some() && matches!(pickle.item(*v), Item::Tensor { .. }))
}

/// Returns the keys of a dictionary for a message.
fn keys(pickle: &Pickle, id: Id) -> String {
    const LISTED: usize = 12;
    let all: Vec<String> =
        pairs(pickle, id).iter().filter_map(|(k, _)| pickle.text(*k)).take(LISTED).map(|k| format!("`{k}`")).collect();
    let more = pairs(pickle, id).len().saturating_sub(all.len());
    match (all.is_empty(), more) {
        (true, _) => "nothing with a name".to_string(),
        (_, 0) => all.join(", "),
        (_, more) => format!("{} and {more} more", all.join(", ")),
    }
}

/// Returns the dictionary that holds the weights: the one that `at` leads to; else the one under the usual keys of training scripts, else the
/// outermost one.
///
/// Errors: there is none; there are two networks, and nothing says which.
fn weights(pickle: &Pickle, at: Option<&str>) -> Result<Found, Unreadable> {
    let mut id = pickle.root;
    let mut path = Vec::new();
    if let Some(at) = at {
        let mut rest = at;
        while !rest.is_empty() {
            // A key may hold dots itself: the longest that fits is taken.
            let ends = std::iter::once(rest.len()).chain(rest.rmatch_indices('.').map(|(i, _)| i));
            let step = ends.filter_map(|end| Some((&rest[..end], under(pickle, id, &rest[..end])?))).next();
            let Some((key, inner)) = step else {
                return Err(Unreadable::new(format!("has nothing under `{at}`")).help(format!(
                    "`at:` names the keys that lead to the weights, with dots between them; there is {}",
                    keys(pickle, id)
                )));
            };
            path.push(key.to_string());
            rest = rest[key.len()..].trim_start_matches('.');
            id = inner;
        }
        if has_tensors(pickle, id) {
            return Ok((path, pairs(pickle, id).to_vec()));
        }
    }
    for _ in 0..DEPTH {
        let inner: Vec<(&str, Id)> = WRAPPERS
            .iter()
            .filter_map(|key| Some((*key, under(pickle, id, key)?)))
            .filter(|(_, inner)| has_tensors(pickle, *inner) || holds_wrapper(pickle, *inner))
            .collect();
        let Some((key, first)) = inner.first().copied() else { break };
        if let (true, Some((other, _))) = (EQUAL.contains(&key), inner.get(1)) {
            return Err(Unreadable::new(format!("holds two networks, `{key}` and `{other}`"))
                .help(format!("say which one is meant: `at: \"{key}\"` or `at: \"{other}\"`")));
        }
        path.push(key.to_string());
        id = first;
    }
    if has_tensors(pickle, id) {
        return Ok((path, pairs(pickle, id).to_vec()));
    }
    if let Item::Foreign(maker) = pickle.item(id) {
        return Err(Unreadable::new(format!("holds an object of `{maker}`, such as a whole module, whose code is not run here"))
            .help("save its weights alone: `torch.save(model.state_dict(), path)`"));
    }
    let found = holders(pickle, id);
    let help = match (found.as_slice(), at) {
        ([], None) => "save the weights alone: `torch.save(model.state_dict(), path)`".to_string(),
        ([], Some(_)) => "`at:` names the keys that lead to the weights, with dots between them".to_string(),
        (found, _) => {
            let ways = found.iter().map(|keys| format!("`at: \"{}\"`", [&path[..], &keys[..]].concat().join(".")));
            format!("there are tensors further in: {}", ways.collect::<Vec<_>>().join(" or "))
        }
    };
    let place = if path.is_empty() { "outermost".to_string() } else { format!("under `{}`", path.join(".")) };
    Err(Unreadable::new(format!("holds no tensors by name {place}; there is {}", keys(pickle, id))).help(help))
}

/// Most dictionaries that are looked into for tensors, and most that are named.
const LOOKED: usize = 4096;
const NAMED: usize = 4;

/// Returns the keys that lead to dictionaries with tensors, those that are least deep first.
fn holders(pickle: &Pickle, id: Id) -> Vec<Vec<String>> {
    let mut open: Vec<(Vec<String>, Id)> = vec![(Vec::new(), id)];
    let mut out = Vec::new();
    let mut at = 0;
    while at < open.len() && out.len() < NAMED {
        let (path, id) = open[at].clone();
        at += 1;
        if !path.is_empty() && has_tensors(pickle, id) {
            out.push(path);
            continue;
        }
        for (key, inner) in pairs(pickle, id).iter().filter(|_| path.len() <= DEPTH) {
            let within = pickle.text(*key).filter(|_| matches!(pickle.item(*inner), Item::Dict(_)));
            if let Some(key) = within.filter(|_| open.len() < LOOKED) {
                open.push((path.iter().cloned().chain([key.to_string()]).collect(), *inner));
            }
        }
    }
    out
}

/// Returns whether a dictionary has another one with tensors under one of the usual keys.
fn holds_wrapper(pickle: &Pickle, id: Id) -> bool {
    WRAPPERS.iter().any(|key| under(pickle, id, key).is_some_and(|inner| has_tensors(pickle, inner)))
}

fn tensor(pickle: &Pickle, blocks: &BTreeMap<String, Block>, name: &str, id: Id) -> Result<Option<Entry>, Unreadable> {
    let Item::Tensor { storage, offset, shape, stride } = pickle.item(id) else { return Ok(None) };
    let Item::Storage { key, kind, first, .. } = pickle.item(*storage) else { return Ok(None) };
    let wrong = || Unreadable::new(format!("is damaged: the sizes of the tensor `{name}` are impossible"));
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
