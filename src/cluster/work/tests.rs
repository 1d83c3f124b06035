//! Tasks done in this process: the whole way without a batch system, deaths, lost tasks.

use super::*;
use crate::cluster::campaign::{Kinds, Tries, open_campaigns};
use crate::cluster::executor::{Job as Sent, Order};
use crate::cluster::{site, submit};
use crate::engine::progress::{Event, Silent};
use crate::engine::{Context, Failure, Job, Kernel, Kernels, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
use crate::plan::files::Files;
use std::time::Duration;

const SCRIPT: &str = r#"cfx 1
experiment "Small" { seed: 1 }
use std.data { digits }
use std.networks { mlp }
axis run = 0..3
dataset data = digits()
model m = train(mlp(hidden: [4]), data.train, seed: run) { epochs: 1, batch: 64, rate: 0.1 }
analysis acc = accuracy(m, data.test)
analysis apart = mean(output_divergence(m, inputs: data.test, between: run))
figure "Accuracy" = curves(acc, x: run)
"#;

/// Takes down what is sent: the number of the batch, and which elements.
#[derive(Default)]
struct Notes(Vec<(String, Option<Vec<usize>>)>);

impl Executor for Notes {
    fn script(&self, order: &Order) -> String {
        order.name.clone()
    }
    fn submit(&mut self, script: &Path, _after: &[String], elements: Option<&[usize]>) -> Result<String, String> {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        self.0.push((name, elements.map(<[usize]>::to_vec)));
        Ok(self.0.len().to_string())
    }
    fn jobs(&mut self) -> Result<Vec<Sent>, String> {
        Ok(Vec::new())
    }
    fn cancel(&mut self, _ids: &[String]) -> Result<(), String> {
        Ok(())
    }
}

/// Takes nothing, and looks which run can be found when it is asked.
struct Refuses<'a> {
    store: &'a Store,
    seen: Vec<String>,
}

impl Executor for Refuses<'_> {
    fn script(&self, order: &Order) -> String {
        order.name.clone()
    }
    fn submit(&mut self, _script: &Path, _after: &[String], _elements: Option<&[usize]>) -> Result<String, String> {
        self.seen.push(self.store.note("cluster-exp").unwrap_or_default());
        Err("the queue is full".to_string())
    }
    fn jobs(&mut self) -> Result<Vec<Sent>, String> {
        Ok(Vec::new())
    }
    fn cancel(&mut self, _ids: &[String]) -> Result<(), String> {
        Ok(())
    }
}

/// A run that was sent.
struct Run {
    root: tempfile::TempDir,
    folder: Folder,
    tasks: Vec<Vec<CellId>>,
    graph: Graph,
    executor: Mutex<Notes>,
}

fn sent() -> Run {
    sent_script(SCRIPT, &[])
}

fn sent_script(script: &str, only: &[String]) -> Run {
    sent_held(script, only, None)
}

/// Sends a script that has a lock with these kinds of device, and does not differ from it otherwise.
fn sent_held(script: &str, only: &[String], kinds: Option<Kinds>) -> Run {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::standard();
    let source = Source { lock: kinds.as_ref().map(|_| Vec::new()), ..Source::text("exp.cfx", script, root.path()) };
    let (checked, graph) = api::prepare(&source, &registry);
    let graph = graph.unwrap();
    let store = Store::open(&root.path().join(".cfx")).unwrap();
    // A task for each training.
    let site =
        site::of_file(Path::new("site.toml"), "[limits]\ntask_time = \"0.0001s\"\nsubmissions_per_second = 1000\n").unwrap();
    let jobs = submit::Jobs::of(&graph, &api::wanted_for(&graph, only, None).unwrap(), &store, &site);
    let out = root.path().join("results");
    let asked = submit::Asked {
        source: &source,
        checked: &checked,
        graph: &graph,
        out: &out,
        only,
        until: None,
        note: "plan-exp.json".to_string(),
        found_by: "cluster-exp".to_string(),
        keep_under: 0,
        kinds,
        site: &site,
    };
    // Whoever refuses has been told where the run lies, and what was known before stands again.
    store.keep_note("cluster-exp", "1-1");
    let mut refuses = Refuses { store: &store, seen: Vec::new() };
    let refused = submit::send(&asked, &jobs, &store, &mut refuses, &|_: Duration| ());
    assert_eq!(refused.unwrap_err(), "the queue is full");
    assert!(refuses.seen.len() == 1 && refuses.seen[0] != "1-1", "{:?}", refuses.seen);
    assert_eq!(store.note("cluster-exp").as_deref(), Some("1-1"));
    let mut executor = Notes::default();
    let sent = submit::send(&asked, &jobs, &store, &mut executor, &|_: Duration| ()).unwrap();
    let folder = Folder::at(sent.folder.path());
    let tasks = folder.tasks().unwrap();
    executor.0.clear();
    Run { root, folder, tasks, graph, executor: Mutex::new(executor) }
}

impl Run {
    fn work(&self, task: usize, attempt: &str, crashed: Option<i32>) -> Ended {
        let asked = Asked {
            folder: self.folder.path(),
            task,
            attempt,
            crashed,
            interrupt: Arc::default(),
            executor: &self.executor,
            leave: &|ended| panic!("nothing is deaf, and the job is left as {ended:?}"),
        };
        work(&asked, &Silent, &|_| ()).unwrap()
    }

    fn task_of(&self, op: &str) -> usize {
        self.tasks.iter().position(|cells| cells.iter().any(|id| self.graph.cells[*id].op == op)).unwrap()
    }

    fn there(&self, id: CellId) -> bool {
        let store = Store::look(&self.root.path().join(".cfx")).unwrap();
        store.alias(&self.graph.cells[id].key).is_some_and(|k| store.known(&k).is_some())
    }
}

#[test]
fn a_run_is_open_until_its_last_task_is_over_or_it_is_cancelled() {
    let run = sent();
    let open = || open_campaigns(&run.root.path().join(".cfx")).len();
    assert_eq!(open(), 1);
    (0..run.tasks.len() - 1).for_each(|task| assert_eq!(run.work(task, "7.0.1", None), Ended::Done));
    assert_eq!(open(), 1);
    assert_eq!(run.work(run.tasks.len() - 1, "8.0.1", None), Ended::Done);
    assert_eq!(open(), 0);
    let other = sent();
    other.folder.cancel().unwrap();
    assert_eq!(open_campaigns(&other.root.path().join(".cfx")).len(), 0);
}

#[test]
fn tasks_one_after_the_other_leave_what_a_run_leaves() {
    let run = sent();
    assert!(run.tasks.len() >= 5, "{:?}", run.tasks);
    for task in 0..run.tasks.len() {
        assert_eq!(run.work(task, "7.0.1", None), Ended::Done, "task {task}");
        let state = run.folder.state(task).unwrap();
        assert_eq!((state.stage, state.done, state.failed), (Stage::Done, run.tasks[task].len(), 0));
    }
    assert!(run.root.path().join("results/report.html").exists());
    // Weights were let go when all that take them were done.
    let store = Store::look(&run.root.path().join(".cfx")).unwrap();
    for cell in run.graph.cells.iter().filter(|c| c.op == "train") {
        let known = store.alias(&cell.key).and_then(|k| store.known(&k)).unwrap();
        assert!(!store.present(&known), "{}", cell.title());
    }
}

#[test]
fn what_is_asked_for_is_computed_and_no_more() {
    let run = sent_script(SCRIPT, &["acc".to_string()]);
    for task in 0..run.tasks.len() {
        assert_eq!(run.work(task, "7.0.1", None), Ended::Done, "task {task}");
    }
    let of = |op: &str| run.graph.cells.iter().enumerate().filter(|(_, c)| c.op == op).map(|(id, _)| id).collect::<Vec<_>>();
    assert!(of("accuracy").into_iter().all(|id| run.there(id)));
    assert!(!of("output_divergence").is_empty() && !of("output_divergence").into_iter().any(|id| run.there(id)));
    assert!(run.root.path().join("results/tables/acc.csv").exists());
}

#[test]
fn a_cell_that_kills_its_process_is_given_up_and_the_rest_goes_on() {
    let run = sent();
    let task = run.task_of("accuracy");
    for before in 0..task {
        assert_eq!(run.work(before, "7.0.1", None), Ended::Done);
    }
    let victim = run.tasks[task].iter().copied().find(|id| run.graph.cells[*id].op == "accuracy").unwrap();
    // It died twice by itself, and now again.
    run.folder.keep_tries(task, &Tries { now: Some(victim), deaths: BTreeMap::from([(victim, 2)]) }).unwrap();
    assert_eq!(run.work(task, "7.0.4", Some(137)), Ended::Failed);
    let failed = run.folder.failed();
    let told = &failed[&run.graph.cells[victim].key];
    assert_eq!(told.tries, 3);
    assert!(told.message.contains("its process died 3 times") && told.log.is_some(), "{}", told.message);
    for id in run.tasks[task].iter().filter(|id| **id != victim) {
        assert!(run.there(*id), "{}", run.graph.cells[*id].title());
    }
    // The rest of the run goes on, and the report is written.
    for after in task + 1..run.tasks.len() - 1 {
        run.work(after, "7.0.1", None);
    }
    assert_eq!(run.work(run.tasks.len() - 1, "9.0.1", None), Ended::Failed);
    assert!(run.executor.lock().unwrap().0.is_empty(), "what failed is not sent again");
    let report = std::fs::read_to_string(run.root.path().join("results/report.html")).unwrap();
    assert!(report.contains("its process died 3 times"));
}

#[test]
fn a_cell_whose_process_died_once_is_computed_by_itself() {
    let run = sent();
    let task = run.task_of("train");
    let first = run.tasks[task][0];
    run.folder.keep_tries(task, &Tries { now: Some(first), deaths: BTreeMap::new() }).unwrap();
    assert_eq!(run.work(task, "7.0.2", Some(139)), Ended::Done);
    assert!(run.tasks[task].iter().all(|id| run.there(*id)));
    assert_eq!(run.folder.tries(task).deaths, BTreeMap::from([(first, 1)]));
}

#[test]
fn lost_tasks_are_sent_again_by_the_last_one() {
    let run = sent();
    let (last, lost) = (run.tasks.len() - 1, run.task_of("train"));
    for task in (0..last).filter(|t| *t != lost) {
        run.work(task, "7.0.1", None);
    }
    assert_eq!(run.work(last, "9.0.1", None), Ended::Over);
    assert!(!run.root.path().join("results/report.html").exists());
    let sent = std::mem::take(&mut run.executor.lock().unwrap().0);
    let elements: usize = sent.iter().map(|(_, e)| e.as_ref().unwrap().len()).sum();
    let waiting = run.tasks[..last].iter().filter(|cells| cells.iter().any(|id| !run.there(*id))).count();
    assert!(waiting >= 2, "the task itself, and what takes its weights");
    assert_eq!(elements, waiting + 1, "{sent:?}");
    // No more often than stated.
    for again in 1..4 {
        let ended = run.work(last, &format!("{}.0.1", 9 + again), None);
        assert_eq!(ended, if again < 3 { Ended::Over } else { Ended::Failed });
    }
    assert!(run.root.path().join("results/report.html").exists());
}

/// The kinds of device of a lock that was written on another machine.
fn elsewhere(only: bool) -> Option<Kinds> {
    Some(Kinds { known: ["of another machine".to_string()].into(), only })
}

#[test]
fn a_node_of_a_kind_that_the_lock_does_not_name_computes_nothing_where_the_run_is_held_to_it() {
    let run = sent_held(SCRIPT, &[], elsewhere(true));
    let last = run.tasks.len() - 1;
    for task in 0..=last {
        assert_eq!(run.work(task, "7.0.1", None), Ended::Failed, "task {task}");
        assert!(run.tasks[task].iter().all(|id| !run.there(*id)));
    }
    assert!(run.executor.lock().unwrap().0.is_empty(), "what is refused is not sent again");
    let failed = run.folder.failed();
    assert_eq!(failed.len(), run.tasks.iter().flatten().count());
    let words = "and here the kind of device was `of another machine`, and is `";
    assert!(failed.values().all(|f| f.message.contains(words)), "{failed:?}");
    // Of a kind that it names: as without a lock.
    let own = Kinds { known: [device::kind("cpu")].into(), only: true };
    let run = sent_held(SCRIPT, &["acc".to_string()], Some(own));
    for task in 0..run.tasks.len() {
        assert_eq!(run.work(task, "7.0.1", None), Ended::Done, "task {task}");
    }
}

#[test]
fn a_report_names_kinds_of_nodes_that_the_lock_does_not_name() {
    let run = sent_held(SCRIPT, &["acc".to_string()], elsewhere(false));
    for task in 0..run.tasks.len() {
        assert_eq!(run.work(task, "7.0.1", None), Ended::Done, "task {task}");
    }
    let manifest = std::fs::read_to_string(run.root.path().join("results/manifest.json")).unwrap();
    let words = format!("the kind of device was `of another machine`, and is `{}`", device::kind("cpu"));
    assert!(manifest.contains(&words), "{manifest}");
}

#[test]
fn a_cancelled_run_does_nothing() {
    let run = sent();
    run.folder.cancel().unwrap();
    assert_eq!(run.work(0, "7.0.1", None), Ended::Over);
    assert!(run.tasks[0].iter().all(|id| !run.there(*id)));
}

/// The decomposition of a matrix of 2,000 rows and columns takes some seconds in one call of LAPACK, which looks at nothing meanwhile.
#[test]
fn a_job_leaves_behind_a_kernel_that_does_not_see_that_it_is_to_stop() {
    let run = sent_script(
        "cfx 1\nexperiment \"Deaf\" { seed: 1 }\nstages x = gaussian_stages(rows: 2000, units: 2000)\nstages y = svd(x, width: 4)\n\
         analysis d = mean_distance(y)\n",
        &[],
    );
    let task = run.task_of("svd");
    (0..task).for_each(|before| assert_eq!(run.work(before, "7.0.1", None), Ended::Done));
    run.folder.keep_tries(task, &Tries { now: Some(run.tasks[task][0]), deaths: BTreeMap::new() }).unwrap();
    let interrupt = Arc::new(AtomicBool::new(false));
    let left: Mutex<Vec<(Ended, Stage, Option<CellId>)>> = Mutex::default();
    let asked = Asked {
        folder: run.folder.path(),
        task,
        attempt: "7.0.1",
        crashed: None,
        interrupt: interrupt.clone(),
        executor: &run.executor,
        leave: &|ended| {
            let now = (ended, run.folder.state(task).unwrap().stage, run.folder.tries(task).now);
            left.lock().unwrap().push(now);
        },
    };
    let stop = Stopping(&interrupt);
    let mut registry = Registry::standard();
    registry.replace("svd", Box::new(Deaf(Registry::standard())));
    let ended = work_by(registry, &asked, &stop, &|_| ()).unwrap();
    assert_eq!(ended, Ended::Stopped);
    // It was told so while the kernel was still at work, with the file written by which the run's state is known.
    assert_eq!(*left.lock().unwrap(), [(Ended::Stopped, Stage::Stopped, None)]);
}

/// The decomposition, by a kernel that takes five seconds more and never looks whether the run stops.
struct Deaf(Registry);

impl Deaf {
    fn own(&self) -> &dyn Kernel {
        self.0.kernel("svd").unwrap()
    }
}

impl Planned for Deaf {
    fn version(&self) -> u32 {
        self.own().version()
    }
    fn policy(&self) -> Policy {
        self.own().policy()
    }
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        self.own().facts(settings, inputs, files)
    }
    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        self.own().cost(settings, inputs)
    }
}

impl Kernel for Deaf {
    fn run(&self, job: &Job, _: &dyn Context) -> Result<Value, Failure> {
        std::thread::sleep(Duration::from_secs(5));
        self.own().run(job, &crate::engine::kernel::Quiet::default())
    }
}

/// Has a job stop as soon as `svd` begins.
struct Stopping<'a>(&'a AtomicBool);

impl Observer for Stopping<'_> {
    fn event(&self, event: &Event) {
        if let Event::Started { title, .. } = event
            && title.contains("(svd)")
        {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
