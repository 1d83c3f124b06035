//! Tests of networks: every layer against a plain 64-bit reference and its finite differences, whole runs, threads, checkpoints.

mod against_pytorch;
pub(super) mod build;
mod features;
mod layers;
mod parts;
mod reference;
pub(super) mod running;
mod torch;
