//! Whole runs over candle's tensors beside those of the host, 16-bit numbers, and the same bits every time.

use super::accelerators;
use super::build::{bars, numbers, part, residual};
use super::running::{Stopping, bits, dropping, kernel, make, on, train, training};
use crate::base::Stream;
use crate::engine::kernel::Quiet;
use crate::engine::value::{Dataset, Model, Table};
use crate::engine::{Failure, Value};
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Net, Source};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::{Place, Precision};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::build::Builder;
use std::sync::Arc;

fn column<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    table.numbers(name).unwrap_or_else(|| panic!("no column {name}"))
}

/// Runs a kernel on a model and data at a device.
fn at(device: &str, op: &str, model: &Arc<Model>, data: &Arc<Dataset>, settings: &[(&str, Static)]) -> Value {
    kernel(op).run(&on(op, model, data, settings, 4), &Stopping::on(device, u64::MAX, None)).unwrap()
}

#[test]
fn training_on_candle_follows_the_host() {
    let data = bars(64, 8, 3);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let record = Static::List(vec![make("accuracy", &[("data", Static::Input("data".into()))]), make("input_gradient", &[])]);
    for optimizer in [make("sgd", &[("momentum", Static::Number(0.9))]), make("adamw", &[]), make("sam", &[])] {
        let rate = if matches!(&optimizer, Static::Make(name, _) if name == "adamw") { 1e-3 } else { 0.02 };
        let job = training(
            &net,
            &data,
            3.0,
            &[
                ("record", record.clone()),
                ("optimizer", optimizer),
                ("rate", Static::Number(rate)),
                ("clip", make("by_norm", &[("limit", Static::Number(2.0))])),
            ],
        );
        let host = train(&job, &Quiet::default()).unwrap();
        for device in accelerators() {
            let other = train(&job, &Stopping::on(&device, u64::MAX, None)).unwrap();
            for name in ["loss", "input_gradient"] {
                for (a, b) in column(&host.history, name).iter().zip(column(&other.history, name)) {
                    assert!((a - b).abs() < 2e-3 * a.abs(), "{device}, {name}: {b} where the host has {a}");
                }
            }
            let again = train(&job, &Stopping::on(&device, u64::MAX, None)).unwrap();
            assert!(bits(&other) == bits(&again), "{device}: the same bits every time");
        }
    }
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit_on_candle() {
    let data = bars(50, 8, 3);
    let net = dropping();
    for device in accelerators() {
        for precision in ["f32", "bf16"] {
            let extra = [("precision", Static::Word(precision.into())), ("rate", Static::Number(0.01))];
            let job = training(&net, &data, 3.0, &extra);
            let whole = train(&job, &Stopping::on(&device, u64::MAX, None)).unwrap();
            for after in [2, 5] {
                let first = Stopping::on(&device, after, None);
                assert_eq!(train(&job, &first).unwrap_err(), Failure::Interrupted);
                let kept = first.kept.lock().unwrap().clone();
                assert!(
                    bits(&train(&job, &Stopping::on(&device, u64::MAX, kept)).unwrap()) == bits(&whole),
                    "{precision}, after {after}"
                );
            }
        }
    }
}

#[test]
fn probes_on_candle_find_what_they_find_on_the_host() {
    let data = bars(90, 8, 3);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let model = train(&training(&net, &data, 3.0, &[]), &Quiet::default()).unwrap();
    let test = part(&data, 60..90);
    let tap = |name: &str| ("at", make("at", &[("name", Static::Word(name.into())), ("index", Static::Number(0.0))]));
    for device in accelerators() {
        for op in ["accuracy", "loss", "input_gradient"] {
            let (Value::Number(host), Value::Number(other)) =
                (at("cpu", op, &model, &test, &[]), at(&device, op, &model, &test, &[]))
            else {
                panic!("{op}")
            };
            assert!((host.value - other.value).abs() < 1e-4 * host.value.abs(), "{op}: {} and {}", host.value, other.value);
        }
        let settings = [tap("stage2"), ("pool", Static::Word("mean".into()))];
        let (Value::Stages(host), Value::Stages(other)) =
            (at("cpu", "tap", &model, &test, &settings), at(&device, "tap", &model, &test, &settings))
        else {
            panic!("tap")
        };
        assert!(host.x.iter().zip(&other.x).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + a.abs())));
        let settings = [tap("stage1"), ("clamp", Static::Word("mean".into()))];
        let (Value::Table(host), Value::Table(other)) =
            (at("cpu", "ablate_each", &model, &test, &settings), at(&device, "ablate_each", &model, &test, &settings))
        else {
            panic!("ablate_each")
        };
        assert_eq!(column(&host, "accuracy"), column(&other, "accuracy"));
        let settings = [("at", Static::Word("all".into())), ("steps", Static::Number(4.0)), ("orders", Static::Number(2.0))];
        let (Value::Table(host), Value::Table(other)) =
            (at("cpu", "ablate", &model, &test, &settings), at(&device, "ablate", &model, &test, &settings))
        else {
            panic!("ablate")
        };
        assert_eq!(column(&host, "accuracy"), column(&other, "accuracy"));
    }
}

/// A transformer over patches, whose layers all run in 16 bits.
fn transformer() -> Arc<Net> {
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.conv(Source::Input, 16, 3, 2);
    let x = b.add(LayerOp::Tokens, &[x]);
    let x = b.add(LayerOp::ClassToken { features: 16 }, &[x]);
    let x = b.add(LayerOp::PositionEmbedding { tokens: 17, features: 16 }, &[x]);
    let n = b.add(LayerOp::LayerNorm { features: 16, eps: 1e-6 }, &[x]);
    let qkv = b.linear(n, 48);
    let a = b.add(LayerOp::Attention { heads: 4, causal: false }, &[qkv]);
    let x = b.add(LayerOp::Add, &[x, a]);
    let m = b.linear(x, 32);
    let m = b.add(LayerOp::Gelu, &[m]);
    let m = b.linear(m, 16);
    let x = b.add(LayerOp::Add, &[x, m]);
    let x = b.add(LayerOp::Token { index: 0 }, &[x]);
    b.linear(x, 3);
    b.finish()
}

/// A language model; its words are numbers that 16 bits could not tell apart.
fn words() -> Arc<Net> {
    let mut b = Builder::new(&[9]);
    let x = b.add(LayerOp::Embedding { words: 700, features: 8 }, &[Source::Input]);
    let x = b.add(LayerOp::Lstm { input: 8, hidden: 12, index: 0 }, &[x]);
    b.linear(x, 11);
    b.finish()
}

#[test]
fn sixteen_bits_stay_close_to_thirty_two() {
    let batch = 12;
    for device in accelerators() {
        for net in [residual(&[8, 8, 1], [8, 12], 3), transformer(), words()] {
            let size: usize = net.input.iter().product();
            let mut x = numbers(batch * size, 5);
            if size == 9 {
                x.iter_mut().for_each(|x| *x = ((*x + 1.0) * 350.0).floor().min(699.0));
            }
            // Weights and inputs rounded to 16 bits, everything else in 32: what the gradient makes of that much.
            let round = |x: &mut [f32]| x.iter_mut().for_each(|x| *x = half::bf16::from_f32(*x).to_f32());
            let run = |precision: Precision, rounded: bool| {
                let place = Place::open(&device, precision).unwrap();
                let mut network = Network::new(&net, Purpose::Training, &[], batch, &place);
                network.initialise(Stream::root(1));
                network.input_mut(batch).copy_from_slice(&x);
                if rounded {
                    let mut weights = network.weights();
                    weights.iter_mut().for_each(|w| round(&mut w.2));
                    network.load(&weights).unwrap();
                    if size > 9 {
                        round(network.input_mut(batch));
                    }
                }
                network.forward(batch, Stream::root(2));
                let (out, grad) = network.output_and_gradient();
                let out = out.to_vec();
                grad.copy_from_slice(&numbers(grad.len(), 6));
                network.backward();
                let grads: Vec<f32> = network.weight_gradients().into_iter().flat_map(|(_, _, x)| x).collect();
                network.check().unwrap();
                (out, grads)
            };
            let apart = |a: &[f32], b: &[f32]| {
                let square = |x: f32| x as f64 * x as f64;
                (a.iter().zip(b).map(|(a, b)| square(a - b)).sum::<f64>() / a.iter().map(|a| square(*a)).sum::<f64>()).sqrt()
            };
            let (wide, short) = (run(Precision::F32, false), run(Precision::Bf16, false));
            let rounded = run(Precision::F32, true);
            for (what, wide, short, rounded) in
                [("outputs", &wide.0, &short.0, &rounded.0), ("gradients", &wide.1, &short.1, &rounded.1)]
            {
                let (found, least) = (apart(wide, short), apart(wide, rounded));
                assert!(found > 1e-5 && found < 5.0 * least, "{what} are {found} apart, with rounded weights {least}");
            }
        }
    }
}

#[test]
fn training_in_sixteen_bits_learns() {
    let data = bars(180, 8, 3);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    for device in accelerators() {
        let job = training(&net, &part(&data, 0..120), 6.0, &[("precision", Static::Word("bf16".into()))]);
        let model = train(&job, &Stopping::on(&device, u64::MAX, None)).unwrap();
        let Value::Number(accuracy) = at(&device, "accuracy", &model, &part(&data, 120..180), &[]) else { panic!("accuracy") };
        assert!(accuracy.value > 0.9, "{}", accuracy.value);
    }
}

#[test]
fn devices_that_are_not_to_be_had_are_refused_with_a_sentence() {
    let known = "write `cpu`, `candle`, `cuda:0`, `metal` or `auto`";
    for (name, precision, said) in [
        ("gpu", Precision::F32, known),
        ("cuda:x", Precision::F32, known),
        ("candle:1", Precision::F32, known),
        ("cuda:99", Precision::F32, ""),
        ("metal:99", Precision::F32, ""),
    ] {
        let Err(Failure::Failed { message, .. }) = Place::open(name, precision) else { panic!("{name}") };
        assert!(message.contains(said), "{message}");
    }
}
