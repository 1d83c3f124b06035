//! Files that change: between plan and run nothing wrong is kept; between runs, what the store has equals what a new store gets.

use super::*;
use crate::api::{self, Registry, Source};
use crate::engine::executor::outcome::RunState;
use crate::engine::progress::Silent;
use crate::engine::{Options, Store};
use crate::plan::graph::Graph;
use rand::RngExt;

const SCRIPT: &str = "cfx 1
experiment \"Changing files\" { seed: 1 }
use std.data { arrays, image_folder, load_scores }
dataset d = arrays(\"x.npy\", labels: \"l.npy\", layout: features)
analysis scores = mean(load_scores(d, \"s.npz\"))
analysis by_class = mean(load_scores(d, \"s.npz\"), by: class)
dataset i = image_folder(\"set\", size: 1, channels: grey)
network n(classes: int) { flatten -> linear(classes) }
model m = train(n, i.all) { epochs: 1, batch: 4 }
analysis fit = loss(m, i.all)
";

fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

fn npz(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        out.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn scores(values: [f64; 4]) -> Vec<u8> {
    npz(&[("mem", npy("<f8", "(4,)", &values.map(f64::to_le_bytes).concat()))])
}

/// A folder with the files that the script reads.
struct World {
    dir: tempfile::TempDir,
    source: Source,
    registry: Registry,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("x.npy"), npy("<f4", "(4, 1)", &[1f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat())).unwrap();
        std::fs::write(path("l.npy"), npy("|u1", "(4,)", &[0, 1, 0, 1])).unwrap();
        std::fs::write(path("s.npz"), scores([1.0, 2.0, 3.0, 4.0])).unwrap();
        for (name, grey) in [("a/1.png", 10u8), ("a/2.png", 90), ("b/3.png", 200), ("b/4.png", 250), ("c/5.png", 40)] {
            let file = path("set").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            image::GrayImage::from_pixel(1, 1, image::Luma([grey])).save(file).unwrap();
        }
        let source = Source::text("test.cfx", SCRIPT, dir.path());
        World { dir, source, registry: Registry::standard() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn plan(&self) -> Graph {
        let checked = api::check(&self.source, &self.registry);
        api::plan(&self.source, &checked, &self.registry).unwrap_or_else(|d| panic!("{d:#?}"))
    }

    /// Returns how a run ended, what failed cells say, and the numbers of all analyses in words.
    fn run(&self, graph: &Graph, store: &Store) -> (RunState, String, Vec<String>) {
        let options = Options { files: self.source.files(), threads: 1, ..Options::new(&self.source.folder) };
        let outcome = api::run(graph, &self.registry, store, &options, &Silent).unwrap();
        let said = outcome.cells.iter().filter_map(|c| c.message.clone()).collect::<Vec<_>>().join("; ");
        let results = api::results(graph, &self.registry, store, &self.source, &outcome);
        let shown = graph.values.iter().filter(|v| v.keyword == "analysis");
        let values = shown.flat_map(|v| &v.entries).map(|e| format!("{:?}", results.entry(e))).collect();
        (outcome.state, said, values)
    }
}

#[test]
fn a_file_that_changes_after_the_plan_fails_its_cells_and_nothing_is_kept() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let graph = world.plan();
    std::fs::write(world.path("s.npz"), scores([5.0, 6.0, 7.0, 8.0])).unwrap();
    std::fs::rename(world.path("set/a/2.png"), world.path("set/b/2.png")).unwrap();
    let (state, said, _) = world.run(&graph, &store);
    assert_eq!(state, RunState::Failed);
    assert!(said.contains("s.npz` has changed since the run was planned"), "{said}");
    assert!(said.contains("set/a/2.png` is not there, and was when the run was planned"), "{said}");
    // Put back, the same plan gives what a store that never saw the other files gives.
    std::fs::write(world.path("s.npz"), scores([1.0, 2.0, 3.0, 4.0])).unwrap();
    std::fs::rename(world.path("set/b/2.png"), world.path("set/a/2.png")).unwrap();
    let after = world.run(&graph, &store);
    let fresh = tempfile::tempdir().unwrap();
    let wanted = world.run(&graph, &Store::open(fresh.path()).unwrap());
    assert_eq!(after.0, RunState::Done);
    assert_eq!(after.2, wanted.2);
}

#[test]
fn after_any_edit_of_files_the_store_gives_what_a_new_one_gives() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut rng = Stream::root(5).named("edits").rng();
    let classes = ["a", "b", "c"];
    // The images of a class, not the litter beside them.
    let files = |class: &str| -> Vec<PathBuf> {
        let listed = std::fs::read_dir(world.path("set").join(class)).unwrap();
        let mut all: Vec<PathBuf> =
            listed.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "png")).collect();
        all.sort();
        all
    };
    for round in 0..40 {
        let (from, to) = (classes[rng.random_range(0..3)], classes[rng.random_range(0..3)]);
        let number = |rng: &mut rand_chacha::ChaCha12Rng| rng.random_range(0..9) as f64;
        match rng.random_range(0..8) {
            0 => std::fs::write(world.path("s.npz"), scores([number(&mut rng), 2.0, number(&mut rng), 4.0])).unwrap(),
            1 => {
                let labels = [0u8, 1, 2, rng.random_range(0..3)];
                std::fs::write(world.path("l.npy"), npy("|u1", "(4,)", &labels)).unwrap();
            }
            // The same bytes of images, under another class, in another order, under another name.
            2 | 3 if files(from).len() > 1 => {
                let file = files(from)[0].clone();
                std::fs::create_dir_all(world.path("set").join(to)).unwrap();
                std::fs::rename(&file, world.path("set").join(to).join(format!("{round}.png"))).unwrap();
            }
            4 if files(from).len() > 1 => {
                let (first, second, aside) = (files(from)[0].clone(), files(from)[1].clone(), world.path("aside"));
                std::fs::rename(&first, &aside).unwrap();
                std::fs::rename(&second, &first).unwrap();
                std::fs::rename(&aside, &second).unwrap();
            }
            5 if from != to && !world.path("set/aside").exists() => {
                let dir = |c: &str| world.path("set").join(c);
                std::fs::rename(dir(from), world.path("aside")).unwrap();
                std::fs::rename(dir(to), dir(from)).unwrap();
                std::fs::rename(world.path("aside"), dir(to)).unwrap();
            }
            6 => std::fs::write(world.path("set").join(from).join(".DS_Store"), b"litter").unwrap(),
            // Touched, and nothing else.
            _ => {
                let bytes = std::fs::read(world.path("x.npy")).unwrap();
                std::fs::write(world.path("x.npy"), bytes).unwrap();
            }
        }
        let graph = world.plan();
        let fresh = tempfile::tempdir().unwrap();
        let (kept, new) = (world.run(&graph, &store), world.run(&graph, &Store::open(fresh.path()).unwrap()));
        assert_eq!(kept, new, "round {round}");
        assert_eq!(kept.0, RunState::Done, "{}", kept.1);
    }
}
