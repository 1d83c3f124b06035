//! Columns of tables as values: what signatures say about them, and `table.column`.

use super::axes::Attached;
use super::checker::Checker;
use super::kind::Kind;
use super::signature::Signature;
use super::static_value::Static;
use super::statics::Env;
use super::suggest::{nearest, nearest_or_list};
use super::typed::{Call, Node, Typed};
use crate::base::text::shorten;
use crate::base::{Diag, Span};
use crate::syntax::ast;
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Checks `table.column`: one number for each row, or, where rows are the coordinates of an axis that the table carries (a
    /// history's epochs), numbers over that axis.
    pub(super) fn column(&mut self, base: Rc<Typed>, field: &ast::Ident, span: Span) -> Rc<Typed> {
        if let Some(diag) = self.wrong_column(&base, &field.name, field.span).or_else(|| self.of_words(&base, field)) {
            self.say(diag);
            return Typed::error(span);
        }
        let mut settings = vec![("name".to_string(), Static::Text(field.name.clone()))];
        let epoch = base.attached.epoch;
        if epoch.is_some() {
            settings.push(("rows".to_string(), Static::Word("epoch".to_string())));
        }
        let typed = self.builtin("field", vec![("x", base)], settings, span);
        let mut typed = (*typed).clone();
        // Rows are no examples, and have neither their classes nor their data set.
        (typed.examples, typed.attached) = (None, Attached::default());
        typed.kind = Kind::Number { per_example: epoch.is_none() };
        if let (Some(epoch), Node::Call(call)) = (epoch, &mut typed.node) {
            call.transfer.kept = vec![epoch];
            call.transfer.axes.push(epoch);
            typed.axes.push(epoch);
        }
        Rc::new(typed)
    }

    /// Returns whether the settings that name a column of numbers name one that their table can have.
    pub(super) fn named_columns_fit(&mut self, signature: &'a Signature, call: &Call, envs: &[Env]) -> bool {
        let mut fit = true;
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let Some(of) = &takes.column else { continue };
            let Some((_, table, _)) = call.inputs.iter().find(|(name, ..)| name == of) else { continue };
            let name = &param.name.name;
            let wrong = envs.iter().find_map(|env| match self.statics().single(signature, call, name, env) {
                Ok(Some((Static::Text(name), span))) => {
                    self.wrong_column(table, &name, span).or_else(|| self.of_words(table, &ast::Ident { name, span }))
                }
                _ => None,
            });
            if let Some(diag) = wrong {
                fit = false;
                self.say(diag);
            }
        }
        fit
    }

    /// Returns the columns that a table can have, where they are known: all, and those that hold words.
    fn columns_of(&self, table: &Typed) -> Option<(Vec<String>, Vec<String>)> {
        let signature = self.made_by(table)?;
        match (self.behind(table), signature.name.as_str()) {
            (Some(call), "table") => self.tidy_columns(call),
            _ => (!signature.columns.is_empty()).then(|| (signature.columns.clone(), signature.texts.clone())),
        }
    }

    /// Returns the columns of a call of `table` on values that take a row each: its axes, and what is said of a value.
    fn tidy_columns(&self, call: &Call) -> Option<(Vec<String>, Vec<String>)> {
        let (_, x, whole) = call.inputs.iter().find(|(n, ..)| n == "x")?;
        let (value, words): (&[&str], &[&str]) = match &x.kind {
            Kind::Number { per_example: true } => (&["example", "row", "class", "value", "absent"], &["class", "absent"]),
            Kind::Truth { per_example: true } => (&["example", "row", "class", "value", "absent"], &["class", "absent"]),
            Kind::Number { .. } => (&["value", "error", "count", "absent"], &["absent"]),
            Kind::Truth { .. } => (&["value", "within_error", "text", "absent"], &["value", "within_error", "text", "absent"]),
            Kind::Group => (&["value", "absent"], &["value", "absent"]),
            _ => return None,
        };
        let axes: Vec<String> = whole.iter().map(|a| self.axes().name(*a).to_string()).collect();
        // A column whose name an axis has is called `NAME_value`.
        let free = |name: &str| if axes.iter().any(|a| a == name) { format!("{name}_value") } else { name.to_string() };
        let all = axes.iter().cloned().chain(value.iter().map(|n| free(n))).collect();
        let class = axes.iter().filter(|a| *a == "class").cloned();
        Some((all, words.iter().map(|n| free(n)).chain(class).collect()))
    }

    /// Returns what is wrong with a column that holds words, which are no value.
    pub(super) fn of_words(&self, table: &Typed, field: &ast::Ident) -> Option<Diag> {
        let signature = self.made_by(table)?;
        let (columns, texts) = self.columns_of(table).filter(|(_, texts)| texts.contains(&field.name))?;
        let numbers = columns.iter().filter(|c| !texts.contains(c)).map(|c| format!("`{c}`"));
        let message = format!("the column `{}` holds words, not numbers", field.name);
        let help = match &table.node {
            Node::Call(made) if signature.name == "diagnose" && field.name == "verdict" => {
                let density = made.inputs.first().map(|(_, p, _)| shorten(self.program().sources.text(p.span)));
                let of = density.unwrap_or_else(|| "p".to_string());
                format!("`mixing({of}).settled` and `mixing({of}).disagree` hold or do not for each density")
            }
            _ => format!(
                "numbers stand in {}; figures take columns of words by name: `x: {}`",
                numbers.collect::<Vec<_>>().join(", "),
                field.name
            ),
        };
        Some(Diag::error("cfx::type::argument", field.span, message).help(help))
    }

    /// Returns what is wrong with a column's name, where the table's columns are known.
    pub(super) fn wrong_column(&self, table: &Typed, name: &str, span: Span) -> Option<Diag> {
        let signature = self.made_by(table)?;
        let (columns, _) = self.columns_of(table)?;
        let known: Vec<&str> = columns.iter().map(String::as_str).collect();
        // What is recorded during training is named after the data, which are not known yet; a misspelt column is near a known one.
        if known.contains(&name) || signature.open && nearest(name, &known).is_none() {
            return None;
        }
        let diag = Diag::error("cfx::name::no_field", span, format!("the table has no column `{name}`"));
        Some(diag.help(nearest_or_list(name, &known)))
    }

    /// Returns the signature of the operation that made a value.
    pub(super) fn made_by(&self, typed: &Typed) -> Option<&'a Signature> {
        match &typed.node {
            Node::Value(id) => self.made_by(&self.value_at(*id).typed),
            Node::Select { base, .. } | Node::Align { base, .. } | Node::Only { base, .. } => self.made_by(base),
            Node::Stack { parts, .. } => self.made_by(parts.first()?),
            Node::If { yes, .. } => self.made_by(yes),
            Node::Call(call) => self.program().operations.get(&call.op),
            Node::Error | Node::Static(..) => None,
        }
    }
}
