//! All readers of files, each as a function of the bytes of a file, with sound files to begin from. For tests and for `fuzz/fuzz_targets`.

use cfx::api::{self, Registry, Source};
use cfx::base::Stream;
use cfx::engine::kernel::{Labelled, Quiet};
use cfx::engine::progress::Silent;
use cfx::engine::{Job, Kernels, Options, Store, pack};
use cfx::plan::facts::Facts;
use cfx::plan::files::Files;
use cfx::plan::graph::Entry;
use std::path::Path;
use std::sync::Arc;

/// A reader of files: its name, files that it takes, and what it does with the bytes of one; whether it takes them.
pub struct Reader {
    /// The name.
    pub name: String,
    /// Files from which others are made; it takes the first.
    pub sound: Vec<Vec<u8>>,
    /// Makes checksums right in a changed file, where the form has some that everything else stands behind.
    pub mend: fn(&mut [u8]),
    read: Box<dyn Fn(&[u8]) -> bool>,
}

impl Reader {
    fn new(name: &str, sound: Vec<Vec<u8>>, read: impl Fn(&[u8]) -> bool + 'static) -> Reader {
        Reader { name: name.to_string(), sound, mend: |_| {}, read: Box::new(read) }
    }

    /// Reads a file of these bytes; returns whether it was taken.
    pub fn read(&self, bytes: &[u8]) -> bool {
        (self.read)(bytes)
    }
}

/// A reader that is an operation: its name, the folder's other files, the declarations of a script whose last one reads the file, the
/// file's place, and sound files.
type Operation = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str, &'static [&'static str]);

/// Operations that read files. Places of files that begin with `tests/` are below the repository.
const OPERATIONS: &[Operation] = &[
    (
        "arrays of numbers",
        &[],
        "dataset z = arrays(\"x.npy\", layout: features)",
        "x.npy",
        &[
            "tests/data/data/fortran_f8.npy",
            "tests/data/data/c_f4.npy",
            "tests/data/data/big_i2.npy",
            "tests/data/data/bool.npy",
            "tests/data/data/half.npy",
            "tests/data/data/objects.npy",
            "tests/data/data/records.npy",
        ],
    ),
    (
        "archives of arrays",
        &[],
        "dataset z = arrays(\"x.npz:x\", labels: \"x.npz:labels\", layout: features)",
        "x.npz",
        &["tests/suite/files/data/packed.npz", "tests/data/data/stages.npz", "tests/data/data/scores.npz"],
    ),
    (
        "labels",
        &[("x.npz", "tests/suite/files/data/packed.npz")],
        "dataset d = arrays(\"x.npz:x\", labels: \"x.npz:labels\", layout: features)\ndataset z = relabel(d, labels: \"l.npy\")",
        "l.npy",
        &["tests/suite/files/data/labels.npy", "tests/data/data/i8_labels.npy", "tests/data/data/u8_labels.npy"],
    ),
    (
        "lists of rows",
        &[("x.npz", "tests/suite/files/data/packed.npz")],
        "dataset d = arrays(\"x.npz:x\", labels: \"x.npz:labels\", layout: features)\ndataset z = relabel(d, labels: \"l.json\")",
        "l.json",
        &["= {\"0\": [0, 2, 4], \"1\": [1, 3, 5]}", "= [[0, 1, 2], [3, 4, 5]]"],
    ),
    (
        "scores",
        &[("x.npz", "tests/suite/files/data/packed.npz")],
        "dataset d = arrays(\"x.npz:x\", labels: \"x.npz:labels\", layout: features)\nanalysis z = load_scores(d, \"s.npy\")",
        "s.npy",
        &["tests/suite/files/data/scores.npy"],
    ),
    (
        "ids",
        &[("x.npz", "tests/suite/files/data/packed.npz")],
        "dataset d = arrays(\"x.npz:x\", labels: \"x.npz:labels\", layout: features)\ndataset z = with_ids(d, \"i.npy\")",
        "i.npy",
        &["tests/suite/files/data/ids.npy"],
    ),
    (
        "representations",
        &[],
        "stages z = load_stages(\"x.npz\", rows: examples)",
        "x.npz",
        &["tests/suite/files/data/stages.npz", "tests/data/data/packed.npz"],
    ),
    (
        "images in IDX",
        &[("y", "tests/suite/files/data/small-labels")],
        "dataset z = idx(\"x\", labels: \"y\")",
        "x",
        &["tests/suite/files/data/small-images"],
    ),
    (
        "labels in IDX",
        &[("x", "tests/suite/files/data/small-images")],
        "dataset z = idx(\"x\", labels: \"y\")",
        "y",
        &["tests/suite/files/data/small-labels"],
    ),
    (
        "CIFAR-10 in binary form",
        &[("test.bin", "tests/suite/files/data/cifar10/test.bin")],
        "dataset z = cifar10(\".\")",
        "train.bin",
        &["tests/suite/files/data/cifar10/train.bin"],
    ),
    (
        "CIFAR-100 in pickles",
        &[],
        "dataset z = cifar100(\".\")",
        "train",
        &["tests/data/data/cifar_python3_protocol4", "tests/data/data/cifar_python2", "tests/data/data/cifar_python3_protocol2"],
    ),
    ("texts", &[], "dataset z = corpus(\"a.txt\", length: 6)", "a.txt", &["tests/laws/data/rhyme.txt"]),
    (
        "lists of images",
        &[("set/images/1.png", "tests/bad/warn_images/set/a/1.png"), ("set/images/2.png", "tests/bad/warn_images/set/a/1.png")],
        "dataset z = image_folder(\"set\", size: 2)",
        "set/train.csv",
        &["= filename,label\n1.png,cat\n2.png,dog\n"],
    ),
    (
        "weights in safetensors",
        &[
            ("set/0/a.png", "tests/bad/warn_images/set/a/1.png"),
            ("set/1/a.png", "tests/bad/warn_images/set/a/1.png"),
            ("set/2/a.png", "tests/bad/warn_images/set/a/1.png"),
            ("set/10/a.png", "tests/bad/warn_images/set/a/1.png"),
        ],
        "dataset d = image_folder(\"set\", size: 1, channels: grey)\nnetwork n(classes: int) { flatten -> named(\"fc\") { linear(classes) } }\n\
         model z = import_weights(\"w.safetensors\", n, d)",
        "w.safetensors",
        &["tests/bad/warn_weights_order/w.safetensors", "tests/suite/files/data/order.safetensors"],
    ),
    (
        "weights of PyTorch, few",
        &[],
        "dataset d = digits().train\nmodel z = import_weights(\"w.pt\", mlp(hidden: [1]), d, at: \"model\")",
        "w.pt",
        &["tests/laws/data/averaged.pt"],
    ),
    (
        "weights in safetensors, many",
        &[],
        "dataset d = digits().train\nmodel z = import_weights(\"w.safetensors\", tiny_resnet(width: 2), d, fresh: [\"fc.\"])",
        "w.safetensors",
        &["tests/data/weights/small.safetensors", "tests/data/weights/small_bfloat16.safetensors"],
    ),
    (
        "weights of PyTorch",
        &[],
        "dataset d = digits().train\nmodel z = import_weights(\"w.pt\", tiny_resnet(width: 2), d, fresh: [\"fc.\"])",
        "w.pt",
        &["tests/data/weights/small.pt", "tests/data/weights/small_deflated.pt", "tests/data/weights/small_views.pt"],
    ),
    (
        "weights of PyTorch before 1.6",
        &[],
        "dataset d = digits().train\nmodel z = import_weights(\"w.th\", tiny_resnet(width: 2), d, fresh: [\"fc.\"])",
        "w.th",
        &["tests/data/weights/small_double.th", "tests/data/weights/small_views.th"],
    ),
];

/// Returns the bytes of a sound file: of one below the repository, or what is behind `= `.
fn sound(text: &str) -> Vec<u8> {
    match text.strip_prefix("= ") {
        Some(text) => text.as_bytes().to_vec(),
        None => std::fs::read(repository().join(text)).unwrap_or_else(|e| panic!("{text}: {e}")),
    }
}

/// Returns the repository's folder, from the crate of the tests or the one in it.
fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("tests").exists() { here } else { here.parent().unwrap_or(here) }
}

/// Makes the checksums of a PNG's parts right.
fn with_checksums(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(part) = bytes.get(at + 4..at + 8 + length) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(part);
        let sum = sum.sum().to_be_bytes();
        let Some(place) = bytes.get_mut(at + 8 + length..at + 12 + length) else { return };
        place.copy_from_slice(&sum);
        at += 12 + length;
    }
}

/// Returns the bytes in gzip form.
fn zipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

/// Returns all readers; their files lie below a folder of this process.
pub fn readers(folder: &Path) -> Vec<Reader> {
    let mut out = Vec::new();
    for (name, beside, declarations, place, files) in OPERATIONS {
        let beside: Vec<(&str, Vec<u8>)> = beside.iter().map(|(place, text)| (*place, sound(text))).collect();
        let files: Vec<Vec<u8>> = files.iter().map(|text| sound(text)).collect();
        out.push(operation(&folder.join(out.len().to_string()), name, &beside, declarations, place, files));
    }
    for name in ["images in IDX", "labels in IDX"] {
        let (_, beside, declarations, place, files) = OPERATIONS.iter().find(|o| o.0 == name).expect("a reader");
        let beside: Vec<(&str, Vec<u8>)> = beside.iter().map(|(place, text)| (*place, sound(text))).collect();
        let files = files.iter().map(|text| zipped(&sound(text))).collect();
        let at = folder.join(out.len().to_string());
        out.push(operation(&at, &format!("{name}, packed"), &beside, declarations, place, files));
    }
    let image = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 28) as u8, (y * 36) as u8, (x * y) as u8]));
    for ending in ["png", "jpg", "webp", "bmp", "gif", "tiff", "ppm"] {
        let place = format!("set/a/0.{ending}");
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::from_path(&place).expect("a format")).expect("memory");
        let beside = [("set/b/1.png", sound("tests/bad/warn_images/set/a/1.png"))];
        let at = folder.join(out.len().to_string());
        let declarations = "dataset z = image_folder(\"set\", size: 4)";
        let reader = operation(&at, &format!("images in {ending}"), &beside, declarations, &place, vec![bytes.into_inner()]);
        out.push(Reader { mend: if ending == "png" { with_checksums } else { reader.mend }, ..reader });
    }
    out.extend(of_stores(&folder.join("store")));
    out.push(lock(&folder.join("lock")));
    out.extend(manifests(&folder.join("manifest")));
    out.push(site());
    out.extend(scripts());
    out
}

/// Returns the reader that the last declaration of a script is, for a file below a folder.
fn operation(
    folder: &Path,
    name: &str,
    beside: &[(&str, Vec<u8>)],
    declarations: &str,
    place: &str,
    files: Vec<Vec<u8>>,
) -> Reader {
    let put = |place: &str, bytes: &[u8]| {
        let path = folder.join(place);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    };
    beside.iter().for_each(|(place, bytes)| put(place, bytes));
    put(place, &files[0]);
    let head =
        "cfx 1\nexperiment \"Readers\" { seed: 1 }\nuse std.data { digits, arrays }\nuse std.networks { mlp, tiny_resnet }\n";
    let source = Source::text("exp.cfx", &format!("{head}{declarations}\n"), folder);
    let registry = Registry::standard();
    let (checked, graph) = api::prepare(&source, &registry);
    let graph = graph.unwrap_or_else(|d| panic!("{name}: {:#?} {:#?}", d.0, checked.diags.0));
    let last = graph.values.last().expect("a declaration");
    let found = last.entries.iter().find_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None });
    let cell = &graph.cells[found.unwrap_or_else(|| panic!("{name} is no cell"))];
    // What it is given beside the file is made once.
    let store = Store::open(&folder.join(".store")).expect("a store");
    let options = Options { files: source.files(), ..Options::new(folder) };
    let needed: Vec<usize> = cell.takes().collect();
    let outcome = cfx::engine::execute(&graph, &needed, &registry, &store, &options, &Silent).expect("the store can be written");
    let results = api::results(&graph, &registry, &store, &source, &outcome);
    let mut inputs = Vec::new();
    let mut known: Vec<(String, Vec<Arc<Facts>>)> = Vec::new();
    for (slot, input) in cell.inputs.iter() {
        let of = |e: &Entry| results.entry(e).unwrap_or_else(|m| panic!("{name}: {m}"));
        let values = input.entries.iter().map(of).collect();
        inputs.push((slot.to_string(), Labelled { axes: input.axes.to_vec(), values }));
        let facts = |e: &Entry| if let Entry::Cell(id) = e { Some(graph.cells[*id].facts.clone()) } else { None };
        known.push((slot.to_string(), input.entries.iter().filter_map(facts).collect()));
    }
    drop(results);
    let job = Job {
        op: cell.op.to_string(),
        settings: cfx::lang::Settings::clone(&cell.settings),
        inputs,
        stream: Stream::root(1),
        at: Vec::new(),
    };
    let (path, root) = (folder.join(place), folder.to_path_buf());
    let read = move |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("a file");
        let kernel = registry.kernel(&job.op).expect("an operation");
        let inputs: Vec<(&str, Vec<&Facts>)> =
            known.iter().map(|(slot, facts)| (slot.as_str(), facts.iter().map(|f| &**f).collect())).collect();
        // What is planned of a file has no effect on what is read of it.
        let planned = kernel.facts(&job.settings, &inputs, Some(&Files::new(&root, &[]))).is_ok();
        let read = kernel.run(&job, &Quiet { files: Files::new(&root, &[]) }).is_ok();
        planned && read
    };
    Reader::new(name, files, read)
}

/// Returns the readers of a store's files: the index, a pack, the record of a run, an artifact.
fn of_stores(folder: &Path) -> Vec<Reader> {
    let made = folder.join("made");
    let text = "cfx 1\nexperiment \"Store\" { seed: 1 }\naxis run = 0..6\nstages g = gaussian_stages(rows: 5, units: 2, seed: run)\n\
                analysis z = mean_distance(g)\n";
    std::fs::create_dir_all(&made).expect("a folder");
    let source = Source::text("exp.cfx", text, &made);
    let registry = Registry::standard();
    let (_, graph) = api::prepare(&source, &registry);
    let graph = graph.unwrap_or_else(|d| panic!("{:#?}", d.0));
    let store = Store::open(&made).expect("a store");
    let outcome = api::run(&graph, &registry, &store, &Options::new(&made), &Silent).expect("the store can be written");
    let artifact = outcome.cells.iter().filter_map(|c| store.known(&c.key?)).find_map(|known| store.read(&known).ok());
    drop(store);
    let mut out = Vec::new();
    for (name, kind, ending) in
        [("index", "index", ""), ("pack", "packs", ""), ("record of a run", "runs", ".json"), ("list of cells", "runs", ".plans")]
    {
        let files = std::fs::read_dir(made.join(kind)).expect("a folder").flatten().map(|e| e.path());
        let files = files.filter(|p| p.to_string_lossy().ends_with(ending));
        let path = files.max_by_key(|p| std::fs::metadata(p).map_or(0, |m| m.len())).expect("a file of the store");
        let (bytes, root) = (std::fs::read(&path).expect("a file of the store"), folder.join(name));
        copy(&made, &root);
        let path = root.join(path.strip_prefix(&made).expect("below"));
        let read = move |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            let store = Store::look(&root).expect("a store to be looked at");
            let all = store.list();
            let whole = all.iter().filter_map(|l| store.known(&l.key)).all(|known| store.read(&known).is_ok());
            whole && store.damaged_lines() == 0 && !all.is_empty() && !store.runs().is_empty()
        };
        out.push(Reader::new(&format!("a store's {name}"), vec![bytes], read));
    }
    let read = |bytes: &[u8]| pack::decode(bytes).is_ok();
    out.push(Reader::new("an artifact", vec![artifact.expect("a result")], read));
    out
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        match entry.file_type().is_ok_and(|t| t.is_dir()) {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => std::fs::copy(entry.path(), to.join(entry.file_name())).map(drop).expect("a copy"),
        }
    }
}

/// Returns the reader of locks.
fn lock(folder: &Path) -> Reader {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::copy(repository().join("tests/suite/files/data/stages.npz"), folder.join("x.npz")).expect("a copy");
    let text = "cfx 1\nexperiment \"Lock\" { seed: 1 }\nparam rows: int = 3\nstages x = load_stages(\"x.npz\", rows: examples)\n\
                stages y = gaussian_stages(rows: rows, units: 2, seed: 1)\nanalysis z = mean_distance(y)\n";
    let source = Source::text("exp.cfx", text, folder);
    let (checked, graph) = api::prepare(&source, &Registry::standard());
    let graph = graph.unwrap_or_else(|d| panic!("{:#?}", d.0));
    let kinds = || std::collections::BTreeSet::from(["cpu".to_string()]);
    let lock = api::lock(&source, &checked, &graph, kinds());
    let now = api::lock(&source, &checked, &graph, kinds());
    let read = move |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let read = cfx::report::lock::Lock::read(&text);
        read.is_ok_and(|lock| lock.differences(&now).is_empty())
    };
    Reader::new("a lock", vec![lock.text().into_bytes()], read)
}

/// Returns the readers of manifests, in the folder and in the archive whose results are compared with others.
fn manifests(folder: &Path) -> [Reader; 2] {
    let (made, out) = (folder.join("made"), folder.join("out"));
    std::fs::create_dir_all(&made).expect("a folder");
    let text = "cfx 1\nexperiment \"Manifest\" { seed: 1 }\nstages g = gaussian_stages(rows: 5, units: 2, seed: 1)\nanalysis z = mean_distance(g)\n\
                claim \"Apart\" = z > 0\n";
    let source = Source::text("exp.cfx", text, &made);
    let registry = Registry::standard();
    let (checked, graph) = api::prepare(&source, &registry);
    let graph = graph.unwrap_or_else(|d| panic!("{:#?}", d.0));
    let store = Store::open(&made).expect("a store");
    let outcome = api::run(&graph, &registry, &store, &Options::new(&made), &Silent).expect("the store can be written");
    let results = api::results(&graph, &registry, &store, &source, &outcome);
    api::write(&source, &checked, &graph, &outcome, &results, &out).expect("results are written");
    let path = out.join("manifest.json");
    let bytes = std::fs::read(&path).expect("a manifest");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("exp/results/manifest.json", zip::write::SimpleFileOptions::default()).expect("memory");
    std::io::Write::write_all(&mut archive, &bytes).expect("memory");
    let archive = archive.finish().expect("memory").into_inner();
    let same = |path: &Path| {
        let side = cfx::report::diff::Side::read(path);
        side.is_ok_and(|side| cfx::report::diff::Diff::of(&side, &side).is_same())
    };
    let packed = folder.join("exp.zip");
    [
        Reader::new("a manifest", vec![bytes], move |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            same(&out)
        }),
        Reader::new("an archive of results", vec![archive], move |bytes: &[u8]| {
            std::fs::write(&packed, bytes).expect("a file");
            same(&packed)
        }),
    ]
}

/// Returns the reader of sites.
fn site() -> Reader {
    let text = "partition = \"cpu\"\naccount = \"abc123\"\ntime = \"12h\"\nsetup = [\"module load openblas\"]\n\n[networks]\npartition = \"gpu\"\ngpus = 1\n\
                cores = 8\nmemory = \"32GiB\"\nextra = [\"--constraint=a100\"]\n\n[limits]\narray = 500\ntask_time = \"30min\"\n\
                submissions_per_second = 0.5\n";
    let read = |bytes: &[u8]| match cfx::cluster::site::of_file(Path::new("ours.toml"), &String::from_utf8_lossy(bytes)) {
        Ok(site) => site.limits().tasks > 0,
        Err((diags, sources)) => cfx::cli::render::render(&diags, &sources, false).is_empty(),
    };
    Reader::new("a site", vec![text.as_bytes().to_vec()], read)
}

/// Returns the readers of scripts: into a tree and back, and to the messages.
fn scripts() -> [Reader; 2] {
    let small = "cfx 1\nexperiment \"X\" { seed: 1 }\nuse std.data { digits }\nuse std.networks { mlp }\naxis run = 0..3\n\
                 network n(classes: int, w: int = 4) { flatten, a: linear(w) -> relu, repeat(2) { linear(w) }, linear(classes) }\n\
                 model m = train(n(w: 8), digits().train, seed: run) { epochs: if run > 1 then 2 else 1, rate: 0.1 }\n\
                 analysis acc = mean(correct(m, digits().test), by: class)\nfigure \"F\" = bars(acc[run: 0], x: class)\n\
                 claim \"C\" = mean(acc) > 20%\n";
    let sound = vec![small.as_bytes().to_vec(), sound("examples/quickstart/exp.cfx")];
    let registry = Registry::standard();
    let tree = |bytes: &[u8]| {
        let file = cfx::base::SourceMap::new().add("exp.cfx", String::from_utf8_lossy(bytes));
        let (tree, diags) = cfx::syntax::parse(&file);
        !diags.has_errors() && !cfx::syntax::format(&tree, &file).is_empty()
    };
    let checked = move |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let checked = api::check(&Source::text("exp.cfx", &text, Path::new("nowhere")), &registry);
        cfx::cli::render::render(&checked.diags, &checked.program.sources, false);
        api::types(&checked.script);
        !checked.diags.has_errors()
    };
    [Reader::new("a script's tree", sound.clone(), tree), Reader::new("a script", sound, checked)]
}
