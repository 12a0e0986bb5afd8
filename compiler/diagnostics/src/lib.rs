//! One diagnostic type, for every stage and every renderer.
