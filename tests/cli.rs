//! The command, as people run it: exit codes, messages, the formatter, the cache, stopping and going on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const GOOD: &str = r#"cfx 1
experiment "Good" { seed: 1 }

axis run = 0..3
analysis x = mean(run * 2)

claim "It holds" = x > 1
"#;

/// Training that takes a while, so that it can be stopped in the middle.
const LONG: &str = r#"cfx 1
experiment "Long" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset data = digits()
model m = train(mlp(hidden: [128, 128]), data.train, seed: run) { epochs: 8, batch: 64, rate: 0.1 }
stages s = svd(tap(m, data.test, at: [hidden1]), width: 4)
analysis acc = accuracy(m, data.test)
analysis likeness = cka(s, between: run)
analysis spread = mean_distance(s, by: class)
analysis interval = bootstrap(correct(m, data.test), draws: 500)
"#;

fn folder_with(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exp.cfx");
    std::fs::write(&path, script).expect("a script");
    (folder, path)
}

fn command(arguments: &[&str], script: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfx"));
    command.arg(arguments[0]).arg(script).args(&arguments[1..]).current_dir(script.parent().expect("a folder"));
    command
}

fn cfx(arguments: &[&str], script: &Path) -> Output {
    command(arguments, script).output().expect("the command runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

#[track_caller]
fn exits(arguments: &[&str], script: &str, expected: i32) -> Output {
    let (_folder, path) = folder_with(script);
    let output = cfx(arguments, &path);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(code(&output), expected, "cfx {}: {said}", arguments.join(" "));
    output
}

/// Returns what a run made, as its manifest says: for each cell's key its content hash and what became of it.
fn made(out: &Path) -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let cells = manifest["cells"].as_array().expect("cells");
    let word = |v: &serde_json::Value| v.as_str().unwrap_or("none").to_string();
    cells.iter().map(|c| (word(&c["key"]), (word(&c["content"]), word(&c["outcome"])))).collect()
}

/// Returns the content hashes that a run came to know, by key.
fn contents(out: &Path) -> BTreeMap<String, String> {
    made(out).into_iter().map(|(key, (content, _))| (key, content)).collect()
}

/// Runs a script with a store and a folder for results of this name beside it; returns the folder of results.
#[track_caller]
fn run_in(path: &Path, name: &str, more: &[&str]) -> PathBuf {
    let (store, out) = (path.with_file_name(format!("{name}.store")), path.with_file_name(name));
    let (store, shown) = (store.display().to_string(), out.display().to_string());
    let arguments: Vec<&str> = ["run", "--store", &store, "--out", &shown].into_iter().chain(more.iter().copied()).collect();
    let output = cfx(&arguments, path);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    out
}

#[test]
fn exit_codes_say_how_it_ended() {
    exits(&["check"], GOOD, 0);
    exits(&["plan"], GOOD, 0);
    exits(&["run"], GOOD, 0);
    exits(&["run", "--strict"], GOOD, 0);
    exits(&["check"], "cfx 1\nanalysis x = mean(y)\n", 3);
    exits(&["plan"], "cfx 1\nanalysis x = mean(y)\n", 3);
    exits(&["run"], "cfx 1\nanalysis x = mean(y)\n", 3);
    exits(&["run", "--strict"], &GOOD.replace("x > 1", "x > 100"), 4);
    exits(&["run"], &GOOD.replace("x > 1", "x > 100"), 0);
    // A column that the table does not have shows when the cell runs.
    exits(&["run"], &format!("{GOOD}analysis area = curve_area(table(run * 2), \"no\", \"value\")\n"), 1);
    exits(&["run", "--no-such-option"], GOOD, 2);
    exits(&["run", "--limit", "soon"], GOOD, 2);
    exits(&["run", "--store", "exp.cfx"], GOOD, 5);
    let (_folder, path) = folder_with(GOOD);
    assert_eq!(code(&cfx(&["check"], &path.with_file_name("nowhere.cfx"))), 2);
    assert_eq!(code(&cfx(&["nothing"], &path)), 2);
}

#[test]
fn five_mistakes_give_five_messages() {
    let script = "cfx 1\nexperiment \"Five\" { sed: 1 }\naxis run = 0..3\nanalysis a = mena(run)\nanalysis b = mean(rnu)\n\
                  analysis c = mean(run * 2, ovr: run)\nclaim \"d\" = mean(run)\n";
    let output = exits(&["check"], script, 3);
    let said = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(said.matches("  × ").count(), 5, "{said}");
    for (place, code) in [(":2:", "cfx::call::unknown_argument"), (":4:", "cfx::name::unknown"), (":7:", "cfx::type::keyword")] {
        assert!(said.contains(place) && said.contains(code), "{said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours where no terminal is");
}

#[test]
fn types_are_printed() {
    let output =
        exits(&["check", "--types"], "cfx 1\naxis noise = [0%, 20%]\naxis run = 0..3\nanalysis x = mean(1) + noise * run\n", 0);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x : number over noise(2) × run(3) = 6 cells\n");
}

#[test]
fn parameters_are_set() {
    let script = "cfx 1\nparam rounds: int = 3\naxis round_of = 0..rounds\nanalysis x = mean(1) * round_of\n";
    let output = exits(&["check", "--types", "--set", "rounds=5"], script, 0);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x : number over round_of(5) = 5 cells\n");
    exits(&["check", "--set", "rounds=many"], script, 3);
    exits(&["check", "--set", "round=5"], script, 3);
}

#[test]
fn the_formatter_checks_and_writes() {
    let (_folder, path) = folder_with("cfx 1\naxis   run=0..3\nanalysis x=mean( run*2 )\n");
    let before = std::fs::read_to_string(&path).expect("the script");
    assert_eq!(code(&cfx(&["fmt", "--check"], &path)), 3);
    assert_eq!(std::fs::read_to_string(&path).expect("the script"), before, "--check writes nothing");
    assert_eq!(code(&cfx(&["fmt"], &path)), 0);
    let after = std::fs::read_to_string(&path).expect("the script");
    assert_ne!(before, after);
    assert_eq!(code(&cfx(&["fmt", "--check"], &path)), 0);
    assert_eq!(code(&cfx(&["fmt"], &path)), 0);
    assert_eq!(std::fs::read_to_string(&path).expect("the script"), after, "formatting twice is formatting once");
    std::fs::write(&path, "cfx 1\nanalysis = (\n").expect("a script");
    assert_eq!(code(&cfx(&["fmt"], &path)), 3);
}

#[test]
fn a_second_run_computes_nothing() {
    let (_folder, path) = folder_with(&LONG.replace("epochs: 8", "epochs: 1"));
    let computed = |out: &Path| made(out).values().filter(|(_, outcome)| outcome == "computed").count();
    assert!(computed(&run_in(&path, "results", &[])) > 0);
    assert_eq!(computed(&run_in(&path, "results", &[])), 0);
    // Another name and other layout: still nothing to do.
    let renamed = std::fs::read_to_string(&path).expect("the script").replace("likeness", "how_alike").replace(" = ", "  =  ");
    std::fs::write(&path, renamed).expect("a script");
    assert_eq!(computed(&run_in(&path, "results", &[])), 0, "a renamed declaration was computed again");
}

#[test]
fn threads_change_no_bit() {
    let (_folder, path) = folder_with(&LONG.replace("epochs: 8", "epochs: 1"));
    let one = contents(&run_in(&path, "one", &["--threads", "1"]));
    let two = contents(&run_in(&path, "two", &["--threads", "2"]));
    assert!(one.values().any(|c| c != "none"));
    assert_eq!(one, two);
}

#[test]
fn a_killed_run_goes_on_to_the_same_result() {
    let (_folder, path) = folder_with(LONG);
    let start = Instant::now();
    let whole = contents(&run_in(&path, "whole", &[]));
    let took = start.elapsed();
    // Killed a third of the way, and then half of the way through the rest.
    for share in [3, 2] {
        let mut child = command(&["run", "--store", "stopped.store", "--out", "stopped"], &path)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the command starts");
        std::thread::sleep((took / share).max(Duration::from_millis(50)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let stopped = contents(&run_in(&path, "stopped", &[]));
    // What the last run did not need has no hash there.
    let known: Vec<_> = stopped.iter().filter(|(_, c)| *c != "none").collect();
    assert!(!known.is_empty() && stopped.keys().eq(whole.keys()));
    known.iter().for_each(|(k, c)| assert_eq!(whole.get(*k), Some(*c)));
}
