//! Copying from one open store to another.

use super::choice::{Choice, Meant};
use super::{Trouble, Watch};
use crate::base::Hash;
use crate::engine::store::{Made, Store};
use std::collections::BTreeSet;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Results copied, and their bytes.
    pub results: usize,
    pub bytes: u64,
    /// Results that were there already, and their bytes.
    pub there: usize,
    pub there_bytes: u64,
    /// Results that are there with other bits, of another kind of device: those stay.
    pub others: usize,
    /// Results that are damaged or gone where they were to come from.
    pub damaged: usize,
    /// Results that are needed and are not where they were to come from.
    pub missing: usize,
}

/// What has to be done about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Its result is copied; its bytes.
    Result(u64),
    /// Only its line.
    Line,
}

/// Counts what is there already, and returns what is to be copied of the rest.
pub(super) fn needs<'c>(from: &Store, to: &Store, choice: &'c Choice, copied: &mut Copied) -> Vec<(&'c Meant, Need)> {
    copied.missing += choice.missing;
    let mut out = Vec::new();
    for meant in &choice.cells {
        let Some(known) = from.known(&meant.key) else { continue };
        let here = to.known(&meant.key);
        if meant.result && known.spot.is_some() {
            match here.filter(|k| to.present(k)) {
                Some(k) if k.hash == known.hash => {
                    copied.there += 1;
                    copied.there_bytes += known.bytes;
                }
                Some(_) => copied.others += 1,
                None => {
                    out.push((meant, Need::Result(known.bytes)));
                    continue;
                }
            }
        }
        out.push((meant, Need::Line));
    }
    out
}

/// Copies what is needed. Each result is read, which compares its hash, and put, before a line names it.
pub(super) fn copy(from: &Store, to: &Store, needs: &[(&Meant, Need)], copied: &mut Copied, watch: Watch) -> Result<(), Trouble> {
    let batch = to.batch();
    let mut damaged: BTreeSet<Hash> = BTreeSet::new();
    for (meant, need) in needs {
        watch.look()?;
        let (Some(known), Some(entry)) = (from.known(&meant.key), from.entry(&meant.key)) else { continue };
        if damaged.contains(&meant.key) {
            continue;
        }
        let made = Made::from(entry);
        match need {
            Need::Result(_) => match from.read(&known) {
                Ok(bytes) => {
                    to.put(&meant.key, &bytes, &made, true)?;
                    copied.results += 1;
                    copied.bytes += bytes.len() as u64;
                }
                Err(_) => {
                    copied.damaged += 1;
                    damaged.insert(meant.key);
                    continue;
                }
            },
            // What is known there stays as it is known there.
            Need::Line if to.known(&meant.key).is_none() => to.put_hash(&meant.key, known.hash, &made)?,
            Need::Line => {}
        }
        if let Some(plan) = meant.plan.filter(|p| *p != meant.key && to.alias(p).is_none()) {
            to.put_alias(&plan, &meant.key)?;
        }
    }
    drop(batch);
    to.sync()?;
    Ok(())
}
