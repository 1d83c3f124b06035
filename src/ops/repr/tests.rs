//! Tests against NumPy, SciPy and scikit-learn (tests/data/repr/make.py), and of moments and files.

mod calibration;
mod canonical;
mod invariances;
mod pairing;

use super::*;
use crate::base::Stream;
use crate::engine::kernel::{Labelled, Quiet};
use crate::engine::value::{Dataset, Images, Number, Pixels, Source, Stages, Table};
use crate::engine::{Failure, Job, Value};
use crate::lang::{Settings, Static};
use crate::plan::facts::Facts;
use crate::plan::files::Files;
use ndarray::{Array2, Axis};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Reference(Json);

impl Reference {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/repr/reference.json");
        Reference(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap()
    }

    fn matrix(&self, name: &str, columns: usize) -> Array2<f64> {
        let all: Vec<f64> = self.0[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        Array2::from_shape_vec((all.len() / columns, columns), all).unwrap()
    }

    fn labels(&self) -> Vec<u32> {
        self.0["labels"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
    }
}

fn stages(x: Array2<f64>, labels: Vec<u32>) -> Value {
    let ids = Arc::new((0..x.nrows() as u32).collect());
    let classes = (0..labels.iter().max().map_or(0, |m| m + 1)).map(|c| c.to_string()).collect();
    Value::Stages(Arc::new(Stages { x, ids, labels: Arc::new(labels), classes, numbered: false, notes: Vec::new() }))
}

fn make(name: &str, fields: &[(&str, Static)]) -> Static {
    Static::Make(name.to_string(), fields.iter().map(|(n, v)| (n.to_string(), v.clone())).collect())
}

fn text(s: &str) -> Static {
    Static::Text(s.to_string())
}

fn word(s: &str) -> Static {
    Static::Word(s.to_string())
}

/// Returns the settings of an operation: those given, and the defaults of its signature.
fn settings(op: &str, list: &[(&str, Static)]) -> Settings {
    let mut all: Vec<(String, Static)> = list.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
    let defaults = match op {
        "svd" => vec![("centred", Static::Bool(false))],
        "load_stages" => {
            vec![("labels", Static::None), ("array", Static::None), ("layout", word("matrix")), ("pool", word("mean"))]
        }
        "matched_gaussian" => vec![("by", word("none"))],
        "gaussian_stages" => vec![("classes", Static::Number(1.0))],
        "cca" => vec![
            ("variant", word("mean")),
            ("variance", Static::Number(0.99)),
            ("tolerance", Static::Number(1e-6)),
            ("permutations", Static::Number(10.0)),
        ],
        "cka" => vec![("kernel", make("linear", &[])), ("debiased", Static::Bool(false))],
        _ => Vec::new(),
    };
    for (name, value) in defaults {
        if !all.iter().any(|(n, _)| n == name) {
            all.push((name.to_string(), value));
        }
    }
    Settings(all)
}

fn run(op: &str, list: &[(&str, Static)], inputs: Vec<(&str, Value)>, folder: &Path) -> Result<Value, Failure> {
    let kernels = kernels();
    let kernel = &kernels.iter().find(|(n, _)| *n == op).unwrap().1;
    let job = Job {
        op: op.to_string(),
        settings: settings(op, list),
        inputs: inputs.into_iter().map(|(n, v)| (n.to_string(), Labelled::single(v))).collect(),
        stream: Stream::root(11),
        at: Vec::new(),
    };
    kernel.run(&job, &Quiet { files: Files::new(folder, &[]) })
}

fn here(op: &str, list: &[(&str, Static)], inputs: Vec<(&str, Value)>) -> Result<Value, Failure> {
    run(op, list, inputs, Path::new("."))
}

fn as_stages(value: Result<Value, Failure>) -> Arc<Stages> {
    match value {
        Ok(Value::Stages(s)) => s,
        other => panic!("{other:?}"),
    }
}

fn as_number(value: Result<Value, Failure>) -> Number {
    match value {
        Ok(Value::Number(n)) => n,
        other => panic!("{other:?}"),
    }
}

fn message(value: Result<Value, Failure>) -> String {
    match value {
        Err(Failure::Failed { message, help }) => format!("{message} / {}", help.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = (a - b).iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(worst < tolerance, "differs by {worst}");
}

fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() < tolerance, "{a} is not {b}");
}

#[test]
fn svd_is_numpys() {
    let r = Reference::read();
    let svd = |x: Array2<f64>, centred: bool| {
        let list = [("width", Static::Number(3.0)), ("centred", Static::Bool(centred))];
        as_stages(here("svd", &list, vec![("x", stages(x, Vec::new()))]))
    };
    let energy = |s: &Arc<Stages>| as_number(here("captured_energy", &[], vec![("x", Value::Stages(s.clone()))])).value;
    let plain = svd(r.matrix("x", 6), false);
    close(&plain.x, &r.matrix("svd", 3), 1e-11);
    near(energy(&plain), r.number("energy"), 1e-13);
    let centred = svd(r.matrix("x", 6), true);
    close(&centred.x, &r.matrix("centred", 3), 1e-11);
    near(energy(&centred), r.number("centred_energy"), 1e-13);
    let wide = svd(r.matrix("x", 6).slice(ndarray::s![..5, ..]).to_owned(), false);
    close(&wide.x, &r.matrix("wide", 3), 1e-11);
    near(energy(&wide), r.number("wide_energy"), 1e-13);
    // The third singular value is a millionth of the first: the Gram matrix alone would lose it.
    let steep = svd(r.matrix("steep_in", 4), false);
    close(&steep.x, &r.matrix("steep", 3), 1e-14);
    let kept = |s: &Arc<Stages>| as_number(here("dimension", &[], vec![("x", Value::Stages(s.clone()))])).value;
    assert_eq!((kept(&plain), plain.x.ncols()), (3.0, 3));
    let again = svd(r.matrix("x", 6), false);
    assert!(again.x == plain.x);
}

#[test]
fn a_width_above_the_dimension_is_refused_before_and_during_the_run() {
    let facts = Facts { dim: Some(6), rows: Some(40), ..Facts::default() };
    let wide = settings("svd", &[("width", Static::Number(7.0))]);
    let problem = crate::plan::facts::Planned::facts(&svd::Svd, &wide, &[("x", vec![&facts])], None).unwrap_err();
    assert_eq!((problem.parameter, problem.code), (Some("width"), "cfx::repr::setting"));
    let x = stages(Reference::read().matrix("x", 6), Vec::new());
    assert!(message(here("svd", &[("width", Static::Number(7.0))], vec![("x", x)])).contains("40 examples x 6 units"));
}

#[test]
fn mean_distance_is_scipys() {
    let r = Reference::read();
    let x = || ("x", stages(r.matrix("x", 6), r.labels()));
    let all = as_number(here("mean_distance", &[("by", Static::None)], vec![x()]));
    near(all.value, r.number("mean_distance"), 1e-13);
    assert_eq!(all.count, Some(780));
    let at = |class: f64| {
        let fields = [("axis", word("class")), ("role", word("class")), ("name", text("c")), ("index", Static::Number(class))];
        [("by", make("at", &fields))]
    };
    near(as_number(here("mean_distance", &at(1.0), vec![x()])).value, r.number("mean_distance_class_1"), 1e-13);
    assert!(matches!(here("mean_distance", &at(5.0), vec![x()]), Err(Failure::Absent(_))));
    let none = vec![("x", stages(r.matrix("x", 6), Vec::new()))];
    assert!(message(here("mean_distance", &at(1.0), none)).contains("no labels"));
    // A group, given as a data set: ids 1, 4, 7, … are the rows of class 1.
    let images = Images { shape: vec![0], data: Pixels::Floats(Vec::new()), mean: Vec::new(), std: Vec::new() };
    let source = Source { name: "g".into(), images, labels: Vec::new(), classes: Vec::new(), splits: Vec::new() };
    let ids = (0..40).filter(|i| i % 3 == 1).collect();
    let group = Dataset { source: Arc::new(source), ids: Arc::new(ids), labels: Arc::new(Vec::new()) };
    let by_group = vec![x(), ("by", Value::Dataset(Arc::new(group)))];
    near(as_number(here("mean_distance", &[], by_group)).value, r.number("mean_distance_class_1"), 1e-13);
}

#[test]
fn surrogates_have_the_moments_of_their_class() {
    let r = Reference::read();
    // Two classes of 20,000 rows each: x and its mirror image, moved.
    let x = r.matrix("x", 6);
    let big = Array2::from_shape_fn((40_000, 6), |(i, j)| if i % 2 == 0 { x[[i / 2 % 40, j]] } else { 5.0 - x[[i / 2 % 40, j]] });
    let labels: Vec<u32> = (0..40_000).map(|i| i % 2).collect();
    let list = [("by", word("class"))];
    let out = as_stages(here("matched_gaussian", &list, vec![("x", stages(big.clone(), labels.clone()))]));
    assert_eq!((out.x.dim(), out.labels.as_slice(), out.ids.len()), ((40_000, 6), labels.as_slice(), 40_000));
    for class in 0..2 {
        let rows: Vec<usize> = (class..40_000).step_by(2).collect();
        let moments = |m: &Array2<f64>| {
            let m = m.select(Axis(0), &rows);
            let mean = m.mean_axis(Axis(0)).unwrap();
            let centred = &m - &mean;
            (mean, centred.t().dot(&centred) / 19_999.0)
        };
        let ((m0, c0), (m1, c1)) = (moments(&big), moments(&out.x));
        for i in 0..6 {
            // Five standard errors of a mean and of a covariance of normal variables.
            near(m1[i], m0[i], 5.0 * (c0[[i, i]] / 20_000.0).sqrt());
            for j in 0..6 {
                near(c1[[i, j]], c0[[i, j]], 5.0 * ((c0[[i, i]] * c0[[j, j]] + c0[[i, j]].powi(2)) / 20_000.0).sqrt());
            }
        }
        // Normal tails, which the 40 points repeated do not have: excess kurtosis 0, standard error sqrt(24 / n).
        let column = out.x.select(Axis(0), &rows).column(0).to_owned();
        let z = (&column - m1[0]) / c1[[0, 0]].sqrt();
        near(z.mapv(|v| v.powi(4)).mean().unwrap(), 3.0, 5.0 * (24.0f64 / 20_000.0).sqrt());
    }
    let again = as_stages(here("matched_gaussian", &list, vec![("x", stages(big, labels))]));
    assert!(again.x == out.x);
}

#[test]
fn gaussian_stages_are_standard_normal() {
    let number = |n: f64| Static::Number(n);
    let list = [("rows", number(20_000.0)), ("units", number(3.0)), ("classes", number(3.0))];
    let out = as_stages(here("gaussian_stages", &list, vec![]));
    assert_eq!((out.x.dim(), &out.labels[..4], out.classes.len()), ((20_000, 3), &[0, 1, 2, 0][..], 3));
    for (j, column) in out.x.columns().into_iter().enumerate() {
        // Five standard errors of the first, second and fourth moment.
        for (power, moment, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (4, 3.0, 96.0f64)] {
            near(column.mapv(|v| v.powi(power)).mean().unwrap(), moment, 5.0 * (variance / 20_000.0).sqrt());
        }
        let next = out.x.column((j + 1) % 3);
        near((&column * &next).mean().unwrap(), 0.0, 5.0 / 20_000.0f64.sqrt());
    }
}

#[test]
fn surrogates_of_few_rows_stay_in_their_span() {
    let r = Reference::read();
    let few = r.matrix("x", 6).slice(ndarray::s![..3, ..]).to_owned();
    let out = as_stages(here("matched_gaussian", &[], vec![("x", stages(few.clone(), Vec::new()))]));
    let mean = few.mean_axis(Axis(0)).unwrap();
    let both = ndarray::concatenate(Axis(0), &[(&few - &mean).view(), (&out.x - &mean).view()]).unwrap();
    let (_, s, _) = crate::ops::linalg::thin_svd(both.view(), &crate::engine::kernel::Quiet::default()).unwrap();
    assert!(s[1] > 1e-3 && s[2] < 1e-12, "{s}");
    let single = few.slice(ndarray::s![..1, ..]).to_owned();
    assert_eq!(as_stages(here("matched_gaussian", &[], vec![("x", stages(single.clone(), Vec::new()))])).x, single);
}

fn field(value: &Value, name: &str) -> f64 {
    match value {
        Value::Record(parts) => match parts.iter().find(|(n, _)| n == name) {
            Some((_, Value::Number(n))) => n.value,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn correlations_are_scikit_learns() {
    let r = Reference::read();
    let cca = |variant: &str, variance: f64, rows: usize| {
        let cut = |name: &str, d| stages(r.matrix(name, d).slice(ndarray::s![..rows, ..]).to_owned(), Vec::new());
        let list = [
            ("variant", word(variant)),
            ("variance", Static::Number(variance)),
            ("tolerance", Static::Number(1e-6)),
            ("permutations", Static::Number(20.0)),
        ];
        here("cca", &list, vec![("x", cut("x", 6)), ("against", cut("y", 4))])
    };
    let mean = cca("mean", 0.99, 40).unwrap();
    near(field(&mean, "similarity"), r.number("cca"), 1e-12);
    near(field(&mean, "largest"), r.number("cca_largest"), 1e-12);
    assert!(field(&mean, "null") > 0.1 && field(&mean, "null") < field(&mean, "similarity"));
    near(field(&mean, "examples_per_direction"), 4.0, 1e-15);
    near(field(&cca("pwcca", 0.99, 40).unwrap(), "similarity"), r.number("pwcca"), 1e-12);
    near(field(&cca("svcca", 0.9, 40).unwrap(), "similarity"), r.number("svcca"), 1e-12);
    // 11 examples allow 6 + 4 directions, 10 do not.
    assert!(cca("mean", 0.99, 11).is_ok());
    assert!(message(cca("mean", 0.99, 10)).contains("1 or more of the correlations would be exactly 1"));
}

#[test]
fn alignment_and_procrustes_are_numpys() {
    let r = Reference::read();
    let inputs = || vec![("x", stages(r.matrix("x", 6), Vec::new())), ("against", stages(r.matrix("y", 4), Vec::new()))];
    let cka = |kernel: Static, debiased: bool| {
        as_number(here("cka", &[("kernel", kernel), ("debiased", Static::Bool(debiased))], inputs())).value
    };
    let rbf = || make("rbf", &[("bandwidth", Static::Number(0.5))]);
    near(cka(make("linear", &[]), false), r.number("cka"), 1e-12);
    near(cka(make("linear", &[]), true), r.number("cka_debiased"), 1e-12);
    near(cka(rbf(), false), r.number("cka_rbf"), 1e-12);
    near(cka(rbf(), true), r.number("cka_rbf_debiased"), 1e-12);
    near(as_number(here("procrustes", &[], inputs())).value, r.number("procrustes"), 1e-12);
    // Rows are matched by id, whatever their order.
    let Value::Stages(x) = &inputs()[0].1 else { panic!() };
    let order: Vec<usize> = (0..40).rev().collect();
    let turned = Stages { x: x.x.select(Axis(0), &order), ids: Arc::new((0..40).rev().collect()), ..(**x).clone() };
    let same = as_number(here("procrustes", &[], vec![inputs()[0].clone(), ("against", Value::Stages(Arc::new(turned)))]));
    near(same.value, 0.0, 1e-12);
    let table = here("class_means", &[], vec![("x", stages(r.matrix("x", 6), r.labels()))]);
    let Ok(Value::Table(table)) = table else { panic!() };
    let rows: Vec<usize> = (0..40).step_by(3).collect();
    near(Table::numbers(&table, "unit_2").unwrap()[0], r.matrix("x", 6).select(Axis(0), &rows).column(2).mean().unwrap(), 1e-14);
}

/// Writes a `.npy` file of 64-bit floats.
fn save(path: PathBuf, shape: &str, fortran: bool, numbers: &[f64]) {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}, }}");
    let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(path, [start, bytes].concat()).unwrap();
}

fn at(name: &str) -> (&'static str, Static) {
    ("at", make("at", &[("name", text(name)), ("index", Static::Number(0.0))]))
}

#[test]
fn activations_are_read_as_stated() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, shape: &str, fortran: bool, numbers: &[f64]| save(dir.path().join(name), shape, fortran, numbers);
    put("s10.npy", "(3, 2)", false, &[1., 2., 3., 4., 5., 6.]);
    put("s9.npy", "(3, 2)", true, &[1., 3., 5., 2., 4., 6.]);
    put("labels.npy", "(3,)", false, &[0., 1., 1.]);
    let list =
        |rows: &str, stage: &str| vec![("path", text("s*.npy")), ("rows", word(rows)), ("labels", text("labels.npy")), at(stage)];
    let facts = |list: &[(&str, Static)]| {
        crate::plan::facts::Planned::facts(
            &load::LoadStages,
            &settings("load_stages", list),
            &[],
            Some(&Files::new(dir.path(), &[])),
        )
    };
    let whole = facts(&list("examples", "s9")[..3]).unwrap();
    assert_eq!(whole.coordinates.unwrap(), ["s9", "s10"]);
    assert_eq!((whole.rows, whole.dim, whole.files.len()), (Some(3), Some(2), 3));
    assert_eq!(whole.class_sizes.unwrap(), [1, 2]);
    let read = |list: &[(&str, Static)]| run("load_stages", list, vec![], dir.path());
    let (c, f) = (as_stages(read(&list("examples", "s10"))), as_stages(read(&list("examples", "s9"))));
    assert_eq!((&c.x, c.labels.as_slice()), (&f.x, &[0, 1, 1][..]));
    assert_eq!(c.x, ndarray::arr2(&[[1., 2.], [3., 4.], [5., 6.]]));
    let turned = facts(&list("units", "s9")).unwrap_err();
    assert!(turned.message.contains("2 examples x 3 units, and there are 3 labels") && turned.parameter == Some("rows"));
    let units = as_stages(read(&[("path", text("s9.npy")), ("rows", word("units"))]));
    assert_eq!(units.x, c.x.t());
    put("bad.npy", "(2, 3)", false, &[0., 0., 0., 0., 0., f64::NAN]);
    let said = message(read(&[("path", text("bad.npy")), ("rows", word("examples"))]));
    assert!(said.contains("NaN at row 1, column 2"), "{said}");
    assert!(message(read(&[("path", text("labels.npy")), ("rows", word("examples"))])).contains("[3]"));
}

#[test]
fn maps_are_pooled_over_positions() {
    let dir = tempfile::tempdir().unwrap();
    save(dir.path().join("m.npy"), "(1, 2, 1, 3)", false, &[1., 2., 6., 10., 20., 60.]);
    let read = |layout: &str, pool: &str| {
        let list = [("path", text("m.npy")), ("rows", word("examples")), ("layout", word(layout)), ("pool", word(pool))];
        run("load_stages", &list, vec![], dir.path())
    };
    assert_eq!(as_stages(read("nchw", "mean")).x, ndarray::arr2(&[[3., 30.]]));
    assert_eq!(as_stages(read("nchw", "max")).x, ndarray::arr2(&[[6., 60.]]));
    assert_eq!(as_stages(read("nhwc", "mean")).x, ndarray::arr2(&[[5.5, 11., 33.]]));
    assert_eq!(as_stages(read("nhwc", "flatten")).x, ndarray::arr2(&[[1., 2., 6., 10., 20., 60.]]));
    assert!(message(read("matrix", "mean")).contains("not stated"));
}

#[test]
fn an_archive_of_several_arrays_is_several_stages() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/data");
    let list = [("path", text("stages.npz")), ("rows", word("examples")), ("labels", text("stages.npz:labels"))];
    let files = Files::new(&dir, &[]);
    let facts =
        crate::plan::facts::Planned::facts(&load::LoadStages, &settings("load_stages", &list), &[], Some(&files)).unwrap();
    assert_eq!((facts.coordinates.unwrap(), facts.rows, facts.dim), (vec!["s2".to_string(), "s10".to_string()], Some(3), None));
    let with = |stage| [list.to_vec(), vec![at(stage)]].concat();
    let s10 = as_stages(run("load_stages", &with("s10"), vec![], &dir));
    assert_eq!((s10.x.dim(), s10.x[[1, 1]], s10.labels.as_slice()), ((3, 2), 1.0, &[0, 1, 1][..]));
    let named = [list.to_vec(), vec![("array", text("s2"))]].concat();
    assert_eq!(as_stages(run("load_stages", &named, vec![], &dir)).x.dim(), (3, 4));
}

#[test]
fn published_activations_open() {
    let root = match std::env::var_os("CFX_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if !root.join("activations").is_dir() {
        println!("skipped: no real data at {} (set CFX_DATA)", root.display());
        return;
    }
    let list = |stage: &str| [("path", text("activations/svcca_mnist_*.npy")), ("rows", word("units")), at(stage)];
    let read = |stage: &str| run("load_stages", &list(stage), vec![], &root).unwrap();
    let (a, b) = (read("svcca_mnist_lay04_model0"), read("svcca_mnist_lay04_model1"));
    let cca = [("variant", word("mean")), ("tolerance", Static::Number(1e-6)), ("permutations", Static::Number(3.0))];
    // Two networks' ten outputs, neurons x points (published with Raghu et al. 2017); the values are NumPy's.
    let value = run("cca", &cca, vec![("x", a), ("against", b)], &root).unwrap();
    near(field(&value, "similarity"), 0.705_726_313_659, 1e-9);
    near(field(&value, "largest"), 0.946_245_923_820, 1e-9);
    assert!(field(&value, "null") < 0.05, "{value:?}");
}

#[test]
fn damaged_activations_are_refused_when_planned() {
    let dir = tempfile::tempdir().unwrap();
    let plan = |rows: &str| {
        let list = settings("load_stages", &[("path", text("*.npy")), ("rows", word(rows)), ("layout", word("nchw"))]);
        crate::plan::facts::Planned::facts(&load::LoadStages, &list, &[], Some(&Files::new(dir.path(), &[])))
    };
    for shape in ["(4294967296, 4294967296)", "(1099511627776, 3)", "(0, 1099511627776)", "(2, 2, 2, 99999999)", "(3, 3)", "()"] {
        save(dir.path().join("x.npy"), shape, false, &[0.0; 4]);
        assert!(plan("examples").is_err() && plan("units").is_err(), "{shape}");
    }
    std::fs::write(dir.path().join("x.npz"), b"no archive").unwrap();
    save(dir.path().join("x.npy"), "(2, 2)", false, &[0.0; 4]);
    let why = plan("examples").expect_err("a matrix has no layout of positions");
    assert!(why.parameter == Some("layout") && why.message.contains("no positions to pool"), "{}", why.message);
    save(dir.path().join("y.npy"), "(2, 2, 1, 1)", false, &[0.0; 4]);
    assert!(plan("examples").is_ok(), "of several files some may be matrices");
}
