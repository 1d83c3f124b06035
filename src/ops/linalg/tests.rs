//! Tests of the seam to LAPACK.
