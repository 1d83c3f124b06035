//! Who does the work that cells share: one pass of a model over a data set for taps, measures and single units together.

use super::answers::Answer;
use super::measures::{Accuracy, Confusion, Correct, ExampleLoss, FScore, Loss};
use super::pass::{self, Made, WORK};
use super::probe::{information, selectivity};
use super::tap;
use crate::engine::{Context, Failure, Job, Joint, Value};

/// Runs cells together that read the same pass.
struct OnePass;

/// Returns the reader of a job.
fn reader(job: &Job) -> Made {
    match job.op.as_str() {
        "tap" => tap::of(job),
        "accuracy" => Accuracy::of(job),
        "loss" => Loss::of(job),
        "f_score" => FScore::of(job),
        "correct" => Correct::of(job),
        "example_loss" => ExampleLoss::of(job),
        "confusion" => Confusion::of(job),
        "predicted" => Answer::Predicted.reader(job),
        "probability" => Answer::Probability.reader(job),
        "confidence" => Answer::Confidence.reader(job),
        "margin" => Answer::Margin.reader(job),
        "class_selectivity" => selectivity::of(job),
        "mutual_information" => information::of(job),
        other => Err(Failure::new(format!("`{other}` reads no pass of a network"))),
    }
}

impl Joint for OnePass {
    fn run(&self, jobs: &[Job], cx: &dyn Context) -> Vec<Result<Value, Failure>> {
        let Some(first) = jobs.first() else { return Vec::new() };
        match (first.model("net"), first.dataset("data")) {
            (Ok(model), Ok(data)) => pass::run(model, data, jobs.iter().map(reader).collect(), cx),
            (Err(why), _) | (_, Err(why)) => jobs.iter().map(|_| Err(why.clone())).collect(),
        }
    }
}

/// Returns who does the shared work of that name.
pub fn joint(work: &str) -> Option<&'static dyn Joint> {
    (work == WORK).then_some(&OnePass)
}
