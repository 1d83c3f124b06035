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

/// Returns the artifacts of a store: their paths with their bytes.
fn artifacts(store: &Path) -> BTreeMap<String, Vec<u8>> {
    let root = store.join("objects");
    crate::script::files_below(&root, "")
        .into_iter()
        .map(|p| (p.strip_prefix(&root).expect("below").display().to_string(), std::fs::read(&p).expect("an artifact")))
        .collect()
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
    let store = path.with_file_name("store");
    let at = store.to_str().expect("a path");
    let first = cfx(&["run", "--store", at], &path);
    assert_eq!(code(&first), 0, "{}", String::from_utf8_lossy(&first.stderr));
    let times = || -> BTreeMap<PathBuf, std::time::SystemTime> {
        let files = crate::script::files_below(&store.join("objects"), "");
        files.into_iter().map(|p| (p.clone(), std::fs::metadata(&p).and_then(|m| m.modified()).expect("a time"))).collect()
    };
    let before = times();
    assert!(!before.is_empty());
    assert_eq!(code(&cfx(&["run", "--store", at], &path)), 0);
    assert_eq!(before, times(), "the second run wrote artifacts");
    // Another name and other layout: still nothing to do.
    let renamed = std::fs::read_to_string(&path).expect("the script").replace("likeness", "how_alike").replace(" = ", "  =  ");
    std::fs::write(&path, renamed).expect("a script");
    assert_eq!(code(&cfx(&["run", "--store", at], &path)), 0);
    assert_eq!(before, times(), "a renamed declaration was computed again");
}

#[test]
fn threads_change_no_bit() {
    let (_folder, path) = folder_with(&LONG.replace("epochs: 8", "epochs: 1"));
    let run = |threads: &str, name: &str| {
        let store = path.with_file_name(name);
        let output = cfx(&["run", "--threads", threads, "--store", store.to_str().expect("a path")], &path);
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        artifacts(&store)
    };
    let (one, two) = (run("1", "one"), run("2", "two"));
    assert!(!one.is_empty());
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    assert!(one == two, "artifacts differ in their bytes");
}

#[test]
fn a_killed_run_goes_on_to_the_same_result() {
    let (_folder, path) = folder_with(LONG);
    let (whole, stopped) = (path.with_file_name("whole"), path.with_file_name("stopped"));
    let start = Instant::now();
    let output = cfx(&["run", "--store", whole.to_str().expect("a path")], &path);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let took = start.elapsed();
    // Killed a third and two thirds of the way.
    for share in [3, 2] {
        let mut child = command(&["run", "--store", stopped.to_str().expect("a path")], &path)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the command starts");
        std::thread::sleep((took / share).max(Duration::from_millis(50)));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let output = cfx(&["run", "--store", stopped.to_str().expect("a path")], &path);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let (a, b) = (artifacts(&whole), artifacts(&stopped));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    assert!(a == b, "artifacts differ in their bytes");
}
