//! Signing bundles with Ed25519, in the format of minisign. Keys and passwords are here; what a
//! signature says and how it is checked is in [`polc_bundle::signature`].

pub(crate) mod key_pair;
pub(crate) mod password;
mod secret_key;

pub(crate) use secret_key::SecretKey;
