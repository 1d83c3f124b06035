//! Results that travel: pushed, pulled, read from a store beside; to a folder, and to another machine by rsync.

use crate::cli::{cfx, code, command, folder_with, said};
use std::path::Path;
use std::process::Output;

/// Networks, densities, numbers and a figure; a second or two.
const SCRIPT: &str = r#"cfx 1
experiment "Shared" { seed: 3 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset few = sample(digits().train, 200)
model net = train(mlp(hidden: [8]), few, seed: run) { epochs: 2, batch: 32, rate: 0.1 }
stages s = svd(tap(net, few, at: [hidden1]), width: 3)
analysis acc = accuracy(net, few)
analysis spread = mean_distance(s, by: class)
figure "Accuracy" = bars(acc, x: run)
"#;

fn ok(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}", said(output));
    said(output)
}

/// Returns how many cells a run says that it computed.
fn computed(words: &str) -> &str {
    words.lines().find(|l| l.contains(" computed")).expect("a line about cells")
}

#[test]
fn a_colleague_computes_only_what_is_new() {
    let (_mine, path) = folder_with(SCRIPT);
    ok(&cfx(&["run"], &path));
    let (_theirs, other) = folder_with(SCRIPT);
    let shared = tempfile::tempdir().expect("a folder");
    let to = shared.path().join("store").display().to_string();
    let first = ok(&cfx(&["push", "--to", &to], &path));
    assert!(first.contains("results copied (") && first.contains("; 0 were there already"), "{first}");
    let again = ok(&cfx(&["push", "--to", &to], &path));
    assert!(again.starts_with("0 results copied"), "{again}");
    // From the folder of another: all of it.
    let pulled = ok(&cfx(&["pull", "--from", &to], &other));
    assert!(!pulled.contains("missing") && !pulled.starts_with("0 results"), "{pulled}");
    assert!(computed(&ok(&cfx(&["run"], &other))).starts_with("0 computed"));
    // Beside: nothing is copied but what is written out, and only what is new is computed.
    let more = format!("{SCRIPT}analysis typical = mean_distance(s)\n");
    let (third_folder, third) = folder_with(&more);
    let planned = ok(&cfx(&["plan", "--also", &to], &third));
    assert!(planned.contains(&format!("are read from {to} (`--also`)")), "{planned}");
    let ran = ok(&cfx(&["run", "--also", &to], &third));
    assert!(computed(&ran).starts_with("2 computed"), "{ran}");
    let listed = ok(&cfx(&["ls", "--also", &to], &third));
    assert!(listed.contains(&format!("in {to}")) && listed.contains("spread"), "{listed}");
    assert!(ok(&cfx(&["run"], &third)).contains("report.html"));
    assert!(third_folder.path().join("results/exp/tables/typical.csv").exists());
    // What is copied is what was wanted, so that it stands without the other store.
    assert!(computed(&ok(&cfx(&["run"], &third))).starts_with("0 computed"));
    let wrong = cfx(&["run", "--also", "nowhere"], &third);
    assert_eq!(code(&wrong), 2, "{}", said(&wrong));
}

#[test]
fn a_damaged_result_beside_is_computed_again() {
    let (mine, path) = folder_with(SCRIPT);
    let before = ok(&cfx(&["run"], &path));
    let packs = std::fs::read_dir(mine.path().join(".cfx/packs")).expect("packs");
    for pack in packs.flatten() {
        let mut bytes = std::fs::read(pack.path()).expect("a pack");
        bytes.iter_mut().for_each(|b| *b ^= 1);
        std::fs::write(pack.path(), bytes).expect("damage");
    }
    let (theirs, other) = folder_with(SCRIPT);
    let also = mine.path().join(".cfx").display().to_string();
    let ran = cfx(&["run", "--also", &also], &other);
    assert_eq!(code(&ran), 0, "{before}{}", said(&ran));
    let table = |folder: &Path| std::fs::read(folder.join("results/exp/tables/spread.csv")).expect("a table");
    assert!(said(&ran).contains("damaged") && table(mine.path()) == table(theirs.path()), "{}", said(&ran));
    // Of two stores it is said which holds what is damaged.
    assert!(said(&ran).contains(&format!("in the store {also} is damaged")), "{}", said(&ran));
}

#[cfg(unix)]
#[test]
fn results_travel_to_another_machine_and_back() {
    use std::os::unix::fs::PermissionsExt;
    if std::process::Command::new("rsync").arg("--version").output().is_err() {
        eprintln!("rsync is not installed: copying to other machines is not tested");
        return;
    }
    let (mine, path) = folder_with(SCRIPT);
    ok(&cfx(&["run"], &path));
    // In place of ssh: what would run there, runs here.
    let shell = mine.path().join("there.sh");
    std::fs::write(&shell, "#!/bin/sh\nshift\nexec \"$@\"\n").expect("a script");
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    let over = |arguments: &[&str], script: &Path| {
        command(arguments, script).env("RSYNC_RSH", &shell).output().expect("the command runs")
    };
    let there = tempfile::tempdir().expect("a folder");
    let address = format!("host:{}/deep/a store", there.path().display());
    let none = over(&["pull", "--from", &address], &path);
    assert!(code(&none) == 5 && said(&none).contains("there is no store at host:"), "{}", said(&none));
    let pushed = ok(&over(&["push", "--to", &address], &path));
    assert!(pushed.contains("; 0 were there already"), "{pushed}");
    let again = ok(&over(&["push", "--to", &address], &path));
    assert!(again.starts_with("0 results copied"), "{again}");
    let (_theirs, other) = folder_with(SCRIPT);
    let pulled = ok(&over(&["pull", "--from", &address], &other));
    assert!(!pulled.contains("missing"), "{pulled}");
    assert!(computed(&ok(&cfx(&["run"], &other))).starts_with("0 computed"));
    // What is there is a store as any other.
    let store = there.path().join("deep/a store");
    let (_third, third) = folder_with(SCRIPT);
    assert!(computed(&ok(&cfx(&["run", "--also", &store.display().to_string()], &third))).starts_with("0 computed"));
    let strange = there.path().join("strange");
    std::fs::create_dir(&strange).expect("a folder");
    std::fs::write(strange.join("thesis.txt"), "mine").expect("a file");
    let refused = over(&["push", "--to", &format!("host:{}", strange.display())], &path);
    assert!(code(&refused) == 5 && said(&refused).contains("is not a store of cfx"), "{}", said(&refused));
}
