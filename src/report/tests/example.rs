//! A made-up run with something of everything, for tests.

use super::super::*;
use crate::base::{Hash, Hasher, Span};
use crate::engine::value::{Number, Pack, Scores, Stages, Truth};
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, Facts, Policy};
use crate::plan::graph::{Cell, Common, Declared, Entry, Graph, LabelledAxis, Slot};
use std::sync::Arc;

pub const SCRIPT: &str = "cfx 1\nexperiment \"A <b>bold</b> & 'quoted' report\" { seed: 7 }\ndataset data = digits()\nmodel net = train(tiny_resnet, data.train)\nstages reps = svd(tap(net, data.train), width: 8)\nstages null = matched_gaussian(reps, by: class)\ndensity p = dp_mixture(reps, by: class)\ndensity p0 = dp_mixture(null, like: p)\nanalysis logp = log_density(p, reps)\nanalysis logp0 = log_density(p0, null)\nanalysis modes = split_at_largest_gap(mean(logp[stage3], by: class))\nanalysis complexity = relative_entropy(p[stage3], draws: 10k)\nanalysis guess = generative_classification(reps, like: p, folds: 5)\nfigure \"Class log-densities by stage\" = profile(logp, against: logp0, facet: stage, groups: modes)\nfigure \"Complexity <script>alert(1)</script>\" = scatter(x: spread, y: complexity)\nclaim \"Classes separate with depth\" = guess.f_score[stage3] > guess.f_score[stage1]\nclaim \"Close call\" = a > b\n";

pub fn axis(name: &str, role: &str, n: usize) -> LabelledAxis {
    LabelledAxis {
        name: name.into(),
        role: role.into(),
        coordinates: (0..n).map(|i| if role == "class" { format!("class, {i}") } else { format!("{name}{}", i + 1) }).collect(),
        ..LabelledAxis::default()
    }
}

/// A run being made up.
#[derive(Default)]
pub struct Run {
    pub graph: Graph,
    pub values: Vec<Value>,
    pub records: Vec<CellRecord>,
}

impl Run {
    pub fn cell(&mut self, op: &str, at: Vec<(String, String)>, inputs: Vec<Entry>, value: Value) -> usize {
        let id = self.graph.cells.len();
        let common = Common {
            op: op.into(),
            version: 1,
            settings: Settings(vec![("width".into(), Static::Number(8.0))]).into(),
            files: if op == "data" {
                vec![crate::plan::seen::Seen::named("digits.csv", Hash::of(b"digits"))].into()
            } else {
                vec![].into()
            },
            facts: Facts::default().into(),
            cost: Cost { seconds: 1.25, memory: 1e6, disk: 1e3 },
            at_most: false,
            on_device: 0.0,
            share: None,
            policy: Policy::Stored,
            label: op.into(),
            span: Span::default(),
            places: Vec::new().into(),
        };
        self.graph.cells.push(Cell {
            common: common.into(),
            inputs: vec![("x".into(), Slot { axes: vec![].into(), entries: inputs })].into(),
            stream: None,
            at: at.into(),
            key: Hasher::new("t").int(id as u64).finish(),
        });
        let outcome = match &value {
            Value::Absent(why) if why.contains("failed") => {
                Outcome::Failed { message: why.clone(), help: Some("use <fewer> draws".into()) }
            }
            Value::Absent(why) => Outcome::Absent(why.clone()),
            _ => Outcome::Computed,
        };
        self.records.push(CellRecord {
            outcome,
            content: Some(Hash::of(&[id as u8])),
            device: "cpu".into(),
            seconds: 1.5,
            memory: 2e6,
            disk: 3e3,
        });
        self.values.push(value);
        id
    }

    pub fn declare(
        &mut self,
        keyword: &str,
        name: &str,
        kind: &str,
        axes: Vec<LabelledAxis>,
        inputs: &[usize],
        value: impl Fn(usize) -> Value,
    ) {
        let start =
            SCRIPT.find(&format!("{keyword} {name} ")).or_else(|| SCRIPT.find(&format!("{keyword} \"{name}\""))).unwrap_or(0);
        let source = SCRIPT[start..].lines().next().unwrap_or("").to_string();
        let n: usize = axes.iter().map(|a| a.coordinates.len()).product();
        let entries = (0..n)
            .map(|i| Entry::Cell(self.cell(name, vec![], inputs.iter().map(|c| Entry::Cell(*c)).collect(), value(i))))
            .collect();
        let span = Span::new(100 + start, 100 + start + source.len());
        self.graph.values.push(Declared {
            keyword: keyword.into(),
            name: name.into(),
            kind: kind.into(),
            source,
            span,
            doc: None,
            axes: axes.into(),
            entries,
        });
    }

    pub fn last(&self) -> usize {
        self.graph.cells.len() - 1
    }
}

pub fn scores(n: usize, shift: f64) -> Value {
    Value::Scores(Arc::new(Scores {
        values: (0..n).map(|i| if i == 3 { f64::NAN } else { (i % 10) as f64 + shift + 0.1 * (i as f64).sin() }).collect(),
        ids: Arc::new((0..n as u32).map(|i| i * 2).collect()),
        labels: Arc::new((0..n as u32).map(|i| i % 10).collect()),
        classes: (0..10).map(|i| format!("class, {i}")).collect(),
        ..Scores::default()
    }))
}

pub fn drawing(op: &str, inputs: Vec<(&str, crate::engine::kernel::Labelled)>, title: &str) -> Value {
    let facet = Static::Make(
        "axis".into(),
        vec![("name".into(), Static::Word("stage".into())), ("role".into(), Static::Word("stage".into()))],
    );
    let job = crate::engine::Job {
        op: op.into(),
        settings: Settings(vec![
            ("facet".into(), facet),
            ("title".into(), Static::Text(title.into())),
            ("names".into(), Static::Map(Vec::new())),
        ]),
        inputs: inputs.into_iter().map(|(n, l)| (n.to_string(), l)).collect(),
        stream: crate::base::Stream::root(0),
        at: vec![],
    };
    let all = kernels();
    let kernel = all.iter().find(|(n, _)| *n == op).map(|(_, k)| k).expect("a kernel");
    kernel.run(&job, &crate::engine::kernel::Quiet::default()).expect("drawn")
}

pub fn example() -> Run {
    let mut run = Run::default();
    run.graph.title = "A <b>bold</b> & 'quoted' report".into();
    run.graph.seed = 7;
    let stage = || axis("stage", "stage", 3);
    let class = || axis("class", "class", 10);
    run.declare("dataset", "data", "dataset", vec![], &[], |_| Value::Absent("held elsewhere".into()));
    let data = run.last();
    run.records[data].outcome = Outcome::Stored;
    run.declare("model", "net", "model", vec![], &[data], |_| Value::Absent("weights were not kept".into()));
    let net = run.last();
    run.records[net].outcome = Outcome::Computed;
    run.declare("stages", "reps", "stages", vec![stage()], &[net, data], |i| {
        let x = ndarray::Array2::from_shape_fn((4, 2 + i / 2), |(r, c)| (10 * i + 2 * r + c) as f64);
        Value::Stages(Arc::new(Stages {
            x,
            ids: Arc::new(vec![1, 2, 5, 9]),
            labels: Arc::new(vec![]),
            classes: vec![],
            numbered: false,
            notes: vec![],
        }))
    });
    let reps: Vec<usize> = (run.last() - 2..=run.last()).collect();
    run.declare("stages", "null", "stages", vec![stage()], &reps, |_| Value::Absent("held elsewhere".into()));
    let null = run.last();
    let pack = |i: usize| {
        let verdict = if i % 4 == 1 { "disagree" } else { "settled" };
        Value::Pack(Arc::new(Pack {
            kind: "density.dp".into(),
            meta: serde_json::json!({ "verdict": verdict, "r_hat": 1.0 + 0.01 * i as f64, "ess": 400 + i }),
            arrays: vec![],
        }))
    };
    run.declare("density", "p", "density", vec![stage()], &reps, pack);
    let p = run.last();
    run.declare("density", "p0", "density", vec![stage()], &[null, p], pack);
    let p0 = run.last();
    run.declare("analysis", "logp", "number per example", vec![stage()], &[p, reps[0]], |i| scores(60, i as f64));
    let logp = run.last();
    run.declare("analysis", "logp0", "number per example", vec![stage()], &[p0, null], |i| scores(60, 0.5 * i as f64));
    let logp0 = run.last();
    run.declare("analysis", "modes", "group", vec![class()], &[logp], |i| Value::Word(if i < 4 { "low" } else { "high" }.into()));
    let modes = run.last();
    run.declare("analysis", "complexity", "number", vec![class()], &[p], |i| match i {
        3 => Value::Absent("too few members".into()),
        5 => Value::Absent("it failed: not \"finite\"".into()),
        _ => Value::Number(Number::new(i as f64 / 3.0, Some(0.01), (i == 7).then_some(9))),
    });
    let complexity = run.last();
    run.declare("analysis", "guess", "{ f_score, accuracy }", vec![stage()], &reps, |i| {
        Value::Record(vec![
            ("f_score".into(), Value::Number(Number::exact(0.5 + 0.1 * i as f64))),
            ("accuracy".into(), Value::Number(Number::estimate(0.6, 0.02))),
        ])
    });
    let guess = run.last();
    let labelled = |shift: f64| crate::engine::kernel::Labelled {
        axes: vec![stage()],
        values: (0..3).map(|i| scores(60, shift * i as f64)).collect(),
    };
    let groups = crate::engine::kernel::Labelled {
        axes: vec![class()],
        values: (0..10).map(|i| Value::Word(if i < 4 { "low" } else { "high" }.into())).collect(),
    };
    run.declare("figure", "Class log-densities by stage", "figure", vec![], &[logp, logp0, modes], |_| {
        drawing(
            "profile",
            vec![("x", labelled(1.0)), ("against", labelled(0.5)), ("groups", groups.clone())],
            "Class log-densities by stage",
        )
    });
    run.declare("figure", "Complexity <script>alert(1)</script>", "figure", vec![], &[complexity], |_| {
        Value::Absent("nothing to draw: <too few>".into())
    });
    run.declare("claim", "Classes separate with depth", "truth", vec![], &[guess], |_| {
        Value::Truth(Truth {
            holds: true,
            within_error: false,
            no_error: false,
            text: "0.70 ± 0.02 > 0.50 ± 0.02 && \"x\" < 3".into(),
        })
    });
    run.declare("claim", "Close call", "truth", vec![], &[guess], |_| {
        Value::Truth(Truth { holds: true, within_error: true, no_error: false, text: "0.51 ± 0.02 > 0.50 ± 0.02".into() })
    });
    run
}

pub fn with_input<T>(run: &Run, f: impl FnOnce(&ReportInput) -> T) -> T {
    let value = |e: &Entry| match e {
        Entry::Cell(id) => run.values[*id].clone(),
        Entry::Number(x) => Value::Number(Number::exact(*x)),
        Entry::Truth(b) => Value::Truth(Truth { holds: *b, within_error: false, no_error: false, text: String::new() }),
        Entry::Word(w) => Value::Word(w.clone()),
        Entry::Absent(why) => Value::Absent(why.clone()),
    };
    let script = Script { name: "quickstart/exp.cfx".into(), text: SCRIPT.into(), base: 100, lock: None };
    let build = Build { version: "0.1.0".into(), devices: vec!["x86-64 AVX2, gemm".into()], ..Build::default() };
    f(&ReportInput {
        graph: &run.graph,
        value: &value,
        records: &run.records,
        script,
        build,
        weights: None,
        largest_array: 1 << 28,
        inputs: Default::default(),
    })
}

pub fn declared<'a>(run: &'a Run, name: &str) -> &'a Declared {
    run.graph.values.iter().find(|v| v.name == name).expect("declared")
}

pub fn values(run: &Run, name: &str, input: &ReportInput) -> Vec<Value> {
    declared(run, name).entries.iter().map(input.value).collect()
}

pub fn all_arrays(run: &Run, name: &str, input: &ReportInput, largest: u64) -> Vec<arrays::NamedArray> {
    let mut out = Vec::new();
    let put = &mut |array| {
        out.push(array);
        Ok(())
    };
    arrays::arrays(declared(run, name), &values(run, name, input), &[], largest, put).expect("nothing to go wrong");
    out
}
