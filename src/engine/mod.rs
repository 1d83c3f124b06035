//! Running: values, the store, the scheduler, progress; one contract for whatever computes.
//!
//! In: a plan of cells and a registry of kernels. Out: values in the store, and what became of each cell.
//! Never: the name of a particular kernel, or anything about the language.

mod apart;
pub mod device;
pub mod exchange;
pub mod executor;
pub mod files;
pub mod kernel;
pub mod loadings;
pub mod pack;
mod panics;
pub mod parts;
mod process;
pub mod progress;
pub mod store;
pub mod unfinished;
pub mod value;

pub use apart::{LONG, Unheard, apart};
pub use device::init;
pub use executor::outcome::{CellOutcome, RunOutcome, RunState, Status};
pub use executor::part::{Fence, Part, Told};
pub use executor::results::{Missing, Results};
pub use executor::statuses::{Found, Standing, found, statuses};
pub use executor::{DEAF, KEEP_UNDER, Limits, Options, execute, execute_or_leave};
pub use kernel::{Context, Failure, Job, Joint, Kernel, Kernels};
pub use progress::{Event, Observer};
pub use store::{Store, StoreError};
pub use value::Value;
