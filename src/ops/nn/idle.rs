//! Settings of a training that change nothing: doubts that are told before the run.

use super::batches::Augment;
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
    if let Rate::Step { at, factor, .. } = &pace.rate {
        let late = at.iter().find(|e| **e >= epochs);
        if let Some(late) = late {
            let message = format!("the rate changes after epoch {late}, and training ends after {epochs}");
            doubts.push(doubt("rate", message, "name epochs before the last one in `at:`, or train longer"));
        } else if *factor == 1.0 && !at.is_empty() {
            doubts.push(doubt(
                "rate",
                "a factor of 1 leaves the rate as it is".to_string(),
                "write, say, `factor: 0.1`, or one number as the rate",
            ));
        }
    }
    // Height and width of an image; other examples have no border.
    let [_, height, width] = shape else { return doubts };
    let pads = pace.augment.iter().filter_map(|a| if let Augment::Crop { pad } = a { Some(*pad) } else { None });
    if let Some(pad) = pads.into_iter().find(|pad| *pad >= *height.min(width)) {
        let message =
            format!("with a border of {pad} pixels, many cuts of images of {height} x {width} show nothing of the image");
        doubts.push(doubt("augment", message, "write a border of an eighth of the size or so: `crop(pad: 4)` for 32 pixels"));
    }
    doubts
}

/// Returns the doubt about batches that are many times as large as the data.
pub fn too_large(pace: &Pace, rows: Option<usize>) -> Option<Problem> {
    let rows = rows.filter(|n| pace.batch > USUAL && pace.batch / 10 >= *n)?;
    let message = format!("a batch of {} is more than ten times the {rows} examples", pace.batch);
    Some(doubt("batch", message, "an epoch is a single step then; write a batch below the number of examples, or `batch: 128`"))
}

/// Returns the doubt about a rule that cannot end a training before its last epoch.
pub fn too_patient(recipe: &Recipe) -> Option<Problem> {
    let Some(Stop::Patience { epochs, .. }) = recipe.stop else { return None };
    (recipe.pace.epochs > 0 && epochs >= recipe.pace.epochs).then(|| {
        let message = format!("a patience of {epochs} epochs never ends a training of {}", recipe.pace.epochs);
        doubt("stop", message, "a patience below the number of epochs can end it earlier; or leave out `stop:`")
    })
}
