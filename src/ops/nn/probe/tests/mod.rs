//! Tests of probes: formulas against SciPy and scikit-learn, passes with changed units against changed weights, stops, threads.

mod calibration;
mod passes;
mod reference;
