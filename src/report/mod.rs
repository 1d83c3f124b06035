//! Results for people: figures, tables, arrays, one HTML page, a manifest.
