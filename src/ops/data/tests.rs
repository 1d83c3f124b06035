//! Tests of readers on files made here, of choices and labels, and of what damaged files meet.

mod among;
mod changed;
mod damaged;
mod images;
mod known;
mod strange;

use super::parts::{Reader, image_count};
use super::*;
use crate::base::Stream;
use crate::engine::kernel::{Labelled, Quiet};
use crate::engine::value::{Dataset, Pixels, Scores};
use crate::engine::{Failure, Job, Value};
use crate::lang::{Settings, Static};
use crate::plan::facts::Facts;
use crate::plan::files::Files;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Returns the settings of an operation: those given, and the defaults of its signature.
fn settings(op: &str, list: &[(&str, Static)]) -> Settings {
    let mut all: Vec<(String, Static)> = list.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
    let none = Static::List(Vec::new());
    let defaults = match op {
        "digits" | "mnist" | "cifar10" => vec![("mean", none.clone()), ("std", none)],
        "cifar100" => vec![("labels", word("fine")), ("mean", none.clone()), ("std", none)],
        "idx" => vec![
            ("labels", Static::None),
            ("test_images", Static::None),
            ("test_labels", Static::None),
            ("mean", none.clone()),
            ("std", none),
        ],
        "arrays" => vec![
            ("labels", Static::None),
            ("test_x", Static::None),
            ("test_labels", Static::None),
            ("divisor", Static::Number(1.0)),
            ("mean", none.clone()),
            ("std", none),
        ],
        "image_folder" => vec![
            ("channels", word("rgb")),
            ("order", word("natural")),
            ("classes", word("shared")),
            ("mean", none.clone()),
            ("std", none),
        ],
        "corpus" => vec![
            ("train", text("a.txt")),
            ("valid", Static::None),
            ("test", Static::None),
            ("length", Static::Number(3.0)),
            ("unit", word("words")),
            ("words", Static::Number(100.0)),
            ("at_least", Static::Number(1.0)),
            ("lower", Static::Bool(false)),
        ],
        _ => Vec::new(),
    };
    for (name, value) in defaults {
        if !all.iter().any(|(n, _)| n == name) {
            all.push((name.to_string(), value));
        }
    }
    Settings(all)
}

fn text(s: &str) -> Static {
    Static::Text(s.to_string())
}

fn word(s: &str) -> Static {
    Static::Word(s.to_string())
}

/// Runs a kernel by name.
fn run(op: &str, list: &[(&str, Static)], inputs: Vec<(&str, Value)>, seed: u64, folder: &Path) -> Result<Value, Failure> {
    let kernels = kernels();
    let kernel = &kernels.iter().find(|(n, _)| *n == op).unwrap().1;
    let job = Job {
        op: op.to_string(),
        settings: settings(op, list),
        inputs: inputs.into_iter().map(|(n, v)| (n.to_string(), Labelled::single(v))).collect(),
        stream: Stream::root(seed),
        at: Vec::new(),
    };
    kernel.run(&job, &Quiet { files: Files::new(folder, &[]) })
}

fn dataset(value: Result<Value, Failure>) -> Arc<Dataset> {
    match value {
        Ok(Value::Dataset(d)) => d,
        other => panic!("{other:?}"),
    }
}

fn message(value: Result<Value, Failure>) -> String {
    match value {
        Err(Failure::Failed { message, help }) => format!("{message} / {}", help.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn digits() -> Arc<Dataset> {
    dataset(run("digits", &[], vec![], 0, Path::new(".")))
}

fn value(d: &Arc<Dataset>) -> Value {
    Value::Dataset(d.clone())
}

fn scores(ids: Vec<u32>, values: Vec<f64>) -> Value {
    let (ids, labels) = (Arc::new(ids), Arc::new(Vec::new()));
    Value::Scores(Arc::new(Scores { values, ids, labels, ..Scores::default() }))
}

/// Returns the folder of shared real data, where there is one.
fn shared() -> Option<PathBuf> {
    let found = match std::env::var_os("CFX_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no real data at {} (set CFX_DATA)", found.display());
    None
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/data")
}

fn parts_of(facts: &Facts) -> Vec<(&str, usize)> {
    facts.splits.iter().map(|s| (s.name.as_str(), s.rows)).collect()
}

fn facts_and_source<R: Reader>(
    op: &str,
    reader: R,
    list: &[(&str, Static)],
    folder: &Path,
) -> (Facts, crate::engine::value::Source) {
    let (s, files) = (reader.settings(&settings(op, list)), Files::new(folder, &[]));
    let (facts, source) = (reader.facts(&s, Some(&files)).unwrap(), reader.read(&s, &files).unwrap());
    // What was said before reading must be what was read.
    assert_eq!(facts.rows, Some(image_count(&source.images)));
    assert_eq!(facts.shape.as_ref(), Some(&source.images.shape));
    assert_eq!(parts_of(&facts), source.splits.iter().map(|(n, r)| (n.as_str(), r.len())).collect::<Vec<_>>());
    for (split, (_, range)) in facts.splits.iter().zip(&source.splits).filter(|_| !source.labels.is_empty()) {
        let labels = &source.labels[range.clone()];
        assert_eq!(split.class_sizes, Some(parts::sizes(labels, source.classes.len())), "{}", split.name);
    }
    assert_eq!(facts.classes.clone().unwrap_or_default(), source.classes);
    if !source.labels.is_empty() {
        assert_eq!(facts.class_sizes, Some(parts::sizes(&source.labels, source.classes.len())));
    }
    let unread = reader.facts(&s, None).unwrap();
    assert!(unread.files.is_empty());
    assert!(unread.shape.is_none_or(|shape| shape == source.images.shape));
    assert!(unread.classes.is_none_or(|classes| classes == source.classes));
    (facts, source)
}

#[test]
fn digits_are_those_of_scikit_learn() {
    let (facts, source) = facts_and_source("digits", digits::Digits, &[], Path::new("."));
    assert_eq!(facts.class_sizes.unwrap(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    let Pixels::Bytes { data, divisor } = &source.images.data else { panic!() };
    // load_digits().images[0][0], .images[-1][-1], .images.sum()
    assert_eq!(data[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    assert_eq!(data[data.len() - 8..], [0, 1, 8, 12, 14, 12, 1, 0]);
    assert_eq!((data.iter().map(|x| *x as u64).sum::<u64>(), *divisor), (561_718, 16.0));
    assert_eq!(source.splits, [("train".to_string(), 0..1437), ("test".to_string(), 1437..1797)]);
    let test = dataset(run("split", &[("name", text("test"))], vec![("data", value(&digits()))], 0, Path::new(".")));
    assert_eq!((test.len(), test.ids[0], test.labels[0]), (360, 1437, source.labels[1437]));
    let no_split = message(run("split", &[("name", text("val"))], vec![("data", value(&digits()))], 0, Path::new(".")));
    assert!(no_split.contains("`val`") && no_split.contains("`train` and `test`"), "{no_split}");
}

/// Returns bytes of an IDX file.
fn idx_bytes(lengths: &[u32], data: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, lengths.len() as u8];
    lengths.iter().for_each(|l| out.extend(l.to_be_bytes()));
    out.extend(data);
    out
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn idx_files_are_read_plain_and_packed() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    put("x", &idx_bytes(&[3, 2, 2], &(0..12).collect::<Vec<u8>>()));
    put("y.gz", &gz(&idx_bytes(&[3], &[2, 0, 2])));
    let list = [("images", text("x")), ("labels", text("y.gz")), ("mean", Static::List(vec![Static::Number(0.5)]))];
    let (facts, source) = facts_and_source("idx", idx::Idx, &list, dir.path());
    assert_eq!(
        (facts.files.len(), source.labels.as_slice(), source.images.shape.as_slice()),
        (2, &[2, 0, 2][..], &[2, 2, 1][..])
    );
    assert_eq!((source.images.mean.as_slice(), source.images.std.as_slice()), (&[0.5][..], &[1.0][..]));
    assert_eq!(source.splits, [("all".to_string(), 0..3)]);

    let says = |name: &str, bytes: &[u8], expect: &str| {
        put(name, bytes);
        let said = message(run("idx", &[("images", text(name))], vec![], 0, dir.path()));
        assert!(said.contains(expect), "{said}");
    };
    says("short", &idx_bytes(&[3, 2, 2], &[0; 11]), "too short");
    says("long", &idx_bytes(&[3, 2, 2], &[0; 13]), "has more bytes");
    says("short.gz", &gz(&idx_bytes(&[3, 2, 2], &[0; 11])), "ends too early");
    says("huge", &idx_bytes(&[65_535, 65_535, 2], &[]), "too short");
    says("beyond", &idx_bytes(&[u32::MAX, u32::MAX, u32::MAX], &[]), "any machine");
    says("empty", &[], "is empty");
    says("labels", &idx_bytes(&[3], &[0; 3]), "right way round");
    says("packed.xz", b"\xfd7zXZ\0rest", "xz -dk packed.xz");
    let count = message(run("idx", &[("images", text("x")), ("labels", text("labels2"))], vec![], 0, dir.path()));
    assert!(count.contains("no file or folder"), "{count}");
    put("labels2", &idx_bytes(&[2], &[0; 2]));
    let count = message(run("idx", &[("images", text("x")), ("labels", text("labels2"))], vec![], 0, dir.path()));
    assert!(count.contains("2 labels") && count.contains("3 images"), "{count}");
}

#[test]
fn cifar_records_become_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = vec![3u8, 7];
    record.extend((0..3072).map(|i| (i / 1024 * 100 + i % 100) as u8));
    std::fs::write(dir.path().join("train.bin"), [record.clone(), record.clone()].concat()).unwrap();
    std::fs::write(dir.path().join("test.bin"), &record).unwrap();
    let folder = ("folder", text("."));
    let (facts, fine) = facts_and_source("cifar100", cifar::Cifar100, &[folder.clone(), ("labels", word("fine"))], dir.path());
    assert_eq!((facts.rows, fine.labels.as_slice()), (Some(3), &[7, 7, 7][..]));
    assert_eq!((fine.classes.len(), fine.classes[7].as_str()), (100, "beetle"));
    let Pixels::Bytes { data, .. } = &fine.images.data else { panic!() };
    let pixel = |i: usize| [record[2 + i], record[2 + 1024 + i], record[2 + 2048 + i]];
    assert_eq!(data[..6], [pixel(0), pixel(1)].concat());
    let (_, coarse) = facts_and_source("cifar100", cifar::Cifar100, &[folder.clone(), ("labels", word("coarse"))], dir.path());
    assert_eq!(
        (coarse.labels.as_slice(), coarse.classes[3].as_str(), coarse.classes.len()),
        (&[3, 3, 3][..], "food_containers", 20)
    );

    // Ten classes: a record of CIFAR-100 is none of CIFAR-10.
    let wrong = message(run("cifar10", std::slice::from_ref(&folder), vec![], 0, dir.path()));
    assert!(wrong.contains("is this the other CIFAR?"), "{wrong}");
    std::fs::write(dir.path().join("train.bin"), &record[1..]).unwrap();
    std::fs::write(dir.path().join("test.bin"), [&[10], &record[2..]].concat()).unwrap();
    let wrong = message(run("cifar10", std::slice::from_ref(&folder), vec![], 0, dir.path()));
    assert!(wrong.contains("label 10 in record 0"), "{wrong}");
    std::fs::write(dir.path().join("test.bin"), &record[1..]).unwrap();
    let (_, ten) = facts_and_source("cifar10", cifar::Cifar10, std::slice::from_ref(&folder), dir.path());
    assert_eq!((ten.labels.as_slice(), ten.classes[7].as_str()), (&[7, 7][..], "horse"));

    let packed = tempfile::tempdir().unwrap();
    std::fs::write(packed.path().join("train.bin.xz"), b"\xfd7zXZ\0").unwrap();
    let said = message(run("cifar100", std::slice::from_ref(&folder), vec![], 0, packed.path()));
    assert!(said.contains("xz -dk train.bin.xz"), "{said}");
    let means = settings("cifar100", &[folder, ("mean", Static::List(vec![Static::Number(0.0); 2]))]);
    let means = cifar::Cifar100.settings(&means);
    assert_eq!(cifar::Cifar100.facts(&means, None).unwrap_err().parameter, Some("mean"));
}

#[test]
fn the_python_version_of_cifar_is_read_as_data() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/data");
    for name in ["cifar_python2", "cifar_python3_protocol2", "cifar_python3_protocol4"] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(written.join(name), dir.path().join("train")).unwrap();
        let folder = ("folder", text("."));
        let (facts, fine) =
            facts_and_source("cifar100", cifar::Cifar100, &[folder.clone(), ("labels", word("fine"))], dir.path());
        assert_eq!((facts.rows, fine.labels.as_slice()), (Some(2), &[7, 99][..]), "{name}");
        let Pixels::Bytes { data, .. } = &fine.images.data else { panic!() };
        let byte = |n: usize, plane: usize, i: usize| ((7 * (1024 * plane + i) + 13 * n) % 256) as u8;
        assert_eq!(data.len(), 2 * 3072);
        assert_eq!(data[3072 + 15..3072 + 18], [byte(1, 0, 5), byte(1, 1, 5), byte(1, 2, 5)], "{name}");
        let (_, coarse) =
            facts_and_source("cifar100", cifar::Cifar100, &[folder.clone(), ("labels", word("coarse"))], dir.path());
        assert_eq!(coarse.labels, [3, 19]);

        // Cut short anywhere, it is refused; labels of another data set are missed.
        let whole = std::fs::read(written.join(name)).unwrap();
        for cut in [0, 1, 60, whole.len() / 2, whole.len() - 1] {
            std::fs::write(dir.path().join("train"), &whole[..cut]).unwrap();
            let said = message(run("cifar100", std::slice::from_ref(&folder), vec![], 0, dir.path()));
            assert!(said.contains("train"), "{said}");
        }
        std::fs::write(dir.path().join("test_batch"), &whole).unwrap();
        let said = message(run("cifar10", std::slice::from_ref(&folder), vec![], 0, dir.path()));
        assert!(said.contains("has no `labels`"), "{said}");
    }
    // What could run something is refused by name.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test"), b"cos\nsystem\n(S'true'\ntR.").unwrap();
    let said = message(run("cifar100", &[("folder", text("."))], vec![], 0, dir.path()));
    assert!(said.contains("os.system"), "{said}");
}

#[test]
fn numpy_arrays_of_every_kind_are_read() {
    let read = |name: &str| npy::read(&npy::Place { path: here().join(name), array: None }, &[]);
    let up: Vec<f64> = (0..24).map(f64::from).collect();
    assert_eq!(read("c_f4.npy").unwrap().f64s(), up.iter().map(|x| x / 2.0).collect::<Vec<_>>());
    assert_eq!(read("fortran_f8.npy").unwrap().f64s(), up.iter().map(|x| x - 3.0).collect::<Vec<_>>());
    assert_eq!(read("big_i2.npy").unwrap().f64s(), up.iter().map(|x| x - 12.0).collect::<Vec<_>>());
    assert_eq!(read("half.npy").unwrap().f64s()[..3], [0.5, -2.0, 65504.0]);
    assert_eq!(read("bool.npy").unwrap().f64s(), [1.0, 0.0, 1.0]);
    assert_eq!(read("u8_labels.npy").unwrap().labels(Path::new("l")).unwrap(), [2, 0, 1, 2]);
    assert_eq!(read("i8_labels.npy").unwrap().labels(Path::new("l")).unwrap(), [2, 0, 1]);
    assert!(read("c_f4.npy").unwrap().labels(Path::new("l")).unwrap_err().message.contains("shape [2, 3, 4]"));
    assert!(read("half.npy").unwrap().labels(Path::new("l")).unwrap_err().message.contains("0.5 at row 0"));
    assert!(read("objects.npy").unwrap_err().message.contains("pickled"));
    assert!(read("records.npy").unwrap_err().message.contains("several fields"));
    assert!(read("packed.npz").unwrap_err().help.unwrap().contains("`extra`, `labels`, `x`"));
}

#[test]
fn arrays_state_their_layout() {
    let list = |layout: &str, x: &str| [("x", text(x)), ("layout", word(layout)), ("divisor", Static::Number(2.0))];
    let (_, source) = facts_and_source("arrays", arrays::Arrays, &list("nchw", "c_f4.npy"), &here());
    assert_eq!(source.images.shape, [3, 4, 1]);
    let (_, source) = facts_and_source("arrays", arrays::Arrays, &list("features", "c_f4.npy"), &here());
    assert_eq!(source.images.shape, [12]);
    let Pixels::Floats(data) = &source.images.data else { panic!() };
    assert_eq!(data[..3], [0.0, 0.25, 0.5]);
    let mut packed = list("features", "packed.npz").to_vec();
    packed.push(("labels", text("packed.npz")));
    let (facts, source) = facts_and_source("arrays", arrays::Arrays, &packed, &here());
    assert_eq!((facts.class_sizes.unwrap(), source.labels), (vec![3, 3], vec![0, 1, 0, 1, 0, 1]));
    packed[3].1 = text("packed.npz:extra");
    let said = message(run("arrays", &packed, vec![], 0, &here()));
    assert!(said.contains("3 labels"), "{said}");
    let said = message(run("arrays", &list("nhwc", "half.npy"), vec![], 0, &here()));
    assert!(said.contains("[4]") && said.contains("nhwc"), "{said}");
}

#[test]
fn channels_move_to_the_last_place() {
    let dir = tempfile::tempdir().unwrap();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 1, 3), }";
    let bytes = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), &[1, 2, 3, 4, 5, 6]];
    std::fs::write(dir.path().join("x.npy"), bytes.concat()).unwrap();
    let (_, source) = facts_and_source("arrays", arrays::Arrays, &[("x", text("x.npy")), ("layout", word("nchw"))], dir.path());
    let Pixels::Bytes { data, .. } = &source.images.data else { panic!() };
    assert_eq!((data.as_slice(), source.images.shape.as_slice()), (&[1, 4, 2, 5, 3, 6][..], &[1, 3, 2][..]));
}

#[test]
fn image_folders_are_sorted_and_cut() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, file, grey) in [("b", "im10.png", 10u8), ("b", "im2.png", 200), ("a", "x.png", 100)] {
        std::fs::create_dir_all(dir.path().join("set").join(folder)).unwrap();
        let image = image::RgbImage::from_pixel(6, 4, image::Rgb([grey, grey / 2, 0]));
        image.save(dir.path().join("set").join(folder).join(file)).unwrap();
    }
    let list = [("folder", text("set")), ("size", Static::Number(2.0))];
    let (facts, source) = facts_and_source("image_folder", image_folder::ImageFolder, &list, dir.path());
    assert_eq!((facts.files.len(), source.classes.as_slice()), (6, &["a".to_string(), "b".to_string()][..]));
    assert_eq!(source.labels, [0, 1, 1]);
    let Pixels::Bytes { data, .. } = &source.images.data else { panic!() };
    assert_eq!((data[0], data[12], data[24], data.len()), (100, 200, 10, 36));
    std::fs::write(dir.path().join("set/a/broken.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    assert!(message(run("image_folder", &list, vec![], 0, dir.path())).contains("broken.png"));
}

#[test]
fn texts_become_rows_of_words_and_the_word_after() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "b a b\nB c <unk> b\n").unwrap();
    std::fs::write(dir.path().join("b.txt.gz"), gz("a new b\nb\n".as_bytes())).unwrap();
    let read = |list: &[(&str, Static)]| run("corpus", list, vec![], 0, dir.path());
    let numbers = |d: &Dataset| match &d.source.images.data {
        Pixels::Words(x) => x.clone(),
        other => panic!("{other:?}"),
    };
    // The row: b a b <eos> B c <unk> b <eos>; the vocabulary: <unk> <eos> b B a c.
    let d = dataset(read(&[]));
    assert_eq!(d.classes(), ["<unk>", "<eos>", "b", "B", "a", "c"]);
    assert_eq!(numbers(&d), [2, 4, 2, 1, 1, 3, 5, 0]);
    assert_eq!((d.len(), d.labels.len(), d.labels_each(), d.source.images.shape.clone()), (2, 0, 3, vec![3]));
    let two = dataset(read(&[("test", text("b.txt.gz"))]));
    assert_eq!(two.source.splits, [("train".to_string(), 0..2), ("test".to_string(), 2..3)]);
    assert_eq!(numbers(&two)[8..], [4, 0, 2, 1]);
    let lower = dataset(read(&[("lower", Static::Bool(true)), ("words", Static::Number(3.0))]));
    assert_eq!(lower.classes(), ["<unk>", "<eos>", "b"]);
    let often = dataset(read(&[("at_least", Static::Number(2.0))]));
    assert_eq!(often.classes(), ["<unk>", "<eos>", "b"]);
    let tokens = dataset(read(&[("unit", word("tokens"))]));
    assert_eq!(tokens.classes(), ["<unk>", "<eos>", "b", "<", ">", "B", "a", "c", "unk"]);
    let characters = dataset(read(&[("unit", word("characters"))]));
    assert_eq!(characters.classes()[..4], ["<unk>", "<eos>", " ", "b"]);
    assert!(message(read(&[("length", Static::Number(9.0))])).contains("has 9 words, too few for one example of 9"));
    assert!(message(read(&[("length", Static::Number(0.0))])).contains("words, not 0"));
    assert!(message(read(&[("words", Static::Number(1.0))])).contains("words, not 1"));
    std::fs::write(dir.path().join("a.txt"), b"\xff\xfe").unwrap();
    assert!(message(read(&[])).contains("is not text in UTF-8"));
}

#[test]
fn random_choices_are_exact_and_keep_ids() {
    let all = digits();
    let choice =
        |seed| dataset(run("subset", &[("fraction", Static::Number(0.7))], vec![("data", value(&all))], seed, Path::new(".")));
    let (a, b) = (choice(1), choice(2));
    assert_eq!((a.len(), b.len()), (1258, 1258));
    assert_eq!(a.ids, choice(1).ids);
    assert_ne!(a.ids, b.ids);
    assert!(a.ids.windows(2).all(|w| w[0] < w[1]));
    assert!(a.ids.iter().zip(a.labels.iter()).all(|(id, l)| all.labels[*id as usize] == *l));
    // Two independent choices of 70% share 49% of the examples: 880.5 of 1,797, standard deviation 8.9.
    let shared = a.ids.iter().filter(|id| b.ids.contains(id)).count() as f64;
    assert!((shared - 880.5).abs() < 5.0 * 8.9, "{shared}");
    let rest = dataset(run("without", &[], vec![("data", value(&all)), ("other", value(&a))], 0, Path::new(".")));
    assert_eq!(rest.len(), 1797 - 1258);
    assert!(rest.ids.iter().all(|id| !a.ids.contains(id)));
    let some = dataset(run("sample", &[("count", Static::Number(5.0))], vec![("data", value(&rest))], 0, Path::new(".")));
    assert!(some.len() == 5 && some.ids.iter().all(|id| rest.ids.contains(id)));
}

#[test]
fn every_example_is_chosen_equally_often() {
    let mut counts = [0u32; 6];
    for seed in 0..6000 {
        select::random_order(&Stream::root(seed), 6)[..2].iter().for_each(|i| counts[*i] += 1);
    }
    // 2,000 expected each, standard deviation 36.5.
    assert!(counts.iter().all(|c| c.abs_diff(2000) < 160), "{counts:?}");
}

#[test]
fn choices_by_score() {
    let all = digits();
    let ids: Vec<u32> = (0..1797).collect();
    let values: Vec<f64> = ids.iter().map(|i| ((i * 7919) % 1797) as f64).collect();
    let x = || scores(ids.clone(), values.clone());
    let low =
        dataset(run("lowest", &[("count", Static::Number(3.0))], vec![("x", x()), ("data", value(&all))], 0, Path::new(".")));
    let got: Vec<f64> = low.ids.iter().map(|id| values[*id as usize]).collect();
    assert!(low.len() == 3 && got.iter().all(|v| *v < 3.0), "{got:?}");
    let high = dataset(run("highest", &[("count", Static::Number(2.0))], vec![("x", x())], 0, Path::new(".")));
    assert!(high.ids.iter().all(|id| values[*id as usize] > 1794.0) && image_count(&high.source.images) == 0);
    assert!(parts::with_images(&high).is_err() && parts::with_images(&low).is_ok());
    let mut seen = Vec::new();
    for bin in 0..50 {
        let fields = vec![("name".to_string(), Static::Text(bin.to_string())), ("index".to_string(), Static::Number(bin as f64))];
        let at = Static::Make("at".to_string(), fields);
        let settings = [("count", Static::Number(50.0)), ("at", at)];
        let part = dataset(run("quantile_bins", &settings, vec![("x", x()), ("data", value(&all))], 0, Path::new(".")));
        assert!(part.len() == 35 || part.len() == 36);
        assert!(part.ids.iter().all(|id| (values[*id as usize] as usize * 50) / 1797 <= bin + 1));
        seen.extend(part.ids.iter().copied());
    }
    seen.sort_unstable();
    assert_eq!(seen, ids);
    let condition = scores(vec![5, 3, 9], vec![1.0, 0.0, f64::NAN]);
    let held = dataset(run("where", &[], vec![("data", value(&all)), ("condition", condition)], 0, Path::new(".")));
    assert_eq!((held.ids.as_slice(), held.labels.as_slice()), (&[5][..], &[all.labels[5]][..]));
    let nowhere = scores(vec![100_000], vec![1.0]);
    assert!(
        message(run("where", &[], vec![("data", value(&all)), ("condition", nowhere)], 0, Path::new(".")))
            .contains("none of these")
    );
}

#[test]
fn corrupted_labels_are_as_many_as_asked_for() {
    let all = digits();
    let corrupt = |fraction: f64, method: &str| {
        let settings = [("fraction", Static::Number(fraction)), ("method", word(method))];
        dataset(run("corrupt_labels", &settings, vec![("data", value(&all))], 3, Path::new(".")))
    };
    let changed = |d: &Dataset| (0..d.len()).filter(|i| d.labels[*i] != all.labels[*i]).collect::<Vec<_>>();
    assert!(changed(&corrupt(0.0, "uniform")).is_empty());
    assert_eq!(changed(&corrupt(0.4, "other")).len(), 719);
    assert_eq!(changed(&corrupt(1.0, "other")).len(), 1797);
    let sizes = |d: &Dataset| parts::sizes(&d.labels, d.classes().len());
    // Of 1,797 uniform labels a tenth stays by chance: 1,617 change, standard deviation 12.7.
    let all_random = corrupt(1.0, "uniform");
    assert!(changed(&all_random).len().abs_diff(1617) < 64, "{}", changed(&all_random).len());
    assert!(sizes(&all_random).iter().all(|n| n.abs_diff(180) < 65));
    assert_eq!(sizes(&corrupt(0.6, "permute")), sizes(&all));
    // A larger share corrupts what a smaller one does, in the same way; ids and the source's labels stay.
    let (few, many) = (corrupt(0.2, "uniform"), corrupt(0.8, "uniform"));
    assert!(changed(&few).iter().all(|i| few.labels[*i] == many.labels[*i]));
    assert!(few.ids == all.ids && few.source.labels == all.source.labels);
}

#[test]
fn relabelling_goes_by_row_or_by_id() {
    let dir = tempfile::tempdir().unwrap();
    let save = |name: &str, labels: &[u8]| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}", labels.len());
        let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
        std::fs::write(dir.path().join(name), [start.as_slice(), labels].concat()).unwrap();
    };
    save("all.npy", &(0..1797).map(|i| (i % 10) as u8).collect::<Vec<_>>());
    save("two.npy", &[1, 2]);
    save("eleven.npy", &[10; 1797]);
    let test = dataset(run("split", &[("name", text("test"))], vec![("data", value(&digits()))], 0, dir.path()));
    let relabel = |name: &str| run("relabel", &[("labels", text(name))], vec![("data", value(&test))], 0, dir.path());
    let new = dataset(relabel("all.npy"));
    assert!(new.ids.iter().zip(new.labels.iter()).all(|(id, l)| id % 10 == *l));
    assert!(message(relabel("two.npy")).contains("2 labels; 360 examples"));
    assert!(message(relabel("eleven.npy")).contains("10 classes"));
}

#[test]
fn scores_and_choices_come_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let save = |name: &str, numbers: &[f32]| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", numbers.len());
        let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(dir.path().join(name), [start, bytes].concat()).unwrap();
    };
    save("mem.npy", &(0..1437).map(|i| i as f32 / 2.0).collect::<Vec<_>>());
    save("ids.npy", &[7.0, 3.0, 1436.0]);
    save("beyond.npy", &[1437.0]);
    let train = dataset(run("split", &[("name", text("train"))], vec![("data", value(&digits()))], 0, dir.path()));
    let of = |op: &str, file: &str| run(op, &[("path", text(file))], vec![("data", value(&train))], 0, dir.path());
    let Ok(Value::Scores(mem)) = of("load_scores", "mem.npy") else { panic!() };
    assert_eq!((mem.values[10], mem.ids[10], mem.labels[10]), (5.0, 10, train.labels[10]));
    assert!(message(of("load_scores", "ids.npy")).contains("3 numbers"));
    save("infinite.npy", &(0..1437).map(|i| if i == 5 { f32::INFINITY } else { 0.0 }).collect::<Vec<_>>());
    assert!(message(of("load_scores", "infinite.npy")).contains("holds inf, which is no score"));
    assert_eq!(dataset(of("with_ids", "ids.npy")).ids.as_slice(), [3, 7, 1436]);
    assert!(message(of("with_ids", "beyond.npy")).contains("1437"));
}

#[test]
fn labels_may_be_lists_of_rows() {
    let dir = tempfile::tempdir().unwrap();
    let read = |json: &str| {
        std::fs::write(dir.path().join("l.json"), json).unwrap();
        label_files::read(&npy::Place { path: dir.path().join("l.json"), array: None })
    };
    assert_eq!(read("[[1, 3], [0], [2]]").unwrap().0, [1, 0, 2, 0]);
    assert_eq!(read("\u{feff}[[1, 3], [0], [2]]").unwrap().0, [1, 0, 2, 0]);
    assert_eq!(read("{\"10\": [0], \"2\": [1]}").unwrap().0, [10, 2]);
    for (json, expect) in [
        ("[[0, 1], [1]]", "row 2 is not named"),
        ("[[0, 2]]", "row 1 is not named"),
        ("[]", "no rows"),
        ("{\"a\": [0]}", "not a number"),
        ("[[-1]]", "not a whole number"),
        ("[0]", "no list for class 0"),
        ("{\"70000\": [0]}", "classes stay below"),
        ("{\"0\": [0", "no JSON"),
    ] {
        let said = read(json).unwrap_err().message;
        assert!(said.contains(expect), "{json}: {said}");
    }
}

#[test]
fn draws_are_pinned() {
    // Whoever changes these changes results of equal scripts, and must raise the versions of the kernels.
    assert_eq!(select::random_order(&Stream::root(7).named("chosen"), 10), [0, 2, 6, 8, 5, 7, 3, 9, 1, 4]);
    let settings = [("fraction", Static::Number(1.0)), ("method", word("uniform"))];
    let all = dataset(run("corrupt_labels", &settings, vec![("data", value(&digits()))], 7, Path::new(".")));
    assert_eq!(all.labels[..10], [5, 0, 0, 8, 1, 3, 4, 2, 1, 3]);
}

#[test]
fn signatures_and_kernels_correspond() {
    let externs = |text: &str| -> Vec<String> {
        text.lines().filter_map(|l| l.strip_prefix("extern ")).filter_map(|l| l.split('(').next()).map(str::to_string).collect()
    };
    let names = |kernels: Vec<(&'static str, Box<dyn Kernel>)>| kernels.iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>();
    assert_eq!(externs(include_str!("../../../stdlib/data.cfx")), names(kernels()));
    assert_eq!(externs(include_str!("../../../stdlib/representations.cfx")), names(crate::ops::repr::kernels()));
}

#[test]
fn real_files_are_what_they_are_said_to_be() {
    let Some(root) = shared() else { return };
    let (facts, source) = facts_and_source("mnist", idx::Mnist, &[("folder", text("mnist"))], &root);
    assert_eq!(facts.class_sizes.unwrap().iter().sum::<usize>(), 70_000);
    assert_eq!(source.labels[..5], [5, 0, 4, 1, 9]);
    let list = [
        ("x", text("usps/usps_u16_scale2000.npz:x_train")),
        ("labels", text("usps/usps_u16_scale2000.npz:y_train")),
        ("test_x", text("usps/usps_u16_scale2000.npz:x_test")),
        ("test_labels", text("usps/usps_u16_scale2000.npz:y_test")),
        ("layout", word("nhwc")),
        ("divisor", Static::Number(2000.0)),
    ];
    let (facts, source) = facts_and_source("arrays", arrays::Arrays, &list, &root);
    assert_eq!(parts_of(&facts), [("train", 7291), ("test", 2007)]);
    assert_eq!((source.images.shape.as_slice(), source.classes.len()), (&[16, 16, 1][..], 10));
    if root.join("cifar100/train.bin").is_file() {
        let (facts, source) = facts_and_source("cifar100", cifar::Cifar100, &[("folder", text("cifar100"))], &root);
        assert_eq!((facts.rows, facts.class_sizes), (Some(60_000), Some(vec![600; 100])));
        assert_eq!((source.classes[source.labels[0] as usize].as_str(), source.splits[1].1.clone()), ("cattle", 50_000..60_000));
    } else {
        println!("skipped: CIFAR-100 is not unpacked");
        let said = message(run("cifar100", &[("folder", text("cifar100"))], vec![], 0, &root));
        assert!(said.contains("xz -dk"), "{said}");
    }
    if root.join("cifar10/test_batch.bin").is_file() {
        let (facts, source) = facts_and_source("cifar10", cifar::Cifar10, &[("folder", text("cifar10"))], &root);
        assert_eq!((facts.splits[0].name.as_str(), source.classes[source.labels[0] as usize].as_str()), ("test", "cat"));
    }
    if root.join("tiny_imagenet/train").is_dir() {
        let list = [("folder", text("tiny_imagenet")), ("size", Static::Number(32.0))];
        let (facts, _) = facts_and_source("image_folder", image_folder::ImageFolder, &list, &root);
        assert_eq!((facts.classes.unwrap().len(), facts.splits.len()), (20, 2));
    } else {
        println!("skipped: Tiny-ImageNet is not unpacked");
    }
    let fashion = [
        ("images", text("embedded/fashion-train-images.idx3.gz")),
        ("labels", text("embedded/fashion-train-labels.idx1.gz")),
        ("test_images", text("embedded/fashion-t10k-images.idx3.gz")),
        ("test_labels", text("embedded/fashion-t10k-labels.idx1.gz")),
    ];
    let (facts, _) = facts_and_source("idx", idx::Idx, &fashion, &root);
    assert_eq!(parts_of(&facts), [("train", 1000), ("test", 250)]);
}

/// Reads bytes as every format.
fn read_as_all(bytes: &[u8], dir: &Path) -> Vec<Result<(), String>> {
    for name in ["x", "train.bin", "test.bin", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let files = Files::new(dir, &[]);
    let list =
        [("images", text("x")), ("labels", text("x")), ("x", text("x")), ("layout", word("features")), ("folder", text("."))];
    let kernels = kernels();
    let each = ["idx", "arrays", "cifar10", "mnist"].into_iter().flat_map(|op| {
        let planned = &kernels.iter().find(|(n, _)| *n == op).unwrap().1;
        let facts = planned.facts(&settings(op, &list), &[], Some(&files)).map(|_| ()).map_err(|p| p.message);
        let read = run(op, &list, vec![], 0, dir).map(|_| ()).map_err(|f| format!("{f:?}"));
        [facts, read]
    });
    each.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let dir = tempfile::tempdir().unwrap();
        for start in [&b""[..], b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\0\0\x08\x03", b"\x1f\x8b\x08\0", b"\0\0\x08\x01"] {
            read_as_all(&[start, &bytes].concat(), dir.path());
        }
    }

    #[test]
    fn damaged_arrays_never_panic(at in 0usize..1000, byte in any::<u8>(), cut in 0usize..1000) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["c_f4.npy", "fortran_f8.npy", "packed.npz", "stages.npz", "i8_labels.npy"] {
            let mut bytes = std::fs::read(here().join(name)).unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - cut % bytes.len() / 2 * (at % 2));
            read_as_all(&bytes, dir.path());
        }
    }
}

#[test]
fn lying_headers_are_refused_before_memory_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    for shape in ["(99999999999, 99999999999, 99999999999)", "(1099511627776,)", "(0, 1099511627776)", "(3, -1)", "(1,2", ""] {
        let header = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}, }}");
        let bytes = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), &[0; 64]].concat();
        assert!(read_as_all(&bytes, dir.path()).iter().all(Result::is_err), "{shape}");
    }
}
