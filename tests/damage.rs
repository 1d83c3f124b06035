//! Damage of every kind to every kind of file of a store: the next run ends well and writes what it wrote before, byte for byte.
//!
//! `CFX_LONG=1` tries all ways, each on each kind of file, and many at random; without it a few.

use crate::cli::{cfx, code, folder_with, said};
use crate::dice::Dice;
use crate::script::files_below;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SCRIPT: &str = r#"cfx 1
experiment "Damaged" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset few = sample(digits().train, 60)
model net = train(mlp(hidden: [200]), few, seed: run) { epochs: 1, batch: 20, rate: 0.1, keep: weights }
stages acts = tap(net, few, at: [hidden1])
stages low = svd(acts, width: 3)
density p = dp_mixture(low[run: 0], by: class) { sampler: gibbs(passes: 12, burn_in: 4, thin: 4, chains: 2) }
analysis acc = mean(correct(net, few))
analysis logp = log_density(p, low[run: 0])
analysis spread = mean_distance(low, by: class)
figure "Spread" = curves(spread, x: class)
claim "Known" = mean(acc) > 0
"#;

/// Kinds of files of a store, by their folders.
const KINDS: [&str; 6] = ["objects", "packs", "index", "kept", "runs", "notes"];

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Gone,
    /// A bit is turned at this share of its length.
    Turned(f64),
    Cut(f64),
    Zeros,
    /// It has what another one of its folder had.
    Another,
    /// Something stands behind its end.
    Longer,
}

use Damage::*;

const ALL: [Damage; 10] =
    [Gone, Turned(0.0), Turned(0.1), Turned(0.5), Turned(0.9), Turned(1.0), Cut(0.0), Cut(0.5), Zeros, Another];

impl Damage {
    fn of(self, path: &Path, other: &[u8]) {
        let mut bytes = std::fs::read(path).expect("a file of the store");
        let length = bytes.len();
        let at = |share: f64| ((length as f64 * share) as usize).min(length.saturating_sub(1));
        match self {
            Gone => return std::fs::remove_file(path).expect("it goes"),
            Turned(_) if bytes.is_empty() => {}
            Turned(share) => {
                let i = at(share);
                bytes[i] ^= 1;
            }
            Cut(share) => bytes.truncate(at(share)),
            Zeros => bytes.fill(0),
            Another => bytes = other.to_vec(),
            Longer => bytes.extend(b"what no one wrote here".repeat(9)),
        }
        std::fs::write(path, bytes).expect("a damaged file");
    }
}

/// Returns the results in a folder, without the record and the page of the run, which tell of times.
fn results(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let below = |p: &Path| p.strip_prefix(out).expect("a file below").to_path_buf();
    let kept = |p: &PathBuf| !matches!(p.file_name().and_then(|n| n.to_str()), Some("manifest.json" | "report.html"));
    files_below(out, "").into_iter().filter(kept).map(|p| (below(&p), std::fs::read(&p).expect("a result"))).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        match entry.file_type().is_ok_and(|t| t.is_dir()) {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => std::fs::copy(entry.path(), to.join(entry.file_name())).map(drop).expect("a copy"),
        }
    }
}

#[test]
fn whatever_of_the_store_is_damaged_the_next_run_writes_what_there_was() {
    let (folder, path) = folder_with(SCRIPT);
    let at = |name: &str| folder.path().join(name);
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    let whole = results(&at("out"));
    for ending in [".csv", ".npy", ".svg", ".safetensors", ".zarray"] {
        assert!(whole.keys().any(|p| p.to_string_lossy().ends_with(ending)), "no {ending} among {:?}", whole.keys());
    }
    std::fs::rename(at(".cfx"), at("sound")).expect("the store is put aside");
    let mut dice = Dice::new(7);
    let long = std::env::var_os("CFX_LONG").is_some();
    // One kind of damage to all files of a kind; then all kinds of damage to some of all files.
    let mut cases: Vec<(Vec<&str>, Option<Damage>)> =
        KINDS.iter().flat_map(|kind| ALL.into_iter().chain([Longer]).map(|d| (vec![*kind], Some(d)))).collect();
    cases.extend((0..if long { 60 } else { 4 }).map(|_| (KINDS.to_vec(), None)));
    cases.push((vec!["objects", "packs"], Some(Gone)));
    if !long {
        cases.retain(|(kinds, damage)| kinds.len() > 1 || matches!(damage, Some(Gone)) || dice.chance(12));
    }
    for (kinds, damage) in &cases {
        for name in [".cfx", "out"] {
            if at(name).exists() {
                std::fs::remove_dir_all(at(name)).expect("it goes");
            }
        }
        copy(&at("sound"), &at(".cfx"));
        let mut done = Vec::new();
        for kind in kinds {
            let files = files_below(&at(".cfx").join(kind), "");
            let texts: Vec<Vec<u8>> = files.iter().map(|p| std::fs::read(p).expect("a file of the store")).collect();
            for (i, file) in files.iter().enumerate() {
                let own = damage.or_else(|| dice.chance(40).then(|| *dice.one(&ALL)));
                if let Some(own) = own {
                    own.of(file, &texts[(i + 1) % texts.len()]);
                    done.push((file.strip_prefix(folder.path()).expect("below").to_path_buf(), own));
                }
            }
        }
        for next in 0..2 {
            let output = cfx(&["run", "--out", "out"], &path);
            assert_eq!(code(&output), 0, "{done:?}: {}", said(&output));
            let found = results(&at("out"));
            let wrong: Vec<&PathBuf> =
                whole.keys().chain(found.keys()).filter(|place| whole.get(*place) != found.get(*place)).collect();
            assert!(wrong.is_empty(), "{wrong:?} after {done:?}: {}", said(&output));
            let computed = said(&output).lines().any(|l| l.starts_with("0 computed"));
            assert!(next == 0 || computed, "the second run after {done:?}: {}", said(&output));
        }
    }
}
