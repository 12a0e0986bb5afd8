//! Parsing never fails or panics, and every place it names is in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parse = polc_syntax::parse(text);
    for error in &parse.errors {
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert!(start <= end && text.get(start..end).is_some(), "{error:?}");
    }
});
