//! A disk that is really full: a file system of a few kilobytes for store and results. The run ends with 5 and one sentence, and once there is room
//! the next run is right. Where no file system can be mounted, this is passed over with a word.

use crate::cli::{cfx, code, folder_with, said};
use crate::script::files_below;
use std::path::Path;
use std::process::{Command, Output};

const SCRIPT: &str = r#"cfx 1
experiment "Full" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..3
dataset small = sample(digits().train, 200)
model net = train(mlp(hidden: [128]), small, seed: run) { epochs: 1, rate: 0.1 }
stages s = tap(net, small, at: [hidden1])
analysis acc = mean(correct(net, small))
analysis spread = mean_distance(s)
figure "f" = bars(acc, x: run)
"#;

/// Runs a shell script in a place of its own where file systems can be mounted; `None` if that is not permitted.
fn mounted(script: &str, arguments: &[&str]) -> Option<Output> {
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    ways.iter().find_map(|way| {
        let tried = Command::new("unshare").args(*way).args(["sh", "-c", script, "sh"]).args(arguments).output().ok()?;
        // The script ends with 99 where it cannot mount.
        (tried.status.success() || !matches!(tried.status.code(), Some(1 | 99 | 125..=127) | None)).then_some(tried)
    })
}

/// In the arguments: the mount point, its size in KiB, the command, the script, and a folder where everything goes in the end.
const FULL: &str = r#"
mount -t tmpfs -o size="$2"k none "$1" 2>/dev/null || exit 99
run() { "$3" run "$4" --store "$1/store" --out "$1/out" --limit disk:1GiB; }
run "$@" > "$5/first" 2>&1; echo $? > "$5/first.code"
mount -o remount,size=64m "$1" || exit 98
run "$@" > "$5/second" 2>&1; echo $? > "$5/second.code"
cp -r "$1/out" "$5/out"
exit 0
"#;

fn tables(out: &Path) -> Vec<(String, Vec<u8>)> {
    let kept =
        |p: &std::path::PathBuf| p.extension().is_some_and(|e| matches!(e.to_str(), Some("csv" | "npy" | "svg" | "parquet")));
    let name = |p: &Path| p.strip_prefix(out).expect("a file below").display().to_string();
    files_below(out, "").into_iter().filter(kept).map(|p| (name(&p), std::fs::read(&p).expect("a table"))).collect()
}

#[test]
fn a_full_disk_ends_a_run_with_5_and_the_next_run_is_right() {
    let (folder, path) = folder_with(SCRIPT);
    assert_eq!(code(&cfx(&["run", "--out", "whole"], &path)), 0);
    let whole = tables(&folder.path().join("whole"));
    assert!(whole.len() > 5);
    let (mut full, mut kept) = (0, 0);
    // The store and the results take about 2 MB: what has no room is the store's mark, its packs, an object, the index, an array, a figure, the page.
    for size in [4, 12, 24, 48, 96, 200, 350, 500, 650, 800, 1000, 1300, 1600] {
        let place = folder.path().join(format!("place-{size}"));
        let said_to = folder.path().join(format!("said-{size}"));
        std::fs::create_dir_all(&place).expect("a folder");
        std::fs::create_dir_all(&said_to).expect("a folder");
        let of = |p: &Path| p.display().to_string();
        let arguments = [of(&place), size.to_string(), env!("CARGO_BIN_EXE_cfx").to_string(), of(&path), of(&said_to)];
        let Some(output) = mounted(FULL, &arguments.each_ref().map(String::as_str)) else {
            println!("passed over: no file system can be mounted here");
            return;
        };
        assert!(output.status.success(), "{size} KiB: {}", said(&output));
        let text = |name: &str| std::fs::read_to_string(said_to.join(name)).expect("what was said").trim().to_string();
        let (first, second) = (text("first"), text("second"));
        if text("first.code") != "0" {
            full += 1;
            assert_eq!(text("first.code"), "5", "{size} KiB: {first}");
            assert!(first.contains("No space left on device"), "{size} KiB: {first}");
            assert!(!first.contains("internal error") && !first.contains("panicked"), "{size} KiB: {first}");
        }
        assert_eq!(text("second.code"), "0", "{size} KiB: {second}");
        assert!(tables(&said_to.join("out")) == whole, "{size} KiB: other results");
        // What was kept before the disk was full is found.
        kept += usize::from(second.lines().any(|l| l.contains("in the store in") && !l.starts_with("0 computed, 0")));
    }
    assert!(full >= 8, "the disk was full {full} times");
    assert!(kept >= 4, "only {kept} runs found what was kept");
}
