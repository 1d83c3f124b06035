//! Batch scripts against files that people have read, and what is read of `squeue`.

use super::*;
use crate::cluster::cut::Kind;
use crate::cluster::site;
use std::path::PathBuf;

const SITE: &str = r#"
partition = "cpu"
account = "abc"
setup = ["module load openblas"]
prefix = "apptainer exec cfx.sif"
[networks]
partition = "gpu"
gpus = 1
cores = 8
extra = ["--constraint=a100"]
[limits]
at_once = 20
"#;

fn script(kind: Kind, text: &str) -> String {
    let site = site::of_file(Path::new("ours.toml"), text).unwrap();
    let order = Order {
        name: "cfx-exp-0".to_string(),
        site: &site,
        kind,
        first: 17,
        count: 40,
        seconds: 5400.0,
        memory: 3e9,
        cfx: PathBuf::from("/opt/cfx"),
        folder: PathBuf::from("/home/a b/.cfx/runs/1-2"),
    };
    Slurm.script(&order)
}

/// Compares with a file; with `CFX_BLESS=1` in the environment it is written.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/slurm").join(name);
    if std::env::var_os("CFX_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

#[test]
fn scripts_are_those_that_were_read() {
    golden("networks.sh", &script(Kind::Networks, SITE));
    golden("plain.sh", &script(Kind::Reports, ""));
}

#[test]
fn bash_takes_the_scripts() {
    for text in [script(Kind::Networks, SITE), script(Kind::Chains, "")] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let checked = Command::new("bash").arg("-n").arg(file.path()).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn the_queue_is_read_line_by_line() {
    let text = "12|0|RUNNING|None|n1\n12|1|PENDING|Resources|\n12|2|PENDING|None|\n13|N/A|RUNNING|None|n2\n14|0|COMPLETING|None|n3\nslurm_load_jobs error\n";
    let jobs = listed(text);
    let short: Vec<_> = jobs.iter().map(|j| (j.id.as_str(), j.element, j.at, j.words.as_str())).collect();
    assert_eq!(
        short,
        [
            ("12", 0, At::Running, "n1"),
            ("12", 1, At::Waiting, "Resources"),
            ("12", 2, At::Waiting, ""),
            ("14", 0, At::Running, "n3")
        ]
    );
}
