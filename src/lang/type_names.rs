//! Names of types where scripts write them: in parameters, and in networks and layers.

use super::suggest::nearest_or_list;
use crate::base::Diag;
use crate::syntax::ast::{TypeAtom, TypeExpr};

/// Types that a script may write, constructors of settings apart.
const PLAIN: [&str; 5] = ["int", "real", "bool", "text", "word"];

/// Returns what is wrong with the names in a type: those that are neither plain types nor among `others`.
pub fn wrong(ty: &TypeExpr, others: &[&str]) -> Option<Diag> {
    ty.alternatives.iter().find_map(|atom| match atom {
        TypeAtom::Name(name) => {
            let word = name.name.as_str();
            if word == "none" || PLAIN.contains(&word) || others.contains(&word) {
                return None;
            }
            let help = match elsewhere(word) {
                Some(ours) => format!("write `{ours}`"),
                None => {
                    let all: Vec<&str> = PLAIN.iter().copied().chain(others.iter().copied()).collect();
                    nearest_or_list(word, &all)
                }
            };
            Some(Diag::error("cfx::type::name", name.span, format!("there is no type `{word}`")).help(help))
        }
        TypeAtom::List(inner) => wrong(inner, others),
        TypeAtom::Option(_) => None,
        TypeAtom::Record(_) => {
            let help = "write one parameter for each field";
            Some(Diag::error("cfx::type::name", ty.span, "a setting cannot be a record").help(help))
        }
    })
}

/// Returns the name here of a type known from other languages.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "float" | "Float" | "double" | "Double" | "number" | "numeric" | "num" | "f32" | "f64" | "float32" | "float64"
        | "Float64" | "Float32" | "Real" | "decimal" | "percent" | "scalar" => "real",
        "integer" | "Integer" | "Int" | "i32" | "i64" | "u32" | "u64" | "usize" | "Int64" | "int32" | "int64" | "long"
        | "uint" | "size" | "nat" | "whole" => "int",
        "boolean" | "Boolean" | "Bool" | "logical" | "flag" | "truth" => "bool",
        "str" | "string" | "String" | "character" | "char" | "Text" | "path" | "file" => "text",
        "list" | "List" | "array" | "Array" | "vector" | "Vector" | "Vec" | "tuple" | "seq" => "[real]",
        "enum" | "choice" | "Literal" | "factor" | "category" | "options" => "option(a, b)",
        _ => return None,
    })
}
