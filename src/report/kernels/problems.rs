//! Problems with arguments of figures, as they are told before anything runs.

use crate::plan::facts::Problem;

/// Returns a problem with a parameter.
pub fn problem(code: &'static str, parameter: &'static str, message: String, help: impl Into<String>) -> Problem {
    Problem { code, parameter: Some(parameter), message, help: Some(help.into()) }
}

/// Returns a problem with the shape of an input.
pub fn shape(parameter: &'static str, message: String, help: impl Into<String>) -> Problem {
    problem("cfx::figure::shape", parameter, message, help)
}

/// Returns a problem with an argument that would change nothing.
pub fn unused(parameter: &'static str, message: String, help: impl Into<String>) -> Problem {
    problem("cfx::figure::unused", parameter, message, help)
}
