//! Two runs side by side, as people compare them.

use crate::cli::{cfx, code, folder_with, said};
use std::process::Command;

const SCRIPT: &str = r#"cfx 1
experiment "Compared" { seed: 3 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset data = digits()
model net = train(mlp(hidden: [8]), data.train, seed: run) {
  epochs: 1
  batch: 64
  rate: 0.1
}
analysis acc = accuracy(net, data.test)
claim "It learns" = mean(acc) > 0.5
"#;

#[test]
fn two_runs_are_compared_by_settings_numbers_and_claims() {
    let (folder, path) = folder_with(SCRIPT);
    for out in ["a", "b"] {
        assert_eq!(code(&cfx(&["run", "--out", out], &path)), 0);
    }
    std::fs::write(&path, SCRIPT.replace("epochs: 1", "epochs: 6")).expect("a script");
    assert_eq!(code(&cfx(&["run"], &path)), 0);
    assert_eq!(code(&cfx(&["export"], &path)), 0);
    let diff = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfx"));
        command.arg("diff").args(arguments).current_dir(folder.path()).output().expect("the command runs")
    };
    let same = diff(&["a", "b/manifest.json"]);
    assert!(code(&same) == 0 && said(&same).contains("the two runs are the same"), "{}", said(&same));
    // A folder and an archive.
    let other = diff(&["a", "exp.zip"]);
    let words = said(&other);
    assert_eq!(code(&other), 1, "{words}");
    for line in ["net (train): epochs: 1 (line 10) → 6 (line 10)", "beyond their errors", "It learns: does not hold", "→ holds"]
    {
        assert!(words.contains(line), "`{line}` is not in\n{words}");
    }
    let json: serde_json::Value = serde_json::from_slice(&diff(&["a", "exp.zip", "--json"]).stdout).expect("JSON");
    assert_eq!((json["same"].as_bool(), json["tables"][0]["both"].as_u64()), (Some(false), Some(2)), "{json}");
    assert_eq!(code(&diff(&["a", "nowhere"])), 2);
}
