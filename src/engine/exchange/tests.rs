//! What copying does: by content, verified, going on where it was stopped, several at once.

use super::choice::{Choice, Meant};
use super::{Trouble, Watch, at};
use crate::base::Hash;
use crate::engine::store::{Made, SMALL, Store};
use std::path::Path;
use std::sync::atomic::AtomicBool;

static GO: AtomicBool = AtomicBool::new(false);

fn key(n: u8) -> Hash {
    Hash([n; 32])
}

fn bytes(n: u8) -> Vec<u8> {
    // Every third is large: a file of its own.
    vec![n; if n.is_multiple_of(3) { SMALL + 1 } else { 5 + n as usize }]
}

fn made() -> Made {
    Made { op: "mean".into(), title: "x (mean)".into(), device: "here".into(), seconds: 2.5, form: 7, ..Made::default() }
}

/// Returns a store with the results 1 to `count`, a hash alone, and a plan key for each.
fn filled(folder: &Path, count: u8) -> Store {
    let store = Store::open(folder).unwrap();
    for n in 1..=count {
        store.put(&key(n), &bytes(n), &made(), true).unwrap();
        store.put_alias(&key(100 + n), &key(n)).unwrap();
    }
    store.put_hash(&key(90), key(91), &made()).unwrap();
    store.sync().unwrap();
    store
}

fn choice(store: &Store) -> Choice {
    let mut all = Choice::all(store);
    all.missing = 2;
    all
}

#[track_caller]
fn has(store: &Store, from: u8, to: u8) {
    for n in from..=to {
        let known = store.known(&key(n)).unwrap_or_else(|| panic!("{n} is not there"));
        assert_eq!(store.read(&known).unwrap(), bytes(n));
        assert_eq!(store.alias(&key(100 + n)), Some(key(n)));
        let entry = store.entry(&key(n)).unwrap();
        assert_eq!((entry.op.as_str(), entry.device.as_str(), entry.seconds, entry.form), ("mean", "here", 2.5, 7));
    }
}

#[test]
fn results_are_copied_once_and_the_second_time_are_there() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 9);
    let remote = at(two.path().to_str().unwrap()).unwrap();
    let first = remote.push(&store, &choice(&store), Watch(&GO)).unwrap();
    let total: u64 = (1..=9).map(|n| bytes(n).len() as u64).sum();
    assert_eq!((first.results, first.bytes, first.there, first.missing, first.damaged), (9, total, 0, 2, 0));
    has(&Store::look(two.path()).unwrap(), 1, 9);
    assert_eq!(Store::look(two.path()).unwrap().known(&key(90)).unwrap().hash, key(91));
    let again = remote.push(&store, &choice(&store), Watch(&GO)).unwrap();
    assert_eq!((again.results, again.there, again.there_bytes), (0, 9, total));
    // And from there into a third.
    let three = tempfile::tempdir().unwrap();
    let pulled = remote.pull(&Store::open(three.path()).unwrap(), &choice, Watch(&GO)).unwrap();
    assert_eq!((pulled.results, pulled.bytes), (9, total));
    has(&Store::look(three.path()).unwrap(), 1, 9);
}

#[test]
fn only_what_is_chosen_is_copied() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 4);
    let meant = |n, result| Meant { key: key(n), plan: Some(key(100 + n)), result };
    let choice = Choice { cells: vec![meant(2, true), meant(3, false)], missing: 0 };
    let copied = at(two.path().to_str().unwrap()).unwrap().push(&store, &choice, Watch(&GO)).unwrap();
    assert_eq!(copied.results, 1);
    let there = Store::look(two.path()).unwrap();
    has(&there, 2, 2);
    let hash_only = there.known(&key(3)).unwrap();
    assert_eq!((hash_only.hash, hash_only.spot), (Hash::of(&bytes(3)), None));
    assert_eq!((there.known(&key(1)), there.alias(&key(103))), (None, Some(key(3))));
}

#[test]
fn what_is_damaged_is_not_copied_and_nothing_names_it() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 3);
    let name = Hash::of(&bytes(3)).to_string();
    let object = one.path().join("objects").join(&name[..2]).join(&name[2..]);
    let mut there = std::fs::read(&object).unwrap();
    there[7] ^= 1;
    std::fs::write(&object, there).unwrap();
    let copied = at(two.path().to_str().unwrap()).unwrap().push(&store, &choice(&store), Watch(&GO)).unwrap();
    assert_eq!((copied.results, copied.damaged), (2, 1));
    let other = Store::look(two.path()).unwrap();
    has(&other, 1, 2);
    assert!(other.known(&key(3)).is_none());
}

#[test]
fn what_is_there_with_other_bits_stays() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 2);
    Store::open(two.path()).unwrap().put(&key(1), b"of another kind", &made(), true).unwrap();
    let copied = at(two.path().to_str().unwrap()).unwrap().push(&store, &choice(&store), Watch(&GO)).unwrap();
    assert_eq!((copied.results, copied.others), (1, 1));
    let there = Store::look(two.path()).unwrap();
    assert_eq!(there.read(&there.known(&key(1)).unwrap()).unwrap(), b"of another kind");
}

#[test]
fn it_stops_when_told_and_goes_on() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 3);
    let stop = AtomicBool::new(true);
    let remote = at(two.path().to_str().unwrap()).unwrap();
    assert!(matches!(remote.push(&store, &choice(&store), Watch(&stop)), Err(Trouble::Stopped)));
    assert_eq!(remote.push(&store, &choice(&store), Watch(&GO)).unwrap().results, 3);
}

#[test]
fn many_push_to_one_store_at_once() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(one.path(), 40);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| at(two.path().to_str().unwrap()).unwrap().push(&store, &choice(&store), Watch(&GO)).unwrap());
        }
    });
    has(&Store::look(two.path()).unwrap(), 1, 40);
}

#[test]
fn addresses_that_lead_nowhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("store"), 1);
    let none = at(folder.path().join("none").to_str().unwrap()).unwrap();
    assert!(none.pull(&store, &choice, Watch(&GO)).unwrap_err().to_string().contains("there is no store"));
    assert!(!folder.path().join("none").exists());
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/a.txt"), "mine").unwrap();
    let mine = at(folder.path().join("mine").to_str().unwrap()).unwrap();
    assert!(mine.push(&store, &choice(&store), Watch(&GO)).unwrap_err().to_string().contains("is not a store of cfx"));
    let Err(words) = at("ftp://host/x") else { panic!("an address of a kind that is not known") };
    assert!(words.contains("is no address of a store"), "{words}");
}

#[test]
fn a_store_beside_is_read_and_not_written() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(one.path(), 6));
    let before: Vec<_> = std::fs::read_dir(one.path().join("index")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let store = Store::open(two.path()).unwrap().beside(vec![Store::look(one.path()).unwrap()]);
    has(&store, 1, 6);
    assert_eq!(store.source(&key(1)), Some(one.path()));
    store.adopt(&key(3), &bytes(3)).unwrap();
    assert_eq!(store.source(&key(3)), None);
    // One that is damaged is forgotten by this process alone.
    store.lose(&key(1)).unwrap();
    assert!(store.known(&key(1)).unwrap().spot.is_none());
    store.sync().unwrap();
    drop(store);
    let alone = Store::look(two.path()).unwrap();
    assert!(alone.known(&key(3)).unwrap().spot.is_some() && alone.known(&key(2)).is_none());
    has(&Store::look(one.path()).unwrap(), 1, 6);
    let after: Vec<_> = std::fs::read_dir(one.path().join("index")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(before, after);
}

#[test]
fn an_empty_address_is_no_store() {
    for address in ["", " ", "\n"] {
        assert!(at(address).is_err_and(|words| words.contains("is empty")), "{address:?}");
    }
}
