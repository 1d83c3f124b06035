//! Checkpoints of cells that take long: the last one for each content key, checked when read, gone when the cell is done.

use super::Store;
use crate::base::{Hash, Hasher};
use crate::plan::seen;
use std::path::PathBuf;

impl Store {
    fn checkpoint_path(&self, key: &Hash) -> PathBuf {
        self.root.join("checkpoints").join(key.to_string())
    }

    /// Keeps a checkpoint in place of the last one, unless another process has taken the cell over. Returns whether that went well.
    pub fn put_checkpoint(&self, key: &Hash, device: &str, bytes: &[u8]) -> bool {
        let mut all = check(device, bytes).0.to_vec();
        all.extend_from_slice(bytes);
        self.disk.replace(&self.checkpoint_path(key), &all, true, &|| self.fenced(key)).is_ok()
    }

    /// Returns the last checkpoint, where there is one, undamaged and of this device kind: going on from one of another kind would mix both.
    pub fn checkpoint(&self, key: &Hash, device: &str) -> Option<Vec<u8>> {
        let mut all = seen::read(&self.checkpoint_path(key)).ok()?;
        let (head, bytes) = all.split_at_checked(32)?;
        if head != check(device, bytes).0 {
            return None;
        }
        all.drain(..32);
        Some(all)
    }

    /// Drops the checkpoint of a cell that is done.
    pub fn drop_checkpoint(&self, key: &Hash) {
        // Most cells have none.
        let _ = std::fs::remove_file(self.checkpoint_path(key));
    }
}

fn check(device: &str, bytes: &[u8]) -> Hash {
    let mut h = Hasher::new("cfx.checkpoint.1");
    h.text(device).bytes(bytes);
    h.finish()
}
