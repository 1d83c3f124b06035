//! Names that nothing declares, with what may be meant.

use super::view::Statics;
use crate::base::Span;
use crate::lang::finding::{Finding, What};
use crate::lang::suggest::{is_package, nearest};

/// The most declared names that a misspelt one is compared with.
const MOST_COMPARED: usize = 2000;

impl Statics<'_> {
    /// Returns that nothing declares a name; a consequence where its declaration could not be read, which has been said.
    pub fn unknown_name(&self, module: usize, name: &str, span: Span) -> Finding {
        if self.program.is_lost(name) {
            return Finding::consequence(span);
        }
        let called = self.text(Span { start: span.end, end: span.end + 1 }) == "(";
        let help = if !called && self.program.operations.contains_key(name) {
            format!("`{name}` is a built-in: it needs its arguments, `{name}(…)`, and its result is known only after the run")
        } else if let Some(topic) = self.program.topic_of(name) {
            format!("take it from the standard library: `use std.{topic} {{ {name} }}`")
        } else {
            let mut all: Vec<&str> =
                self.program.modules.get(module).map(|m| m.names.keys().map(String::as_str).collect()).unwrap_or_default();
            // Spellings are compared with every name: in a script of thousands only with the built-ins.
            if all.len() > MOST_COMPARED {
                all.clear();
            }
            if called {
                all.extend(self.program.operations.keys().map(String::as_str));
            }
            let elsewhere = axis_by_itself(name)
                .or(foreign_value(name))
                .or(truth(name))
                .filter(|_| !is_package(name) || self.has_member(span));
            match (elsewhere, nearest(name, &all), self.program.near_in_topics(name)) {
                (Some(help), _, _) => help.to_string(),
                (None, Some(near), _) => format!("did you mean `{near}`?"),
                (None, None, Some((near, topic))) => format!("did you mean `{near}`? `use std.{topic} {{ {near} }}`"),
                (None, None, None) => format!("declare `{name}`, or take it from another file with `use`"),
            }
        };
        Finding::new(span, What::UnknownName { name: name.to_string(), help })
    }

    /// Returns whether something of a name is asked for: `np.mean`.
    fn has_member(&self, name: Span) -> bool {
        let after = self.text(Span { start: name.end, end: name.end + 2 });
        after.starts_with('.') && after != ".."
    }
}

/// Returns what to write for an axis that values have by themselves, where a value is asked for.
fn axis_by_itself(name: &str) -> Option<&'static str> {
    Some(match name {
        "class" => {
            "`class` is a built-in axis, not a value: split by it, `by: class`, or choose one of its coordinates, `x[class: 3]`"
        }
        "stage" => "`stage` is a built-in axis, not a value: choose one of its coordinates, `x[stage: name]`",
        "example" | "epoch" | "snapshot" => {
            "this is a built-in axis, not a value: name it where an argument takes an axis, such as `over:` or `x:`"
        }
        _ => return None,
    })
}

/// Returns what to write for words that stand for truth values elsewhere, and here for coordinates as well.
fn truth(name: &str) -> Option<&'static str> {
    Some(match name {
        "yes" | "Yes" | "YES" => "a truth value is written `true`",
        "no" | "No" | "NO" => "a truth value is written `false`",
        _ => return None,
    })
}

/// Returns what to write for a value known from other languages.
pub fn foreign_value(name: &str) -> Option<&'static str> {
    Some(match name {
        "True" | "TRUE" => "it is written `true`",
        "False" | "FALSE" => "it is written `false`",
        "None" | "null" | "NULL" | "nil" | "nothing" | "undefined" | "Null" => {
            "here the word is `none`, for an argument that may be left out"
        }
        "NaN" | "nan" | "NA" | "inf" | "Inf" | "infinity" | "missing" => {
            "there is no such number: values that cannot be computed are absent"
        }
        "pi" => "write the number: 3.141592653589793",
        _ if is_package(name) => {
            "there are no modules: operations are built in (`cfx doc` lists them), and numbers are written as such"
        }
        _ => return None,
    })
}
