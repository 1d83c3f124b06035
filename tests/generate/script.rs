//! How a random script comes about: a world of small values, then declarations whose inputs are what is there by then.

use super::files;
use crate::dice::Dice;
use crate::laws::calls::{Call, FITS, TINY, fitting, settings};
use crate::laws::excused;
use crate::laws::world::{WORLD, library};
use cfx::api::{self, Registry};
use cfx::lang::kind::Kind;
use cfx::lang::signature::{AxisWord, SettingType, Signature};

/// Returns whether a declaration is one that a script adds to its world.
pub fn is_added(name: &str) -> bool {
    name.strip_prefix("added").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

/// A value that is declared.
struct Known {
    name: String,
    kind: Kind,
    /// Its axes with their coordinates, as far as these are known before files are read.
    axes: Vec<(String, Vec<String>)>,
}

/// A script in the making.
pub struct Script {
    world: String,
    lines: Vec<String>,
    known: Vec<Known>,
}

/// Topics by how often their operations are called.
const TOPICS: [(&str, usize); 7] =
    [("analysis", 52), ("figures", 16), ("representations", 10), ("data", 8), ("density", 6), ("probes", 5), ("training", 3)];

impl Script {
    /// Returns the script of a seed.
    pub fn random(seed: u64, registry: &Registry) -> Script {
        let mut dice = Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678);
        let mut script = Script { world: world(&mut dice), lines: Vec::new(), known: Vec::new() };
        assert!(script.learn(registry), "seed {seed}: the world is refused:\n{}", script.text());
        for _ in 0..14 {
            let name = format!("added{}", script.lines.len());
            let Some(line) = script.declaration(&name, &mut dice) else { continue };
            script.lines.push(line);
            if !script.learn(registry) {
                script.lines.pop();
            }
        }
        script
    }

    /// Returns the number of declarations beside the world's.
    pub fn declared(&self) -> usize {
        self.lines.len()
    }

    /// Returns its text.
    pub fn text(&self) -> String {
        format!("{}{}\n", self.world, self.lines.join("\n"))
    }

    /// Checks and plans the script, and learns kinds and axes of its values. Returns whether it passes.
    fn learn(&mut self, registry: &Registry) -> bool {
        let text = self.text();
        let source = files(&text);
        let checked = api::check(&source, registry);
        if checked.diags.has_errors() {
            return false;
        }
        let Ok(graph) = api::plan(&source, &checked, registry) else { return false };
        let script = &checked.script;
        let of = |v: &usize| {
            let value = &script.values[*v];
            let planned = graph.values.iter().find(|d| d.name == value.name);
            let axes = planned.map_or(Vec::new(), |d| d.axes.iter().map(|a| (a.name.clone(), a.coordinates.clone())).collect());
            Known { name: value.name.clone(), kind: value.typed.kind.clone(), axes }
        };
        self.known = script.order.iter().map(of).filter(|k| k.kind != Kind::Figure && !k.name.contains(' ')).collect();
        true
    }

    /// Returns a declaration of a random call or expression.
    fn declaration(&self, name: &str, dice: &mut Dice) -> Option<String> {
        if dice.chance(22) {
            return self.expression(dice).map(|text| format!("analysis {name} = {text}"));
        }
        let mut at = dice.below(TOPICS.iter().map(|t| t.1).sum());
        let topic = TOPICS.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        })?;
        let operations: Vec<&Signature> =
            library().operations.values().filter(|s| s.topic == topic.0 && !excused(&s.name)).collect();
        let call = self.call(operations[dice.below(operations.len())], dice)?;
        Some(call.line(name).text)
    }

    /// Returns a value of one of these kinds, perhaps a part of one.
    fn value(&self, kinds: &[Kind], dice: &mut Dice) -> Option<String> {
        let fits: Vec<&Known> = self.known.iter().filter(|k| kinds.iter().any(|wanted| k.kind.fits(wanted))).collect();
        if fits.is_empty() {
            return None;
        }
        // What was declared last is taken more often.
        let at = if dice.chance(40) { fits.len() - 1 - dice.below(fits.len().min(6)) } else { dice.below(fits.len()) };
        let mut text = fits[at].name.clone();
        let mut axes: Vec<&(String, Vec<String>)> = fits[at].axes.iter().filter(|(_, c)| !c.is_empty()).collect();
        while !axes.is_empty() && dice.chance(22) {
            let (axis, coordinates) = axes.remove(dice.below(axes.len()));
            let chosen: Vec<&str> = match dice.below(4) {
                0 => vec![dice.word(&["first", "last"])],
                1 | 2 => vec![coordinates[dice.below(coordinates.len())].as_str()],
                _ => coordinates.iter().filter(|_| dice.chance(60)).map(String::as_str).collect(),
            };
            text = match chosen.as_slice() {
                [] => text,
                [one] if dice.chance(80) => format!("{text}[{axis}: {one}]"),
                some => format!("{text}[{axis}: [{}]]", some.join(", ")),
            };
        }
        Some(text)
    }

    /// Returns an expression of operators.
    fn expression(&self, dice: &mut Dice) -> Option<String> {
        let number = [Kind::Number { per_example: false }, Kind::Number { per_example: true }];
        let truth = [Kind::Truth { per_example: false }];
        let (x, y) = (self.value(&number, dice)?, self.value(&number, dice)?);
        Some(match dice.below(9) {
            0..=2 => format!("{x} {} {y}", dice.word(&["+", "-", "*", "/"])),
            3 => format!("{x} {} {y}", dice.word(&["<", ">", "<=", ">=", "==", "!="])),
            4 => format!("if {} then {x} else {y}", self.value(&truth, dice)?),
            5 => format!("{} {} {}", self.value(&truth, dice)?, dice.word(&["and", "or"]), self.value(&truth, dice)?),
            6 => format!("{x} * {}", dice.word(&["a", "b", "c", "0", "1e90", "1e-90"])),
            7 => format!(
                "{}.{}",
                self.value(&[Kind::Table], dice)?,
                dice.word(&["loss", "accuracy", "drop", "selectivity", "count", "scale"])
            ),
            _ => format!(
                "{}.{}",
                self.value(&[Kind::Record(Vec::new())], dice)?,
                dice.word(&["mean", "std", "count", "low", "radius"])
            ),
        })
    }

    fn call(&self, signature: &Signature, dice: &mut Dice) -> Option<Call> {
        let mut call = Call { op: signature.name.clone(), args: Vec::new() };
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = param.name.name.as_str();
            let always = FITS.iter().any(|(op, p, _)| *op == signature.name && *p == name);
            // What would take long stays small.
            if always
                && (takes.inputs.is_empty() || signature.topic == "training" || signature.topic == "probes")
                && dice.chance(90)
            {
                call = call.with(name, dice.word(fitting(&signature.name, name)?));
                continue;
            }
            if param.default.is_some() && !(dice.chance(25) || (always && takes.setting.is_some())) {
                continue;
            }
            let text = if !takes.inputs.is_empty() {
                self.value(&takes.inputs, dice)?
            } else if let Some(word) = takes.axis {
                self.words(&call, word, takes.several, dice)?
            } else {
                let ty = takes.setting.as_ref()?;
                self.setting(ty, name, dice)?
            };
            call = call.with(name, &text);
        }
        if signature.random && dice.chance(60) {
            call = call.with("seed", dice.word(&["1", "2", "a"]));
        }
        Some(call)
    }

    fn setting(&self, ty: &SettingType, name: &str, dice: &mut Dice) -> Option<String> {
        if let SettingType::Variant(variant) = ty
            && variant == "sampler"
        {
            return Some(TINY.to_string());
        }
        let mut texts = settings(ty);
        if matches!(ty, SettingType::Text) {
            let columns = ["epoch", "loss", "accuracy", "unit", "drop", "selectivity", "scale", "value", "count"];
            texts = columns.iter().map(|c| format!("\"{c}\"")).collect();
        }
        if name == "draws" || name == "permutations" || name == "n" {
            texts = ["0", "1", "2", "50"].map(str::to_string).to_vec();
        }
        if texts.is_empty() { None } else { Some(dice.one(&texts).clone()) }
    }

    /// Returns axis words: mostly axes of what the call is given.
    fn words(&self, call: &Call, word: AxisWord, several: bool, dice: &mut Dice) -> Option<String> {
        let mut axes: Vec<String> = Vec::new();
        for (_, text) in &call.args {
            let named = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for value in named.filter_map(|w| self.known.iter().find(|k| k.name == w)) {
                value.axes.iter().map(|a| a.0.clone()).for_each(|a| {
                    if !axes.contains(&a) {
                        axes.push(a);
                    }
                });
            }
        }
        let more: &[&str] = match word {
            AxisWord::Reduces => &["example"],
            AxisWord::Splits => &["class", "bin", "ease"],
            AxisWord::Taps => return Some(dice.word(&["all", "[hidden1]", "hidden1"]).to_string()),
            AxisWord::Pairs => &[],
            AxisWord::Axis => &["class", "bin", "epoch", "loss", "accuracy"],
        };
        axes.extend(more.iter().filter(|_| dice.chance(60)).map(|w| w.to_string()).collect::<Vec<_>>());
        if axes.is_empty() {
            return None;
        }
        let lists = several || matches!(word, AxisWord::Reduces | AxisWord::Pairs) || (word == AxisWord::Axis && dice.chance(15));
        let mut chosen: Vec<String> = Vec::new();
        for _ in 0..if lists { 1 + dice.below(3) } else { 1 } {
            let axis = dice.one(&axes).clone();
            if !chosen.contains(&axis) {
                chosen.push(axis);
            }
        }
        Some(if let [one] = chosen.as_slice() { one.clone() } else { format!("[{}]", chosen.join(", ")) })
    }
}

/// Returns the world of the laws, with other sizes.
fn world(dice: &mut Dice) -> String {
    let numbers = |dice: &mut Dice, all: &[&str]| {
        let n = 1 + dice.below(3);
        format!("[{}]", all[..n.min(all.len())].join(", "))
    };
    let (a, b) = (numbers(dice, &["0", "1", "2"]), numbers(dice, &["1", "3", "7"]));
    let run = numbers(dice, &["0", "1", "5"]);
    let mut out = String::new();
    for line in WORLD.lines() {
        let line = match line.split(" =").next().unwrap_or_default() {
            "axis a" => format!("axis a = {a}"),
            "axis b" => format!("axis b = {b}"),
            "axis run" => format!("axis run = {run}"),
            "axis c" if dice.chance(40) => "axis c = { left: 2 }".to_string(),
            "dataset d" => line.replace("60", dice.word(&["60", "40"])),
            "dataset e" => line.replace("48", dice.word(&["48", "25", "48"])),
            "stages g" | "stages h" => line
                .replace("rows: 24", &format!("rows: {}", dice.word(&["24", "12", "24", "7"])))
                .replace("units: 3", &format!("units: {}", dice.word(&["3", "1", "2"])))
                .replace("classes: 2", &format!("classes: {}", dice.word(&["2", "1", "3"]))),
            _ => line.to_string(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}
