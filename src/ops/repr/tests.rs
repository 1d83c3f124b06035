//! Tests of the representations.
