//! Does this machine's kernel take every program? Loads each with maps of its own, attaches nothing,
//! and lets go of it. Made where root and the kernel allow it.

use polc_bundle::Bundle;

use super::Check;

#[cfg(target_os = "linux")]
mod loading;

pub(super) const NAME: &str = "kernel";

#[cfg(target_os = "linux")]
pub(super) fn check(bundle: &Bundle) -> Check {
    loading::check(bundle)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn check(_bundle: &Bundle) -> Check {
    Check::new(NAME, super::Verdict::NotMade, "this is not Linux")
}
