//! Artifacts by content hash: small ones in packs, large ones in files of their own.

use super::index::Place;
use super::{SMALL, Store, StoreError, trouble, write_atomically};
use crate::base::Hash;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
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

    /// Returns where an artifact lies, as the index has it.
    pub(super) fn place_of(&self, hash: &Hash) -> Option<Place> {
        self.index().places.get(hash).map(|p| p.0.clone())
    }

    /// Returns whether the artifact of a cell seems to be there, in full length; its bytes are not looked at.
    pub fn present(&self, entry: &super::index::Entry) -> bool {
        let length = |path: PathBuf| std::fs::metadata(path).map(|m| m.len()).ok();
        match &entry.place {
            None => false,
            Some(Place::File) => length(self.object_path(&entry.hash)) == Some(entry.bytes),
            // Small ones are looked at when they are read: one call to the system for each would cost more than that.
            Some(Place::Pack(..)) => true,
        }
    }

    /// Returns the bytes of an artifact, whose hash has been compared.
    pub fn read(&self, entry: &super::index::Entry) -> Result<Vec<u8>, Fault> {
        match &entry.place {
            None => Err(Fault::Missing),
            Some(place) => self.read_at(&entry.hash, entry.bytes, place),
        }
    }

    pub(super) fn read_at(&self, hash: &Hash, length: u64, place: &Place) -> Result<Vec<u8>, Fault> {
        let (path, start) = match place {
            Place::File => (self.object_path(hash), 0),
            Place::Pack(name, start) => (self.pack_path(name), *start),
        };
        let mut file = File::open(path).map_err(|_| Fault::Missing)?;
        let size = file.metadata().map_err(|_| Fault::Missing)?.len();
        let whole = *place == Place::File;
        // The length is that of a line of the index: what the file does not have is not asked for.
        if start.checked_add(length).is_none_or(|end| end > size || (whole && end != size)) {
            return Err(Fault::Damaged);
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.seek(SeekFrom::Start(start)).map_err(|_| Fault::Missing)?;
        file.take(length).read_to_end(&mut bytes).map_err(|_| Fault::Damaged)?;
        if Hash::of(&bytes) == *hash { Ok(bytes) } else { Err(Fault::Damaged) }
    }

    /// Writes an artifact, and returns where it lies.
    pub(super) fn write_object(&self, hash: &Hash, bytes: &[u8], lasting: bool) -> Result<Place, StoreError> {
        if bytes.len() > SMALL {
            let path = self.object_path(hash);
            let folder = path.parent().unwrap_or(&self.root);
            std::fs::create_dir_all(folder).map_err(trouble("make", folder))?;
            write_atomically(&path, bytes, lasting).map_err(trouble("write", &path))?;
            return Ok(Place::File);
        }
        let path = self.pack_path(&self.name);
        let mut own = self.own();
        if own.pack.is_none() {
            let file = File::options().create(true).append(true).open(&path).map_err(trouble("open", &path))?;
            let end = file.metadata().map_err(trouble("read", &path))?.len();
            own.pack = Some((file, end));
        }
        own.dirty = true;
        let Some((file, end)) = &mut own.pack else { return Ok(Place::File) };
        let start = *end;
        if let Err(e) = file.write_all(bytes) {
            // Part of it may have been written: the next artifact begins wherever the file ends.
            own.pack = None;
            return Err(trouble("write", &path)(e));
        }
        *end = start + bytes.len() as u64;
        Ok(Place::Pack(self.name.clone(), start))
    }
}
