//! Tables of a TOML file, taken key by key: what is not taken is not known.

use crate::base::{Diag, Diags, Span};
use crate::lang::suggest;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of which keys are taken one after the other.
pub(super) struct Table<'a> {
    /// Where it stands.
    pub span: Span,
    base: usize,
    entries: BTreeMap<String, (Span, Spanned<DeValue<'a>>)>,
}

impl<'a> Table<'a> {
    /// Reads a text that begins at `base`. Errors: the place and the sentence.
    pub fn parse(text: &'a str, base: usize) -> Result<Table<'a>, (Span, String)> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Table::of(root.into_inner(), Span::new(base, base + first_line(text)), base)),
            Err(e) => {
                let range = e.span().unwrap_or(0..0);
                let message = e.message().lines().collect::<Vec<_>>().join(", ");
                Err((super::place(base, range), message.trim_end_matches('.').to_string()))
            }
        }
    }

    /// Returns a table without keys.
    pub fn empty(span: Span) -> Table<'a> {
        Table { span, base: 0, entries: BTreeMap::new() }
    }

    fn of(table: DeTable<'a>, span: Span, base: usize) -> Table<'a> {
        let entries = table.into_iter().map(|(key, value)| {
            let at = super::place(base, key.span());
            (key.into_inner().into_owned(), (at, value))
        });
        Table { span, base, entries: entries.collect() }
    }

    /// Returns the keys that have not been taken.
    pub fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// Returns whether there is a key that has not been taken.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn take(&mut self, key: &str) -> Option<(Span, DeValue<'a>)> {
        let (_, value) = self.entries.remove(key)?;
        let span = super::place(self.base, value.span());
        Some((span, value.into_inner()))
    }

    /// Takes a table.
    pub fn table(&mut self, key: &str, diags: &mut Diags) -> Option<Table<'a>> {
        let at = self.entries.get(key)?.0;
        match self.take(key)? {
            (_, DeValue::Table(table)) => Some(Table::of(table, at, self.base)),
            (span, other) => wrong(diags, span, key, &other, &format!("write a table: `[{key}]`")),
        }
    }

    /// Takes a text, with its place.
    pub fn text(&mut self, key: &str, diags: &mut Diags) -> Option<(String, Span)> {
        match self.take(key)? {
            (span, DeValue::String(text)) => match text.contains('\n') || text.trim().is_empty() {
                true => bad(diags, span, format!("`{key}` is one line of text"), "write it on one line, or leave the key out"),
                false => Some((text.trim().to_string(), span)),
            },
            (span, other) => wrong(diags, span, key, &other, &format!("write a text: `{key} = \"…\"`")),
        }
    }

    /// Takes a text.
    pub fn words(&mut self, key: &str, diags: &mut Diags) -> Option<String> {
        self.text(key, diags).map(|(text, _)| text)
    }

    /// Takes a list of texts; one text is a list of one.
    pub fn texts(&mut self, key: &str, diags: &mut Diags) -> Vec<String> {
        let help = format!("write a list of texts: `{key} = [\"…\"]`");
        let Some((span, value)) = self.take(key) else { return Vec::new() };
        let all = match value {
            DeValue::String(text) => vec![(span, DeValue::String(text))],
            DeValue::Array(all) => all.into_iter().map(|v| (super::place(self.base, v.span()), v.into_inner())).collect(),
            other => return wrong(diags, span, key, &other, &help).unwrap_or_default(),
        };
        let one = |(span, value): (Span, DeValue)| match value {
            DeValue::String(text) if !text.contains('\n') => Some(text.to_string()),
            DeValue::String(_) => bad(diags, span, format!("a line of `{key}` is one line of text"), "make it several texts"),
            other => wrong(diags, span, key, &other, &help),
        };
        all.into_iter().filter_map(one).collect()
    }

    /// Takes a whole number that is no smaller than `least`.
    pub fn count(&mut self, key: &str, least: usize, diags: &mut Diags) -> Option<usize> {
        let help = format!("write a whole number from {least} on: `{key} = {}`", least.max(1));
        match self.take(key)? {
            (span, DeValue::Integer(n)) => {
                let digits = n.as_str().replace('_', "");
                match i64::from_str_radix(&digits, n.radix()).ok().and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= least) {
                    Some(n) => Some(n),
                    None => bad(diags, span, format!("`{key}` cannot be {digits}"), &help),
                }
            }
            (span, other) => wrong(diags, span, key, &other, &help),
        }
    }

    /// Takes a number above 0.
    pub fn amount(&mut self, key: &str, diags: &mut Diags) -> Option<f64> {
        let help = format!("write a number above 0: `{key} = 1`");
        let (span, value) = self.take(key)?;
        let text = match &value {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().to_string(),
            DeValue::Float(x) => x.as_str().to_string(),
            other => return wrong(diags, span, key, other, &help),
        };
        match text.replace('_', "").parse::<f64>().ok().filter(|x| *x > 0.0 && x.is_finite()) {
            Some(x) => Some(x),
            None => bad(diags, span, format!("`{key}` cannot be {text}"), &help),
        }
    }

    /// Takes a time, in seconds: `"90s"`, `"30min"`, `"2h"`, `"3d"`.
    pub fn seconds(&mut self, key: &str, diags: &mut Diags) -> Option<f64> {
        let units = [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0)];
        self.quantity(key, &units, &format!("write a time: `{key} = \"90s\"`, `\"30min\"`, `\"2h\"` or `\"3d\"`"), diags)
    }

    /// Takes a size, in bytes: `"512MiB"`, `"16GiB"`.
    pub fn bytes(&mut self, key: &str, diags: &mut Diags) -> Option<f64> {
        // The short ones are those of Slurm's `--mem`.
        let (mega, giga, tera) = (1048576.0, 1073741824.0, 1099511627776.0);
        let units = [("MiB", mega), ("GiB", giga), ("TiB", tera), ("M", mega), ("G", giga), ("T", tera)];
        self.quantity(key, &units, &format!("write a size: `{key} = \"512MiB\"` or `\"16GiB\"`"), diags)
    }

    fn quantity(&mut self, key: &str, units: &[(&str, f64)], help: &str, diags: &mut Diags) -> Option<f64> {
        let (span, value) = self.take(key)?;
        let DeValue::String(text) = &value else { return wrong(diags, span, key, &value, help) };
        let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, size)| *size);
        let number = number.trim().parse::<f64>().ok().filter(|x| *x > 0.0 && x.is_finite());
        match number.zip(unit) {
            Some((number, unit)) => Some(number * unit),
            None => bad(diags, span, format!("`{key}` cannot be `{text}`"), help),
        }
    }

    /// Says of every key that has not been taken that it is not known.
    pub fn rest(self, known: &[&str], diags: &mut Diags) {
        for (key, (span, _)) in self.entries {
            diags.push(
                Diag::error("cfx::site::key", span, format!("a site file has no key `{key}` here"))
                    .help(suggest::nearest_or_list(&key, known)),
            );
        }
    }
}

/// Says that a value is of the wrong type.
fn wrong<T>(diags: &mut Diags, span: Span, key: &str, value: &DeValue, help: &str) -> Option<T> {
    let what = value.type_str();
    let article = if what.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    bad(diags, span, format!("`{key}` cannot be {article} {what}"), help)
}

fn bad<T>(diags: &mut Diags, span: Span, message: String, help: &str) -> Option<T> {
    diags.push(Diag::error("cfx::site::value", span, message).help(help));
    None
}

fn first_line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}
