//! The command, as people run it: exit codes, messages, the formatter, the cache, stopping and going on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const DIVERGES: &str = "cfx 1
use std.data { digits }
network lines { flatten -> linear(classes) }
dataset d = digits()
model m = train(lines, d.train) { epochs: 1, rate: 1e38 }
analysis a = accuracy(m, d.test)
";

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

pub fn folder_with(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exp.cfx");
    std::fs::write(&path, script).expect("a script");
    (folder, path)
}

pub fn command(arguments: &[&str], script: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfx"));
    command.arg(arguments[0]).arg(script).args(&arguments[1..]).current_dir(script.parent().expect("a folder"));
    command
}

pub fn cfx(arguments: &[&str], script: &Path) -> Output {
    command(arguments, script).output().expect("the command runs")
}

pub fn code(output: &Output) -> i32 {
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
pub fn made(out: &Path) -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let word = |v: &serde_json::Value| v.as_str().unwrap_or("none").to_string();
    let mut out = BTreeMap::new();
    // Cells that are not stored are counted; of the others there is a list for each call.
    for call in manifest["calls"].as_array().expect("calls").iter().filter(|c| c["stored"] != "no") {
        for (i, key) in call["keys"].as_array().expect("keys").iter().enumerate() {
            let outcomes = &call["outcomes"];
            let outcome = outcomes.as_str().map(str::to_string).unwrap_or_else(|| word(&outcomes["each"][i]));
            out.insert(word(key), (word(&call["contents"][i]), outcome));
        }
    }
    out
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
    // That a training diverges shows when the cell runs.
    exits(&["run"], DIVERGES, 1);
    exits(&["run", "--no-such-option"], GOOD, 2);
    exits(&["run", "--limit", "soon"], GOOD, 2);
    exits(&["run", "--store", "exp.cfx"], GOOD, 5);
    let (_folder, path) = folder_with(GOOD);
    assert_eq!(code(&cfx(&["check"], &path.with_file_name("nowhere.cfx"))), 2);
    assert_eq!(code(&cfx(&["nothing"], &path)), 2);
    // Something else has the name that results were to have: that is no trouble of the place.
    let output = exits(&["run", "--out", "exp.cfx"], GOOD, 2);
    assert!(!said(&output).contains(".cfx-tmp"), "{}", said(&output));
    exits(&["run", "--out", "exp.cfx/deeper"], GOOD, 2);
    exits(&["plan", "--svg", "exp.cfx/plan.svg"], GOOD, 2);
    exits(&["export", "--out", "nowhere"], GOOD, 2);
}

/// A store is one of a script that is there.
#[test]
fn a_store_of_no_script_is_not_looked_for() {
    let (folder, path) = folder_with(GOOD);
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    for arguments in [&["ls"][..], &["gc"]] {
        let output = cfx(arguments, &path.with_file_name("nowhere.cfx"));
        assert!(code(&output) == 2 && said(&output).contains("nowhere.cfx is not there"), "{arguments:?}: {}", said(&output));
        let output = cfx(arguments, folder.path());
        assert!(code(&output) == 2 && said(&output).contains("is a folder, and no script"), "{arguments:?}: {}", said(&output));
    }
}

#[cfg(unix)]
#[test]
fn results_that_the_place_does_not_take_end_with_5() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder_with(GOOD);
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).expect("a folder");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).expect("it is closed");
    if std::fs::write(closed.join("tried"), "").is_ok() {
        eprintln!("this user may write anywhere: a folder that takes nothing is not tried");
    } else {
        for arguments in [&["run", "--out", "closed/out"][..], &["plan", "--svg", "closed/plan.svg"]] {
            let output = cfx(arguments, &path);
            assert!(code(&output) == 5 && !said(&output).contains(".cfx-tmp"), "{arguments:?}: {}", said(&output));
        }
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).expect("it is open");
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

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A script of several cells that is over at once.
pub const QUICK: &str = r#"cfx 1
experiment "Quick" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

param size: int = 40

axis run = 0..3
dataset small = sample(digits().train, size)
model net = train(mlp(hidden: [4]), small, seed: run) {
  epochs: 1
  rate: 0.1
}
analysis acc = mean(correct(net, small))
"#;

#[test]
fn values_from_outside_stand_in_the_manifest() {
    let (_folder, path) = folder_with(QUICK);
    let out = run_in(&path, "set", &["--set", "size=60"]);
    let text = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(manifest["overrides"], serde_json::json!([{ "name": "size", "value": "60", "default": "40" }]));
}

#[test]
fn why_is_told_once_for_each_call_and_as_written() {
    let (folder, path) = folder_with(QUICK);
    let why = |name: &str| said(&cfx(&["plan", "--why", name], &path));
    let write = |text: &str| std::fs::write(&path, text).expect("a script");
    assert_eq!(code(&cfx(&["run", "--keep-under", "0"], &path)), 0);
    // The weights have served: only what was measured is kept.
    let same = why("acc");
    assert!(same.contains("`acc` is as it was in the last run"), "{same}");
    // Names of declarations are no part of what is compared.
    write(&QUICK.replace("model net", "model mine").replace("(net,", "(mine,").replace("acc", "accuracy_of_it"));
    let renamed = why("accuracy_of_it");
    assert!(renamed.contains("`accuracy_of_it` is as it was in the last run") && !renamed.contains("new"), "{renamed}");
    write(&QUICK.replace("epochs: 1", "epochs: 2"));
    let changed = why("acc");
    assert!(changed.contains("3 cells of `net`: `epochs` was 1 and is 2 (") && changed.contains("exp.cfx:12:11)"), "{changed}");
    assert_eq!(changed.lines().count(), 1, "{changed}");
    write(
        &QUICK
            .replace("epochs: 1", "epochs: 1\n  record: [accuracy(small), loss(small)]\n  rate: cosine(peak: 0.1)")
            .replace("  rate: 0.1\n", ""),
    );
    let recorded = why("acc");
    assert!(!recorded.contains('"') && !recorded.contains("make"), "{recorded}");
    // What is new where coordinates came; what must be trained again because its weights went.
    write(&QUICK.replace("0..3", "0..5"));
    let more = why("acc");
    assert!(more.contains("2 cells of `net` are at coordinates that are new"), "{more}");
    write(&format!("{QUICK}analysis again = loss(net, small)\n"));
    let again = why("again");
    assert!(again.contains("3 cells of `net` were let go after their last use and are made again"), "{again}");
    drop(folder);
}

#[test]
fn why_tells_of_numbers_that_are_known_before_the_run() {
    const TEXT: &str = "cfx 1\naxis k = 0..3\nparam c: real = 2\nanalysis new = c * k\nanalysis m = mean(new)\n";
    let (_folder, path) = folder_with(TEXT);
    let why = |name: &str, more: &[&str]| {
        let arguments: Vec<&str> = ["plan", "--why", name].iter().chain(more).copied().collect();
        said(&cfx(&arguments, &path))
    };
    let write = |text: &str| std::fs::write(&path, text).expect("a script");
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    let same = why("new", &[]);
    assert!(same.contains("`new` is as it was in the last run"), "{same}");
    // A parameter from outside.
    let set = why("new", &["--set", "c=7"]);
    assert!(set.contains("`new[k: 1]` was 2 and is 7 and 1 other likewise (") && !set.contains("as it was"), "{set}");
    assert!(set.contains("`c` is set to 7 from outside and was 2"), "{set}");
    let mean = why("m", &["--set", "c=7"]);
    assert!(mean.contains("the input `x` is given other numbers: `new[k: 1]` was 2 and is 7"), "{mean}");
    // Another formula.
    write(&TEXT.replace("c * k", "c + k"));
    let formula = why("new", &[]);
    assert!(formula.contains("`new[k: 0]` was 0 and is 2 and 1 other likewise") && !formula.contains("as it was"), "{formula}");
    // More coordinates, and fewer.
    write(&TEXT.replace("0..3", "0..5"));
    let more = why("new", &[]);
    assert!(more.contains("`new[k: 3]` and 1 other likewise are at coordinates that are new"), "{more}");
    write(&TEXT.replace("0..3", "0..2"));
    let fewer = why("new", &[]);
    assert!(fewer.contains("1 place of `new` that was there in the last run is gone"), "{fewer}");
    // Another name, also of the axis, changes nothing.
    write(&TEXT.replace("new", "other").replace("axis k", "axis j").replace("* k", "* j"));
    let renamed = why("other", &[]);
    assert!(renamed.contains("`other` is as it was in the last run"), "{renamed}");
}

#[test]
fn documentation_has_a_page_for_all_that_a_name_is() {
    let doc = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_cfx")).args(["doc", name]).output().expect("the command runs");
        assert_eq!(code(&output), 0, "{name}: {}", said(&output));
        said(&output)
    };
    for both in ["accuracy", "input_gradient"] {
        let text = doc(both);
        assert!(text.contains(&format!("extern {both}(")) && text.contains("variant metric"), "{both}: {text}");
    }
    // What draws random numbers takes a seed, which stands in no signature.
    assert!(doc("train").contains("`seed: run`") && !doc("accuracy").contains("seed"));
    for keyword in ["axis", "claim", "param", "use", "dataset"] {
        assert!(doc(keyword).contains("docs/language.md"), "{keyword}");
    }
    for word in ["by", "over", "between", "at", "along"] {
        let text = doc(word);
        assert!(text.contains(&format!("`{word}:` in ")) && text.contains("\"Axis words\""), "{word}: {text}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_cfx")).args(["doc", "overr"]).output().expect("the command runs");
    assert!(code(&unknown) == 2 && said(&unknown).contains("`over`"), "{}", said(&unknown));
}

#[test]
fn results_are_shown_by_their_names() {
    let (_folder, path) = folder_with(QUICK);
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    let listed = said(&cfx(&["ls"], &path));
    assert!(listed.contains("acc[run: 1] (correct)"), "{listed}");
    let show = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfx"));
        said(&command.args(["show", name]).arg(&path).output().expect("the command runs"))
    };
    assert!(show("acc[run: 1]").contains("acc[run: 1] (mean)"), "{}", show("acc[run: 1]"));
    assert!(show("acc").contains("acc[run: 2] (correct)"), "{}", show("acc"));
    assert!(show("nothing").contains("`nothing`"), "{}", show("nothing"));
}

#[test]
fn what_needs_more_memory_than_there_is_does_not_start() {
    let (_folder, path) = folder_with(QUICK);
    let output = cfx(&["run", "--memory", "0.0001"], &path);
    assert_eq!(code(&output), 1);
    assert!(said(&output).contains("small (digits): it would need") && said(&output).contains("--memory"), "{}", said(&output));
}

#[test]
fn a_plan_of_very_many_cells_takes_seconds() {
    let text = "cfx 1\naxis a = 0..300\naxis b = 0..1000\nanalysis v = exp(log(a * b + 1))\nanalysis w = mean(v, over: b)\n";
    let (_folder, path) = folder_with(text);
    let start = Instant::now();
    let output = cfx(&["plan"], &path);
    assert_eq!(code(&output), 0, "{}", said(&output));
    // Six hundred thousand cells; a plan that looked at all pairs of them would take hours.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// Chains of a few passes: too short to tell, whatever they find.
const UNSETTLED: &str = r#"cfx 1
experiment "Unsettled" { seed: 1 }

stages g = gaussian_stages(rows: 60, units: 3)
density p = dp_mixture(g) { sampler: gibbs(passes: 12, burn_in: 4, thin: 2) }
analysis h = relative_entropy(p, draws: 200)
stages r = svd(g, width: 2)
density pr = dp_mixture(r, like: p)
analysis held = mean(log_density(pr, r, held_out: 2))
analysis plain = mean(log_density(p, g, held_out: 2))

claim "It is a number" = h > -100
claim "It is known not to have settled" = mixing(p).r_hat > 0
claim "Columns of chains are of the density" = mean(trace(p).components) > 0 and maximum(stacking(p).weight) > 0
"#;

#[test]
fn a_run_says_which_densities_did_not_settle_and_which_claims_are_made_from_them() {
    let (folder, path) = folder_with(UNSETTLED);
    let output = cfx(&["run"], &path);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(code(&output), 0, "{out}{err}");
    assert!(
        err.contains("2 of 2 densities did not settle (2 too short to tell): p") && err.contains("pooling: stacked"),
        "{err}"
    );
    let claims: Vec<&str> = out.lines().filter(|l| l.starts_with("claim")).collect();
    assert!(claims[0].ends_with("(its density did not settle (1 too short to tell): p)"), "{out}");
    assert!(!claims[1].contains("settle ("), "what judges chains is no less sure where they disagree: {out}");
    assert!(claims[2].contains("its density did not settle"), "{out}");
    let html = std::fs::read_to_string(folder.path().join("results/exp/report.html")).expect("a report");
    assert!(html.contains(">Chains of p</h4>") && html.contains("rank among all draws"));
    assert!(html.matches("its density did not settle").count() >= 2, "beside the claim and the table");
    assert_eq!(html.matches("the `svd` before them has seen all rows").count(), 1, "beside the rows held out after an svd");
}

/// Checks a script given on standard input.
fn check_input(arguments: &[&str], script: &str, folder: &Path) -> Output {
    use std::io::Write;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cfx"));
    command.args(["check", "-"]).args(arguments).current_dir(folder);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the command runs");
    child.stdin.take().expect("its input").write_all(script.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

#[test]
fn messages_as_json_name_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = "cfx 1\nexperiment \"É\" { seed: 1 }\nanalysis x = maen(1)\n";
    let output = check_input(&["--json", "--name", "lab/exp.cfx"], wrong, folder.path());
    assert_eq!(code(&output), 3);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &said["diagnostics"][0];
    assert_eq!((&first["severity"], &first["labels"][0]["file"]), (&"error".into(), &"lab/exp.cfx".into()));
    assert!(first["code"].as_str().is_some_and(|c| c.starts_with("cfx::")) && first["help"].is_string(), "{first}");
    assert_eq!(first["labels"][0]["start"], serde_json::json!({ "line": 3, "column": 14, "byte": 47 }));
    assert_eq!(first["labels"][0]["end"], serde_json::json!({ "line": 3, "column": 18, "byte": 51 }));
    assert!(output.stderr.is_empty());
    let output = check_input(&["--json", "--types"], GOOD, folder.path());
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((code(&output), &said["diagnostics"]), (0, &serde_json::json!([])));
    assert!(said["types"].as_array().is_some_and(|t| t.iter().any(|t| t["name"] == "x")), "{said}");
    let output = check_input(&[], wrong, folder.path());
    assert!(code(&output) == 3 && String::from_utf8_lossy(&output.stderr).contains("<stdin>"));
}

#[test]
fn new_scripts_are_sound_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    for template in ["train", "densities", "compare", "activations"] {
        let script = folder.path().join(template).join("exp.cfx");
        let new = || command(&["new"], &folder.path().join(template)).args(["--template", template]).output().expect("it runs");
        assert_eq!(code(&new()), 0, "{template}");
        assert_eq!(code(&cfx(&["check"], &script)), 0, "{template}");
        assert_eq!(code(&cfx(&["fmt", "--check"], &script)), 0, "{template}");
        assert_eq!(code(&new()), 2, "{template} is there already");
    }
}

#[test]
fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_cfx")).args(arguments).output().expect("it runs");
        assert_eq!(code(&out), 0, "{arguments:?}");
        String::from_utf8_lossy(&out.stdout).to_string()
    };
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = said(&["completions", shell]);
        ["plan", "lsp", "keep-under"].iter().for_each(|word| assert!(text.contains(word), "{shell} lacks {word}"));
    }
    said(&["man", &folder.path().display().to_string()]);
    let page = std::fs::read_to_string(folder.path().join("cfx-run.1")).expect("a page");
    assert!(page.contains("watch"));
}

#[cfg(unix)]
#[test]
fn a_watched_script_runs_again_when_it_is_saved() {
    let (folder, path) = folder_with(GOOD);
    let mut run = command(&["run", "--watch"], &path).stderr(std::process::Stdio::null()).spawn().expect("it runs");
    let manifest = folder.path().join("results/exp/manifest.json");
    let wait = |wanted: &str| {
        let begun = Instant::now();
        while !std::fs::read_to_string(&manifest).is_ok_and(|t| t.contains(wanted)) {
            assert!(begun.elapsed() < Duration::from_secs(120), "no results with {wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("It holds");
    std::fs::write(&path, GOOD.replace("It holds", "It still holds")).expect("a script");
    wait("It still holds");
    let pid = i32::try_from(run.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    // Not SIGINT: what is begun in the background of a shell ignores that.
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    let begun = Instant::now();
    let ended = loop {
        match run.try_wait().expect("it can be asked") {
            Some(status) => break status,
            None if begun.elapsed() > Duration::from_secs(60) => {
                run.kill().expect("it can be killed");
                panic!("it does not end");
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    assert_eq!(ended.code(), Some(130));
}

#[test]
fn only_what_is_asked_for_is_computed() {
    let (folder, script) = folder_with(
        r#"cfx 1
experiment "Parts" { seed: 1 }
use std.data { digits }
use std.networks { mlp }
dataset data = digits()
model m = train(mlp(hidden: [4]), data.train) { epochs: 1, batch: 64, rate: 0.1 }
analysis acc = accuracy(m, data.test)
analysis interval = bootstrap(correct(m, data.test), draws: 100)
analysis wider = bootstrap(correct(m, data.test), draws: 200)
claim "Never" = acc > 2
figure "Bars" = distribution(correct(m, data.test))
"#,
    );
    let computed = |arguments: &[&str]| -> Vec<String> {
        let output = cfx(&[&["run"], arguments, &["--out", "out"]].concat(), &script);
        assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(folder.path().join("out/manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let calls = manifest["calls"].as_array().expect("calls").iter();
        let stored = calls.filter(|c| c["stored"] != "no" && c["outcomes"] == "computed");
        stored.map(|c| c["op"].as_str().expect("a name").to_string()).collect()
    };
    assert_eq!(computed(&["--only", "acc"]), ["train", "accuracy"]);
    assert_eq!(computed(&["--until", "acc"]), Vec::<String>::new(), "all that is there");
    assert!(computed(&["--until", "interval"]).contains(&"bootstrap".to_string()));
    // Claims and figures that are not asked for are neither decided nor drawn, though all that they need is there.
    let output = cfx(&["run", "--only", "acc", "--strict", "--out", "out"], &script);
    assert!(code(&output) == 0 && !String::from_utf8_lossy(&output.stdout).contains("Never"));
    let text = std::fs::read_to_string(folder.path().join("out/manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(manifest["claims"][0]["text"], "not asked for in this run");
    assert!(manifest["claims"][0]["holds"].is_null() && manifest["figures"][0]["file"].is_null());
    assert_eq!(code(&cfx(&["run", "--only", "Never", "--strict", "--out", "out"], &script)), 4);
    assert_eq!(computed(&["--keep-going"]), ["bootstrap", "distribution"]);
    // What an earlier run drew and the script still draws stays; what it does not draw any more goes.
    let drawn = || std::fs::read_dir(folder.path().join("out/figures")).map_or(0, |files| files.count());
    let before = drawn();
    assert!(before > 0);
    computed(&["--only", "acc"]);
    assert_eq!(drawn(), before);
    let text = std::fs::read_to_string(&script).expect("a script");
    std::fs::write(&script, text.replace("distribution(correct(m, data.test))", "distribution(correct(m, data.test), bins: 3)"))
        .expect("written");
    computed(&["--only", "acc"]);
    assert_eq!(drawn(), 0);
    std::fs::write(&script, text).expect("written");
    for arguments in [["run", "--only", "ac"], ["run", "--until", "ac"]] {
        let output = cfx(&arguments, &script);
        assert!(code(&output) == 2 && String::from_utf8_lossy(&output.stderr).contains("did you mean `acc`?"));
    }
}

#[test]
fn a_script_with_nothing_to_compute_says_so_and_is_done() {
    for (text, words) in [
        ("", "declares nothing"),
        ("cfx 1\n", "declares nothing"),
        ("cfx 1\nexperiment \"E\" { seed: 1 }\n", "declares nothing but its experiment"),
        ("cfx 1\nnetwork n { flatten -> linear(classes) }\n", "there is nothing to compute"),
    ] {
        let (_folder, script) = folder_with(text);
        for command in ["plan", "run"] {
            let output = cfx(&[command], &script);
            let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
            assert!(code(&output) == 0 && said.contains(words), "{command} of {text:?}: {} {said}", code(&output));
        }
    }
}

#[test]
fn sizes_and_numbers_below_nothing_are_refused_in_a_sentence() {
    let (_folder, script) = folder_with(GOOD);
    for (flag, value, words) in [
        ("--keep-under", "-1G", "write a size, such as `--keep-under 20G`, or 0"),
        ("--memory", "-2", "write a number above 0, such as `--memory 8`"),
        ("--threads", "-2", "write a whole number, such as `--threads 4`"),
        ("--limit", "-2h", "is not understood: write a time"),
    ] {
        let output = cfx(&["run", flag, value], &script);
        let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        assert!(code(&output) == 2 && said.contains(words), "{flag} {value}: {} {said}", code(&output));
    }
}

#[test]
fn an_archive_holds_the_script_and_the_files_that_the_run_wrote() {
    let (folder, script) = folder_with(GOOD);
    let says = |expected: i32, words: &str| {
        let output = cfx(&["export"], &script);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(code(&output) == expected && said.contains(words), "{said}");
    };
    says(2, "there are no results");
    assert_eq!(code(&cfx(&["run"], &script)), 0);
    std::fs::write(&script, GOOD.replace("run * 2", "run * 3")).expect("written");
    says(2, "of another text of the script");
    std::fs::write(&script, GOOD).expect("written");
    let table = folder.path().join("results/exp/tables/x.csv");
    let bytes = std::fs::read(&table).expect("a table");
    std::fs::write(&table, "mine").expect("written");
    says(2, "is not the file that the run wrote");
    std::fs::write(&table, &bytes).expect("written");
    says(0, "exp.zip");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |file: &Path| std::fs::metadata(file).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("exp.zip")), mode(&script), "as readable as other files are");
    }
    says(2, "is there already");
    let file = std::fs::File::open(folder.path().join("exp.zip")).expect("an archive");
    let mut archive = zip::ZipArchive::new(file).expect("a zip");
    let mut read = |name: &str| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut archive.by_name(name).expect(name), &mut text).expect("a text");
        text
    };
    assert_eq!(read("exp/exp.cfx"), GOOD);
    assert_eq!(read("exp/results/tables/x.csv").into_bytes(), bytes);
    assert!(read("exp/results/report.html").contains("Good"));
}
