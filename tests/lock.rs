//! `cfx lock`: what a script's results hang on, written down beside it, and what `run`, `plan` and `export` make of it.

use crate::cli::{cfx, code, command, folder_with, said};
use std::path::Path;

/// Reads an array of its own and one below another folder, a network's weights and a parameter.
const SCRIPT: &str = r#"cfx 1
experiment "Locked" { seed: 2 }

use std.data { digits }
use std.networks { mlp }

param epochs: int = 1
dataset few = sample(digits().train, 60)
stages x = load_stages("acts/*.npy", rows: examples)
stages y = load_stages("far.npy", rows: examples)
model net = train(mlp(hidden: [4]), few, seed: 1) { epochs: epochs, rate: 0.1 }
analysis acc = accuracy(net, few)
analysis near = mean_distance(x)
analysis far = mean_distance(y)
"#;

/// Writes an array of 3 rows of 2 numbers.
fn array(path: &Path, first: f64) {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }";
    let header = format!("{header}{}\n", " ".repeat(127 - 10 - header.len()));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    [first, 1.0, 2.0, 3.0, 5.0, 8.0].iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("an array");
}

#[test]
fn what_differs_from_the_lock_is_told_and_refused_with_locked() {
    let (folder, path) = folder_with(SCRIPT);
    let data = tempfile::tempdir().expect("a folder");
    array(&folder.path().join("acts/a.npy"), 0.0);
    array(&data.path().join("far.npy"), 0.5);
    let granted = data.path().display().to_string();
    let with = |arguments: &[&str]| {
        let mut command = command(arguments, &path);
        command.args(["--data", &granted]).output().expect("the command runs")
    };
    let lock = folder.path().join("exp.cfx.lock");
    // Without a lock nothing is said, and nothing can be held to one.
    let plain = with(&["plan"]);
    assert!(code(&plain) == 0 && !said(&plain).contains("lock"), "{}", said(&plain));
    let none = with(&["run", "--locked"]);
    assert!(code(&none) == 2 && said(&none).contains("`cfx lock"), "{}", said(&none));
    assert!(!folder.path().join("results").exists());

    let written = with(&["lock"]);
    assert!(code(&written) == 0 && said(&written).contains("exp.cfx.lock"), "{}", said(&written));
    let text = std::fs::read_to_string(&lock).expect("the lock");
    for words in ["\"acts/a.npy\"", "\"below\":\"--data\"", "\"far.npy\"", "\"train\"", "\"epochs\"", "\"cfx.lock.2\""] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains(&granted) && !text.contains(&folder.path().display().to_string()), "{text}");
    // The same again, and wherever the folders lie.
    assert_eq!(code(&with(&["lock"])), 0);
    assert_eq!(std::fs::read_to_string(&lock).expect("the lock"), text);
    let (there, other) = folder_with(SCRIPT);
    array(&there.path().join("acts/a.npy"), 0.0);
    array(&there.path().join("elsewhere/far.npy"), 0.5);
    let moved = command(&["lock", "--data"], &other).arg(there.path().join("elsewhere")).output().expect("the command runs");
    assert_eq!(code(&moved), 0, "{}", said(&moved));
    assert_eq!(std::fs::read_to_string(there.path().join("exp.cfx.lock")).expect("the lock"), text);

    let same = with(&["run", "--locked"]);
    assert!(code(&same) == 0 && !said(&same).contains("differs"), "{}", said(&same));
    let manifest = || std::fs::read_to_string(folder.path().join("results/exp/manifest.json")).expect("the manifest");
    assert!(manifest().contains("\"lock\": {\"differences\":[]}"), "{}", manifest());

    // A file, a new file in a folder that is listed, a parameter.
    array(&data.path().join("far.npy"), 0.25);
    array(&folder.path().join("acts/b.npy"), 0.5);
    let differs = [
        "the parameter `epochs` was `1`, and is `2`",
        "the file `far.npy` below `--data` was ",
        "the file `acts/b.npy` was not used, and is ",
    ];
    for (arguments, exit) in [(&["plan", "--set", "epochs=2"][..], 0), (&["plan", "--set", "epochs=2", "--locked"], 3)] {
        let output = with(arguments);
        assert_eq!(code(&output), exit, "{}", said(&output));
        differs.iter().for_each(|words| assert!(said(&output).contains(words), "{words}: {}", said(&output)));
    }
    let before = manifest();
    let refused = with(&["run", "--set", "epochs=2", "--locked"]);
    assert!(code(&refused) == 3 && said(&refused).contains("the run is refused"), "{}", said(&refused));
    assert_eq!(manifest(), before);
    // Without `--locked` it runs, and is marked.
    let marked = with(&["run", "--set", "epochs=2"]);
    assert!(code(&marked) == 0 && said(&marked).contains("warning: this differs"), "{}", said(&marked));
    assert!(manifest().contains("the parameter `epochs` was `1`, and is `2`"), "{}", manifest());
    let report = std::fs::read_to_string(folder.path().join("results/exp/report.html")).expect("the report");
    assert!(report.contains("differs from the lock"));

    // What an archive holds.
    assert_eq!(code(&with(&["export"])), 0);
    let archive = std::fs::File::open(folder.path().join("exp.zip")).expect("the archive");
    let mut archive = zip::ZipArchive::new(archive).expect("an archive");
    let held = std::io::read_to_string(archive.by_name("exp/exp.cfx.lock").expect("the lock")).expect("a text");
    assert_eq!(held, text);
}

#[test]
fn a_lock_names_the_kinds_of_device_of_the_results() {
    let (folder, path) = folder_with(crate::cli::QUICK);
    let lock = folder.path().join("exp.cfx.lock");
    let devices = || -> Vec<String> {
        let text = std::fs::read_to_string(&lock).expect("the lock");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        json["devices"].as_array().expect("kinds").iter().map(|d| d.as_str().expect("a kind").to_string()).collect()
    };
    // Before anything was computed: the kind of this machine, as in its results afterwards.
    assert_eq!(code(&cfx(&["lock"], &path)), 0);
    let own = devices();
    assert_eq!(code(&cfx(&["run", "--locked"], &path)), 0);
    assert_eq!(code(&cfx(&["lock"], &path)), 0);
    assert_eq!((devices(), own.len()), (own.clone(), 1));
    // A lock of another machine: what would be computed here is refused, and marked without `--locked`.
    let other = std::fs::read_to_string(&lock).expect("the lock").replace(&own[0], "of another machine");
    std::fs::write(&lock, other).expect("a lock");
    let words = format!("the kind of device was `of another machine`, and is `{}`", own[0]);
    for (arguments, exit) in
        [(&["run", "--locked", "--store", "new"][..], 3), (&["run", "--locked"], 3), (&["run"], 0), (&["plan"], 0)]
    {
        let output = cfx(arguments, &path);
        assert!(code(&output) == exit && said(&output).contains(&words), "{arguments:?}: {}", said(&output));
    }
    // What is known of a plan without results is no kind of device.
    let output = cfx(&["plan", "--store", "none", "--locked"], &path);
    assert!(code(&output) == 0 && !said(&output).contains("kind of device"), "{}", said(&output));
}

#[test]
fn what_is_no_lock_is_neither_overwritten_nor_believed() {
    let (folder, path) = folder_with(crate::cli::QUICK);
    let lock = folder.path().join("exp.cfx.lock");
    std::fs::write(&lock, "mine").expect("a file");
    let output = cfx(&["lock"], &path);
    assert!(code(&output) == 2 && said(&output).contains("is not a lock of cfx"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&lock).expect("a file"), "mine");
    let output = cfx(&["plan"], &path);
    assert!(code(&output) == 0 && said(&output).contains("cannot be compared"), "{}", said(&output));
    assert_eq!(code(&cfx(&["run", "--locked"], &path)), 3);
    // Of another version: written anew.
    std::fs::write(&lock, "{\"format\": \"cfx.lock.0\"}").expect("a file");
    assert!(said(&cfx(&["plan"], &path)).contains("its form is `cfx.lock.0`"));
    assert_eq!(code(&cfx(&["lock"], &path)), 0);
    assert_eq!(code(&cfx(&["run", "--locked"], &path)), 0);
}
