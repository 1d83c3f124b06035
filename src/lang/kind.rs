//! Kinds of values: what one cell of a declaration holds.

use std::fmt;

/// What one cell holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Examples with labels.
    Dataset,
    /// A trained or imported network.
    Model,
    /// Examples x units.
    Stages,
    /// Posterior draws of a density model.
    Density,
    /// A number; one for each example where `per_example`.
    Number { per_example: bool },
    /// A truth value; one for each example where `per_example`.
    Truth { per_example: bool },
    /// A word: the group that a coordinate falls into.
    Group,
    /// Columns of equal length.
    Table,
    /// Named parts.
    Record(Vec<(String, Kind)>),
    /// A picture.
    Figure,
    /// A setting: something known before the run that is no number, truth value or word.
    Setting,
    /// An architecture.
    Network,
    /// Named training settings.
    Recipe,
    /// What an error left behind; agrees with everything, so that one mistake gives one message.
    Unknown,
}

impl Kind {
    /// Returns the kind that a name in a signature stands for, where it names a kind of result.
    pub fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "dataset" => Kind::Dataset,
            "model" => Kind::Model,
            "stages" => Kind::Stages,
            "density" => Kind::Density,
            "number" => Kind::Number { per_example: false },
            "score" => Kind::Number { per_example: true },
            "truth" => Kind::Truth { per_example: false },
            "condition" => Kind::Truth { per_example: true },
            "group" => Kind::Group,
            "table" => Kind::Table,
            "record" => Kind::Record(Vec::new()),
            "figure" => Kind::Figure,
            "any" => Kind::Unknown,
            _ => return None,
        })
    }

    /// Returns whether a value of this kind may be given where `wanted` is asked for.
    ///
    /// One number per example may stand wherever a number may, but one number does not stand for one per example (`score`, `condition`);
    /// a record of any fields may stand where a record may.
    pub fn fits(&self, wanted: &Kind) -> bool {
        match (self, wanted) {
            (Kind::Unknown, _) | (_, Kind::Unknown) => true,
            (Kind::Number { per_example: false } | Kind::Truth { per_example: false }, wanted) if wanted.per_example() => false,
            (Kind::Number { .. }, Kind::Number { .. }) | (Kind::Truth { .. }, Kind::Truth { .. }) => true,
            (Kind::Record(_), Kind::Record(_)) => true,
            // A condition over examples is a score of zeros and ones.
            (Kind::Truth { per_example: true }, Kind::Number { .. }) => true,
            (a, b) => a == b,
        }
    }

    /// Returns whether each cell holds one value for each example.
    pub fn per_example(&self) -> bool {
        matches!(self, Kind::Number { per_example: true } | Kind::Truth { per_example: true })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Dataset => f.write_str("dataset"),
            Kind::Model => f.write_str("model"),
            Kind::Stages => f.write_str("stages"),
            Kind::Density => f.write_str("density"),
            Kind::Number { per_example: false } => f.write_str("number"),
            Kind::Number { per_example: true } => f.write_str("number per example"),
            Kind::Truth { per_example: false } => f.write_str("truth"),
            Kind::Truth { per_example: true } => f.write_str("truth per example"),
            Kind::Group => f.write_str("group"),
            Kind::Table => f.write_str("table"),
            Kind::Record(fields) if fields.is_empty() => f.write_str("record"),
            Kind::Record(fields) => {
                let parts: Vec<_> = fields.iter().map(|(n, k)| format!("{n}: {k}")).collect();
                write!(f, "{{ {} }}", parts.join(", "))
            }
            Kind::Figure => f.write_str("figure"),
            Kind::Setting => f.write_str("setting"),
            Kind::Network => f.write_str("network"),
            Kind::Recipe => f.write_str("recipe"),
            Kind::Unknown => f.write_str("any result"),
        }
    }
}
