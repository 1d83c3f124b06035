//! The same script on a cluster: its plan cut into tasks, the tasks sent as jobs of a batch system, each of which computes its cells and leaves them
//! in the store.
//!
//! In: a plan, a store, a site. Out: jobs, and what became of their cells, told by files in the store's folder.
//! Never: a process that stays behind, or a result that depends on how the plan was cut.

pub mod campaign;
pub mod cut;
pub mod executor;
pub mod pieces;
pub mod site;
pub mod slurm;
pub mod status;
pub mod submit;
pub mod work;
