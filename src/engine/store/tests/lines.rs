//! Logs of the index at random, damaged at random: what is read of them is what was written, and reading them ends.

use super::*;
use crate::engine::store::disk::System;
use crate::engine::store::index::Index;
use proptest::prelude::*;

/// Returns the line of a number: of each kind, with and without what may be missing.
fn line(n: u8) -> Line {
    let entry = Entry {
        hash: Hash([n.wrapping_add(1); 32]),
        op: "op".repeat(usize::from(n % 3)),
        title: format!("cell {n} \u{e9}"),
        bytes: u64::from(n),
        device: "here".into(),
        seconds: f64::from(n) / 7.0,
        memory: n.is_multiple_of(2).then_some(u64::from(n)),
        absent: n.is_multiple_of(5).then(|| "why".to_string()),
        form: u64::from(n),
        created: u64::from(n),
        place: match n % 3 {
            0 => None,
            1 => Some(Place::File),
            _ => Some(Place::Pack(format!("pack-{n}"), u64::from(n))),
        },
    };
    match n % 4 {
        0 => Line::Same { plan: key(n), key: key(n ^ 1), created: u64::from(n) },
        1 => Line::Spare { key: key(n), created: u64::from(n) },
        _ => Line::Cell { key: key(n), entry },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_logs_give_what_was_written_or_nothing(
        numbers in prop::collection::vec(any::<u8>(), 0..30),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 0..6),
    ) {
        let mut bytes = Vec::new();
        numbers.iter().for_each(|n| line(*n).write(&mut bytes));
        for (at, byte, what) in damage {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        let mut at = 0;
        while at < bytes.len() {
            match Line::read(&bytes[at..]) {
                Read::Line(found, length) => {
                    prop_assert!(numbers.iter().any(|n| line(*n) == *found), "{found:?} was never written");
                    prop_assert!(length > 0);
                    at += length;
                }
                Read::Damaged(length) => {
                    prop_assert!(length > 0);
                    at += length;
                }
                Read::Unfinished => break,
            }
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1-2-3.log"), &bytes).unwrap();
        let mut index = Index::default();
        index.read_new(&System, folder.path(), "own.log");
        for (found, entry) in index.entries() {
            let written = |n: &u8| matches!(line(*n), Line::Cell { key, entry: e } if key == found && e.hash == entry.hash);
            prop_assert!(numbers.iter().any(written));
        }
    }
}
