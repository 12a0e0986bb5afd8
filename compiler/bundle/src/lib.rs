//! The bundle: one deterministic, content-addressed file.
