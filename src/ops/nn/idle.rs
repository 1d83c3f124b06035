//! Settings of a training that change nothing: doubts that are told before the run.

use super::batches::Augment;
use super::optimizer::Optimizer;
use super::rate::Rate;
use super::settings::{Pace, Recipe, Stop, wrong};
use crate::lang::{Settings, Static};
use crate::plan::facts::Problem;
use crate::settings;

settings! {
    /// What names the epochs that are kept.
    struct Kept("train") { snapshots: Static = Static::None }
}

/// Batches up to this size are taken for few examples too.
const USUAL: usize = 512;

/// Returns a doubt about a setting, with what to do.
fn doubt(parameter: &'static str, message: String, help: &str) -> Problem {
    Problem { help: Some(help.to_string()), ..wrong(parameter, message) }
}

/// Returns the doubts about epochs, kept epochs, schedule and changes of examples of this shape; `continued`: the weights come from a model.
pub fn of_pace(pace: &Pace, settings: &Settings, shape: &[usize], continued: bool) -> Vec<Problem> {
    let epochs = pace.epochs;
    if epochs == 0 {
        let message = "with 0 epochs nothing is trained: the model has its initial weights".to_string();
        let help = "write `epochs: 1` or more; `untrained(network, data)` gives a network before training";
        return if continued { Vec::new() } else { vec![doubt("epochs", message, help)] };
    }
    let mut doubts = Vec::new();
    if matches!(Kept::read(settings).snapshots, Static::Make(..)) && pace.snapshots.is_empty() {
        let message = format!("of {epochs} epochs this keeps the weights of none but the last, which are kept anyway");
        doubts.push(doubt("snapshots", message, "write a smaller interval, more epochs, or leave `snapshots:` out"));
    }
    doubts.extend(of_rate(&pace.rate, epochs).map(|(message, help)| doubt("rate", message, help)));
    // Height and width of an image; other examples have no border.
    let [height, width, _] = shape else { return doubts };
    let pads = pace.augment.iter().filter_map(|a| if let Augment::Crop { pad } = a { Some(*pad) } else { None });
    if let Some(pad) = pads.into_iter().find(|pad| *pad >= *height.min(width)) {
        let message =
            format!("with a border of {pad} pixels, many cuts of images of {height} x {width} show nothing of the image");
        doubts.push(doubt("augment", message, "write a border of an eighth of the size or so: `crop(pad: 4)` for 32 pixels"));
    }
    doubts
}

/// Returns the doubt about a schedule that is a constant, or rises where such schedules fall, with what to do.
fn of_rate(rate: &Rate, epochs: usize) -> Option<(String, &'static str)> {
    let flat = "write one number as the rate, or an end below the peak";
    match rate {
        Rate::Step { at, .. } if at.is_empty() => Some((
            "without `at:` the rate never changes".to_string(),
            "name epochs, as in `at: [30, 60]`, or write one number as the rate",
        )),
        Rate::Step { factor, .. } if *factor == 1.0 => {
            Some(("a factor of 1 leaves the rate as it is".to_string(), "write, say, `factor: 0.1`, or one number as the rate"))
        }
        Rate::Step { at, .. } => at.iter().find(|e| **e >= epochs).map(|late| {
            let message = format!("the rate changes after epoch {late}, and training ends after {epochs}");
            (message, "name epochs before the last one in `at:`, or train longer")
        }),
        Rate::Cosine { warmup, .. } if *warmup == 1.0 => {
            let message = "with `warmup: 1` the rate rises during all of the training: it is a share of all steps".to_string();
            Some((message, "write a smaller share: `warmup: 5%`"))
        }
        Rate::Cosine { peak, end, .. } if end >= peak => Some((format!("from {peak} to {end} the rate never falls"), flat)),
        Rate::Triangular { peak, start, end, .. } if start >= peak || end >= peak => {
            Some((format!("the peak, {peak}, is not above both start, {start}, and end, {end}"), flat))
        }
        _ => None,
    }
}

/// Returns the doubt about an optimizer: Nesterov's step without momentum, weights that decay beyond 0.
pub fn of_optimizer(recipe: &Recipe) -> Option<Problem> {
    let largest = recipe.pace.rate.largest();
    let (help, message) = match recipe.optimizer {
        Optimizer::Sgd { momentum: 0.0, nesterov: true, .. } => {
            ("add `momentum: 0.9`, or leave `nesterov:` out", "without momentum `nesterov: true` changes nothing".to_string())
        }
        Optimizer::Sgd { decay, .. } | Optimizer::Adam { decay, decoupled: true, .. } if largest * decay >= 1.0 => (
            "weight decay is usually 0.0001 to 0.1",
            format!("at a rate of {largest}, a weight decay of {decay} takes weights to the other side of 0 in one step"),
        ),
        _ => return None,
    };
    Some(doubt("optimizer", message, help))
}

/// Returns the doubt about batches that are many times as large as the data.
pub fn too_large(pace: &Pace, rows: Option<usize>) -> Option<Problem> {
    let rows = rows.filter(|n| pace.batch > USUAL && pace.batch / 10 >= *n)?;
    let message = format!("a batch of {} is more than ten times the {rows} examples", pace.batch);
    Some(doubt("batch", message, "an epoch is a single step then; write a batch below the number of examples, or `batch: 128`"))
}

/// Returns the doubt about a rule that cannot end a training before its last epoch, or that looks at what is set and not measured.
pub fn of_stop(recipe: &Recipe) -> Option<Problem> {
    let stop = recipe.stop.as_ref()?;
    if matches!(stop.column(), "rate" | "epoch") {
        let message =
            format!("the column `{}` follows from the settings: nothing of the training decides when it stops", stop.column());
        return Some(doubt(
            "stop",
            message,
            "name a column that is measured, such as `loss` or `test_accuracy`, or set `epochs:`",
        ));
    }
    if let Stop::When { column, reaches: 0.0 } = stop
        && !column.contains("loss")
        && column != "input_gradient"
    {
        return Some(doubt(
            "stop",
            format!("any `{column}` reaches 0: training ends after one epoch"),
            "write, say, `when(reaches: 99%)`",
        ));
    }
    let Stop::Patience { epochs, .. } = *stop else { return None };
    ((1..=epochs).contains(&recipe.pace.epochs)).then(|| {
        let message = format!("a patience of {epochs} epochs never ends a training of {}", recipe.pace.epochs);
        doubt("stop", message, "a patience below the number of epochs can end it earlier; or leave out `stop:`")
    })
}
