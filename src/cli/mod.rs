//! The command: arguments, the pipeline in one function, diagnostics on the terminal.
