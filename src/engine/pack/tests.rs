//! Tests of the artifact format: every kind of value there and back, equal bytes for equal values, and no harm from other bytes.

use super::{content_hash, decode, encode, pack_from_bytes, pack_to_bytes};
use crate::base::Hash;
use crate::engine::loadings::{Load, Loadings};
use crate::engine::value::{
    Array, ArrayData, Column, Dataset, Figure, Images, Model, Number, Pack, Pixels, Scores, Source, Stages, Table, Truth, Value,
};
use crate::lang::net::ir::{self, LayerOp, Net, Node};
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn every_layer() -> Net {
    let ops = [
        LayerOp::Conv { input: 3, output: 4, kernel: 3, stride: 1, pad: 1, dilation: 1, groups: 1, bias: true },
        LayerOp::BatchNorm { features: 4, eps: 1e-5, momentum: 0.1, zero_scale: true },
        LayerOp::LayerNorm { features: 4, eps: 1e-6 },
        LayerOp::Relu,
        LayerOp::LeakyRelu { slope: 0.01 },
        LayerOp::Gelu,
        LayerOp::Tanh,
        LayerOp::Sigmoid,
        LayerOp::MaxPool { kernel: 2, stride: 2, pad: 0 },
        LayerOp::AvgPool { kernel: 2, stride: 2, pad: 0 },
        LayerOp::GlobalMean,
        LayerOp::Flatten,
        LayerOp::Linear { input: 4, output: 10, bias: false },
        LayerOp::Dropout { rate: 0.1 + 0.2 },
        LayerOp::Add,
        LayerOp::Concat,
        LayerOp::SubsamplePad { stride: 2, output: 8 },
    ];
    let nodes: Vec<_> = ops
        .into_iter()
        .enumerate()
        .map(|(i, op)| {
            let input = if i == 0 { ir::Source::Input } else { ir::Source::Node(i - 1) };
            Node { op, inputs: vec![input], shape: vec![8, 8, i], path: format!("layer{i}") }
        })
        .collect();
    let output = nodes.len() - 1;
    Net { name: "net".into(), input: vec![8, 8, 3], nodes, taps: vec![("stage1".into(), 3)], output }
}

fn table() -> Table {
    let numbers = Column::Numbers(vec![1.0, f64::NAN, f64::NEG_INFINITY, -0.0]);
    let texts = Column::Texts(["a", "", "ü", "\"\n"].map(String::from).to_vec());
    Table { columns: vec![("x".into(), numbers), ("t".into(), texts)] }
}

fn values() -> Vec<Value> {
    let classes = vec!["cat".to_string(), "dog".to_string()];
    let weights = |x: f32| {
        Arc::new(vec![
            ("a.weight".to_string(), vec![2, 2], vec![x, -0.0, f32::NAN, 3.5]),
            ("a.bias".to_string(), vec![0], vec![]),
        ])
    };
    let model = Model {
        net: Arc::new(every_layer()),
        weights: weights(1.0),
        snapshots: vec![(1, weights(2.0)), (5, weights(3.0))],
        history: table(),
        trained_on: Arc::new(vec![0, 5, 7]),
        classes: classes.clone(),
    };
    let mut stages = Stages {
        x: Array2::from_shape_fn((3, 2), |(i, j)| i as f64 + 0.1 * j as f64),
        ids: Arc::new(vec![4, 5, 6]),
        labels: Arc::new(vec![0, 1, 0]),
        classes: classes.clone(),
        numbered: true,
        notes: vec![("captured energy".into(), f64::NAN)],
    };
    let rows = Value::Stages(Arc::new(stages.clone()));
    // The same matrix in the other order of memory is the same value.
    stages.x = stages.x.t().as_standard_layout().into_owned().reversed_axes();
    let columns = Value::Stages(Arc::new(stages));
    assert_eq!(encode(&rows).unwrap(), encode(&columns).unwrap());
    let scores = Scores {
        values: vec![0.5, f64::NAN],
        ids: Arc::new(vec![1, 2]),
        labels: Arc::new(vec![7, 7]),
        classes,
        missing: Arc::new(vec![(7, "why".into())]),
        loadings: Loadings::kept([(1 << 40, Load::All(0.5)), (9, Load::Each(Arc::new(vec![1.0, -2.0])))]),
        about: None,
    };
    let arrays =
        [ArrayData::F64(vec![1.0; 6]), ArrayData::F32(vec![1.5; 6]), ArrayData::U32(vec![9; 6]), ArrayData::U8(vec![1; 6])];
    let arrays = arrays.into_iter().enumerate().map(|(i, data)| (format!("a{i}"), Array { shape: vec![2, 3], data })).collect();
    let pack = Pack { kind: "density.dp".into(), meta: json!({ "z": [1, 2.5, null], "a": "x" }), arrays };
    let mut all = vec![
        Value::Model(Arc::new(model)),
        rows,
        Value::Scores(Arc::new(scores)),
        Value::Number(Number::exact(f64::INFINITY)),
        Value::Number(Number::new(0.1, Some(f64::NAN), Some(u64::MAX))),
        Value::Truth(Truth { holds: true, within_error: false, no_error: false, text: "1 < 2".into() }),
        Value::Word("group".into()),
        Value::Table(Arc::new(table())),
        Value::Table(Arc::default()),
        Value::Figure(Arc::new(Figure { svg: "<svg/>".into(), png: vec![1, 2, 3], caption: "a".into(), data: table() })),
        Value::Pack(Arc::new(pack)),
        Value::Absent("too few".into()),
    ];
    let inner = Value::Record(vec![("x".into(), all[4].clone()), ("list".into(), Value::List(all[5..].to_vec()))]);
    all.push(Value::List(vec![inner, Value::List(vec![]), all[0].clone(), all[1].clone()]));
    all
}

#[test]
fn every_value_comes_back_as_it_was() {
    for value in values() {
        let bytes = encode(&value).unwrap();
        assert_eq!(bytes.len() % 8, 0);
        let back = decode(&bytes).unwrap();
        assert_eq!(format!("{value:?}"), format!("{back:?}"));
        // NaN and the sign of zero included.
        assert_eq!(encode(&back).unwrap(), bytes);
    }
}

#[test]
fn the_format_does_not_drift() {
    // Written out by hand: magic, length of the header, header, 0.25, 0.5.
    let header = r#"{"kind":"number","meta":{"count":null},"arrays":[["value","f64",[1]],["error","f64",[1]]]}"#;
    let mut bytes = b"cfxpack1\x60\0\0\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(format!("{header:<96}").as_bytes());
    bytes.extend_from_slice(b"\0\0\0\0\0\0\xd0\x3f\0\0\0\0\0\0\xe0\x3f");
    let number = Value::Number(Number::estimate(0.25, 0.5));
    assert_eq!(encode(&number).unwrap(), bytes);
    assert_eq!(content_hash(&number).unwrap(), Hash::of(&bytes));
    assert_eq!(content_hash(&values()[0]).unwrap().short(), "8dd28af0fce9");
}

#[test]
fn any_single_damage_is_noticed_or_harmless() {
    for value in values() {
        let bytes = encode(&value).unwrap();
        for cut in [0, 1, 7, 8, 15, 16, bytes.len() / 2, bytes.len() - 1] {
            assert!(decode(&bytes[..cut]).is_err(), "{} cut at {cut}", value.word());
        }
        assert!(decode(&[&bytes[..], &[0; 8]].concat()).is_err());
    }
}

#[test]
fn lengths_are_not_believed() {
    let claim = |header: &str| {
        let mut bytes = b"cfxpack1".to_vec();
        bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes
    };
    for shape in ["[9223372036854775807]", "[4294967296,4294967296,16]", "[18446744073709551615]", "[-1]", "[1e9]", "[1]"] {
        let bytes = claim(&format!(r#"{{"kind":"word","meta":"x","arrays":[["a","f64",{shape}]]}}"#));
        assert!(pack_from_bytes(&bytes).is_err(), "{shape}");
    }
    let mut long = b"cfxpack1".to_vec();
    long.extend_from_slice(&u64::MAX.to_le_bytes());
    assert!(pack_from_bytes(&long).is_err());
    let deep = format!(r#"{{"kind":"word","meta":{}{},"arrays":[]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(pack_from_bytes(&claim(&deep)).is_err());
    let nodes =
        r#"{"name":"n","input":[1],"nodes":[{"op":"Relu","inputs":[{"Node":7}],"shape":[1],"path":""}],"taps":[],"output":0}"#;
    let meta = format!(r#"{{"net":{nodes},"weights":99999999999999,"snapshots":[],"history":[],"classes":[]}}"#);
    assert!(decode(&claim(&format!(r#"{{"kind":"model","meta":{meta},"arrays":[]}}"#))).is_err());
}

#[test]
fn shapes_that_do_not_match_are_not_written() {
    let array = Array { shape: vec![2, 2], data: ArrayData::F64(vec![1.0]) };
    let pack = Pack { kind: "x".into(), meta: json!(null), arrays: vec![("a".into(), array)] };
    assert!(pack_to_bytes(&pack).unwrap_err().0.contains("`a` has shape [2, 2] and 1 entries"));
}

fn dataset(name: &str, pixel: u8, ids: &[u32], labels: &[u32]) -> Value {
    let images =
        Images { shape: vec![2], data: Pixels::Bytes { data: vec![pixel; 8], divisor: 255.0 }, mean: vec![], std: vec![] };
    let source =
        Source { name: name.into(), images, labels: vec![0; 4], classes: vec!["a".into()], splits: vec![("all".into(), 0..4)] };
    let (ids, labels) = (Arc::new(ids.to_vec()), Arc::new(labels.to_vec()));
    Value::Dataset(Arc::new(Dataset { source: Arc::new(source), ids, labels }))
}

#[test]
fn data_sets_are_hashed_and_never_written() {
    let hash = |v: &Value| content_hash(v).unwrap();
    let a = dataset("one", 1, &[0, 1], &[0, 0]);
    assert!(encode(&a).is_err());
    assert_eq!(hash(&a), hash(&dataset("another name", 1, &[0, 1], &[0, 0])));
    let others = [dataset("one", 2, &[0, 1], &[0, 0]), dataset("one", 1, &[0, 2], &[0, 0]), dataset("one", 1, &[0, 1], &[0, 1])];
    assert!(others.iter().all(|o| hash(o) != hash(&a)));
    let record = |d: &Value| Value::Record(vec![("d".into(), d.clone()), ("n".into(), Value::Word("x".into()))]);
    assert_ne!(hash(&record(&a)), hash(&record(&others[0])));
    assert_eq!(hash(&record(&a)), hash(&record(&dataset("one", 1, &[0, 1], &[0, 0]))));
}

#[test]
fn data_sets_that_kernels_made_come_back() {
    let images =
        Images { shape: vec![2, 1, 1], data: Pixels::Floats(vec![0.5, -1.0, 2.0, 0.25]), mean: vec![0.5], std: vec![0.25] };
    let source = Source {
        name: "made".into(),
        images,
        labels: vec![1, 0],
        classes: vec!["a".into(), "b".into()],
        splits: vec![("all".into(), 0..2)],
    };
    let made = Value::Dataset(Arc::new(Dataset { source: Arc::new(source), ids: Arc::new(vec![1]), labels: Arc::new(vec![0]) }));
    let bytes = encode(&made).unwrap();
    let back = decode(&bytes).unwrap();
    assert_eq!(content_hash(&back).unwrap(), content_hash(&made).unwrap());
    let mut pack = super::to_pack(&made).unwrap();
    pack.arrays.iter_mut().filter(|a| a.0 == "ids").for_each(|a| a.1.data = ArrayData::U32(vec![2]));
    assert!(super::from_pack(pack).unwrap_err().0.contains("not there"));
}

#[test]
fn sources_at_a_reused_address_are_told_apart() {
    // Each source is dropped before the next is made, which often lands on the same address.
    let hashes: Vec<Hash> = (0..20).map(|pixel| content_hash(&dataset("x", pixel, &[0], &[0])).unwrap()).collect();
    let mut distinct = hashes.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), hashes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(256), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        let framed = [b"cfxpack1", &(bytes.len() as u64 / 2).to_le_bytes()[..], &bytes].concat();
        prop_assert!(decode(&framed).is_err());
    }

    #[test]
    fn damaged_artifacts_never_panic(which in 0usize..13, at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let mut bytes = encode(&values()[which]).unwrap();
        let i = at.index(bytes.len());
        bytes[i] ^= 1 << bit;
        let _ = decode(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn packs_of_any_arrays_come_back(data in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..20), 0..6), kind in ".*") {
        let arrays = data.into_iter().enumerate().map(|(i, x)| {
            let array = Array { shape: vec![x.len()], data: if i % 2 == 0 { ArrayData::U32(x) } else { ArrayData::U8(x.iter().map(|v| *v as u8).collect()) } };
            (i.to_string(), array)
        });
        let pack = Pack { kind, meta: json!({}), arrays: arrays.collect() };
        prop_assert_eq!(pack_from_bytes(&pack_to_bytes(&pack).unwrap()).unwrap(), pack);
    }
}
