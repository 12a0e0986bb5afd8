//! The Pol grammar, its parser and syntax tree.
