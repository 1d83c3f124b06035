//! What `docs/guarantees.md` promises of the command: files of people are left alone, results that are wanted exist, words are harmless.

use crate::cli::{QUICK, cfx, code, command, folder_with, said};
use crate::script::{files_below, repository};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Returns the files below a folder with their contents.
fn all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_below(folder, "").into_iter().map(|p| (p.clone(), std::fs::read(&p).expect("a file"))).collect()
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

#[test]
fn folders_of_others_are_no_stores() {
    let (folder, path) = folder_with(QUICK);
    let project = folder.path().join("project");
    put(&project.join("checkpoints/best.ckpt"), "weights");
    put(&project.join("runs/metrics.json"), "{}");
    put(&project.join("index/1-2-3.log"), "log");
    let before = all(&project);
    for arguments in [&["gc", "--store", "project"][..], &["ls", "--store", "project"], &["run", "--store", "project"]] {
        let output = cfx(arguments, &path);
        assert_eq!(code(&output), 5, "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("is not a store of cfx"), "{}", said(&output));
    }
    assert_eq!(all(&project), before);
    // What is called as the mark of a store is none by that.
    put(&folder.path().join("other/format/a.txt"), "mine");
    put(&folder.path().join("third/a.txt"), "mine");
    std::fs::write(folder.path().join("third/format"), b"\xff\xfe").expect("a file");
    for store in ["other", "third"] {
        for arguments in [&["ls", "--store", store][..], &["run", "--also", store], &["push", "--to", store]] {
            let output = cfx(arguments, &path);
            assert_ne!(code(&output), 0, "{arguments:?}");
            assert!(said(&output).contains("is not a store of cfx"), "{arguments:?}: {}", said(&output));
        }
    }
    // Looking makes none.
    assert_eq!(code(&cfx(&["ls", "--store", "none"], &path)), 2);
    assert_eq!(code(&cfx(&["plan", "--store", "none"], &path)), 0);
    assert!(!folder.path().join("none").exists());
}

#[test]
fn results_of_declarations_that_are_gone_go() {
    let (folder, path) = folder_with(&format!("{QUICK}analysis more = mean(acc)\n"));
    let out = folder.path().join("out");
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    assert!(out.join("tables/more.csv").exists());
    put(&out.join("tables/mine.csv"), "1\n");
    put(&path, QUICK);
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    assert!(!out.join("tables/more.csv").exists() && !out.join("arrays/more.npy").exists());
    assert!(out.join("tables/acc.csv").exists() && out.join("tables/mine.csv").exists());
}

#[test]
fn files_that_no_run_wrote_are_not_overwritten() {
    let (folder, path) = folder_with(QUICK);
    for (name, text) in
        [("manifest.json", "{\"name\": \"app\"}"), ("report.html", "<p>mine</p>"), ("tables/acc.csv", "mine"), ("tables", "mine")]
    {
        let out = folder.path().join(name.replace('/', "-"));
        put(&out.join(name), text);
        let output = command(&["run", "--out"], &path).arg(&out).output().expect("the command runs");
        assert_eq!(code(&output), 2, "{}", said(&output));
        assert!(said(&output).contains("was not written by a run of cfx"), "{}", said(&output));
        assert_eq!(std::fs::read_to_string(out.join(name)).expect("the file"), text);
    }
    for inside in [".cfx", ".cfx/out"] {
        let output = cfx(&["run", "--out", inside], &path);
        assert_eq!(code(&output), 2, "{}", said(&output));
        assert!(said(&output).contains("results would lie in the store"), "{}", said(&output));
    }
}

#[test]
fn results_that_are_lost_are_made_again() {
    let (folder, path) =
        folder_with(&format!("{QUICK}stages s = tap(net, small, at: [hidden1])\nanalysis spread = mean_distance(s)\n"));
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    let files = |end: &str| -> Vec<(PathBuf, Vec<u8>)> {
        all(&folder.path().join("out")).into_iter().filter(|(p, _)| p.to_string_lossy().ends_with(end)).collect()
    };
    let (arrays, tables) = (files(".npy"), files(".csv"));
    // Every byte of every artifact, turned; then all of them gone.
    let stored = || -> Vec<PathBuf> {
        let store = folder.path().join(".cfx");
        ["packs", "objects"].iter().flat_map(|f| files_below(&store.join(f), "")).collect()
    };
    assert!(!stored().is_empty());
    for damage in [true, false] {
        for artifact in stored() {
            match damage {
                true => {
                    let bytes: Vec<u8> = std::fs::read(&artifact).expect("an artifact").iter().map(|b| !b).collect();
                    std::fs::write(&artifact, bytes).expect("an artifact");
                }
                false => std::fs::remove_file(&artifact).expect("an artifact"),
            }
        }
        std::fs::remove_dir_all(folder.path().join("out")).expect("the results");
        let output = cfx(&["run", "--out", "out"], &path);
        assert_eq!(code(&output), 0, "{}", said(&output));
        assert_eq!(files(".npy"), arrays, "{}", said(&output));
        assert_eq!(files(".csv"), tables);
    }
}

#[test]
fn weights_that_are_to_stay_stay() {
    let (folder, path) = folder_with(QUICK);
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    let models = || files_below(&folder.path().join("out"), ".safetensors").len();
    assert_eq!(models(), 0);
    // Wanted later, they are made later.
    let keeping = QUICK.replace("epochs: 1", "epochs: 1\n  keep: weights");
    put(&path, &keeping);
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    assert_eq!(models(), 3);
    // Another script that uses them does not let them go.
    put(&path, &format!("{QUICK}analysis loss_too = loss(net, small)\n"));
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    put(&path, &keeping);
    let output = cfx(&["run", "--out", "out"], &path);
    assert_eq!((code(&output), models()), (0, 3), "{}", said(&output));
    assert!(said(&output).contains("0 computed"), "{}", said(&output));
}

#[test]
fn a_change_behind_weights_does_not_train_again() {
    let (folder, path) = folder_with(QUICK);
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    let behind = format!("{QUICK}analysis loss_too = loss(net, small)\n");
    put(&path, &behind);
    let plan = said(&cfx(&["plan"], &path));
    assert!(plan.contains("3 models") && plan.contains("`--keep-under`"), "{plan}");
    let output = cfx(&["run", "--out", "out"], &path);
    assert!(code(&output) == 0 && said(&output).contains("3 computed"), "{}", said(&output));
    // Without the weights the same comes out, after training again.
    let output = cfx(&["run", "--out", "fresh", "--store", "none-kept", "--keep-under", "0"], &path);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let plan = said(&cfx(&["plan", "--store", "none", "--keep-under", "0"], &path));
    assert!(plan.contains("none stay for later runs"), "{plan}");
    for table in ["tables/acc.csv", "tables/loss_too.csv"] {
        let of = |name: &str| std::fs::read(folder.path().join(name).join(table)).expect("a table");
        assert_eq!(of("out"), of("fresh"));
    }
    assert_eq!(files_below(&folder.path().join("out"), ".safetensors").len(), 0);
    assert_eq!(code(&cfx(&["run", "--keep-under", "much"], &path)), 2);
}

/// The decomposition of a matrix of 2,500 rows and columns takes some twenty seconds in one call of LAPACK, which looks at nothing meanwhile.
#[cfg(unix)]
#[test]
fn a_signal_ends_what_does_not_look() {
    const DEAF: &str = "cfx 1\nexperiment \"Deaf\" { seed: 1 }\nstages x = gaussian_stages(rows: 2500, units: 2500)\n\
                        analysis few = mean(3)\nstages y = svd(x, width: 4)\n";
    let (folder, path) = folder_with(DEAF);
    let events = folder.path().join("events");
    let file = std::fs::File::create(&events).expect("a file");
    let mut child =
        command(&["run", "--out", "out", "--json"], &path).stdout(Stdio::null()).stderr(file).spawn().expect("it starts");
    let start = Instant::now();
    let begun =
        || std::fs::read_to_string(&events).unwrap_or_default().lines().any(|l| l.contains("started") && l.contains("svd"));
    while !begun() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let told = Instant::now();
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("a signal is sent").success());
    let status = child.wait().expect("it ends");
    let took = told.elapsed();
    assert_eq!(status.code(), Some(130), "{}", std::fs::read_to_string(&events).unwrap_or_default());
    assert!(took < Duration::from_secs(15), "{took:?}, of which 1.5 s are waited; the machine may be busy");
    assert!(folder.path().join("out/manifest.json").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_no_words_costs_no_result() {
    let (folder, path) = folder_with(QUICK);
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("the device that is always full");
    let output = command(&["run", "--out", "out"], &path).stdout(Stdio::from(full())).stderr(Stdio::from(full())).status();
    assert_eq!(output.expect("the command runs").code(), Some(5));
    assert!(folder.path().join("out/report.html").exists() && folder.path().join("out/manifest.json").exists());
    // A reader that goes away takes nothing with it.
    let (folder, path) = folder_with(QUICK);
    let mut run = command(&["run", "--out", "out"], &path);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("the command ends").code(), Some(5));
    assert!(folder.path().join("out/report.html").exists() && folder.path().join("out/manifest.json").exists());
}

#[cfg(unix)]
#[test]
fn new_files_are_as_readable_as_the_umask_lets_them_be() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder_with(QUICK);
    let binary = env!("CARGO_BIN_EXE_cfx");
    let script = format!("umask 002; exec '{binary}' run '{}' --out '{}'", path.display(), folder.path().join("out").display());
    let status = std::process::Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.expect("a shell").success());
    for root in ["out", ".cfx"] {
        for file in files_below(&folder.path().join(root), "") {
            let mode = std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o664, "{}", file.display());
        }
    }
}

#[test]
fn words_that_reach_a_terminal_are_plain() {
    let forged = QUICK.replace("\"Quick\"", "\"Quick\u{1b}[2J\"");
    let (_folder, path) = folder_with(&forged);
    let output = cfx(&["check"], &path);
    assert_eq!(code(&output), 3);
    assert!(said(&output).contains("control character U+001B") && !said(&output).contains('\u{1b}'), "{}", said(&output));
    let (_folder, path) = folder_with(&format!("{QUICK}claim \"Fine\\nclaim \\\"Forged\\\": held\" = acc > 2\n"));
    let output = cfx(&["run"], &path);
    assert_eq!(code(&output), 3);
    assert!(said(&output).contains("a title is one line"), "{}", said(&output));
    // A comment is shown with the line that a message is about.
    let (_folder, path) = folder_with("cfx 1\nanalysis x = mena(1) # \u{1b}[31m\n");
    assert!(!said(&cfx(&["check"], &path)).contains('\u{1b}'));
}

#[test]
fn settings_of_the_command_that_mean_nothing_are_refused() {
    let (_folder, path) = folder_with(QUICK);
    for arguments in [["--memory", "NaN"], ["--memory", "-1"], ["--limit", "-5s"], ["--limit", "0s"], ["--limit", "NaNs"]] {
        let output = cfx(&["run", arguments[0], arguments[1]], &path);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", said(&output));
    }
    let many = cfx(&["run", "--threads", "100000"], &path);
    assert!(code(&many) == 0 && said(&many).contains("threads are used"), "{}", said(&many));
}

#[cfg(unix)]
#[test]
fn what_is_no_script_is_refused_and_a_picture_overwrites_no_other_file() {
    let (folder, path) = folder_with(QUICK);
    let pipe = folder.path().join("pipe.cfx");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for (script, words) in [(pipe.as_path(), "it is a named pipe"), (Path::new("/dev/zero"), "it is a device")] {
        let output = cfx(&["check"], script);
        assert!(code(&output) == 2 && said(&output).contains(words), "{}", said(&output));
    }
    let long = folder.path().join("long.cfx");
    std::fs::write(&long, "#".repeat((16 << 20) + 1)).expect("a file");
    let output = cfx(&["check"], &long);
    assert!(code(&output) == 2 && said(&output).contains("longer than 16 MiB"), "{}", said(&output));
    let output = cfx(&["plan", "--data", "nowhere"], &path);
    assert!(code(&output) == 2 && said(&output).contains("nowhere is no folder"), "{}", said(&output));

    let output = cfx(&["plan", "--svg", "exp.cfx"], &path);
    assert!(code(&output) == 2 && said(&output).contains("is not overwritten"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&path).expect("the script"), QUICK);
    for _ in 0..2 {
        assert_eq!(code(&cfx(&["plan", "--svg", "plan.svg"], &path)), 0);
    }
}

/// A pipe waits for its other end, and a device may have no end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_opened_by_no_command() {
    let (folder, path) = folder_with(QUICK);
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo").success());
    let of = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cfx"));
        command.args(arguments).current_dir(folder.path()).output().expect("the command runs")
    };
    for arguments in [&["fmt", "pipe"][..], &["diff", "pipe", "pipe"], &["plan", "exp.cfx", "--svg", "pipe"]] {
        let output = of(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", said(&output));
    }
    // A manifest of a stranger lists files below its folder, whatever it says.
    assert_eq!(code(&cfx(&["run", "--out", "a"], &path)), 0);
    let manifest = std::fs::read_to_string(folder.path().join("a/manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"tables/acc.csv\""), "{manifest}");
    put(&folder.path().join("b/manifest.json"), &manifest.replace("\"tables/acc.csv\"", "\"/dev/zero\""));
    let output = of(&["diff", "a", "b"]);
    assert!(code(&output) == 1 && said(&output).contains("3 rows only in the first"), "{}", said(&output));
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    put(&folder.path().join("results/exp/manifest.json"), &manifest.replace("\"tables/acc.csv\"", "\"/dev/zero\""));
    let output = of(&["export", "exp.cfx"]);
    assert!(code(&output) != 0 && said(&output).contains("`/dev/zero`, which is no file of results"), "{}", said(&output));
    assert!(!folder.path().join("exp.zip").exists());
}

#[cfg(unix)]
#[test]
fn pipes_in_a_store_are_opened_by_no_command() {
    let (folder, path) = folder_with(QUICK);
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    let store = folder.path().join(".cfx");
    let there = [("", "format"), ("", "gate"), ("index", ".log"), ("packs", ".pack"), ("runs", ".json"), ("runs", ".plans")];
    for (below, ending) in there {
        // Sweeping writes some of them anew, under other names.
        let found = || files_below(&store.join(below), ending).into_iter().next().expect("a file");
        let file = if below.is_empty() { store.join(ending) } else { found() };
        let bytes = std::fs::read(&file).expect("a file of the store");
        std::fs::remove_file(&file).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo").success());
        for arguments in [&["run"][..], &["plan"], &["ls"], &["gc"]] {
            let output = cfx(arguments, &path);
            assert!([0, 5].contains(&code(&output)), "{arguments:?} {file:?}: {}", said(&output));
        }
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, bytes).expect("a file of the store");
    }
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    // A store that lost its mark is told from the folder of something else.
    std::fs::write(store.join("format"), "").expect("written");
    let output = cfx(&["run"], &path);
    assert!(code(&output) == 5 && said(&output).contains("write `cfx store 2` into"), "{}", said(&output));
}

/// What a run writes would be data of the next one.
#[test]
fn results_do_not_lie_among_the_images_that_are_read() {
    let script = "cfx 1\nexperiment \"Images\" { seed: 1 }\nuse std.data { image_folder }\n\
                  dataset d = image_folder(\".\", size: 2)\nanalysis second = share(label(d) == 1)\n";
    let (folder, path) = folder_with(script);
    for class in ["a", "b"] {
        std::fs::create_dir(folder.path().join(class)).expect("a folder");
        std::fs::copy(repository("tests/bad/warn_images/set/a/1.png"), folder.path().join(class).join("1.png")).expect("a copy");
    }
    for out in [&["run"][..], &["run", "--out", "."], &["run", "--out", "a/new"]] {
        let output = cfx(out, &path);
        assert_eq!(code(&output), 2, "{out:?}: {}", said(&output));
        assert!(said(&output).contains("of which this run reads whatever is there"), "{}", said(&output));
    }
    assert!(!folder.path().join("results").exists() && !folder.path().join("a/new").exists());
    let output = cfx(&["run", "--out", ".results"], &path);
    assert_eq!(code(&output), 0, "{}", said(&output));
}

/// Results lie beside the script, and so do files of a pattern, or labels beside a folder of them.
#[test]
fn results_lie_beside_the_files_of_a_pattern() {
    let array = |shape: &str, numbers: &[f32]| {
        let header = format!("{:<117}\n", format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
        let bytes = [b"\x93NUMPY\x01\x00v\x00".to_vec(), header.into_bytes()].concat();
        [bytes, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()].concat()
    };
    for pattern in ["act/*.npy", "*.npy", "./*.npy"] {
        let (folder, path) = folder_with(&format!(
            "cfx 1\nexperiment \"Pattern\" {{ seed: 1 }}\n\
             stages s = load_stages(\"{pattern}\", rows: examples, labels: \"y.npy\")\nanalysis m = mean_distance(s)\n"
        ));
        let dir = folder.path().join("act");
        std::fs::create_dir(&dir).expect("a folder");
        let place = if pattern == "act/*.npy" { dir.join("x.npy") } else { folder.path().join("x.npy") };
        std::fs::write(place, array("(3, 1)", &[1.0, 2.0, 4.0])).expect("an array");
        std::fs::write(folder.path().join("y.npy"), array("(3,)", &[0.0, 0.0, 1.0])).expect("an array");
        // The folder of results is not there yet.
        for _ in 0..2 {
            let output = cfx(&["run"], &path);
            assert_eq!(code(&output), 0, "{pattern}: {}", said(&output));
        }
        assert!(folder.path().join("results/exp/tables/m.csv").exists());
    }
}

/// A file of results keeps its name and its contents wherever its declaration stands.
#[test]
fn titles_that_are_alike_do_not_swap_files() {
    let figures = ["figure \"?\" = bars(acc, x: run)\n", "figure \"!\" = bars(1 - acc, x: run)\n"];
    let more = ["figure \"a\" = bars(acc, x: run)\n", "figure \"A\" = bars(1 - acc, x: run)\n"];
    let (folder, path) = folder_with("");
    let mut seen: Vec<Vec<(PathBuf, Vec<u8>)>> = Vec::new();
    for turned in [false, true] {
        let order = |pair: [&str; 2]| if turned { format!("{}{}", pair[1], pair[0]) } else { pair.concat() };
        put(&path, &format!("{QUICK}{}{}", order(figures), order(more)));
        assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
        let drawn = all(&folder.path().join("out/figures")).into_iter();
        seen.push(drawn.filter(|(p, _)| p.extension().is_some_and(|e| e == "csv")).collect());
    }
    assert_eq!(seen[0].len(), 4);
    assert!(seen[0] == seen[1], "{:?}", seen.iter().flatten().map(|(p, _)| p).collect::<Vec<_>>());
}

/// Every test that the document of promises names is there.
#[test]
fn promises_name_tests_that_exist() {
    let text = std::fs::read_to_string(repository("docs/guarantees.md")).expect("the document of promises");
    let sources: String = ["src", "tests", "fuzz"]
        .iter()
        .flat_map(|folder| files_below(&repository(folder), ".rs"))
        .map(|p| std::fs::read_to_string(p).expect("a source file"))
        .collect();
    let (mut named, mut missing) = (0, Vec::new());
    for line in text.lines().filter(|l| l.starts_with('|')) {
        let shown = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        for name in shown.split('`').skip(1).step_by(2) {
            named += 1;
            if !sources.contains(&format!("fn {name}(")) {
                missing.push(name.to_string());
            }
        }
    }
    assert!(named > 30, "only {named} tests are named");
    assert!(missing.is_empty(), "no test is called {missing:?}");
}
