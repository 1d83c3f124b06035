//! Notes that belong to a store but are no results: the plan of a script's last run.

use super::Store;
use crate::plan::seen;
use std::path::PathBuf;

impl Store {
    /// Returns the note of that name, where there is one that can be read.
    pub fn note(&self, name: &str) -> Option<String> {
        seen::read_text(&self.note_path(name)).ok()
    }

    /// Keeps a note in the place of the last one of that name; returns whether it could be written. Nothing depends on notes.
    pub fn keep_note(&self, name: &str, text: &str) -> bool {
        let path = self.note_path(name);
        self.writable
            && path.parent().is_some_and(|p| std::fs::create_dir_all(p).is_ok())
            && self.disk.replace(&path, text.as_bytes(), false, &|| false).is_ok()
    }

    fn note_path(&self, name: &str) -> PathBuf {
        self.root.join("notes").join(name)
    }
}
