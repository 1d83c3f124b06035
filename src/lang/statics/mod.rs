//! Settings: expressions evaluated before the run, at one coordinate of each axis, as the signature's types ask.
//!
//! In: expressions as written, and the coordinates of a place. Out: values, networks and recipes, or what is wrong with them.

mod constructors;
mod evaluation;
mod meant;
mod misfit;
mod networks;
mod of_call;
mod setting;
mod unknown;
mod view;

pub use networks::recipe_fields;
pub use unknown::foreign_value;
pub use view::{Env, NetworkRef, Statics};
