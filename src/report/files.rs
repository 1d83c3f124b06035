//! Files of a report as they are written, with what each is.

use super::arrays::NamedArray;
use super::earlier::Earlier;
use super::figure::raster;
use super::formats::{self, slug};
use crate::base::Hash;
use crate::engine::files::write_atomically;
use crate::engine::value::Scores;
use crate::plan::graph::Declared;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// A file that was written.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its path, relative to the folder of results.
    pub path: String,
    /// Hash of its bytes.
    pub hash: Hash,
    /// What it is: `figure`, `table`, `array`, `density`, `model`, `manifest`, `report`.
    pub is: &'static str,
    /// The declaration it belongs to; empty for the whole run.
    pub of: String,
    /// Its place, where it holds one place of several: axis, coordinate.
    pub at: Vec<(String, String)>,
}

/// Files being written below a folder.
pub struct Files<'a> {
    /// The folder.
    pub out: &'a Path,
    /// What was written so far.
    pub written: Vec<Output>,
    /// Names that are taken.
    names: BTreeSet<String>,
    /// Declarations whose names give the same file name as those of others.
    alike: BTreeSet<String>,
    /// What the files written next belong to.
    of: String,
    at: Vec<(String, String)>,
    earlier: Earlier,
}

impl<'a> Files<'a> {
    /// Returns the writer of a folder, which may hold what earlier runs left. `inputs`: files that the run reads.
    ///
    /// Errors: the folder holds a manifest that no run of cfx wrote.
    pub fn new(out: &'a Path, declared: &[Declared], inputs: BTreeSet<PathBuf>) -> io::Result<Self> {
        let earlier = Earlier::of(out, inputs)?;
        let alike = alike(declared);
        Ok(Files { out, written: Vec::new(), names: BTreeSet::new(), alike, of: String::new(), at: Vec::new(), earlier })
    }

    /// Removes what earlier runs left and this one did not write. Returns the files written.
    pub fn done(self) -> Vec<Output> {
        let names: BTreeSet<&str> = self.written.iter().map(|f| f.path.as_str()).collect();
        self.earlier.clear(self.out, &names);
        self.written
    }

    /// Says what the files written next belong to: a declaration, or one of its places.
    pub fn belong(&mut self, declared: &Declared, place: Option<usize>) {
        self.of = declared.name.clone();
        self.at = place.map_or_else(Vec::new, |i| formats::place(declared, i));
    }

    /// Says that the files written next belong to the run as a whole.
    pub fn of_nothing(&mut self) {
        (self.of, self.at) = (String::new(), Vec::new());
    }

    /// Returns the name; with the mark of the declaration where others are called alike, so that it does not depend on their order; with a number where
    /// it is taken in its folder (also on disks that do not tell case).
    pub fn fresh(&mut self, folder: &str, name: &str) -> String {
        let name = match self.alike.contains(&self.of) {
            true => {
                let (first, rest) = name.split_at(name.find('.').unwrap_or(name.len()));
                format!("{first}-{}{rest}", formats::mark(&self.of))
            }
            false => name.to_string(),
        };
        let mut candidate = name.clone();
        let mut n = 2;
        while !self.names.insert(format!("{folder}/{candidate}").to_ascii_lowercase()) {
            candidate = format!("{name}-{n}");
            n += 1;
        }
        candidate
    }

    /// Writes an array, with its description beside it.
    pub fn array(&mut self, array: &NamedArray) -> io::Result<()> {
        let name = self.fresh("arrays", &array.name.split('.').map(slug).collect::<Vec<_>>().join("."));
        let mut put = |end: &str, bytes: Vec<u8>| self.put("array", &format!("arrays/{name}.{end}"), &bytes);
        put("npy", formats::npy(&array.shape, &array.data))?;
        if let Some(errors) = &array.errors {
            put("se.npy", formats::npy(&array.shape, errors))?;
        }
        if let Some(counts) = &array.counts {
            put("count.npy", formats::npy_i64(&array.shape, counts))?;
        }
        if let Some(ids) = &array.ids {
            let numbers: Vec<u32> = ids.iter().map(|id| Scores::named(*id).1).collect();
            put("ids.npy", formats::npy_u32(&numbers))?;
        }
        if let Some((shape, labels)) = &array.labels {
            put("labels.npy", formats::npy_i64(shape, labels))?;
        }
        let about = array.about(&name, &self.of);
        self.put("array", &format!("arrays/{name}.json"), format!("{about:#}\n").as_bytes())
    }

    /// Writes the images inside a picture, one by one as PNG and together as `.npz`: `images`, n x height x width x 3 bytes. Nothing where
    /// there are none.
    pub fn images(&mut self, name: &str, svg: &str) -> io::Result<()> {
        let all = raster::all(svg).map_err(io::Error::other)?;
        let Some(first) = all.first() else { return Ok(()) };
        for (i, raster) in all.iter().enumerate() {
            self.put("figure", &format!("figures/{name}/{i:04}.png"), &raster.png().map_err(io::Error::other)?)?;
        }
        if all.iter().all(|r| (r.width, r.height) == (first.width, first.height)) {
            let shape = [all.len(), first.height as usize, first.width as usize, 3];
            let bytes: Vec<u8> = all.iter().flat_map(|r| &r.rgb).copied().collect();
            let packed = formats::npz(&[("images", formats::npy_bytes(&shape, &bytes))])?;
            self.put("figure", &format!("figures/{name}.npz"), &packed)?;
        }
        Ok(())
    }

    /// Writes a file beside its place and moves it there.
    ///
    /// Errors: it cannot be written; a file is there which no run wrote, or which this run reads.
    pub fn put(&mut self, is: &'static str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.out.join(name);
        let folder = path.parent().unwrap_or(self.out);
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{name}: {e}"));
        std::fs::create_dir_all(folder).map_err(named)?;
        self.earlier.begin(self.out, name, bytes)?;
        write_atomically(&path, bytes, true).map_err(named)?;
        let output = Output { path: name.to_string(), hash: Hash::of(bytes), is, of: self.of.clone(), at: self.at.clone() };
        self.written.push(output);
        Ok(())
    }
}

/// Returns the names of the declarations whose file names are those of others, in the same folder, on disks that do not tell case.
fn alike(declared: &[Declared]) -> BTreeSet<String> {
    let mut by_name: BTreeMap<(bool, String), BTreeSet<&str>> = BTreeMap::new();
    for value in declared.iter().filter(|v| v.keyword != "claim") {
        let place = (value.keyword == "figure", slug(&value.name).to_ascii_lowercase());
        by_name.entry(place).or_default().insert(&value.name);
    }
    by_name.into_values().filter(|names| names.len() > 1).flatten().map(str::to_string).collect()
}
