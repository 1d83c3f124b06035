//! Tests of the engine over tensors: every layer and every network of the library beside the host's engine, and the faults of candle that it works around.
//! Layers against a 64-bit reference, its finite differences and PyTorch's numbers, and whole trainings, are in [`crate::ops::nn::tests`], for both engines.

mod comparison;
mod faults;
mod library;
mod maps;
