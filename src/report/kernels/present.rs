//! Classes that some examples are of: a figure over classes has no place for those that a selection of the data has left out.

use super::field::Field;
use super::named::AxisName;
use crate::engine::value::{NO_EXAMPLES, Value};
use std::collections::BTreeSet;

/// Returns whether a value is absent since no example is of its class, in all that it was made from.
fn of_nothing(value: &Value) -> bool {
    matches!(value, Value::Absent(why) if why.ends_with(NO_EXAMPLES))
}

/// Returns inputs without the classes that no example is of in any of them, where their axis is `shown`. What is absent for another reason stays.
pub fn with_examples(fields: Vec<Field>, shown: &[&AxisName]) -> Vec<Field> {
    let meant = |f: &Field| shown.iter().filter_map(|a| f.find(a)).find(|k| f.axes[*k].role == "class");
    let mut there: BTreeSet<String> = BTreeSet::new();
    for field in &fields {
        let Some(class) = meant(field) else { continue };
        let some = (0..field.values.len()).filter(|i| !of_nothing(&field.values[*i]));
        there.extend(some.map(|i| field.axes[class].coordinates[field.places(i)[class]].clone()));
    }
    let cut = |field: Field| match meant(&field) {
        Some(class) => field.keep(class, |coordinate| there.contains(coordinate)),
        None => field,
    };
    // Where none has any, the figure says why.
    if there.is_empty() { fields } else { fields.into_iter().map(cut).collect() }
}
