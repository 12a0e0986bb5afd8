//! Settings of services.

use polc_diagnostics::{Code, suggest};
use polc_model::{Balance, External, ExternalPolicy};
use polc_syntax::{
    Span,
    ast::{Affinity, Completeness, Name, Service},
};

use super::{lacks, ports::port_number};
use crate::{lower::policy::repeated, sink::Sink};

/// How long a client keeps its backend where `affinity` does not say: three hours.
const DEFAULT_AFFINITY: u32 = 3 * 60 * 60;
/// The longest, as Kubernetes defines it: a day.
const MAX_AFFINITY: u32 = 24 * 60 * 60;

/// How a service chooses its backends.
pub(super) fn balance(service: &Service, sink: &mut Sink) -> Balance {
    let spans: Vec<Span> = service.balances.iter().map(|word| word.span).collect();
    repeated("service", "balance", &spans, sink);
    let Some(word) = service.balances.first() else {
        return Balance::default();
    };
    let known = Balance::ALL.into_iter().find(|one| one.name() == word.text);
    known.unwrap_or_else(|| {
        unknown(
            word,
            "way to balance",
            &Balance::ALL.map(Balance::name),
            sink,
        );
        Balance::default()
    })
}

/// Reports a word that is none of the few that have a meaning.
fn unknown(word: &Name, what: &str, words: &[&str], sink: &mut Sink) {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    sink.report(
        Code::UnknownSetting,
        format!("unknown {what} `{}`", word.text),
        word.span,
        format!("expected {}", quoted.join(" or ")),
        |sink, diagnostic| match suggest::closest(&word.text, words.iter().copied()) {
            Some(meant) => diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(sink.place(word.span), meant),
            None => diagnostic,
        },
    );
}

/// For how many seconds a client keeps its backend.
pub(super) fn affinity(service: &Service, sink: &mut Sink) -> Option<u32> {
    let spans: Vec<Span> = service.affinities.iter().map(|one| one.span).collect();
    repeated("service", "affinity", &spans, sink);
    let Affinity { by, duration, .. } = service.affinities.first()?;
    if by.text != "client_ip" {
        unknown(by, "affinity", &["client_ip"], sink);
        return None;
    }
    match duration {
        Some(text) => seconds(text, sink),
        None => Some(DEFAULT_AFFINITY),
    }
}

fn seconds(text: &Name, sink: &mut Sink) -> Option<u32> {
    let digits = text
        .text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.text.strip_prefix(digits).unwrap_or_default();
    let factor = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let number: Option<u32> = digits.parse().ok();
    let seconds = number
        .zip(factor)
        .and_then(|(one, other)| one.checked_mul(other));
    let label = match (factor, seconds) {
        (None, _) => "expected a number and `s`, `m`, `h` or `d`",
        (_, Some(1..=MAX_AFFINITY)) => return seconds,
        _ => "expected from one second to one day",
    };
    sink.report(
        Code::InvalidDuration,
        format!("`{}` is not how long a client keeps its backend", text.text),
        text.span,
        label,
        |_, diagnostic| diagnostic.with_help("write a duration such as `30m` or `3h`"),
    );
    None
}

/// How a service is reached from outside.
pub(super) fn external(service: &Service, sink: &mut Sink) -> Option<External> {
    let spans: Vec<Span> = service.externals.iter().map(|one| one.span).collect();
    repeated("service", "external", &spans, sink);
    let external = service.externals.first()?;
    let policy = external
        .policy
        .as_ref()
        .map_or(ExternalPolicy::default(), |word| {
            let known = ExternalPolicy::ALL
                .into_iter()
                .find(|one| one.name() == word.text);
            known.unwrap_or_else(|| {
                unknown(
                    word,
                    "policy",
                    &ExternalPolicy::ALL.map(ExternalPolicy::name),
                    sink,
                );
                ExternalPolicy::default()
            })
        });
    let Some(node_port) = &external.node_port else {
        if service.completeness == Completeness::Whole {
            lacks(service, "node_port", "external node_port 30080", sink);
        }
        return None;
    };
    let node_port = port_number(node_port, sink)?;
    if service.ports.len() > 1 {
        sink.report(
            Code::IncompleteService,
            "a service with several ports cannot have one `node_port`",
            external.span,
            "for which of the ports?",
            |_, diagnostic| {
                diagnostic
                    .with_help("make a service of its own of the port that is reached from outside")
            },
        );
        return None;
    }
    Some(External { node_port, policy })
}
