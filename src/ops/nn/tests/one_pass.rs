//! One pass for all that is read off it gives the bits that each has by itself.

use super::build::{Builder, bars, part, residual};
use super::running::{kernel, make, on, train, training};
use crate::engine::kernel::Quiet;
use crate::engine::{Failure, Value, pack};
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Net, Source};
use std::sync::Arc;

/// A network in which a tap lies inside layers that run fused.
fn inner(data: &[usize]) -> Arc<Net> {
    let mut b = Builder::new(data);
    let a = b.conv(Source::Input, 6, 3, 1);
    let norm = b.norm(a);
    b.tap("norm", norm);
    let relu = b.add(LayerOp::Relu, &[norm]);
    b.tap("relu", relu);
    let block = b.block(relu, 6, 2);
    b.tap("block", block);
    let flat = b.add(LayerOp::Flatten, &[block]);
    b.linear(flat, 3);
    b.finish()
}

#[test]
fn together_and_alone_have_the_same_bits() {
    let all = bars(120, 8, 1);
    let data = part(&all, 0..90);
    for net in [residual(&[8, 8, 1], [8, 12], 3), inner(&[8, 8, 1])] {
        let model = train(&training(&net, &data, 2.0, &[]), &Quiet::default()).unwrap();
        let at = |tap: &str| ("at", make("at", &[("name", Static::Text(tap.into())), ("index", Static::Number(0.0))]));
        let mut jobs = Vec::new();
        for (tap, _) in &net.taps {
            for op in ["tap", "class_selectivity", "mutual_information"] {
                jobs.push(on(op, &model, &data, &[at(tap)], 1));
            }
            jobs.push(on("tap", &model, &data, &[at(tap), ("pool", Static::Word("none".into()))], 1));
        }
        for op in ["accuracy", "loss", "example_loss", "f_score", "correct", "confusion"] {
            jobs.push(on(op, &model, &data, &[], 1));
        }
        jobs.push(on("tap", &model, &data, &[at("nowhere")], 1));
        let joint = crate::ops::joint("forward pass").unwrap();
        let together = joint.run(&jobs, &Quiet::default());
        assert_eq!(together.len(), jobs.len());
        for (job, result) in jobs.iter().zip(&together) {
            let bytes = |value: &Result<Value, Failure>| value.as_ref().map(|v| pack::encode(v).unwrap()).map_err(Clone::clone);
            let alone = kernel(&job.op).run(job, &Quiet::default());
            assert_eq!(bytes(&alone), bytes(result), "{} {:?}", job.op, job.settings);
        }
        assert!(matches!(together.last(), Some(Err(Failure::Failed { .. }))));
    }
}
