//! Fields in another shape: several axes as one, tables as numbers over their columns.

use super::cube::{cell_text, distinct, in_order};
use super::field::{Field, places_in};
use super::named::AxisName;
use crate::engine::kernel::LabelledAxis;
use crate::engine::value::{Column, Number, Value};
use std::collections::BTreeMap;

impl Field {
    /// Returns the field with some of its axes as one, the last: its coordinates are their combinations, `random, 2`.
    pub fn joined(&self, axes: &[usize]) -> Field {
        if let [one] = axes
            && *one + 1 == self.axes.len()
        {
            return self.clone();
        }
        let joined: Vec<LabelledAxis> = axes.iter().map(|a| self.axes[*a].clone()).collect();
        let count: usize = joined.iter().map(|a| a.coordinates.len()).product();
        let words = |i: usize| {
            let at = places_in(&joined, i);
            joined.iter().zip(at).map(|(a, p)| a.coordinates[p].as_str()).collect::<Vec<_>>().join(", ")
        };
        let new = match joined.as_slice() {
            [one] => one.clone(),
            _ => LabelledAxis {
                name: joined.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", "),
                role: "joined".into(),
                coordinates: (0..count).map(words).collect(),
                ..LabelledAxis::default()
            },
        };
        let rest: Vec<usize> = (0..self.axes.len()).filter(|a| !axes.contains(a)).collect();
        let mut out: Vec<LabelledAxis> = rest.iter().map(|a| self.axes[*a].clone()).collect();
        let outer: usize = out.iter().map(|a| a.coordinates.len()).product();
        let mut values = Vec::with_capacity(self.values.len());
        for o in 0..outer {
            let at_rest = places_in(&out, o);
            for i in 0..count {
                let at_joined = places_in(&joined, i);
                let mut at = vec![0; self.axes.len()];
                rest.iter().zip(&at_rest).chain(axes.iter().zip(&at_joined)).for_each(|(a, p)| at[*a] = *p);
                values.push(self.at(&at).cloned().unwrap_or_else(|| Value::Absent("no value here".into())));
            }
        }
        out.push(new);
        Field { axes: out, values, ..self.clone() }
    }

    /// Returns tables as numbers: of the column `value`, over the columns named that are no axes. Several rows at one place are averaged.
    /// Columns of words that share some (labels and predictions) have the same coordinates in the same order; numbers of two columns count
    /// different things, whatever they are.
    pub fn pivoted(&self, columns: &[AxisName], value: &str) -> Field {
        let new: Vec<&AxisName> = columns.iter().filter(|c| self.find(c).is_none()).collect();
        let own = std::slice::from_ref(self);
        let mut texts: Vec<Vec<String>> = new.iter().map(|c| distinct(own, &c.name).unwrap_or_default()).collect();
        let worded: Vec<usize> = (0..new.len()).filter(|i| holds_words(self, &new[*i].name)).collect();
        if let [first, rest @ ..] = worded.as_slice() {
            for other in rest {
                if texts[*other].iter().any(|t| texts[*first].contains(t)) {
                    let more: Vec<String> = texts[*other].iter().filter(|t| !texts[*first].contains(t)).cloned().collect();
                    texts[*first].extend(more);
                    in_order(&mut texts[*first]);
                    texts[*other] = texts[*first].clone();
                }
            }
        }
        let axes: Vec<LabelledAxis> = new
            .iter()
            .zip(texts)
            .map(|(c, coordinates)| LabelledAxis {
                name: c.name.clone(),
                role: "column".into(),
                coordinates,
                ..LabelledAxis::default()
            })
            .collect();
        let each: usize = axes.iter().map(|a| a.coordinates.len()).product();
        let mut values = Vec::with_capacity(self.values.len() * each);
        for v in &self.values {
            let Value::Table(table) = v else {
                values.extend(std::iter::repeat_n(v.clone(), each));
                continue;
            };
            let mut here: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for row in 0..table.rows() {
                let place = axes.iter().try_fold(0, |index, a| {
                    let text = cell_text(table, &a.name, row)?;
                    a.coordinates.iter().position(|c| *c == text).map(|p| index * a.coordinates.len() + p)
                });
                let number = table.numbers(value).and_then(|c| c.get(row)).copied().filter(|x| x.is_finite());
                if let (Some(place), Some(number)) = (place, number) {
                    here.entry(place).or_default().push(number);
                }
            }
            values.extend((0..each).map(|i| match here.get(&i) {
                Some(all) => Value::Number(Number::exact(all.iter().sum::<f64>() / all.len() as f64)),
                None => Value::Absent("no row in the table".into()),
            }));
        }
        let all = self.axes.iter().cloned().chain(axes).collect();
        let words = value.replace('_', " ");
        Field { name: format!("{} of {}", value, self.name), words, axes: all, values, units: Vec::new(), ..self.clone() }
    }
}

/// Returns whether a column of tables holds words.
fn holds_words(field: &Field, name: &str) -> bool {
    field.values.iter().any(|v| match v {
        Value::Table(table) => table.columns.iter().any(|(n, c)| n == name && matches!(c, Column::Texts(_))),
        _ => false,
    })
}
