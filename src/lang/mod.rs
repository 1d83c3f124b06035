//! Meaning: names, signatures, types, axes, networks; from syntax trees to a typed tree in which nothing is unresolved.
//!
//! In: parsed files and the standard library's signatures. Out: a typed script, or messages. Never: data, files of data, kernels.

mod align;
mod arguments;
mod assemble;
pub mod axes;
mod axis_declaration;
mod axis_words;
pub mod bind;
mod bounds;
mod call;
pub mod carried;
pub mod check;
mod checker;
mod columns;
pub mod def_id;
pub mod eval;
mod expr;
pub mod finding;
pub mod kind;
mod labels;
pub mod lets;
pub mod library;
mod like;
mod meaning;
pub mod mentions;
mod misfit;
mod misplaced;
mod misread;
pub mod net;
pub mod only;
mod order;
mod parameters;
mod parts;
mod refusals;
pub mod scope;
mod selection;
pub mod settings;
pub mod shape;
pub mod signature;
pub mod static_value;
pub mod statics;
pub mod suggest;
mod swapped;
pub mod type_names;
pub mod typed;
mod uses;
mod walk;
mod wrong_call;

pub use static_value::{Settings, Static};
