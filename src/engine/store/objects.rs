//! Artifacts by content hash: small ones in packs, large ones in files of their own.

use super::index::{Known, Spot};
use super::line::Place;
use super::{SMALL, Store, StoreError, trouble};
use crate::base::Hash;
use crate::plan::seen;
use std::path::PathBuf;

/// Why an artifact cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is there, but its bytes are not those that were put in.
    Damaged,
}

impl Store {
    /// Returns where an object has its file.
    pub(super) fn object_path(&self, hash: &Hash) -> PathBuf {
        let name = hash.to_string();
        self.root.join("objects").join(&name[..2]).join(&name[2..])
    }

    pub(super) fn pack_path(&self, name: &str) -> PathBuf {
        self.root.join("packs").join(format!("{name}.pack"))
    }

    /// Returns where an artifact lies, as lines say it; `None` if the pack is not known.
    pub(super) fn place(&self, spot: Spot) -> Option<Place> {
        match spot {
            Spot::File => Some(Place::File),
            Spot::Pack(pack, start) => self.index().pack(pack).map(|name| Place::Pack(name.to_string(), start)),
        }
    }

    /// Returns whether the artifact of a cell seems to be there, in full length; its bytes are not looked at. Of a store of which only the index is here
    /// ([`Store::listed`]): whether that says so.
    pub fn present(&self, known: &Known) -> bool {
        if let Some(other) = self.other(known) {
            return other.present(&Known { of: 0, ..known.clone() });
        }
        if self.listed {
            return known.spot.is_some();
        }
        let length = |path: PathBuf| std::fs::metadata(path).map(|m| m.len()).ok();
        match known.spot {
            None => false,
            Some(Spot::File) => length(self.object_path(&known.hash)) == Some(known.bytes),
            // Small ones are looked at when they are read: one call to the system for each would cost more than that.
            Some(Spot::Pack(..)) => true,
        }
    }

    /// Returns the bytes of an artifact, whose hash has been compared.
    pub fn read(&self, known: &Known) -> Result<Vec<u8>, Fault> {
        if let Some(other) = self.other(known) {
            return other.read(&Known { of: 0, ..known.clone() });
        }
        match known.spot {
            None => Err(Fault::Missing),
            Some(spot) => self.read_at(&known.hash, known.bytes, spot),
        }
    }

    pub(super) fn read_at(&self, hash: &Hash, length: u64, spot: Spot) -> Result<Vec<u8>, Fault> {
        let bytes = match spot {
            Spot::File => self.read_file(hash, length)?,
            Spot::Pack(number, start) => {
                let name = self.index().pack(number).map(str::to_string).ok_or(Fault::Missing)?;
                if name == self.name && start.checked_add(length).is_none_or(|end| end > self.own().packed()) {
                    self.flush().map_err(|_| Fault::Missing)?;
                }
                self.packs.read(number, &self.pack_path(&name), start, length)?
            }
        };
        if Hash::of(&bytes) == *hash { Ok(bytes) } else { Err(Fault::Damaged) }
    }

    fn read_file(&self, hash: &Hash, length: u64) -> Result<Vec<u8>, Fault> {
        self.packs.count();
        let file = seen::open(&self.object_path(hash)).map_err(|_| Fault::Missing)?;
        if file.metadata().map_err(|_| Fault::Missing)?.len() != length {
            return Err(Fault::Damaged);
        }
        let mut bytes = Vec::with_capacity(length as usize);
        self.disk.read(&file, 0, length, &mut bytes).map_err(|_| Fault::Damaged)?;
        Ok(bytes)
    }

    /// Writes the artifact of a cell, and returns where it lies.
    pub(super) fn write_object(&self, key: &Hash, hash: &Hash, bytes: &[u8], lasting: bool) -> Result<Place, StoreError> {
        if bytes.len() > SMALL {
            let path = self.object_path(hash);
            let folder = path.parent().unwrap_or(&self.root);
            std::fs::create_dir_all(folder).map_err(trouble("make", folder))?;
            let renamed = self.disk.replace(&path, bytes, lasting, &|| self.fenced(key)).map_err(trouble("write", &path))?;
            return if renamed { Ok(Place::File) } else { Err(self.taken_over()) };
        }
        let start = self.own().pack(bytes)?;
        Ok(Place::Pack(self.name.clone(), start))
    }
}
