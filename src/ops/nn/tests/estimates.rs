//! Estimates against the processor time that runs took: one core of a server of 2023 (AVX-512), release build, one thread, start of the program included.

use crate::api::{self, Registry, Source};
use crate::lang::Static;
use crate::ops::nn::cost::{batch_seconds, sweep_seconds};
use crate::ops::nn::steps::Purpose;
use std::path::Path;

/// How far an estimate may be from what was measured, on either side.
const WITHIN: f64 = 2.5;

/// Writes an array of bytes with a header of NumPy's.
fn array(path: &Path, shape: &str, count: usize) {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{:<117}\n", format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"));
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..count).map(|i| (i % 10) as u8));
    std::fs::write(path, bytes).unwrap();
}

/// Returns the seconds that a script is expected to take.
fn planned(body: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    array(&folder.path().join("x.npy"), "(1000, 32, 32, 3)", 3_072_000);
    array(&folder.path().join("y.npy"), "(1000,)", 1000);
    let text = format!(
        "cfx 1\nexperiment \"t\" {{ seed: 1 }}\nuse std.data {{ digits, arrays }}\nuse std.networks {{ mlp, tiny_resnet, resnet18, vgg11, vit_s }}\n\
         dataset d = digits()\ndataset c = arrays(\"x.npy\", labels: \"y.npy\", layout: nhwc, divisor: 255)\n\
         dataset few = sample(c, 256)\ndataset test = sample(c, 500)\n{body}"
    );
    let registry = Registry::standard();
    let source = Source::text("test.cfx", &text, folder.path());
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
    graph.cells.iter().map(|c| c.cost.seconds).sum()
}

#[test]
fn estimates_are_near_what_runs_took() {
    let small = "model m = untrained(mlp(hidden: [64, 64]), d)\n";
    let tiny = "model m = untrained(tiny_resnet(width: 8), d)\n";
    let narrow = "model m = untrained(tiny_resnet(width: 4), d)\n";
    let deep = "model m = untrained(resnet18(stem: cifar), c)\n";
    let cases: [(&str, &str, f64); 19] = [
        ("", "model m = train(mlp(hidden: [32]), d.train) { epochs: 100, batch: 32, rate: 0.05 }", 0.18),
        ("", "model m = train(mlp(hidden: [256, 256]), d.train) { epochs: 40, batch: 256, rate: 0.05 }", 0.39),
        ("", "model m = train(tiny_resnet(width: 8), d.train) { epochs: 6, batch: 64, rate: 0.05 }", 0.51),
        (
            "",
            "model m = train(tiny_resnet(width: 8), d.train) { epochs: 3, batch: 64, optimizer: sam(), augment: [crop(pad: 1), gaussian_noise(0.1)] }",
            0.51,
        ),
        (
            "",
            "model m = train(tiny_resnet(width: 4), d.train) { epochs: 4, batch: 64, record: [accuracy(d.train), loss(d.test), input_gradient] }",
            0.51,
        ),
        ("", "model m = train(resnet18(stem: cifar), few) { epochs: 1, batch: 64, rate: 0.01 }", 7.37),
        ("", "model m = train(vgg11, few) { epochs: 2, batch: 64, rate: 0.01 }", 4.34),
        ("", "model m = train(vit_s(patch: 4), sample(c, 64)) { epochs: 1, batch: 32, rate: 0.001 }", 8.26),
        (small, "analysis a = ablate(m, d.train, order: random(50))", 0.71),
        (tiny, "analysis a = ablate(m, d.train, order: random(4))", 1.74),
        (tiny, "analysis a = ablate_each(m, d.train, at: all)", 0.26),
        (small, "analysis a = perturb(m, d.train, draws: 50)", 1.04),
        (tiny, "analysis a = perturb(m, d.train, draws: 2)", 0.53),
        (
            "model m = untrained(mlp(hidden: [64]), d)\n",
            "analysis a = certify(m, d.test) { sigma: 0.5, n: 20k, examples: 40 }",
            0.75,
        ),
        (narrow, "analysis a = certify(m, d.test) { sigma: 0.5, n: 1k, examples: 40 }", 0.57),
        (deep, "analysis a = certify(m, test) { sigma: 0.5, n: 300, n0: 20, examples: 3 }", 8.09),
        (deep, "stages a = tap(m, test, at: [stage2], pool: mean)", 2.11),
        (deep, "analysis a = class_selectivity(m, test, at: [stage1, stage4])", 5.29),
        (deep, "analysis a = mutual_information(m, test, at: [stage1, stage4])", 5.96),
    ];
    for (model, body, took) in cases {
        let found = planned(&format!("{model}{body}\n"));
        println!("{found:8.2} of {took:5.2}: {body}");
        assert!(found < WITHIN * took && found > took / WITHIN, "{body}: {found} expected, {took} taken");
    }
}

#[test]
fn chosen_parts_are_estimated_by_the_most_that_they_can_be() {
    let train = |data: &str| planned(&format!("model m = train(tiny_resnet, {data}) {{ epochs: 20 }}\n"));
    let (whole, half) = (train("d.train"), train("subset(d.train, 50%)"));
    assert!(half < 0.7 * whole && half > 0.3 * whole);
    let u = "model u = untrained(mlp, d)\nanalysis l = example_loss(u, d.train)\n";
    let of = |data: &str| planned(&format!("{u}model m = train(tiny_resnet, {data}) {{ epochs: 20 }}\n"));
    for data in ["where(d.train, l > 2)", "d.train except lowest(l, 700, data: d.train)"] {
        let found = of(data);
        assert!(found > 0.4 * whole && found < 1.2 * whole, "{data}: {found} where the whole is {whole}");
    }
}

#[test]
fn minimal_filtering_shortens_estimates() {
    let folder = tempfile::tempdir().unwrap();
    array(&folder.path().join("x.npy"), "(2, 32, 32, 3)", 6144);
    array(&folder.path().join("y.npy"), "(2,)", 2);
    let net = |width: usize| {
        let text = format!(
            "cfx 1\nuse std.data {{ arrays }}\nuse std.networks {{ vgg11 }}\ndataset c = arrays(\"x.npy\", labels: \"y.npy\", layout: nhwc)\n\
             model m = untrained(vgg11(width: {width}), c)\n"
        );
        let registry = Registry::standard();
        let source = Source::text("test.cfx", &text, folder.path());
        let checked = api::check(&source, &registry);
        let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
        let found = graph.cells.iter().find_map(|c| match c.settings.find("network") {
            Some(Static::Net(net)) => Some(net.clone()),
            _ => None,
        });
        found.unwrap()
    };
    let speed = |width: usize| net(width).multiply_adds() as f64 / sweep_seconds(&net(width), Purpose::Evaluation, 256);
    // Multiples of 64 channels take fewer multiplications, those of 57 do not.
    assert!(speed(64) > 1.3 * speed(57), "{} and {}", speed(64), speed(57));
    let one = net(57);
    assert!(batch_seconds(&one, Purpose::Training, 64, None) > 2.0 * batch_seconds(&one, Purpose::Evaluation, 64, None));
}
