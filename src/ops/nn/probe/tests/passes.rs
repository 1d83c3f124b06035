//! Passes with changed units against passes with changed weights; stops, threads, and a classifier whose radii are known.

use crate::base::Stream;
use crate::engine::kernel::{Job, Labelled, LabelledAxis, Quiet};
use crate::engine::value::{Dataset, Model, Table};
use crate::engine::{Failure, Value};
use crate::lang::net::ir::{LayerOp, Net, NodeId, Source};
use crate::lang::{Settings, Static};
use crate::ops::nn::evaluate::{open, outcome};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::probe::clamp::{Bench, Clamps};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::build::{Builder, bars, images, model, part, residual};
use crate::ops::nn::tests::running::{self, Stopping, kernel, make};
use crate::plan::facts::Facts;
use std::sync::Arc;

fn settings(op: &str, all: &[(&str, Static)]) -> Settings {
    job(op, Vec::new(), all).settings
}

pub fn job(op: &str, inputs: Vec<(&str, Value)>, given: &[(&str, Static)]) -> Job {
    running::job(op, inputs, given, 5)
}

pub fn on(op: &str, model: &Arc<Model>, data: &Arc<Dataset>, given: &[(&str, Static)]) -> Job {
    running::on(op, model, data, given, 5)
}

pub fn run(job: &Job) -> Value {
    kernel(&job.op).run(job, &Quiet::default()).unwrap()
}

pub fn table(value: &Value) -> Arc<Table> {
    match value {
        Value::Table(t) => t.clone(),
        other => panic!("a {}", other.word()),
    }
}

pub fn member(value: &Value, name: &str) -> Value {
    match value {
        Value::Record(parts) => parts.iter().find(|(n, _)| n == name).unwrap().1.clone(),
        other => panic!("a {}", other.word()),
    }
}

pub fn number(value: &Value) -> f64 {
    match value {
        Value::Number(n) => n.value,
        other => panic!("a {}", other.word()),
    }
}

fn scores(value: &Value) -> Vec<f64> {
    match value {
        Value::Scores(s) => s.values.clone(),
        other => panic!("a {}", other.word()),
    }
}

fn train(net: &Arc<Net>, data: &Arc<Dataset>, epochs: f64, seed: u64) -> Arc<Model> {
    let given = [
        ("network", Static::Net(net.clone())),
        ("epochs", Static::Number(epochs)),
        ("batch", Static::Number(16.0)),
        ("optimizer", make("sgd", &[("momentum", Static::Number(0.9))])),
        ("rate", Static::Number(0.03)),
    ];
    let mut job = job("train", vec![("data", Value::Dataset(data.clone()))], &given);
    job.stream = Stream::root(seed);
    match run(&job) {
        Value::Model(m) => m,
        other => panic!("a {}", other.word()),
    }
}

/// A perceptron with two hidden layers, tapped after each ReLU.
fn perceptron(widths: [usize; 2]) -> Arc<Net> {
    let mut b = Builder::new(&[8, 8, 1]);
    let mut x = b.add(LayerOp::Flatten, &[Source::Input]);
    for (width, name) in widths.into_iter().zip(["hidden1", "hidden2"]) {
        x = b.linear(x, width);
        x = b.add(LayerOp::Relu, &[x]);
        b.tap(name, x);
    }
    b.linear(x, 3);
    b.finish()
}

/// A network whose tap lies inside a residual block, beside a shortcut.
fn bypassed() -> Arc<Net> {
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.conv(Source::Input, 4, 3, 1);
    let x = b.norm(x);
    let first = b.add(LayerOp::Relu, &[x]);
    let y = b.conv(first, 4, 3, 1);
    let y = b.norm(y);
    let inside = b.add(LayerOp::Relu, &[y]);
    b.tap("inside", inside);
    let z = b.conv(inside, 4, 3, 1);
    let z = b.norm(z);
    let x = b.add(LayerOp::Add, &[z, first]);
    let x = b.add(LayerOp::Relu, &[x]);
    let x = b.add(LayerOp::GlobalMean, &[x]);
    b.linear(x, 3);
    b.finish()
}

pub fn at(name: &str) -> Static {
    make("at", &[("name", Static::Text(name.into()))])
}

pub fn random(count: f64) -> Static {
    make("random", &[("count", Static::Number(count))])
}

/// The model with some weights replaced.
fn changed(model: &Model, path: &str, f: impl Fn(usize, f32) -> f32) -> Model {
    let mut weights = model.weights.to_vec();
    let (_, _, x) = weights.iter_mut().find(|w| w.0 == path).unwrap();
    x.iter_mut().enumerate().for_each(|(i, x)| *x = f(i, *x));
    Model { weights: Arc::new(weights), ..model.clone() }
}

fn accuracy(model: &Model, data: &Dataset) -> f64 {
    let mut network = open(model, Purpose::Evaluation, &[model.net.output], data.len(), &Place::Host).unwrap();
    outcome(&mut network, data, &Quiet::default()).unwrap().accuracy(data)
}

#[test]
fn without_a_change_every_bit_is_the_same() {
    let data = bars(70, 8, 1);
    for net in [residual(&[8, 8, 1], [4, 6], 3), bypassed()] {
        let model = train(&net, &data, 1.0, 1);
        for node in net.taps.iter().map(|t| t.1) {
            let keep = Network::needed_after(&net, node);
            let mut bench = Bench::open(&model, &data, &keep, &Place::Host).unwrap();
            let mut plain = open(&model, Purpose::Evaluation, &keep, data.len(), &Place::Host).unwrap();
            let loader = crate::ops::nn::batches::Loader::new(&data);
            let rows: Vec<usize> = (0..plain.capacity().min(data.len())).collect();
            loader.fill(&rows, &[], Stream::root(0), plain.input_mut(rows.len()));
            plain.forward(rows.len(), Stream::root(0));
            bench.batch(0, &[], &|_, _, _| {}).expect("a batch");
            let bits = |network: &Network, node: NodeId| network.value(node).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let before = bits(&plain, net.output);
            assert!(before == bits(&bench.network, net.output));
            // Once more from the tap on, also after what comes later has been overwritten.
            let responses = bench.network.value(node).to_vec();
            bench.network.set_value(node, &vec![3.0; responses.len()]);
            bench.network.resume(node);
            assert!(before != bits(&bench.network, net.output));
            bench.network.set_value(node, &responses);
            bench.network.resume(node);
            assert!(before == bits(&bench.network, net.output));
        }
    }
}

#[test]
fn an_ablated_unit_is_one_whose_outgoing_weights_are_zero() {
    let all = bars(120, 8, 2);
    let net = perceptron([6, 3]);
    let model = train(&net, &part(&all, 0..60), 4.0, 1);
    let each = table(&run(&on("ablate_each", &model, &all, &[("at", at("hidden2"))])));
    let (without, drop) = (each.numbers("accuracy").unwrap(), each.numbers("drop").unwrap());
    let base = accuracy(&model, &all);
    assert!(drop.iter().any(|d| *d > 0.0), "{drop:?}");
    for unit in 0..3 {
        // The weight of the last layer is [3, 3].
        let cut = changed(&model, "layer5.weight", |i, w| if i % 3 == unit { 0.0 } else { w });
        assert!((accuracy(&cut, &all) - without[unit]).abs() < 1e-12, "unit {unit}");
        assert!((base - without[unit] - drop[unit]).abs() < 1e-12);
    }
    // At the mean, what the unit put out goes into the bias of the next layer.
    let mut bench = Bench::open(&model, &all, &[net.taps[1].1], &Place::Host).unwrap();
    let moments = bench.moments(&[net.taps[1].1], &Quiet::default()).unwrap()[&net.taps[1].1].clone();
    let stages = run(&on("tap", &model, &all, &[("at", at("hidden2"))]));
    let Value::Stages(stages) = stages else { panic!("stages") };
    for (unit, (mean, variance)) in moments.iter().enumerate() {
        let column = stages.x.column(unit);
        let m = column.mean().unwrap();
        assert!((m - mean).abs() < 1e-9 && (column.mapv(|x| (x - m).powi(2)).mean().unwrap() - variance).abs() < 1e-9);
    }
    let at_mean = table(&run(&on("ablate_each", &model, &all, &[("at", at("hidden2")), ("clamp", Static::Word("mean".into()))])));
    for unit in 0..3 {
        let weight = model.weights.iter().find(|w| w.0 == "layer5.weight").unwrap().2.clone();
        let cut = changed(&model, "layer5.weight", |i, w| if i % 3 == unit { 0.0 } else { w });
        let cut = changed(&cut, "layer5.bias", |i, b| b + weight[i * 3 + unit] * moments[unit].0 as f32);
        assert!((accuracy(&cut, &all) - at_mean.numbers("accuracy").unwrap()[unit]).abs() < 1e-12, "unit {unit}");
    }
}

#[test]
fn going_on_from_a_layer_agrees_with_whole_passes() {
    let data = bars(90, 8, 3);
    let net = bypassed();
    let model = train(&net, &data, 2.0, 2);
    let each = table(&run(&on("ablate_each", &model, &data, &[("at", at("inside"))])));
    let node = net.taps[0].1;
    let mut bench = Bench::open(&model, &data, &[node], &Place::Host).unwrap();
    for unit in 0..4 {
        let mut clamps = Clamps::default();
        clamps.hold(&net, (node, unit), 0.0);
        let hits = bench.hits(&Quiet::default(), &[node], &|_, n, out| clamps.apply(n, out)).unwrap();
        assert_eq!(hits as f64 / 90.0, each.numbers("accuracy").unwrap()[unit]);
    }
}

fn ablation(model: &Arc<Model>, data: &Arc<Dataset>) -> Job {
    let given = [
        ("order", random(3.0)),
        ("steps", Static::Number(5.0)),
        ("clamp", Static::Word("mean".into())),
        ("at", Static::Word("all".into())),
    ];
    on("ablate", model, data, &given)
}

#[test]
fn ablation_goes_from_the_whole_network_to_a_constant() {
    let all = bars(120, 8, 4);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let model = train(&net, &part(&all, 0..90), 3.0, 3);
    let t = table(&run(&ablation(&model, &all)));
    let (fraction, accuracies) = (t.numbers("fraction").unwrap(), t.numbers("accuracy").unwrap());
    assert_eq!(t.numbers("ablated").unwrap()[..6], [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    assert_eq!(t.rows(), 18);
    for order in 0..3 {
        assert_eq!((fraction[6 * order], fraction[6 * order + 5]), (0.0, 1.0));
        assert_eq!(accuracies[6 * order], accuracy(&model, &all));
        // All units held: the same answer for every example, and classes are equally frequent.
        assert!((accuracies[6 * order + 5] - 1.0 / 3.0).abs() < 1e-12);
    }
    assert!(accuracies[1..5] != accuracies[7..11], "orders differ");
    let mut named = ablation(&model, &all);
    named.settings.0.retain(|s| s.0 != "at");
    named.settings.0.push(("at".into(), Static::List(vec![Static::Word("stage2".into())])));
    assert_eq!(table(&run(&named)).numbers("ablated").unwrap()[5], 6.0);
}

#[test]
fn noise_of_scale_zero_changes_nothing_and_much_noise_does() {
    let all = bars(90, 8, 5);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let model = train(&net, &all, 3.0, 4);
    let scales = Static::List([0.0, 0.2, 20.0].map(Static::Number).to_vec());
    let t = table(&run(&on("perturb", &model, &all, &[("scale", scales), ("draws", Static::Number(2.0))])));
    let a = t.numbers("accuracy").unwrap();
    assert_eq!((t.rows(), a[0], a[3]), (6, accuracy(&model, &all), accuracy(&model, &all)));
    assert!(a[1] > a[2] && a[2] < 0.7, "{a:?}");
}

/// Two classes, told apart by a plane: f1 - f0 = 2 (w x + b).
pub fn plane(w: &[f32], b: f32) -> Arc<Model> {
    let mut builder = Builder::new(&[w.len()]);
    builder.linear(Source::Input, 2);
    let weight = w.iter().map(|x| -x).chain(w.iter().copied()).collect();
    let weights = vec![("layer0.weight".into(), vec![2, w.len()], weight), ("layer0.bias".into(), vec![2], vec![-b, b])];
    model(&builder.finish(), weights, &["below", "above"])
}

pub fn points(x: &[[f32; 2]], labels: &[u32]) -> Arc<Dataset> {
    images(&[2], x.iter().flatten().copied().collect(), labels.to_vec(), 2)
}

fn certification(n: f64, batch: f64) -> (Job, Vec<f64>) {
    // w = (3, 4): distances are (3 x + 4 y - 1) / 5.
    let x = [[1.0, 0.0], [0.0, 0.5], [0.2, 0.4], [1.0, 1.0], [0.2, 0.1], [-1.0, 0.0], [2.0, 3.0]];
    let distances = x.map(|p: [f32; 2]| (3.0 * p[0] as f64 + 4.0 * p[1] as f64 - 1.0) / 5.0);
    let data = points(&x, &[1, 1, 1, 0, 0, 0, 1]);
    let given = [
        ("sigma", Static::Number(0.5)),
        ("n0", Static::Number(64.0)),
        ("n", Static::Number(n)),
        ("alpha", Static::Number(0.001)),
        ("batch", Static::Number(batch)),
        ("examples", Static::Number(0.0)),
    ];
    (on("certify", &plane(&[3.0, 4.0], -1.0), &data, &given), distances.to_vec())
}

#[test]
fn radii_of_a_plane_come_close_to_its_distance_and_never_pass_it() {
    let (job, distances) = certification(20_000.0, 1000.0);
    let value = run(&job);
    let t = table(&member(&value, "table"));
    let (radius, predict, correct) = (t.numbers("radius").unwrap(), t.numbers("predict").unwrap(), t.numbers("correct").unwrap());
    for (i, d) in distances.iter().enumerate() {
        if d.abs() < 1e-6 {
            // On the plane both classes have probability 1/2.
            assert!(predict[i].is_nan() && radius[i].is_nan() && correct[i] == 0.0);
            continue;
        }
        assert_eq!(predict[i], (*d > 0.0) as u8 as f64);
        assert!(radius[i] <= d.abs(), "{} at the distance {d}", radius[i]);
        // 20,000 draws cannot say more than 1.7 about; nearer than 0.7 the bound is close.
        assert!(d.abs() > 0.7 || radius[i] > d.abs() - 0.05, "{} at the distance {d}", radius[i]);
    }
    let answered = distances.iter().filter(|d| d.abs() > 1e-6).count() as f64;
    assert!((number(&member(&value, "answered")) - answered / 7.0).abs() < 1e-12);
    assert!((number(&member(&value, "accuracy")) - correct.iter().sum::<f64>() / 7.0).abs() < 1e-12);
    assert!((number(&member(&value, "radius")) - radius.iter().filter(|r| !r.is_nan()).sum::<f64>() / answered).abs() < 1e-12);
    assert!(number(&member(&value, "f_score")) <= 1.0);
}

#[test]
fn draws_do_not_depend_on_the_size_of_batches() {
    let tables = [7.0, 100.0, 1e6].map(|batch| table(&member(&run(&certification(500.0, batch).0), "table")));
    // Written out, so that missing numbers are equal.
    let tables = tables.map(|t| format!("{t:?}"));
    assert!(tables[0] == tables[1] && tables[0] == tables[2]);
}

#[test]
fn settings_that_cannot_be_are_refused_before_the_run() {
    let refuse = |op: &str, given: &[(&str, Static)], parameter: &str| {
        let facts = Facts {
            taps: vec![("stage1".into(), vec![4, 4, 8]), ("stage2".into(), vec![2, 2, 16])],
            rows: Some(100),
            ..Facts::default()
        };
        let inputs = [("net", vec![&facts]), ("data", vec![&facts])];
        let problem = kernel(op).facts(&settings(op, given), &inputs, None).unwrap_err();
        assert_eq!(problem.parameter, Some(parameter), "{problem:?}");
        format!("{} {}", problem.message, problem.help.unwrap())
    };
    let certify = |name: &str, x: f64| {
        let mut given =
            vec![("sigma", 0.5), ("n0", 100.0), ("n", 1000.0), ("alpha", 0.001), ("batch", 10.0)].into_iter().collect::<Vec<_>>();
        given.iter_mut().find(|g| g.0 == name).unwrap().1 = x;
        let given: Vec<_> = given.into_iter().map(|(n, x)| (n, Static::Number(x))).collect();
        refuse("certify", &given, name)
    };
    assert!(certify("n", 9.0).contains("at least 10 draws"));
    assert!(certify("sigma", 0.0).contains("standard deviation above 0"));
    assert!(certify("alpha", 1.0).contains("between 0 and 1/2"));
    certify("batch", 0.0);
    let words = |name: &str| Static::List(vec![Static::Word(name.into())]);
    let given = [("at", words("stage3")), ("order", random(1.0)), ("steps", Static::Number(1.0))];
    assert!(refuse("ablate", &given, "at").contains("did you mean `stage"));
    refuse("ablate", &[("order", random(0.0)), ("steps", Static::Number(1.0))], "order");
    refuse("ablate", &[("order", random(1.0)), ("steps", Static::Number(0.0))], "steps");
    refuse("perturb", &[("scale", Static::List(vec![Static::Number(-1.0)])), ("draws", Static::Number(1.0))], "scale");
    refuse("mutual_information", &[("at", at("stage1")), ("bins", Static::Number(1.0))], "bins");
    refuse("mutual_information", &[("at", at("stage1")), ("bins", Static::Number(101.0))], "bins");
    refuse("influence", &[("pairs", Static::Number(0.0))], "pairs");
}

/// Runs a job that is stopped again and again; says how often it was.
fn in_pieces(job: &Job, after: u64) -> (Value, usize) {
    let mut before: Option<Vec<u8>> = None;
    for stops in 0..1000 {
        let cx = Stopping::new(after, before.clone());
        match kernel(&job.op).run(job, &cx) {
            Err(Failure::Interrupted) => before = cx.kept.into_inner().unwrap().or(before),
            other => return (other.unwrap(), stops),
        }
    }
    panic!("it never ends")
}

#[test]
fn stopped_probes_go_on_and_threads_change_nothing() {
    let data = bars(300, 8, 6);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let model = train(&net, &data, 2.0, 5);
    let scales = Static::List([0.5, 1.0].map(Static::Number).to_vec());
    let jobs = [
        (ablation(&model, &data), 8),
        (on("ablate_each", &model, &data, &[("at", at("stage1"))]), 1),
        (on("perturb", &model, &data, &[("scale", scales), ("draws", Static::Number(3.0))]), 8),
        (certification(200.0, 64.0).0, 9),
    ];
    for (job, after) in jobs {
        let whole = run(&job);
        let words = format!("{whole:?}");
        let (pieces, stops) = in_pieces(&job, after);
        assert!(stops > 0 && format!("{pieces:?}") == words, "{} stopped {stops} times", job.op);
        for threads in [1, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(|| format!("{:?}", run(&job))) == words, "{} with {threads} threads", job.op);
        }
    }
}

fn over_trials(op: &str, net: Vec<Value>, others: Vec<(&str, Value)>, given: &[(&str, Static)]) -> Job {
    let mut job = job(op, others, given);
    let axis = LabelledAxis {
        name: "trial".into(),
        role: String::new(),
        coordinates: (0..net.len()).map(|i| i.to_string()).collect(),
        ..LabelledAxis::default()
    };
    job.inputs.push(("net".into(), Labelled { axes: vec![axis], values: net }));
    job
}

#[test]
fn memorization_of_bits_is_that_of_models_and_of_plain_scores() {
    let all = bars(96, 8, 7);
    let net = perceptron([6, 5]);
    let subset = |k: usize| {
        let ids: Vec<u32> = (0..72u32).filter(|i| (*i as usize * 7 + k * 5) % 10 < 7).collect();
        let labels = ids.iter().map(|i| all.labels[*i as usize]).collect();
        Arc::new(Dataset { source: all.source.clone(), ids: Arc::new(ids), labels: Arc::new(labels) })
    };
    let models: Vec<Arc<Model>> = (0..6).map(|k| train(&net, &subset(k), 1.0, k as u64)).collect();
    let (seen, unseen) = (part(&all, 0..72), part(&all, 72..96));
    let mut values: Vec<Value> = models.iter().map(|m| Value::Model(m.clone())).collect();
    values.push(Value::Absent("this trial failed".into()));
    let outcomes = |on: Option<&Arc<Dataset>>| -> Vec<Value> {
        let one = |m: &Arc<Model>| {
            let mut inputs = vec![("net", Value::Model(m.clone())), ("data", Value::Dataset(seen.clone()))];
            inputs.extend(on.map(|d| ("on", Value::Dataset(d.clone()))));
            run(&job("trial_outcome", inputs, &[]))
        };
        models.iter().map(one).collect()
    };
    let own = outcomes(None);
    assert_eq!(number(&member(&own[0], "members")), models[0].trained_on.len() as f64);
    assert!((number(&member(&own[0], "accuracy")) - accuracy(&models[0], &seen)).abs() < 1e-12);
    let data = || vec![("data", Value::Dataset(seen.clone()))];
    let from_models = scores(&run(&over_trials("memorization", values.clone(), data(), &[])));
    let from_bits = scores(&run(&over_trials("memorization", own.clone(), data(), &[])));
    let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert!(bits(&from_models) == bits(&from_bits));
    // By plain means of correctness.
    let correct: Vec<Vec<f64>> = models.iter().map(|m| scores(&run(&on("correct", m, &seen, &[])))).collect();
    for (i, score) in from_models.iter().enumerate() {
        let side = |inside: bool| {
            let right: Vec<f64> = models
                .iter()
                .zip(&correct)
                .filter(|(m, _)| m.trained_on.contains(&(i as u32)) == inside)
                .map(|(_, c)| c[i])
                .collect();
            right.iter().sum::<f64>() / right.len() as f64
        };
        let want = side(true) - side(false);
        assert!((want.is_nan() && score.is_nan()) || (want - score).abs() < 1e-12, "example {i}");
    }
    assert!(scores(&run(&over_trials("memorization_error", own.clone(), data(), &[]))).iter().all(|e| e.is_nan() || *e > 0.0));
    // Influence, from bits of both sets and from models.
    let both = || vec![("data", Value::Dataset(seen.clone())), ("on", Value::Dataset(unseen.clone()))];
    let pairs = [("pairs", Static::Number(25.0))];
    let strongest = table(&run(&over_trials("influence", values, both(), &pairs)));
    let from_bits = table(&run(&over_trials("influence", outcomes(Some(&unseen)), both(), &pairs)));
    assert!(strongest == from_bits && strongest.rows() == 25);
    let influence = strongest.numbers("influence").unwrap();
    assert!(influence.windows(2).all(|w| w[0] >= w[1]) && influence[0] > 0.0);
    // The same list whatever its length, and bits of other examples are refused.
    let more = table(&run(&over_trials("influence", outcomes(Some(&unseen)), both(), &[("pairs", Static::Number(400.0))])));
    assert!(
        more.numbers("influence").unwrap()[..25] == *influence
            && more.numbers("on").unwrap()[..25] == *strongest.numbers("on").unwrap()
    );
    let wrong = over_trials("memorization", own, vec![("data", Value::Dataset(unseen.clone()))], &[]);
    assert!(matches!(kernel("memorization").run(&wrong, &Quiet::default()), Err(Failure::Failed { help: Some(_), .. })));
}

#[test]
fn units_and_outputs_are_measured_on_taps() {
    let data = bars(90, 8, 8);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let (model, other) = (train(&net, &data, 3.0, 6), train(&net, &data, 3.0, 7));
    let selectivity = table(&run(&on("class_selectivity", &model, &data, &[("at", at("stage2"))])));
    let values = selectivity.numbers("selectivity").unwrap();
    assert!(values.len() == 6 && values.iter().all(|v| v.is_nan() || (0.0..=1.0).contains(v)), "{values:?}");
    let info = table(&run(&on("mutual_information", &model, &data, &[("at", at("stage2")), ("bins", Static::Number(6.0))])));
    let bits = info.numbers("information").unwrap();
    assert!(
        bits.len() == 6 && bits.iter().all(|b| (0.0..=3f64.log2() + 1e-9).contains(b)) && bits.iter().any(|b| *b > 0.2),
        "{bits:?}"
    );
    let divergence = |a: &Arc<Model>, b: &Arc<Model>| {
        let inputs = vec![
            ("net", Value::Model(a.clone())),
            ("against", Value::Model(b.clone())),
            ("inputs", Value::Dataset(data.clone())),
        ];
        let Value::Scores(each) = run(&job("output_divergence", inputs, &[])) else { panic!("scores") };
        assert_eq!((each.values.len(), each.labels.len()), (90, 90));
        each.values.iter().sum::<f64>()
    };
    assert_eq!(divergence(&model, &model), 0.0);
    assert!(divergence(&model, &other) > 0.0);
}
