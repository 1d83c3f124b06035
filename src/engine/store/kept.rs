//! Which weights are to stay: those that a script asked for with `keep: weights`, whatever other scripts ask for, until they are swept.

use super::Store;
use crate::base::Hash;
use crate::plan::seen;
use std::fs::File;
use std::path::PathBuf;

impl Store {
    fn kept_path(&self, key: &Hash) -> PathBuf {
        self.root.join("kept").join(key.to_string())
    }

    /// Notes that the artifact of a cell is to stay. Nothing depends on it but when room is made.
    pub fn keep(&self, key: &Hash) {
        if self.writable && seen::plain(&self.kept_path(key)).is_ok() {
            let _ = File::options().create(true).truncate(false).write(true).open(self.kept_path(key));
        }
    }

    /// Returns whether the artifact of a cell is to stay.
    pub fn is_kept(&self, key: &Hash) -> bool {
        self.kept_path(key).exists()
    }
}
