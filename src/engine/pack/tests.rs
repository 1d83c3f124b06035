//! Tests of the artifact format.
