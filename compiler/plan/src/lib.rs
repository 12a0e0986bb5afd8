//! From a Model to a Plan: precedence flattened, ports split, decisions shared.
