//! What numbers stand for, as far as signatures say it (`means(class)`): numbers of classes, probabilities, answers that are right or wrong, measures.

/// What numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The number of a class, counted from 0.
    Class,
    /// How likely something is held to be, 0 to 1.
    Probability,
    /// 1 where an answer is right or a condition holds and 0 elsewhere, or a share of such.
    Right,
    /// A measurement.
    Measure,
    /// How alike two things are: larger for those that are more alike.
    Similarity,
    /// How unlike two things are: larger for those that are less alike.
    Distance,
}

impl Meaning {
    /// Returns the meaning that a word of a signature stands for; nothing for the name of a parameter.
    pub fn named(word: &str) -> Option<Meaning> {
        Some(match word {
            "class" => Meaning::Class,
            "probability" | "confidence" => Meaning::Probability,
            "right" => Meaning::Right,
            "measure" => Meaning::Measure,
            "similarity" => Meaning::Similarity,
            "distance" => Meaning::Distance,
            _ => return None,
        })
    }

    /// Returns what such numbers are, in words.
    pub fn words(self) -> &'static str {
        match self {
            Meaning::Class => "numbers of classes",
            Meaning::Probability => "probabilities",
            Meaning::Right => "whether something is right, 1 or 0",
            Meaning::Measure => "measurements",
            Meaning::Similarity => "similarities",
            Meaning::Distance => "distances",
        }
    }

    /// Returns operations that give such numbers, as one writes them.
    pub fn examples(self) -> &'static str {
        match self {
            Meaning::Class => "`predicted(m, data)`, `classify(p, x)`, or of several the `mode`",
            Meaning::Probability => "`confidence(m, data)`",
            Meaning::Right => "`correct(m, data)`, or a comparison such as `predicted(m, data) == label(data)`",
            Meaning::Measure => "`example_loss(m, data)`",
            Meaning::Similarity => "`cka(x, between: run)`",
            Meaning::Distance => "`procrustes(x, between: run)`, or `1 - s` of a similarity s",
        }
    }

    /// Returns whether such numbers may be given where others are due. A measurement may be a distance.
    pub fn serves(self, wanted: Meaning) -> bool {
        self == wanted || (self, wanted) == (Meaning::Measure, Meaning::Distance)
    }
}
