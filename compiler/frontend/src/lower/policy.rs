//! Policies and their rules.

use polc_diagnostics::{Code, suggest};
use polc_model::{
    Action, Direction, Enforcement, Entity, Isolation, L4Match, Origin, Selector, SelectorExpr,
    Tier,
};
use polc_syntax::{
    Span,
    ast::{self, PeerExpr},
};

use super::{Scope, l4, number, peers, size, subject};
use crate::{origin::Lines, sink::Sink};

/// The priority of a policy that gives none: in the middle of small numbers, so that there is room
/// before it and after it.
pub(crate) const DEFAULT_PRIORITY: u32 = 100;

/// A policy that names its selectors in full: ids belong to a whole package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredPolicy {
    pub(crate) name: String,
    pub(crate) subject: Selector,
    pub(crate) tier: Tier,
    pub(crate) priority: u32,
    pub(crate) enforcement: Enforcement,
    pub(crate) ingress: Option<Isolation>,
    pub(crate) egress: Option<Isolation>,
    pub(crate) origin: Origin,
    pub(crate) rules: Vec<LoweredRule>,
}

/// A rule that names its peers in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredRule {
    pub(crate) direction: Direction,
    pub(crate) action: Action,
    pub(crate) peer: Selector,
    pub(crate) l4: L4Match,
    pub(crate) origin: Origin,
}

pub(crate) fn lower(
    policy: &ast::Policy,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredPolicy {
    let tier = tier(policy, sink);
    let isolation = if tier == Tier::Normal && policy.default_allows.is_empty() {
        Isolation::Isolates
    } else {
        Isolation::DefaultAllow
    };
    let covers = |direction| {
        let mut blocks = policy.blocks.iter();
        blocks
            .any(|block| block.direction == direction)
            .then_some(isolation)
    };
    let mut lowered = LoweredPolicy {
        name: policy.name.text.clone(),
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
        origin: lines.origin(policy.head),
        rules: Vec::new(),
    };
    repeated("audit", &policy.audits, sink);
    repeated("default allow", &policy.default_allows, sink);
    no_effect(policy, tier, sink);
    for block in &policy.blocks {
        for rule in &block.rules {
            let rule = lower_rule(rule, block, tier, scope, lines, sink);
            lowered.rules.push(rule);
        }
    }
    lowered
}

fn tier(policy: &ast::Policy, sink: &mut Sink) -> Tier {
    let spans: Vec<Span> = policy.tiers.iter().map(|tier| tier.span).collect();
    repeated("tier", &spans, sink);
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
    repeated("priority", &spans, sink);
    policy
        .priorities
        .first()
        .and_then(|word| number::parse(word, "a priority", u32::MAX, sink))
        .unwrap_or(DEFAULT_PRIORITY)
}

fn repeated(what: &str, spans: &[Span], sink: &mut Sink) {
    if let [first, second, ..] = spans {
        sink.report(
            Code::RepeatedSetting,
            format!("the policy says `{what}` twice"),
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
    if let Some(span) = policy.default_allows.first()
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

fn lower_rule(
    rule: &ast::Rule,
    block: &ast::DirectionBlock,
    tier: Tier,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredRule {
    check_preposition(rule, block, sink);
    if rule.action == ast::Action::Pass && tier == Tier::Baseline {
        sink.report(
            Code::NoEffect,
            "`pass` in the last tier is the same as `allow`",
            rule.span,
            "no tier comes after `baseline`",
            |_, diagnostic| diagnostic.with_help("write `allow`"),
        );
    }
    LoweredRule {
        direction: match block.direction {
            ast::Direction::Ingress => Direction::Ingress,
            ast::Direction::Egress => Direction::Egress,
        },
        action: match rule.action {
            ast::Action::Allow => Action::Allow,
            ast::Action::Deny => Action::Deny,
            ast::Action::Pass => Action::Pass,
        },
        peer: rule
            .peers
            .as_ref()
            .map_or_else(nothing, |expr| selector(expr, scope, lines, sink)),
        l4: rule
            .l4
            .as_ref()
            .and_then(|l4| l4::lower(l4, scope, sink))
            .unwrap_or(L4Match::Any),
        origin: lines.origin(rule.span),
    }
}

fn check_preposition(rule: &ast::Rule, block: &ast::DirectionBlock, sink: &mut Sink) {
    let Some((preposition, span)) = rule.preposition else {
        return;
    };
    let (word, needed, what) = match (block.direction, preposition) {
        (ast::Direction::Ingress, ast::Preposition::To) => {
            ("to", "from", "ingress is what comes from a peer")
        }
        (ast::Direction::Egress, ast::Preposition::From) => {
            ("from", "to", "egress is what goes to a peer")
        }
        _ => return,
    };
    let block_word = match block.direction {
        ast::Direction::Ingress => "ingress",
        ast::Direction::Egress => "egress",
    };
    sink.report(
        Code::WrongDirection,
        format!("`{word}` in an `{block_word}` block"),
        span,
        format!("expected `{needed}`"),
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(block.span), what)
                .with_help(format!(
                    "write `{needed}`, or move the rule to the other block"
                ))
                .with_fix(sink.place(span), needed)
        },
    );
}

fn selector(expr: &PeerExpr, scope: &dyn Scope, lines: &Lines<'_>, sink: &mut Sink) -> Selector {
    Selector {
        expr: bounded(expr, scope, sink).expr,
        text: lines.source(expr.span()),
    }
}

/// Lowers an expression, unless it is larger than a Model holds.
pub(super) fn bounded(expr: &PeerExpr, scope: &dyn Scope, sink: &mut Sink) -> peers::Typed {
    let typed = peers::lower(expr, scope, sink);
    if !size::is_too_large(&typed.expr) {
        return typed;
    }
    sink.report(
        Code::TooDeep,
        "this expression is nested too deeply",
        expr.span(),
        "with the definitions that it uses",
        |_, diagnostic| diagnostic.with_help("say it with fewer sets inside sets"),
    );
    peers::Typed::BROKEN
}

/// Where the source leaves peers out; a syntax error was reported.
pub(super) fn nothing() -> Selector {
    Selector {
        expr: SelectorExpr::Entity(Entity::None),
        text: Entity::None.name().to_owned(),
    }
}
