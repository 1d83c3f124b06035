//! Content hashes of values: of the artifact's bytes, and of data sets without writing them out.

use super::{PackError, value};
use crate::base::{Hash, Hasher};
use crate::engine::value::{Dataset, Pixels, Source, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Returns the content hash of a value: of its bytes as an artifact; for data sets, of the source's content, ids and labels.
///
/// Errors: as [`value::encode`].
pub fn content_hash(value: &Value) -> Result<Hash, PackError> {
    Ok(match value {
        Value::Dataset(d) => dataset_hash(d),
        Value::Record(parts) if holds_dataset(value) => {
            let mut h = Hasher::new("cfx.record.1");
            for (name, part) in parts {
                h.text(name).hash(&content_hash(part)?);
            }
            h.finish()
        }
        Value::List(items) if holds_dataset(value) => {
            let mut h = Hasher::new("cfx.list.1");
            for item in items {
                h.hash(&content_hash(item)?);
            }
            h.finish()
        }
        _ => Hash::of(&value::encode(value)?),
    })
}

/// Returns whether a data set is in there, which has no form as an artifact.
pub fn holds_dataset(value: &Value) -> bool {
    match value {
        Value::Dataset(_) => true,
        Value::Record(parts) => parts.iter().any(|p| holds_dataset(&p.1)),
        Value::List(items) => items.iter().any(holds_dataset),
        _ => false,
    }
}

/// Returns the content hash of a data set.
pub fn dataset_hash(data: &Dataset) -> Hash {
    let mut h = Hasher::new("cfx.dataset.1");
    h.hash(&source_hash(&data.source)).bytes(&u32_bytes(&data.ids)).bytes(&u32_bytes(&data.labels));
    h.finish()
}

/// Hashes of sources still alive, by address: hashing the pixels of a data set once is enough.
static SOURCES: Mutex<BTreeMap<usize, (Weak<Source>, Hash)>> = Mutex::new(BTreeMap::new());

/// Returns the content hash of a source; its name does not enter.
pub fn source_hash(source: &Arc<Source>) -> Hash {
    let address = Arc::as_ptr(source) as usize;
    // The weak reference keeps the address from being used again, so an entry that upgrades is of this very source.
    let known = |map: &BTreeMap<usize, (Weak<Source>, Hash)>| {
        map.get(&address).filter(|(weak, _)| weak.upgrade().is_some_and(|s| Arc::ptr_eq(&s, source))).map(|e| e.1)
    };
    if let Some(hash) = known(&SOURCES.lock().unwrap_or_else(PoisonError::into_inner)) {
        return hash;
    }
    let mut h = Hasher::new("cfx.source.1");
    let images = &source.images;
    h.int(images.shape.len() as u64);
    images.shape.iter().for_each(|n| {
        h.int(*n as u64);
    });
    match &images.data {
        Pixels::Bytes { data, divisor } => h.text("bytes").bytes(&divisor.to_le_bytes()).bytes(data),
        Pixels::Floats(x) => h.text("floats").bytes(&f32_bytes(x)),
        Pixels::Words(x) => h.text("words").bytes(&u32_bytes(x)),
        Pixels::Noisy(of, sd, stream) => h.text("noisy").hash(&source_hash(of)).bytes(&sd.to_le_bytes()).hash(&stream.hash()),
    };
    h.bytes(&f32_bytes(&images.mean)).bytes(&f32_bytes(&images.std)).bytes(&u32_bytes(&source.labels));
    h.int(source.classes.len() as u64);
    source.classes.iter().for_each(|c| {
        h.text(c);
    });
    for (name, range) in &source.splits {
        h.text(name).int(range.start as u64).int(range.end as u64);
    }
    let hash = h.finish();
    let mut map = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    map.retain(|_, (weak, _)| weak.strong_count() > 0);
    map.insert(address, (Arc::downgrade(source), hash));
    hash
}

fn u32_bytes(x: &[u32]) -> Vec<u8> {
    x.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn f32_bytes(x: &[f32]) -> Vec<u8> {
    x.iter().flat_map(|v| v.to_le_bytes()).collect()
}
