//! From Pol source text to a Model, as salsa queries.
