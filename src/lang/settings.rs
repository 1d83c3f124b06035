//! Typed settings: an operation declares a struct of what it takes, made once from what the plan says, and shared by facts, cost and run.

use super::net::ir::Net;
use super::static_value::{LARGEST_WHOLE, Settings, Static};
use std::sync::Arc;

/// A type that a setting's value can be read as.
pub trait Setting: Sized {
    /// Returns the value, or `None` if it is of another type.
    fn read(value: &Static) -> Option<Self>;
}

impl Setting for Static {
    fn read(value: &Static) -> Option<Self> {
        Some(value.clone())
    }
}

impl Setting for f64 {
    fn read(value: &Static) -> Option<Self> {
        value.number()
    }
}

impl Setting for usize {
    fn read(value: &Static) -> Option<Self> {
        value.number().filter(|x| x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(x)).map(|x| x as usize)
    }
}

impl Setting for i64 {
    fn read(value: &Static) -> Option<Self> {
        value.number().filter(|x| x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE).map(|x| x as i64)
    }
}

impl Setting for bool {
    fn read(value: &Static) -> Option<Self> {
        if let Static::Bool(b) = value { Some(*b) } else { None }
    }
}

impl Setting for Arc<Net> {
    fn read(value: &Static) -> Option<Self> {
        if let Static::Net(net) = value { Some(net.clone()) } else { None }
    }
}

impl Setting for String {
    fn read(value: &Static) -> Option<Self> {
        value.word().map(str::to_string)
    }
}

/// `none` is nothing.
impl<T: Setting> Setting for Option<T> {
    fn read(value: &Static) -> Option<Self> {
        if matches!(value, Static::None) { Some(None) } else { T::read(value).map(Some) }
    }
}

/// A single value stands for a list of one.
impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::List(items) => items.iter().map(T::read).collect(),
            one => T::read(one).map(|x| vec![x]),
        }
    }
}

/// Returns a setting of an operation.
///
/// Panics where it is not there or of another type: the signature and the struct disagree, which no user can cause. The engine reports
/// a panic as an internal error, and the test that plans every operation meets it first.
pub fn required<T: Setting>(settings: &Settings, of: &str, name: &str) -> T {
    let found = settings.0.iter().find(|(n, _)| n == name);
    match found.map(|(_, v)| (T::read(v), v)) {
        Some((Some(value), _)) => value,
        Some((None, value)) => panic!("`{of}` cannot read its setting `{name}` from {}", value.to_json()),
        None => panic!("`{of}` has no setting `{name}`"),
    }
}

impl Settings {
    /// Returns a numeric setting. Panics as [`required`].
    pub fn real(&self, name: &str) -> f64 {
        required(self, "this", name)
    }

    /// Returns a whole-number setting. Panics as [`required`].
    pub fn int(&self, name: &str) -> usize {
        required(self, "this", name)
    }

    /// Returns a boolean setting. Panics as [`required`].
    pub fn flag(&self, name: &str) -> bool {
        required(self, "this", name)
    }

    /// Returns a word. Panics as [`required`].
    pub fn word(&self, name: &str) -> &str {
        match self.find(name).and_then(Static::word) {
            Some(word) => word,
            None => panic!("there is no word `{name}` among the settings"),
        }
    }
}

/// Returns a setting that may be absent (one of [`crate::plan::facts::Planned::later`]), or what stands for it. Panics as [`required`].
pub fn optional<T: Setting>(settings: &Settings, of: &str, name: &str, default: T) -> T {
    if settings.0.iter().any(|(n, _)| n == name) { required(settings, of, name) } else { default }
}

/// Declares the settings of an operation: a struct with `read(&Settings)`, one field for each setting of the signature, by its name.
/// A field with `= value` may be left out by the plan. The type of a field is any [`Setting`].
///
/// ```ignore
/// settings! {
///     /// Settings of `svd`.
///     pub struct SvdSettings("svd") { width: usize, centred: bool = false }
/// }
/// let s = SvdSettings::read(&job.settings);
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$doc:meta])* $vis:vis struct $name:ident($op:literal) { $($(#[$fdoc:meta])* $field:ident: $ty:ty $(= $default:expr)?),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $vis struct $name { $($(#[$fdoc])* pub $field: $ty),* }

        impl $name {
            /// Returns the settings of a call.
            pub fn read(settings: &$crate::lang::Settings) -> Self {
                $name { $($field: $crate::settings!(@one settings, $op, stringify!($field) $(, $default)?)),* }
            }
        }
    };
    (@one $settings:ident, $op:literal, $field:expr) => { $crate::lang::settings::required($settings, $op, $field) };
    (@one $settings:ident, $op:literal, $field:expr, $default:expr) => {
        $crate::lang::settings::optional($settings, $op, $field, $default)
    };
}

/// Declares the words of an option as an enum, which is a [`Setting`].
///
/// ```ignore
/// words! {
///     /// How activations are pooled over positions.
///     pub enum Pool { Mean = "mean", Max = "max", Flatten = "flatten" }
/// }
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$vdoc])* $variant),* }

        impl $crate::lang::settings::Setting for $name {
            fn read(value: &$crate::lang::Static) -> Option<Self> {
                match value.word()? {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    settings! {
        struct Example("example") { width: usize, kind: Kind, names: Vec<String>, rate: Option<f64>, later: bool = false }
    }
    words! {
        enum Kind { One = "one", Two = "two" }
    }

    fn given(width: Static) -> Settings {
        Settings(vec![
            ("width".into(), width),
            ("kind".into(), Static::Word("two".into())),
            ("names".into(), Static::Word("a".into())),
            ("rate".into(), Static::None),
        ])
    }

    #[test]
    fn settings_are_read_by_name_and_type() {
        let s = Example::read(&given(Static::Number(3.0)));
        assert_eq!((s.width, s.kind, s.names, s.rate, s.later), (3, Kind::Two, vec!["a".to_string()], None, false));
    }

    #[test]
    fn what_is_not_there_or_of_another_type_is_loud() {
        let wrong = |s: Settings| std::panic::catch_unwind(|| Example::read(&s)).is_err();
        assert!(wrong(Settings::default()));
        assert!(wrong(given(Static::Number(-1.0))));
        assert!(wrong(given(Static::Number(1.5))));
        assert!(wrong(given(Static::Text("3".into()))));
    }
}
