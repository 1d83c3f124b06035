//! A store that is reached by carrying files: its index is brought here, what it lacks is put into a small store of its own and carried there, artifacts first and
//! the lines that name them last; what is fetched is carried here and read as from a store.
//!
//! Files are carried in rounds, so that what is under way takes little room, and so that what was carried stays where it is stopped.

use super::choice::{Choice, Meant};
use super::copy::{Copied, Need, copy, needs};
use super::{Choose, Remote, Trouble, Watch};
use crate::engine::store::{Store, transfer::Transfer};
use std::collections::BTreeSet;
use std::path::Path;

/// Carries files between a store that is somewhere else and folders here. Names are paths below the store.
pub(super) trait Transport {
    /// Brings the mark of a store and its index. Returns whether there is a store.
    ///
    /// Errors: it cannot be reached, or what is there is something else.
    fn index(&self, into: &Path, watch: Watch) -> Result<bool, Trouble>;

    /// Brings files; those that are not there are passed over.
    ///
    /// Errors: it cannot be reached.
    fn bring(&self, names: &[String], into: &Path, watch: Watch) -> Result<(), Trouble>;

    /// Sends files, each whole or not at all, and makes sure that they have arrived as they are.
    ///
    /// Errors: it cannot be reached or written, or a file there is not as it was sent.
    fn send(&self, names: &[String], from: &Path, watch: Watch) -> Result<(), Trouble>;

    /// Returns the address.
    fn address(&self) -> &str;
}

/// A store behind a transport.
pub(super) struct Mirrored<T>(pub T);

/// Bytes carried in a round, where no single result is larger; results in it at most.
const ROUND: (u64, usize) = (512 << 20, 20_000);

/// Cuts what is to be done into rounds.
fn rounds<'n, 'c>(needs: &'n [(&'c Meant, Need)]) -> Vec<&'n [(&'c Meant, Need)]> {
    let (mut out, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (i, (_, need)) in needs.iter().enumerate() {
        let own = if let Need::Result(bytes) = need { *bytes } else { 0 };
        if i > start && (bytes + own > ROUND.0 || i - start >= ROUND.1) {
            out.push(&needs[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += own;
    }
    out.push(&needs[start..]);
    out.retain(|r| !r.is_empty());
    out
}

impl<T: Transport> Remote for Mirrored<T> {
    fn pull(&self, to: &Store, choose: Choose, watch: Watch) -> Result<Copied, Trouble> {
        let here = Transfer::begin(to)?;
        let mirror = here.folder("there")?;
        if !self.0.index(&mirror, watch)? {
            return Err(Trouble::Transport(format!("there is no store at {}", self.0.address())));
        }
        let from = Store::listed(&mirror, self.0.address())?;
        let mut copied = Copied::default();
        let choice = choose(&from);
        let needs = needs(&from, to, &choice, &mut copied);
        for round in rounds(&needs) {
            let results = round.iter().filter(|(_, n)| matches!(n, Need::Result(_)));
            let names: BTreeSet<String> = results.filter_map(|(m, _)| from.file_of(&m.key)).collect();
            // A pack that an earlier round took along is still there.
            let lacking: Vec<String> = names.iter().filter(|n| !mirror.join(n).exists()).cloned().collect();
            self.0.bring(&lacking, &mirror, watch)?;
            copy(&from, to, round, &mut copied, watch)?;
            for name in names.iter().filter(|n| n.starts_with("objects/")) {
                // It takes room until all is over, and no more.
                let _ = std::fs::remove_file(mirror.join(name));
            }
        }
        Ok(copied)
    }

    fn push(&self, from: &Store, choice: &Choice, watch: Watch) -> Result<Copied, Trouble> {
        let here = Transfer::begin(from)?;
        let mirror = here.folder("there")?;
        let there = self.0.index(&mirror, watch)?;
        let to = Store::listed(&mirror, self.0.address())?;
        let mut copied = Copied::default();
        let needs = needs(from, &to, choice, &mut copied);
        let rounds = rounds(&needs);
        if !there && rounds.is_empty() {
            // A store that holds nothing is one too.
            self.0.send(&["format".to_string()], &here.made("empty")?, watch)?;
        }
        for (n, round) in rounds.into_iter().enumerate() {
            let folder = here.made(&format!("round-{n}"))?;
            let part = Store::open(&folder)?;
            // Lines that are there need not be sent again.
            let round: Vec<(&Meant, Need)> = round.iter().filter(|(m, need)| is_news(&to, m, *need)).copied().collect();
            copy(from, &part, &round, &mut copied, watch)?;
            drop(part);
            let mut artifacts: Vec<String> = if there { Vec::new() } else { vec!["format".to_string()] };
            artifacts.extend(files(&folder, "packs"));
            artifacts.extend(files(&folder, "objects"));
            let lines = files(&folder, "index");
            if !lines.is_empty() {
                self.0.send(&artifacts, &folder, watch)?;
                self.0.send(&lines, &folder, watch)?;
            }
            let _ = std::fs::remove_dir_all(&folder);
        }
        Ok(copied)
    }
}

/// Returns whether something would have to be said there of a cell.
fn is_news(to: &Store, meant: &Meant, need: Need) -> bool {
    matches!(need, Need::Result(_))
        || to.known(&meant.key).is_none()
        || meant.plan.is_some_and(|p| p != meant.key && to.alias(&p).is_none())
}

/// Returns the files below a folder of a store, by their paths below the store.
fn files(root: &Path, folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => out.extend(files(root, &name)),
            _ => out.push(name),
        }
    }
    out.sort();
    out
}
