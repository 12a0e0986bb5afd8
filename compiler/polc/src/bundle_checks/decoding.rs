//! Is it a bundle, intact to the last bit, with a Model and a Plan that make sense? All of that is
//! [`Bundle::decode`](polc_bundle::Bundle::decode).

use polc_bundle::FORMAT_VERSION;

use super::{Check, Subject, Verdict};

const NAME: &str = "decoding";

pub(super) fn check(subject: &Subject<'_>) -> Check {
    match &subject.decoded {
        Ok(bundle) => {
            let compiler = &bundle.compiler;
            let detail = format!("format {FORMAT_VERSION}, compiled by polc {compiler}");
            Check::new(NAME, Verdict::Passed, detail)
        }
        Err(cause) => Check::new(NAME, Verdict::Failed, cause.to_string()),
    }
}
