//! Kills at seeded moments in every phase of a run: whatever was killed when, what is there is right, and the next run goes on to the same result.
//!
//! `CFX_KILLS=1000` kills that often and says how it went; without it a few times.

use crate::cli::{cfx, code, command, folder_with, said};
use crate::dice::Dice;
use crate::script::files_below;
use cfx::engine::unfinished::is_ours;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"cfx 1
experiment "Crash" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset few = sample(digits().train, 300)
model net = train(mlp(hidden: [64, 32]), few, seed: run) { epochs: 40, batch: 32, rate: 0.05, keep: weights }
model brief = train(mlp(hidden: [64]), few, seed: run) { epochs: 20, batch: 32, rate: 0.05 }
stages acts = tap(net, few, at: [hidden1])
stages low = svd(acts, width: 4)
density p = dp_mixture(low[run: 0], by: class) {
  prior: niw(kappa: 0.01, dof: dim + 2)
  alpha: gamma(1, 1)
  sampler: split_merge(passes: 300, burn_in: 100, thin: 50, chains: 2)
}
analysis acc = mean(correct(net, few))
analysis acc_brief = mean(correct(brief, few))
analysis logp = log_density(p, low[run: 0])
analysis spread = mean_distance(low, by: class)
figure "Accuracy" = bars(acc, x: run)
figure "Spread" = curves(spread, x: class)
claim "It learns" = mean(acc) > 0.2
"#;

/// Where in a run it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Reading, checking, planning, opening the store.
    Starting,
    Training,
    /// As training, after the wish to stop: while checkpoints are written.
    StoppingTraining,
    Sampling,
    StoppingSampling,
    /// Drawing figures and the last results.
    Drawing,
    /// Writing tables, arrays, weights, figures, the report and the manifest.
    Reporting,
    Sweeping,
}

use Phase::*;

const PHASES: [Phase; 8] = [Starting, Training, StoppingTraining, Sampling, StoppingSampling, Drawing, Reporting, Sweeping];

impl Phase {
    /// Returns the words of the event with which the phase begins.
    fn begins(self) -> Option<&'static str> {
        match self {
            Starting | Sweeping => None,
            Training | StoppingTraining => Some("(train)"),
            Sampling | StoppingSampling => Some("(dp_mixture)"),
            Drawing => Some("(bars)"),
            Reporting => Some("\"ended\""),
        }
    }
}

/// Results that are the same in every run, by their place below the folder of results.
type Stable = BTreeMap<PathBuf, Vec<u8>>;

/// Returns the results in a folder, without the record and the page of the run, which tell of times, and without what a writer that was killed left.
fn results(out: &Path) -> Stable {
    let below = |p: &Path| p.strip_prefix(out).expect("a file below").to_path_buf();
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let kept = |p: &PathBuf| !matches!(name(p).as_str(), "manifest.json" | "report.html") && !is_ours(&name(p));
    files_below(out, "").into_iter().filter(kept).map(|p| (below(&p), std::fs::read(&p).expect("a result"))).collect()
}

/// Returns the files in a folder that a writer left which was killed.
fn unfinished(folder: &Path) -> Vec<PathBuf> {
    files_below(folder, "").into_iter().filter(|p| p.file_name().is_some_and(|n| is_ours(&n.to_string_lossy()))).collect()
}

/// A run under way, whose events go to a file.
struct Run {
    child: Child,
    events: PathBuf,
}

impl Run {
    fn start(path: &Path) -> Run {
        let events = path.with_file_name("events");
        let file = std::fs::File::create(&events).expect("a file for events");
        let mut command = command(&["run", "--out", "out", "--json"], path);
        Run { child: command.stdout(Stdio::null()).stderr(file).spawn().expect("the command starts"), events }
    }

    /// Waits for an event with these words; returns whether it came before the run ended.
    fn reaches(&mut self, words: &str) -> bool {
        loop {
            let ended = self.child.try_wait().expect("a state").is_some();
            if std::fs::read_to_string(&self.events).unwrap_or_default().contains(words) {
                return !ended;
            }
            if ended {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Returns how long each phase takes in an undisturbed run.
fn durations(path: &Path) -> BTreeMap<Phase, Duration> {
    let start = Instant::now();
    let mut run = Run::start(path);
    let mut moments = Vec::new();
    for phase in [Training, Sampling, Drawing, Reporting] {
        assert!(run.reaches(phase.begins().expect("words")), "{phase:?} did not begin");
        moments.push(start.elapsed());
    }
    assert!(run.child.wait().expect("it ends").success());
    let end = start.elapsed();
    let [train, sample, draw, report] = moments[..] else { panic!("{moments:?}") };
    let sweep = Instant::now();
    assert_eq!(code(&cfx(&["gc"], path)), 0);
    let short = Duration::from_millis(300);
    BTreeMap::from([
        (Starting, train),
        (Training, sample - train),
        (StoppingTraining, short),
        (Sampling, draw - sample),
        (StoppingSampling, short),
        (Drawing, report - draw),
        (Reporting, end - report),
        (Sweeping, sweep.elapsed()),
    ])
}

/// Kills a run, or sweeping, in a phase; returns whether it was still at work then, or nothing where the phase did not begin.
fn killed(path: &Path, phase: Phase, after: Duration, dice: &mut Dice) -> Option<bool> {
    let mut run = match phase {
        Sweeping => {
            let child = command(&["gc", "--keep", "2"], path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            Run { child: child.expect("the command starts"), events: PathBuf::new() }
        }
        _ => Run::start(path),
    };
    if let Some(words) = phase.begins()
        && !run.reaches(words)
    {
        run.child.wait().expect("it ends");
        return None;
    }
    if matches!(phase, StoppingTraining | StoppingSampling) {
        std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
        let told = std::process::Command::new("kill").args(["-TERM", &run.child.id().to_string()]).status();
        // It may have ended.
        let _ = told.expect("a signal is sent");
    }
    std::thread::sleep(after);
    // As above.
    let _ = run.child.kill();
    Some(run.child.wait().expect("it ends").signal() == Some(9))
}

#[test]
fn kills_at_any_moment_lose_nothing_and_the_next_run_is_right() {
    let wanted: usize = match std::env::var("CFX_KILLS") {
        Ok(count) => count.parse().expect("CFX_KILLS is a whole number"),
        Err(_) => 16,
    };
    let (folder, path) = folder_with(SCRIPT);
    let beside = |name: &str| folder.path().join(name);
    let clear = || {
        for name in ["out", ".cfx"] {
            if beside(name).exists() {
                std::fs::remove_dir_all(beside(name)).expect("it goes");
            }
        }
    };
    let mut durations = durations(&path);
    let mut stable = results(&beside("out"));
    clear();
    assert_eq!(code(&cfx(&["run", "--out", "out"], &path)), 0);
    let again = results(&beside("out"));
    stable.retain(|p, bytes| again.get(p) == Some(bytes));
    for ending in [".csv", ".npy", ".svg", ".safetensors", ".parquet"] {
        assert!(stable.keys().any(|p| p.to_string_lossy().ends_with(ending)), "no {ending} is the same twice");
    }
    let start = Instant::now();
    let mut dice = Dice::new(31);
    let mut kills: BTreeMap<Phase, usize> = BTreeMap::new();
    let (mut rounds, mut tries, mut half_written) = (0, 0, 0);
    while kills.values().sum::<usize>() < wanted {
        clear();
        let mut left = Stable::new();
        for phase in PHASES {
            tries += 1;
            let after = durations[&phase].mul_f64(dice.below(1000) as f64 / 1000.0);
            let at_work = killed(&path, phase, after, &mut dice);
            *kills.entry(phase).or_default() += usize::from(at_work == Some(true));
            // Phases take as long as the machine's other work lets them: moments follow that.
            let pace = durations.get_mut(&phase).expect("every phase has one");
            *pace = match at_work {
                Some(true) => pace.mul_f64(1.1).min(Duration::from_secs(60)),
                Some(false) => pace.mul_f64(0.7).max(Duration::from_millis(1)),
                None => *pace,
            };
            // What stands in the folder of results is whole: as in the end, or as a run wrote it that was stopped and says what it lacks.
            let found = results(&beside("out"));
            if matches!(phase, StoppingTraining | StoppingSampling) {
                left = found;
            } else {
                for (place, bytes) in found {
                    let whole = [&stable, &left].into_iter().any(|known| known.get(&place) == Some(&bytes));
                    assert!(whole || !stable.contains_key(&place), "{} after {phase:?}", place.display());
                }
            }
            let listed = cfx(&["ls"], &path);
            assert!(matches!(code(&listed), 0 | 2), "{phase:?}: {}", said(&listed));
            if at_work != Some(true) && phase != Sweeping {
                // A run that went on to its end leaves nothing to do to the next phases.
                clear();
                left = Stable::new();
            }
        }
        half_written += unfinished(folder.path()).len();
        // The next run ends well, with all results; and swept, the one after that finds them all.
        for next in 0..2 {
            let output = cfx(&["run", "--out", "out"], &path);
            assert_eq!(code(&output), 0, "round {rounds}: {}", said(&output));
            assert!(!said(&output).contains("damaged") && !said(&output).contains("differently"), "{}", said(&output));
            let found = results(&beside("out"));
            for (place, bytes) in &stable {
                assert!(found.get(place) == Some(bytes), "{} is another one or gone in round {rounds}", place.display());
            }
            if next == 1 {
                assert!(said(&output).lines().any(|l| l.starts_with("0 computed")), "{}", said(&output));
            }
            assert_eq!(unfinished(&beside("out")), Vec::<PathBuf>::new(), "round {rounds}");
            assert_eq!(code(&cfx(&["gc"], &path)), 0);
            assert_eq!(unfinished(&beside(".cfx")), Vec::<PathBuf>::new(), "round {rounds}");
        }
        rounds += 1;
        if rounds % 5 == 0 {
            println!(
                "{} kills of {tries} tries in {rounds} rounds, {:.0} s, {half_written} files left half written: {kills:?}",
                kills.values().sum::<usize>(),
                start.elapsed().as_secs_f64()
            );
        }
        assert!(tries < 20 * wanted + 100, "only {kills:?} of {tries} tries");
    }
    println!(
        "{} kills of {tries} tries in {rounds} rounds, {:.0} s, {half_written} files left half written: {kills:?}",
        kills.values().sum::<usize>(),
        start.elapsed().as_secs_f64()
    );
}
