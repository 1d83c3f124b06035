//! Runs on a cluster: a Slurm of three nodes, started on this machine, whose nodes, controller and jobs are killed on the way. Where Slurm is not
//! installed the test says so and ends.

use crate::cli::{cfx, code, command, made};
use crate::script::{files_below, repository};
use cfx::base::Hasher;
use cfx::engine::Store;
use cfx::engine::store::line::{Line, Read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"cfx 1
experiment "Tiny trainings" { seed: 3 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..12
dataset data = digits()
model m = train(mlp(hidden: [24]), data.train, seed: run) { epochs: 300, batch: 32, rate: 0.1 }
stages s = svd(tap(m, data.test, at: [hidden1]), width: 3)
density p = dp_mixture(s, by: class) {
  prior: niw(kappa: 0.01, dof: dim + 2)
  alpha: gamma(1, 1)
  sampler: split_merge(passes: 200, burn_in: 100, thin: 20, chains: 2)
}
analysis logp = log_density(p, s)
analysis acc = accuracy(m, data.test)
analysis apart = mean(output_divergence(m, inputs: data.test, between: run))
figure "Accuracy" = curves(acc, x: run)
claim "It learns" = mean(acc, over: run) > 0.5
"#;

/// One representation of 80 MB.
const LARGE: &str = "cfx 1\nexperiment \"Large\" { seed: 1 }\nstages x = gaussian_stages(rows: 100000, units: 100)\nanalysis d = mean_distance(x)\n";

/// Tasks of one training each: their estimates are some tenths of a second.
const SITE: &str = r#"
partition = "main"
[networks]
cores = 1
memory = "600MiB"
[chains]
memory = "600MiB"
[reports]
memory = "600MiB"
[limits]
task_time = "0.2s"
array = 5
submissions_per_second = 50
notice = "10s"
"#;

/// A Slurm of this test's own.
struct Slurm {
    folder: tempfile::TempDir,
    controller: Option<Child>,
}

impl Slurm {
    /// Starts it; `None` if it is not installed.
    fn start() -> Option<Slurm> {
        let installed = |path: &str| Path::new(path).exists();
        let all = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch"];
        if !all.iter().all(|p| installed(p)) {
            eprintln!("Slurm is not installed (slurmctld, slurmd, slurm-client, munge): runs on a cluster are not tested");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("cfx-slurm").tempdir().expect("a folder");
        // Ports that another test beside this one does not have.
        let port = 20_000 + std::process::id() % 20_000;
        let up = Command::new("bash")
            .arg(repository("tests/data/slurm/up.sh"))
            .args([folder.path().to_str().expect("a path"), "munge", "3"])
            .env("SLURM_CTL_PORT", port.to_string())
            .env("SLURM_D_PORT", (port + 10).to_string())
            .output()
            .expect("bash");
        let slurm = Slurm { folder, controller: None };
        let said = String::from_utf8_lossy(&up.stderr).into_owned();
        assert!(up.status.success(), "Slurm is installed and does not start: {said}");
        Some(slurm)
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", self.conf()).output().expect(program);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `cfx` as on a login node.
    fn cfx(&self, arguments: &[&str], script: &Path) -> Output {
        command(arguments, script).env("SLURM_CONF", self.conf()).output().expect("the command runs")
    }

    /// Returns the jobs on nodes: id with element, node.
    fn running(&self) -> Vec<(String, String)> {
        let text = self.ask("squeue", &["-h", "-r", "-t", "R", "-o", "%i|%N"]);
        text.lines().filter_map(|l| l.split_once('|')).map(|(id, node)| (id.to_string(), node.to_string())).collect()
    }

    /// Waits until `count` jobs run.
    fn wait_for(&self, count: usize) -> Vec<(String, String)> {
        let begun = Instant::now();
        loop {
            let running = self.running();
            if running.len() >= count {
                return running;
            }
            let queue = self.ask("squeue", &[]);
            assert!(begun.elapsed() < Duration::from_secs(60), "{count} jobs do not get to run:\n{queue}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills all processes of a node at once, as a loss of power does.
    fn kill_node(&self, node: &str) {
        let file = self.folder.path().join(format!("run/slurmd-{node}.shpid"));
        let slurmd = std::fs::read_to_string(&file).expect("the node's process").trim().to_string();
        kill("KILL", &slurmd);
        let _ = std::fs::remove_file(&file);
        for pid in processes(|environment, _| {
            environment.contains(&format!("SLURM_CONF={}", self.conf().display()))
                && environment.contains(&format!("SLURMD_NODENAME={node}"))
        }) {
            kill("KILL", &pid);
        }
        self.ask("scontrol", &["update", &format!("nodename={node}"), "state=down", "reason=test"]);
    }

    /// Ends the controller and starts it again.
    fn restart_controller(&mut self) {
        let file = self.folder.path().join("run/slurmctld.shpid");
        let pid = std::fs::read_to_string(&file).expect("the controller's process").trim().to_string();
        kill("TERM", &pid);
        let begun = Instant::now();
        while Path::new("/proc").join(&pid).join("exe").exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let child = Command::new("/usr/sbin/slurmctld")
            .args(["-D", "-f"])
            .arg(self.conf())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the controller");
        std::fs::write(&file, child.id().to_string()).expect("written");
        self.controller = Some(child);
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = Command::new("bash").arg(repository("tests/data/slurm/down.sh")).arg(self.folder.path()).output();
        if let Some(controller) = &mut self.controller {
            let _ = controller.kill();
            let _ = controller.wait();
        }
    }
}

fn kill(signal: &str, pid: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), pid]).output();
}

/// Returns the numbers of processes whose environment (as lines) and command line are such.
fn processes(such: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let read = |path: PathBuf| std::fs::read(path).map(|b| String::from_utf8_lossy(&b).replace('\0', "\n")).unwrap_or_default();
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = all.filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    numbers
        .filter(|pid| such(&read(format!("/proc/{pid}/environ").into()), &read(format!("/proc/{pid}/cmdline").into())))
        .collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns how often each cell has been put into a store, by title.
fn puts(store: &Path) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for path in files_below(&store.join("index"), ".log") {
        let bytes = std::fs::read(path).expect("a log");
        let mut at = 0;
        while at < bytes.len() {
            match Line::read(&bytes[at..]) {
                Read::Line(line, length) => {
                    if let Line::Cell { entry, .. } = *line
                        && entry.bytes > 0
                    {
                        *out.entry(entry.title).or_insert(0) += 1;
                    }
                    at += length;
                }
                Read::Damaged(_) | Read::Unfinished => panic!("a damaged line"),
            }
        }
    }
    out
}

#[test]
fn a_run_on_slurm_survives_what_happens_there() {
    let Some(mut slurm) = Slurm::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("exp.cfx");
    std::fs::write(&script, SCRIPT).expect("a script");
    std::fs::write(folder.path().join("site.toml"), SITE).expect("a site");

    let planned = slurm.cfx(&["plan", "--on", "site.toml"], &script);
    assert_eq!(code(&planned), 0, "{}", said(&planned));
    assert!(said(&planned).contains("it writes the report") && said(&planned).contains("hours of jobs"), "{}", said(&planned));

    let sent = slurm.cfx(&["run", "--on", "site.toml"], &script);
    assert_eq!(code(&sent), 0, "{}", said(&sent));
    assert!(said(&sent).contains("14 jobs in 5 arrays"), "{}", said(&sent));
    // Whatever runs now is a job's.
    let path = folder.path().display().to_string();
    let left = processes(|environment, line| line.contains(&path) && !environment.contains("SLURM_JOB_ID="));
    assert!(left.is_empty(), "processes stay on the login node: {left:?}");
    let again = slurm.cfx(&["run", "--on", "site.toml"], &script);
    assert!(code(&again) == 0 && said(&again).contains("in the queue"), "{}", said(&again));

    // One job is told that its time is over, the process of another dies, a node dies, the controller is restarted.
    let running = slurm.wait_for(4);
    slurm.ask("scancel", &["--signal=USR1", "--batch", &running[0].0]);
    let victim = processes(|environment, line| {
        let job = format!("SLURM_ARRAY_JOB_ID={}\n", running[1].0.split('_').next().unwrap_or_default());
        let task = format!("SLURM_ARRAY_TASK_ID={}\n", running[1].0.split('_').nth(1).unwrap_or_default());
        line.contains("\nwork\n") && environment.contains(&job) && environment.contains(&task)
    });
    victim.iter().for_each(|pid| kill("KILL", pid));
    let node = slurm.wait_for(2).last().map(|(_, node)| node.clone()).expect("a node");
    slurm.kill_node(&node);
    slurm.restart_controller();

    let begun = Instant::now();
    let ended = loop {
        let status = slurm.cfx(&["status"], &script);
        if said(&status).contains("report.html") || code(&status) == 1 {
            break status;
        }
        let queue = slurm.ask("squeue", &["-r"]);
        assert!(begun.elapsed() < Duration::from_secs(300), "{}\n{queue}", said(&status));
        std::thread::sleep(Duration::from_secs(1));
    };
    let logs: String = files_below(&folder.path().join(".cfx/runs"), ".log")
        .iter()
        .map(|p| format!("{}:\n{}\n", p.display(), std::fs::read_to_string(p).unwrap_or_default()))
        .collect();
    assert_eq!(code(&ended), 0, "{}\n{logs}", said(&ended));

    // The same bits as on this machine alone, and nothing computed twice.
    let local = cfx(&["run", "--store", "local", "--out", "alone"], &script);
    assert_eq!(code(&local), 0, "{}", said(&local));
    let contents = |out: &str| -> BTreeMap<String, String> {
        made(&folder.path().join(out)).into_iter().map(|(key, (content, _))| (key, content)).collect()
    };
    assert_eq!(contents("results/exp"), contents("alone"));
    let twice: Vec<(String, usize)> = puts(&folder.path().join(".cfx")).into_iter().filter(|(_, n)| *n > 1).collect();
    assert!(twice.is_empty(), "computed more than once: {twice:?}\n{logs}");
    let trained = puts(&folder.path().join(".cfx")).keys().filter(|t| t.ends_with("(train)")).count();
    assert_eq!(trained, 12);

    // What is there is not sent again.
    let planned = slurm.cfx(&["plan", "--on", "site.toml"], &script);
    assert!(said(&planned).contains("1 job in 1 array for 0 cells"), "{}", said(&planned));
}

#[test]
fn sites_and_runs_that_are_not_there_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("exp.cfx");
    std::fs::write(&script, SCRIPT).expect("a script");
    let says = |arguments: &[&str], expected: i32, words: &str| {
        let output = command(arguments, &script).env("XDG_CONFIG_HOME", folder.path()).output().expect("the command runs");
        assert!(code(&output) == expected && said(&output).contains(words), "{arguments:?}: {}", said(&output));
    };
    says(&["run", "--on", "nowhere"], 2, "there is no file `nowhere`");
    std::fs::create_dir(folder.path().join("cfx")).expect("a folder");
    std::fs::write(folder.path().join("cfx/sites.toml"), "[ours]\npartitoin = \"main\"\n").expect("a file");
    says(&["run", "--on", "our"], 2, "did you mean `ours`?");
    says(&["plan", "--on", "ours"], 2, "did you mean `partition`?");
    std::fs::write(folder.path().join("site.toml"), SITE).expect("a site");
    says(&["run", "--on", "site.toml", "--threads", "2"], 2, "the site's file says `cores`");
    says(&["run", "--on", "site.toml", "--watch"], 2, "a script is sent once");
    says(&["run", "--on", "site.toml", "--also", "other"], 2, "`cfx pull` brings results into it");
    says(&["plan", "--on", "site.toml", "--also", "other"], 2, "`cfx pull` brings results into it");
    says(&["plan", "--on", "site.toml", "--dot"], 2, "leave out `--on`");
    says(&["plan", "--on", "site.toml"], 0, "hours of jobs");
    says(&["plan", "--on", "local"], 0, "cells: 0 in the store");
    says(&["plan", "--on", "site.toml", "--only", "acc"], 0, "hours of jobs");
    says(&["plan", "--on", "site.toml", "--only", "acd"], 2, "did you mean `acc`?");
    says(&["status"], 2, "has not been run on a cluster");
    // What could only fail is said before anything is sent.
    let large = folder.path().join("large.cfx");
    std::fs::write(&large, LARGE).expect("a script");
    std::fs::write(folder.path().join("small.toml"), "[chains]\nmemory = \"1MiB\"\n[reports]\nmemory = \"1MiB\"\n")
        .expect("a site");
    std::fs::write(folder.path().join("few.toml"), "[limits]\ntasks = 2\n").expect("a site");
    for (script, site, words) in [(&large, "small.toml", "have 1.0 MiB"), (&script, "few.toml", "the site takes 2 in its queue")]
    {
        for command in ["plan", "run"] {
            let output = cfx(&[command, "--on", site], script);
            assert!(code(&output) == 2 && said(&output).contains(words), "{command} {site}: {}", said(&output));
        }
    }
    assert!(!folder.path().join("results/exp/report.html").exists());

    // Of two commands that would send the same jobs, one does.
    let store = Store::open(&folder.path().join(".cfx")).expect("a store");
    let at = folder.path().canonicalize().expect("the folder");
    let mark = Hasher::new("script").text(&at.to_string_lossy()).text("exp.cfx").finish().to_string();
    let note = format!("cluster-exp-cfx-{}", &mark[..12]);
    let sending = store.try_lock_cell(&Hasher::new("sending").text(&note).finish()).expect("locks").expect("free");
    says(&["run", "--on", "site.toml"], 2, "sends its jobs at this moment");
    drop(sending);
}
