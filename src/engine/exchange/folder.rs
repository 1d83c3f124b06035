//! A store in a folder of this machine, or of a file system that it sees.

use super::choice::Choice;
use super::copy::{Copied, copy, needs};
use super::{Choose, Remote, Trouble, Watch};
use crate::engine::store::{Store, StoreError};
use std::path::PathBuf;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(pub PathBuf);

impl Remote for Folder {
    fn pull(&self, to: &Store, choose: Choose, watch: Watch) -> Result<Copied, Trouble> {
        if !Store::is_there(&self.0)? {
            return Err(StoreError::new(format!("there is no store at {}", self.0.display())).into());
        }
        let from = Store::look(&self.0)?;
        let mut copied = Copied::default();
        let choice = choose(&from);
        let needs = needs(&from, to, &choice, &mut copied);
        copy(&from, to, &needs, &mut copied, watch)?;
        Ok(copied)
    }

    fn push(&self, from: &Store, choice: &Choice, watch: Watch) -> Result<Copied, Trouble> {
        let to = Store::open(&self.0)?;
        let mut copied = Copied::default();
        let needs = needs(from, &to, choice, &mut copied);
        copy(from, &to, &needs, &mut copied, watch)?;
        Ok(copied)
    }
}
