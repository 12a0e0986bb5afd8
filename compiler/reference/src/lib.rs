//! The reference interpreter: what a policy means, slowly and plainly.
