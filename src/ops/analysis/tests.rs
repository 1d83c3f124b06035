//! Tests of the analysis kernels against NumPy and SciPy, and of what they do with missing ids, absences and ties.
