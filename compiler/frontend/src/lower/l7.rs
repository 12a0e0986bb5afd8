//! What a rule says above L4.

use polc_diagnostics::Code;
use polc_model::{Direction, L4Match, L4Term, L7Match, PortProtocol};
use polc_syntax::ast::{self, L7Expr};

use super::{Scope, dns, http};
use crate::sink::Sink;

/// Lowers a clause and checks that the rule can have it. `l4` is what the rule says about L4:
/// `None` when it says nothing, `Some(None)` when that was not understood.
pub(super) fn lower(
    clause: &L7Expr,
    rule: &ast::Rule,
    l4: Option<&Option<L4Match>>,
    direction: Direction,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Option<L7Match> {
    let lowered = match clause {
        L7Expr::Only { requests, .. } => requests
            .as_ref()
            .and_then(|requests| http::lower(requests, scope, sink))
            .map(L7Match::Http),
        L7Expr::Sni { names, .. } => lower_names(names, sink).map(L7Match::Sni),
        L7Expr::Dns { names, .. } => lower_names(names, sink).map(L7Match::Dns),
    };
    let is_possible = allows(clause, rule, sink)
        && match clause {
            L7Expr::Dns { .. } => {
                has_ports(clause, rule, l4, sink) && is_egress(clause, direction, sink)
            }
            L7Expr::Only { .. } | L7Expr::Sni { .. } => is_tcp(clause, rule, l4, sink),
        };
    lowered.filter(|_| is_possible)
}

fn lower_names(names: &[ast::Name], sink: &mut Sink) -> Option<Vec<String>> {
    let names: Vec<Option<String>> = names.iter().map(|name| dns::pattern(name, sink)).collect();
    let mut names = names.into_iter().collect::<Option<Vec<String>>>()?;
    names.sort();
    names.dedup();
    (!names.is_empty()).then_some(names)
}

/// Whether a rule about DNS queries is about ports, over which they run.
fn has_ports(
    clause: &L7Expr,
    rule: &ast::Rule,
    l4: Option<&Option<L4Match>>,
    sink: &mut Sink,
) -> bool {
    let found = match l4 {
        Some(None) => return false,
        None => "every protocol".to_owned(),
        Some(Some(L4Match::Any)) => "`any`".to_owned(),
        Some(Some(L4Match::Of(terms))) => {
            let is_port =
                |term: &&L4Term| matches!(term, L4Term::Ports { .. } | L4Term::NamedPort { .. });
            match terms.iter().find(|term| !is_port(term)) {
                None => return true,
                Some(other) => format!("`{other}`"),
            }
        }
    };
    let span = rule.l4.as_ref().map_or(clause.span(), |l4| l4.span);
    sink.report(
        Code::NotTcp,
        format!("DNS runs over ports, found {found}"),
        span,
        "expected ports only",
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(clause.span()), "matches DNS")
                .with_help("name the ports, such as `on udp 53 | tcp 53`")
        },
    );
    false
}

/// Whether a rule about DNS queries is about those that leave an endpoint.
fn is_egress(clause: &L7Expr, direction: Direction, sink: &mut Sink) -> bool {
    if direction == Direction::Egress {
        return true;
    }
    sink.report(
        Code::EgressOnly,
        "DNS queries are matched where they leave an endpoint",
        clause.span(),
        "this rule is for ingress",
        |_, diagnostic| diagnostic.with_help("say it in the `egress` of those that ask"),
    );
    false
}

fn allows(clause: &L7Expr, rule: &ast::Rule, sink: &mut Sink) -> bool {
    let word = match rule.action {
        ast::Action::Allow => return true,
        ast::Action::Deny => "deny",
        ast::Action::Reject => "reject",
        ast::Action::Pass => "pass",
    };
    sink.report(
        Code::NotAllow,
        format!("`{word}` cannot look into a connection"),
        clause.span(),
        "only `allow` matches above L4",
        |_, diagnostic| {
            diagnostic.with_help("allow the requests that may pass; what no rule allows is denied")
        },
    );
    false
}

fn is_tcp(
    clause: &L7Expr,
    rule: &ast::Rule,
    l4: Option<&Option<L4Match>>,
    sink: &mut Sink,
) -> bool {
    let what = match clause {
        L7Expr::Only { .. } => "HTTP",
        L7Expr::Sni { .. } | L7Expr::Dns { .. } => "TLS",
    };
    let found = match l4 {
        Some(None) => return false,
        None => "every protocol".to_owned(),
        Some(Some(L4Match::Any)) => "`any`".to_owned(),
        Some(Some(L4Match::Of(terms))) => {
            let mut others = terms.iter().filter(|term| !is_tcp_port(term));
            match others.next() {
                None => return true,
                Some(other) => format!("`{other}`"),
            }
        }
    };
    let span = rule.l4.as_ref().map_or(clause.span(), |l4| l4.span);
    sink.report(
        Code::NotTcp,
        format!("{what} runs over tcp, found {found}"),
        span,
        "expected tcp ports only",
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(clause.span()), format!("matches {what}"))
                .with_help(match clause {
                    L7Expr::Only { .. } => "name the ports, such as `on tcp 8080`",
                    L7Expr::Sni { .. } | L7Expr::Dns { .. } => {
                        "name the ports, such as `on tcp 443`"
                    }
                })
        },
    );
    false
}

const fn is_tcp_port(term: &L4Term) -> bool {
    matches!(
        term,
        L4Term::Ports {
            protocol: PortProtocol::Tcp,
            ..
        } | L4Term::NamedPort {
            protocol: PortProtocol::Tcp,
            ..
        }
    )
}
