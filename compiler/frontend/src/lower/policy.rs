//! Policies.

use std::sync::Arc;

use polc_diagnostics::{Code, suggest};
use polc_model::{DEFAULT_PRIORITY, Enforcement, Isolation, Origin, Selector, Tier};
use polc_syntax::{Span, ast};

use super::{
    Scope, number,
    rule::{self, LoweredRule},
    subject,
};
use crate::{origin::Lines, sink::Sink};

/// A policy that names its selectors in full: ids belong to a whole package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredPolicy {
    pub(crate) name: String,
    /// The file that it was written in: that of its template, where it has one.
    pub(crate) file: Arc<str>,
    pub(crate) subject: Selector,
    pub(crate) tier: Tier,
    pub(crate) priority: u32,
    pub(crate) enforcement: Enforcement,
    pub(crate) ingress: Option<Isolation>,
    pub(crate) egress: Option<Isolation>,
    pub(crate) doc: Option<String>,
    pub(crate) origin: Origin,
    pub(crate) rules: Vec<LoweredRule>,
}

pub(crate) fn lower(
    policy: &ast::Policy,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredPolicy {
    let tier = tier(policy, sink);
    let covers = |direction| {
        let blocks = policy.blocks.iter();
        let mut blocks = blocks.filter(|block| block.direction == direction);
        let first = blocks.next()?;
        let says_allow = |block: &ast::DirectionBlock| !block.default_allows.is_empty();
        let is_open = tier != Tier::Normal
            || !policy.default_allows.is_empty()
            || says_allow(first)
            || blocks.any(says_allow);
        Some(match is_open {
            true => Isolation::DefaultAllow,
            false => Isolation::Isolates,
        })
    };
    let mut lowered = LoweredPolicy {
        name: policy.name.text.clone(),
        file: lines.file(),
        subject: subject::lower(policy, scope, lines, sink),
        tier,
        priority: priority(policy, sink),
        enforcement: if policy.audits.is_empty() {
            Enforcement::Enforce
        } else {
            Enforcement::Audit
        },
        ingress: covers(ast::Direction::Ingress),
        egress: covers(ast::Direction::Egress),
        doc: policy.doc.clone(),
        origin: lines.origin(policy.head),
        rules: Vec::new(),
    };
    repeated("policy", "audit", &policy.audits, sink);
    repeated("policy", "default allow", &policy.default_allows, sink);
    no_effect(policy, tier, sink);
    for block in &policy.blocks {
        repeated("policy", "default allow", &block.default_allows, sink);
        for rule in &block.rules {
            let rule = rule::lower(rule, block, scope, lines, sink);
            lowered.rules.push(rule);
        }
    }
    lowered
}

fn tier(policy: &ast::Policy, sink: &mut Sink) -> Tier {
    let spans: Vec<Span> = policy.tiers.iter().map(|tier| tier.span).collect();
    repeated("policy", "tier", &spans, sink);
    let Some(word) = policy.tiers.first() else {
        return Tier::default();
    };
    let names = Tier::ALL.map(Tier::name);
    if let Some(tier) = Tier::ALL.into_iter().find(|tier| tier.name() == word.text) {
        return tier;
    }
    sink.report(
        Code::UnknownSetting,
        format!("unknown tier `{}`", word.text),
        word.span,
        "expected `admin`, `normal` or `baseline`",
        |sink, diagnostic| match suggest::closest(&word.text, names) {
            Some(meant) => diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(sink.place(word.span), meant),
            None => diagnostic,
        },
    );
    Tier::default()
}

fn priority(policy: &ast::Policy, sink: &mut Sink) -> u32 {
    let spans: Vec<Span> = policy.priorities.iter().map(|word| word.span).collect();
    repeated("policy", "priority", &spans, sink);
    policy
        .priorities
        .first()
        .and_then(|word| number::parse(word, "a priority", u32::MAX, sink))
        .unwrap_or(DEFAULT_PRIORITY)
}

/// Reports a setting that an item gives twice.
pub(super) fn repeated(item: &str, what: &str, spans: &[Span], sink: &mut Sink) {
    if let [first, second, ..] = spans {
        sink.report(
            Code::RepeatedSetting,
            format!("the {item} says `{what}` twice"),
            *second,
            "said again here",
            |sink, diagnostic| {
                diagnostic
                    .with_label(sink.place(*first), "first said here")
                    .with_help("keep one of them")
            },
        );
    }
}

fn no_effect(policy: &ast::Policy, tier: Tier, sink: &mut Sink) {
    let name = &policy.name.text;
    if policy.blocks.is_empty() && policy.completeness == ast::Completeness::Whole {
        sink.report(
            Code::NoEffect,
            format!("the policy `{name}` has no effect"),
            policy.name.span,
            "has neither `ingress` nor `egress`",
            |_, diagnostic| {
                diagnostic.with_help(
                    "an empty block, such as `ingress {}`, denies everything in its direction",
                )
            },
        );
    }
    let of_blocks = policy.blocks.iter().flat_map(|block| &block.default_allows);
    if let Some(span) = policy.default_allows.iter().chain(of_blocks).next()
        && tier != Tier::Normal
    {
        sink.report(
            Code::NoEffect,
            format!(
                "`default allow` has no effect in the tier `{}`",
                tier.name()
            ),
            *span,
            "changes nothing",
            |_, diagnostic| {
                diagnostic.with_note("only policies of the tier `normal` isolate endpoints")
            },
        );
    }
}
