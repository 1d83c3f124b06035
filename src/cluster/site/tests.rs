//! Site files as people write them, right and wrong.

use super::*;

fn said(text: &str) -> Vec<String> {
    let Err((diags, sources)) = of_file(Path::new("ours.toml"), text) else { return Vec::new() };
    let line = |d: &Diag| {
        let place = sources.place(d.span()).map_or((0, 0), |(_, line, column)| (line, column));
        format!("{}:{} {}: {} ({})", place.0, place.1, d.code, d.message, d.help.clone().unwrap_or_default())
    };
    diags.0.iter().map(line).collect()
}

#[test]
fn an_empty_file_is_a_site() {
    let site = of_file(Path::new("a/ours.toml"), "").unwrap();
    assert_eq!(site.name, "ours");
    assert_eq!(site.of(Kind::Networks).cores, 1);
    assert_eq!((site.bounds.array, site.bounds.tries), (1000, 3));
    assert_eq!(site.limits().task, 3600.0);
}

#[test]
fn kinds_take_what_is_common_and_have_their_own() {
    let text = r#"
partition = "cpu"
account = "abc123"
time = "12h"
setup = ["module load openblas"]

[networks]
partition = "gpu"
gpus = 1
cores = 8
memory = "32GiB"
extra = ["--constraint=a100"]

[chains]
cores = 16

[reports]
memory = "16G"

[limits]
array = 500
task_time = "30min"
submissions_per_second = 0.5
"#;
    let site = of_file(Path::new("ours.toml"), text).unwrap();
    let networks = site.of(Kind::Networks);
    assert_eq!((networks.partition.as_deref(), networks.gpus, networks.cores), (Some("gpu"), 1, 8));
    assert_eq!((networks.memory, networks.time), (Some(32.0 * 1073741824.0), 12.0 * 3600.0));
    assert_eq!(networks.extra, ["--constraint=a100"]);
    let chains = site.of(Kind::Chains);
    assert_eq!((chains.partition.as_deref(), chains.cores, chains.memory), (Some("cpu"), 16, None));
    assert_eq!(site.of(Kind::Reports).partition.as_deref(), Some("cpu"));
    assert_eq!(site.of(Kind::Reports).memory, Some(16.0 * 1073741824.0));
    assert_eq!(site.account.as_deref(), Some("abc123"));
    assert_eq!(site.bounds.submissions, 0.5);
    assert_eq!(site.limits(), Limits { task: 1800.0, tasks: 4999, array: 500, cores: [8.0, 16.0, 1.0] });
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let text = r#"
partitoin = "gpu"
account = 12
[networks]
memory = "32GB"
cores = 0
time = "soon"
[limits]
array = "many"
tries = -1
"#;
    assert_eq!(
        said(text),
        [
            "2:1 cfx::site::key: a site file has no key `partitoin` here (did you mean `partition`?)",
            "3:11 cfx::site::value: `account` cannot be an integer (write a text: `account = \"…\"`)",
            "5:10 cfx::site::value: `memory` cannot be `32GB` (write a size: `memory = \"512MiB\"` or `\"16GiB\"`)",
            "6:9 cfx::site::value: `cores` cannot be 0 (write a whole number from 1 on: `cores = 1`)",
            "7:8 cfx::site::value: `time` cannot be `soon` (write a time: `time = \"90s\"`, `\"30min\"`, `\"2h\"` or `\"3d\"`)",
            "9:9 cfx::site::value: `array` cannot be a string (write a whole number from 1 on: `array = 1`)",
            "10:9 cfx::site::value: `tries` cannot be -1 (write a whole number from 1 on: `tries = 1`)",
        ]
    );
    let syntax = said("partition = \"gpu\"\n[networks");
    assert!(syntax.len() == 1 && syntax[0].starts_with("2:10 cfx::site::syntax: "), "{syntax:?}");
    assert_eq!(
        said("scheduler = \"pbs\""),
        ["1:13 cfx::site::value: `pbs` is not a batch system that cfx knows (write `scheduler = \"slurm\"`, or leave it out)"]
    );
}

#[test]
fn sites_have_names_in_a_file_of_several() {
    let text = "[ours]\npartition = \"gpu\"\n[theirs.networks]\ngpus = 2\n";
    let path = Path::new("sites.toml");
    assert_eq!(of_name("theirs", path, text).unwrap().of(Kind::Networks).gpus, 2);
    assert_eq!(of_name("ours", path, text).unwrap().of(Kind::Chains).partition.as_deref(), Some("gpu"));
    let Err((diags, _)) = of_name("ourz", path, text) else { panic!("there is no such site") };
    assert_eq!(diags.0[0].message, "no site is called `ourz`");
    assert_eq!(diags.0[0].help.as_deref(), Some("did you mean `ours`?"));
}
