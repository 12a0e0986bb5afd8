//! Formatting twice gives the same text as formatting once.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(once) = polc_format::format(text) {
        assert_eq!(polc_format::format(&once).as_ref(), Ok(&once));
    }
});
