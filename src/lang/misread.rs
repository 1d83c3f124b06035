//! Numbers given where others are due: an argument that needs numbers of classes, or probabilities, refuses what is known to be another; of numbers that
//! nothing is said of, the run decides.

use super::checker::Checker;
use super::kind::Kind;
use super::meaning::Meaning;
use super::parts::Parts;
use super::signature::Signature;
use super::static_value::Static;
use super::statics::Env;
use super::typed::{Call, Node, Typed};
use crate::base::text::shorten;
use crate::base::{Diag, Span};

/// So deep are expressions followed.
const DEEPEST: usize = 100;

impl<'a> Checker<'a> {
    /// Returns whether every input is a number that stands for what its parameter needs. What does not is said here, once a call.
    pub(super) fn meanings_fit(&mut self, signature: &Signature, parts: &Parts, span: Span) -> bool {
        if averages(&signature.name)
            && let Some(x) = parts.inputs.iter().find(|(i, ..)| *i == 0).and_then(|(_, values, _)| values.first())
            && self.meaning(x, "", 0) == Some(Meaning::Class)
        {
            let x = (x.span, shorten(self.program().sources.text(x.span)));
            let diag =
                Diag::warning("cfx::type::average", x.0, "an average of numbers of classes is no class, and measures nothing");
            self.say(
                diag.help(format!(
                    "the class that most of them name is `mode({0})`; how often one does is `share({0} == 3)`",
                    x.1
                )),
            );
        }
        let wanted = |i: usize| signature.takes[i].means;
        let found: Vec<(usize, &Typed, Meaning, Option<Meaning>)> = parts
            .inputs
            .iter()
            .filter_map(|(i, values, _)| wanted(*i).map(|wanted| (*i, values, wanted)))
            .flat_map(|(i, values, wanted)| values.iter().map(move |v| (i, &**v, wanted)))
            .map(|(i, v, wanted)| (i, v, wanted, self.meaning(v, "", 0)))
            .collect();
        let misfits = |(_, _, wanted, is): &&(usize, &Typed, Meaning, Option<Meaning>)| is.is_some_and(|is| !is.serves(*wanted));
        let Some((i, v, wanted, Some(is))) = found.iter().find(misfits) else { return true };
        let text = |span| shorten(self.program().sources.text(span));
        // Two arguments that are each what the other should be.
        let turned = found.iter().find(|(j, _, other, other_is)| j != i && other == is && *other_is == Some(*wanted));
        let (param, op) = (&signature.params[*i].name.name, &signature.name);
        let diag = if let Some((_, other, ..)) = turned {
            let names: Vec<String> = signature.params[..2].iter().map(|p| format!("`{}`", p.name.name)).collect();
            let place = Span { start: v.span.start.min(other.span.start), end: v.span.end.max(other.span.end) };
            let message = format!("the arguments of `{op}` stand in another order: it takes {}", names.join(", "));
            let place = if span.start <= place.start && place.end <= span.end { place } else { span };
            Diag::error("cfx::call::order", place, message).help(format!("write `{op}({}, {})`", text(other.span), text(v.span)))
        } else {
            let message = format!("`{param}` of `{op}` takes {}, and these are {}", wanted.words(), is.words());
            let diag = Diag::error("cfx::type::argument", v.span, message).here(is.words());
            match (*wanted, self.behind(v)) {
                (Meaning::Distance, _) if *is == Meaning::Similarity => diag.help(format!(
                    "what is alike must be near: write `1 - {}`, or another distance that falls as the similarity rises",
                    text(v.span)
                )),
                (Meaning::Class, Some(call)) if averages(&call.op) && *is == Meaning::Measure => diag.help(format!(
                    "an average of classes is no class; the class that most of them name is `{}`",
                    text(v.span).replacen(&call.op, "mode", 1)
                )),
                (wanted, Some(call)) => {
                    let of = |name: &str| call.inputs.iter().find(|(n, ..)| n == name).map(|(_, v, _)| text(v.span));
                    let instead = match (wanted, of("net"), of("data")) {
                        (Meaning::Class, Some(net), Some(data)) => Some(format!("predicted({net}, {data})")),
                        (Meaning::Probability, Some(net), Some(data)) => Some(format!("confidence({net}, {data})")),
                        (Meaning::Right, Some(net), Some(data)) => Some(format!("correct({net}, {data})")),
                        _ => None,
                    };
                    diag.help(match instead {
                        Some(text) => format!("give it `{text}`"),
                        None => format!("such are {}", wanted.examples()),
                    })
                }
                (wanted, None) => diag.help(format!("such are {}", wanted.examples())),
            }
        };
        self.say(diag);
        false
    }

    /// Returns the call that made a value, behind names and selections.
    pub(super) fn behind<'t>(&'t self, value: &'t Typed) -> Option<&'t Call> {
        match &value.node {
            Node::Value(id) => self.behind(&self.value_at(*id).typed),
            Node::Select { base, .. } | Node::Only { base, .. } | Node::Align { base, .. } => self.behind(base),
            Node::Call(call) => Some(call),
            _ => None,
        }
    }

    /// Returns what the numbers of a value stand for, or those of a member of a record (`part`); nothing where nothing is known.
    pub(super) fn meaning(&self, value: &Typed, part: &str, depth: usize) -> Option<Meaning> {
        if depth > DEEPEST {
            return None;
        }
        if part.is_empty() && matches!(value.kind, Kind::Truth { .. }) {
            return Some(Meaning::Right);
        }
        match &value.node {
            Node::Error | Node::Static(..) => None,
            Node::Value(id) => self.meaning(&self.value_at(*id).typed, part, depth + 1),
            Node::Select { base, .. } | Node::Only { base, .. } | Node::Align { base, .. } => self.meaning(base, part, depth + 1),
            Node::Stack { parts, .. } => agreed(parts.iter().map(|p| self.meaning(p, part, depth + 1))),
            Node::If { yes, no, .. } => agreed([yes, no].into_iter().map(|v| self.meaning(v, part, depth + 1))),
            Node::Call(call) => self.meaning_of_call(call, part, depth + 1),
        }
    }

    fn meaning_of_call(&self, call: &Call, part: &str, depth: usize) -> Option<Meaning> {
        let signature = self.program().operations.get(&call.op)?;
        let input = |name: &str, part: &str| {
            let given = call.inputs.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v)?;
            self.meaning(given, part, depth)
        };
        match call.op.as_str() {
            "field" => match call.decided.iter().find(|(n, _)| n == "name") {
                Some((_, Static::Text(name) | Static::Word(name))) => input("x", name),
                _ => None,
            },
            "pick" => input("x", part),
            // A measurement stays one whatever is added to it or multiplied with it.
            "add" | "subtract" | "multiply" | "divide" => {
                [input("a", ""), input("b", "")].contains(&Some(Meaning::Measure)).then_some(Meaning::Measure)
            }
            op if averages(op) => match input("x", "") {
                Some(Meaning::Class) => Some(Meaning::Measure),
                other => other,
            },
            _ => {
                let (_, words) = signature.means.iter().find(|(p, _)| p == part)?;
                agreed(
                    words
                        .iter()
                        .map(|word| Meaning::named(word).or_else(|| input(word, part)).or_else(|| self.chosen(call, word))),
                )
            }
        }
    }

    /// Returns the meaning that a setting of a call chooses (`give: class`), where it is the same everywhere.
    fn chosen(&self, call: &Call, name: &str) -> Option<Meaning> {
        let signature = self.program().operations.get(&call.op)?;
        let (value, _) = self.statics().single(signature, call, name, &Env::new()).ok()??;
        Meaning::named(value.word()?)
    }
}

/// Returns whether an operation gives averages: of numbers of classes, no numbers of classes.
fn averages(op: &str) -> bool {
    matches!(op, "mean" | "median" | "quantile")
}

/// Returns the meaning that all have; nothing where they differ or one is not known.
fn agreed(mut all: impl Iterator<Item = Option<Meaning>>) -> Option<Meaning> {
    let first = all.next()??;
    all.all(|m| m == Some(first)).then_some(first)
}
