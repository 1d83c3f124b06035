//! Stopping: every operation that may take long looks whether the run stops, ends soon after, and goes on later to the bits of one that was
//! left alone.

use super::accepted;
use super::world::{self, Line, WORLD};
use cfx::api::Registry;
use cfx::engine::pack::encode;
use cfx::engine::{Context, Failure, Job, Joint, Kernel, Kernels, Value};
use cfx::plan::facts::Planned;
use cfx::plan::files::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What takes longer than this, in seconds, by its estimate is to look whether the run stops.
const SHORT: f64 = 2.0;

/// What was seen of an operation's kernel.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The most looks of one run that was left alone.
    looks: u64,
    /// Runs that were told to stop and did not.
    went_on: Vec<String>,
    /// Runs that came to other bits after they were stopped.
    differ: Vec<String>,
    /// Runs that were stopped half way and left a checkpoint.
    checkpoints: u64,
}

/// A context that counts looks, and says from one of them on that the run stops.
struct Looking<'a> {
    inner: &'a dyn Context,
    looks: AtomicU64,
    stop_at: u64,
    restored: Option<Vec<u8>>,
    kept: Mutex<Option<Vec<u8>>>,
}

impl<'a> Looking<'a> {
    fn new(inner: &'a dyn Context, stop_at: u64, restored: Option<Vec<u8>>) -> Self {
        Looking { inner, looks: AtomicU64::new(0), stop_at, restored, kept: Mutex::default() }
    }
}

impl Context for Looking<'_> {
    fn interrupted(&self) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed) + 1 >= self.stop_at || self.inner.interrupted()
    }
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        self.inner.progress(done, total, figures);
    }
    fn restore(&self) -> Option<Vec<u8>> {
        self.restored.clone()
    }
    fn checkpoint(&self, bytes: &[u8]) {
        *self.kept.lock().expect("no panic") = Some(bytes.to_vec());
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &Files {
        self.inner.files()
    }
    fn device(&self) -> &str {
        self.inner.device()
    }
}

/// A kernel that is run four times: alone, told to stop at once, told so half way, and on from there.
struct Watched<'a> {
    inner: &'a dyn Kernel,
    seen: &'a Mutex<BTreeMap<String, Seen>>,
}

impl Planned for Watched<'_> {
    fn takes_absent(&self, slot: &str) -> bool {
        self.inner.takes_absent(slot)
    }
}

impl Kernel for Watched<'_> {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let alone = Looking::new(cx, u64::MAX, None);
        let result = self.inner.run(job, &alone);
        let looks = alone.looks.into_inner();
        let mut seen = Seen { looks, ..Seen::default() };
        let place = || format!("{:?} {:?}", job.at, job.settings);
        for stop_at in BTreeSet::from([1, looks.div_ceil(2)]).into_iter().filter(|_| looks > 0 && result.is_ok()) {
            let stopped = Looking::new(cx, stop_at, None);
            match self.inner.run(job, &stopped) {
                Err(Failure::Interrupted) => {
                    let kept = stopped.kept.into_inner().expect("no panic");
                    seen.checkpoints += u64::from(kept.is_some() && stop_at > 1);
                    let again = self.inner.run(job, &Looking::new(cx, u64::MAX, kept));
                    let bits = |r: &Result<Value, Failure>| r.as_ref().ok().and_then(|v| encode(v).ok());
                    if bits(&again) != bits(&result) {
                        seen.differ.push(format!("stopped at look {stop_at} of {looks}: {}", place()));
                    }
                }
                // Work that waits for another thread looks as often as that takes: it may end before so many looks.
                _ if stopped.looks.load(Ordering::Relaxed) < stop_at => {}
                _ => seen.went_on.push(format!("told at look {stop_at} of {looks}: {}", place())),
            }
        }
        let mut all = self.seen.lock().expect("no panic");
        let of = all.entry(job.op.clone()).or_default();
        of.looks = of.looks.max(seen.looks);
        of.checkpoints += seen.checkpoints;
        of.went_on.extend(seen.went_on);
        of.differ.extend(seen.differ);
        drop(all);
        result
    }
}

/// All kernels, watched.
struct All<'a>(BTreeMap<String, Watched<'a>>);

impl Kernels for All<'_> {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        self.0.get(name).map(|k| {
            let kernel: &dyn Kernel = k;
            kernel
        })
    }
    fn joint(&self, _work: &str) -> Option<&dyn Joint> {
        None
    }
}

/// Returns what is seen of the kernels of all operations, each called in three ways.
fn watched() -> BTreeMap<String, Seen> {
    let registry = Registry::standard();
    let seen = Mutex::default();
    let names = world::library().operations.keys();
    let kernels = All(names.filter_map(|n| Some((n.clone(), Watched { inner: registry.kernel(n)?, seen: &seen }))).collect());
    world::run_with(WORLD, &lines(3), &kernels, 2);
    seen.into_inner().expect("no panic")
}

/// Returns the lines of so many accepted calls of each operation.
fn lines(most: usize) -> Vec<Line> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut few = |op: &'static str| {
        let n = count.entry(op).or_default();
        *n += 1;
        *n <= most
    };
    accepted().iter().filter(|(_, call)| few(call.op.as_str())).map(|(line, _)| line.clone()).collect()
}

/// The world with data, networks and representations of common size: 60,000 examples, 512 units, 20,000 rows of 256 units.
fn large() -> String {
    let rows: usize = 60_000;
    let header = |dtype: &str, shape: &str| {
        let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}");
        let pad = 64 - (10 + text.len() + 1) % 64;
        let text = format!("{text}{}\n", " ".repeat(pad));
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((text.len() as u16).to_le_bytes());
        out.extend(text.as_bytes());
        out
    };
    let labels: Vec<u8> = (0..rows).map(|i| (i % 10) as u8).collect();
    for split in ["", "test_"] {
        let images = header("|u1", &format!("{rows}, 8, 8"));
        world::put(&format!("large/{split}x.npy"), &images, images.len() + rows * 64);
        world::put(&format!("large/{split}y.npy"), &[header("|u1", &format!("{rows},")), labels.clone()].concat(), 0);
    }
    let at = |name: &str| format!("large/{name}");
    let data = format!(
        "arrays(\"{}\", labels: \"{}\", test_x: \"{}\", test_labels: \"{}\", layout: nhwc",
        at("x.npy"),
        at("y.npy"),
        at("test_x.npy"),
        at("test_y.npy")
    );
    let mut text = WORLD.to_string();
    for (from, to) in [
        ("dataset src = digits()", format!("dataset src = {data})")),
        ("digits(mean: [0.5], std: [0.5])", format!("{data}, mean: [0.5], std: [0.5])")),
        ("sample(src.train, 60, seed: 1)", "sample(src.train, 50000, seed: 1)".to_string()),
        ("sample(src.test, 48, seed: 1)", "sample(src.test, 50000, seed: 1)".to_string()),
        ("sample(e, 20, seed: 2)", "sample(e, 20000, seed: 2)".to_string()),
        ("mlp(hidden: [12, 8])", "mlp(hidden: [512, 256])".to_string()),
        ("rows: 24, units: 3, classes: 2", "rows: 20000, units: 256, classes: 10".to_string()),
        ("rows: 24, units: 4, classes: 2", "rows: 20000, units: 200, classes: 10".to_string()),
    ] {
        assert!(text.contains(from), "the world has no `{from}`");
        text = text.replace(from, &to);
    }
    text
}

/// Whatever takes long by its estimate looks whether the run stops, and ends where it does; on from there the result is the same.
#[test]
fn what_may_take_long_sees_that_the_run_stops() {
    let seen = watched();
    let large = large();
    let all = lines(usize::MAX);
    let refused = world::refusals(&large, &all);
    let left: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ops: BTreeMap<&str, &str> = accepted().iter().map(|(line, call)| (line.name.as_str(), call.op.as_str())).collect();
    let mut longest: BTreeMap<&str, f64> = BTreeMap::new();
    for (label, seconds, _) in world::costs(&large, &left) {
        if let Some(op) = ops.get(label.as_str()) {
            let most = longest.entry(*op).or_default();
            *most = most.max(seconds);
        }
    }
    let unplanned: Vec<&&str> = ops.values().filter(|op| !longest.contains_key(*op)).collect();
    let mut deaf: BTreeMap<&str, f64> = longest.clone();
    deaf.retain(|op, seconds| *seconds > SHORT && seen.get(*op).is_none_or(|s| s.looks == 0));
    let wrong = |what: &dyn Fn(&Seen) -> Vec<String>| -> Vec<String> {
        seen.iter().flat_map(|(op, s)| what(s).into_iter().map(move |w| format!("{op}: {w}"))).take(12).collect()
    };
    let (went_on, differ) = (wrong(&|s| s.went_on.clone()), wrong(&|s| s.differ.clone()));
    let lasting: Vec<String> = longest
        .iter()
        .filter(|(op, s)| **s > 60.0 && seen.get(**op).is_none_or(|s| s.checkpoints == 0))
        .map(|(op, s)| format!("{op} {s:.0} s"))
        .collect();
    println!("longer than a minute and without a checkpoint: {lasting:?}\nnot planned in the large world: {unplanned:?}");
    assert!(longest.values().filter(|s| **s > SHORT).count() >= 12, "{longest:?}");
    assert!(went_on.is_empty(), "told to stop, they went on: {went_on:#?}");
    assert!(differ.is_empty(), "stopped and continued, they gave other bits: {differ:#?}");
    assert!(deaf.is_empty(), "these take long and never look: {deaf:#?}");
}

/// Calls of LAPACK that take more than a second, each in an analysis of its own.
const DECOMPOSED: &[(&str, &str)] = &[
    ("spectrum", "analysis z = spectrum(gaussian_stages(rows: 1200, units: 1200)).effective_rank"),
    (
        "canonical_correlations",
        "analysis z = canonical_correlations(gaussian_stages(rows: 2500, units: 900), against: gaussian_stages(rows: 2500, units: 900))",
    ),
    (
        "canonical_directions",
        "analysis z = canonical_directions(gaussian_stages(rows: 2500, units: 900), against: gaussian_stages(rows: 2500, units: 900))",
    ),
    ("svd", "stages z = svd(gaussian_stages(rows: 900, units: 1000), width: 3)"),
];

/// A kernel that is told to stop at its second look, and what became of it.
struct Second<'a> {
    inner: &'a dyn Kernel,
    ends: &'a Mutex<Vec<String>>,
}

impl Planned for Second<'_> {
    fn takes_absent(&self, slot: &str) -> bool {
        self.inner.takes_absent(slot)
    }
}

impl Kernel for Second<'_> {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let result = self.inner.run(job, &Looking::new(cx, 2, None));
        let end = match &result {
            Ok(_) => "a value".to_string(),
            Err(failure) => format!("{failure:?}"),
        };
        self.ends.lock().expect("no panic").push(end);
        result
    }
}

/// The kernels of the registry, but for one.
struct But<'a>(&'a Registry, &'a str, Second<'a>);

impl Kernels for But<'_> {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        if name == self.1 { Some(&self.2) } else { self.0.kernel(name) }
    }
    fn joint(&self, _work: &str) -> Option<&dyn Joint> {
        None
    }
}

/// A call of LAPACK cannot be interrupted; the cell that waits for it ends where the run stops.
#[test]
fn a_cell_that_waits_for_a_decomposition_sees_that_the_run_stops() {
    let registry = Registry::standard();
    for (op, text) in DECOMPOSED {
        let ends = Mutex::default();
        let second = Second { inner: registry.kernel(op).expect("an operation"), ends: &ends };
        let line = Line { name: "z".to_string(), text: text.to_string() };
        world::run_with(WORLD, &[line], &But(&registry, op, second), 1);
        let ends = ends.into_inner().expect("no panic");
        assert!(!ends.is_empty() && ends.iter().all(|e| e == "Interrupted"), "{text}: {ends:?}");
    }
}

/// Seconds of a processor that a kernel may take between two looks, and from the last one to its end: half of what is promised.
const SOON: f64 = 1.0;

/// Work that takes minutes to years: what is run, and what of it is told to stop.
const LONG: &[(&str, &str)] = &[
    ("gaussian_stages", "stages z = gaussian_stages(rows: 3000000, units: 40)"),
    ("mean_distance", "analysis z = mean_distance(gaussian_stages(rows: 60000, units: 64))"),
    ("certify", "analysis z = certify(m[run: 0], e, sigma: 0.3, n0: 1000000000, n: 1000000000, examples: 4)"),
    (
        "dp_mixture",
        "density z = dp_mixture(gaussian_stages(rows: 5000, units: 16)) { sampler: split_merge(passes: 100000, burn_in: 10, thin: 10, chains: 1) }",
    ),
    (
        "dp_mixture",
        "density z = dp_mixture(gaussian_stages(rows: 5000, units: 16)) { sampler: gibbs(passes: 100000, burn_in: 10, thin: 10, chains: 1) }",
    ),
    ("train", "model z = train(mlp(hidden: [512, 512]), src.train, seed: 1) { epochs: 100000, batch: 128, rate: 0.1 }"),
    ("train_gan", "model z = train_gan(adversaries, d, seed: 1) { epochs: 1000000, batch: 30, init: default }"),
    ("permutation_test", "analysis z = permutation_test(s0, s0 * 2, draws: 100000000)"),
    ("bootstrap", "analysis z = bootstrap(s0, draws: 100000000)"),
    ("relative_entropy", "analysis z = relative_entropy(whole[a: 0], draws: 100000000)"),
    ("kl_divergence", "analysis z = kl_divergence(whole[a: 0], whole[a: 1], draws: 100000000)"),
    ("cca", "analysis z = cca(g[a: 0], h[a: 0], permutations: 100000000)"),
    ("perturb", "analysis z = perturb(m[run: 0], e, draws: 1000000, scale: [0, 1, 2])"),
];

/// Returns the seconds of a processor that this thread has taken, on the clock where the system does not tell.
fn taken() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|t| t.parse::<f64>().ok());
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    nanoseconds.map_or_else(|| BEGAN.get_or_init(std::time::Instant::now).elapsed().as_secs_f64(), |n| n * 1e-9)
}

/// A context that tells to stop after a while, and takes down how long it was not asked.
struct Timed<'a> {
    inner: &'a dyn Context,
    began: f64,
    /// When it was last asked, and the longest time between.
    seen: Mutex<(f64, f64)>,
}

impl Timed<'_> {
    fn look(&self) -> f64 {
        let now = taken();
        let mut seen = self.seen.lock().expect("no panic");
        *seen = (now, seen.1.max(now - seen.0));
        now
    }
}

impl Context for Timed<'_> {
    fn interrupted(&self) -> bool {
        self.look() > self.began + 0.7
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        None
    }
    fn checkpoint(&self, _bytes: &[u8]) {}
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &Files {
        self.inner.files()
    }
    fn device(&self) -> &str {
        self.inner.device()
    }
}

/// The kernels of the registry; the one of a name is told to stop after a while.
struct Stopped<'a> {
    registry: &'a Registry,
    one: Told<'a>,
}

struct Told<'a> {
    op: &'a str,
    inner: &'a dyn Kernel,
    /// The longest time that it did not look, and whether it saw that it was to stop.
    found: Mutex<Vec<(f64, bool)>>,
}

impl Planned for Told<'_> {
    fn takes_absent(&self, slot: &str) -> bool {
        self.inner.takes_absent(slot)
    }
}

impl Kernel for Told<'_> {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let began = taken();
        let timed = Timed { inner: cx, began, seen: Mutex::new((began, 0.0)) };
        let result = self.inner.run(job, &timed);
        timed.look();
        let (_, longest) = timed.seen.into_inner().expect("no panic");
        self.found.lock().expect("no panic").push((longest, matches!(result, Err(Failure::Interrupted))));
        result
    }
}

impl Kernels for Stopped<'_> {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        if name == self.one.op { Some(&self.one) } else { self.registry.kernel(name) }
    }
    fn joint(&self, _work: &str) -> Option<&dyn Joint> {
        None
    }
}

/// The one test by a clock, and that of the processor: long work sees within a second of its own time that the run stops.
#[test]
fn long_work_sees_within_a_second_of_its_own_that_the_run_stops() {
    let registry = Registry::standard();
    let mut wrong = Vec::new();
    for (op, text) in LONG {
        let inner = registry.kernel(op).expect("an operation");
        let one = Told { op, inner, found: Mutex::default() };
        let kernels = Stopped { registry: &registry, one };
        let line = Line { name: "z".to_string(), text: text.to_string() };
        // One thread: the time of all that a kernel does is its own.
        world::run_with(WORLD, &[line], &kernels, 1);
        let found = kernels.one.found.into_inner().expect("no panic");
        println!("{op}: {found:?}");
        if found.is_empty() || found.iter().any(|(longest, stopped)| *longest > SOON || !stopped) {
            wrong.push(format!("{text}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "seconds of a processor without a look, and whether it stopped: {wrong:#?}");
}
