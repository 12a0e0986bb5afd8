//! What happens to requests on connections that are allowed.
//!
//! "An `allow` with an L7 match allows the connection and hands it to the proxy; each request is
//! then matched against the union of the L7 rules that apply to this peer and port at the deciding
//! precedence. A plain L4 `allow` at the same precedence covers the L7 ones: all requests pass."

use polc_model::{
    Action, Decider, Decision, Direction, HttpCondition, HttpField, HttpMatch, HttpRequest,
    HttpTest, L4Packet, L7Match, Model, PathSegment, Request, Rule, Tier, Verdict,
};
use regex_automata::{nfa::thompson::pikevm::PikeVM, util::syntax};

use crate::{FlowDecision, Outcome, Party, consider, is_asked, judge, matching};

/// Judges a request at both ends of its flow.
#[must_use]
pub fn judge_request_flow(
    model: &Model,
    source: &Party<'_>,
    destination: &Party<'_>,
    l4: L4Packet,
    request: &Request,
) -> FlowDecision {
    let at = |direction, subject: &Party<'_>, peer: &Party<'_>| {
        is_asked(model, direction, subject, peer)
            .then(|| judge_request(model, direction, subject, peer, l4, request))
    };
    FlowDecision {
        egress: at(Direction::Egress, source, destination),
        ingress: at(Direction::Ingress, destination, source),
    }
}

/// Judges a request at one endpoint, in one direction. A request that no rule matches is denied by
/// the first of the rules that it was matched against: an `allow` that denies.
#[must_use]
pub fn judge_request(
    model: &Model,
    direction: Direction,
    subject: &Party<'_>,
    peer: &Party<'_>,
    l4: L4Packet,
    request: &Request,
) -> Decision {
    let connection = judge(model, direction, subject, peer, l4);
    let (Verdict::Allow, Decider::Rule(deciding)) = (connection.verdict, connection.decider) else {
        return connection;
    };
    let Some(wanted) = model
        .rule(deciding)
        .and_then(|rule| precedence(model, rule))
    else {
        return connection;
    };
    // The rules that apply to this peer and port at the deciding precedence.
    let applying: Vec<_> = consider(model, direction, subject, peer, l4)
        .into_iter()
        .filter(|considered| considered.outcome == Outcome::Matches)
        .filter_map(|considered| Some((considered.rule, model.rule(considered.rule)?)))
        .filter(|(_, rule)| rule.action == Action::Allow)
        .filter(|(_, rule)| precedence(model, rule) == Some(wanted))
        .collect();
    let decided = |verdict, rule| Decision {
        verdict,
        decider: Decider::Rule(rule),
    };
    if let Some((plain, _)) = applying.iter().find(|(_, rule)| rule.l7.is_none()) {
        return decided(Verdict::Allow, *plain);
    }
    let matching = applying.iter().find(|(_, rule)| {
        rule.l7
            .as_ref()
            .is_some_and(|l7| matches_request(l7, request))
    });
    match matching {
        Some((rule, _)) => decided(Verdict::Allow, *rule),
        None => decided(Verdict::Deny, deciding),
    }
}

fn precedence(model: &Model, rule: &Rule) -> Option<(Tier, u32)> {
    let policy = model.policy(rule.policy)?;
    Some((policy.tier, policy.priority))
}

/// Whether one of the alternatives describes the request. What is not HTTP matches no HTTP rule.
#[must_use]
pub fn matches_request(l7: &L7Match, request: &Request) -> bool {
    match (l7, request) {
        (L7Match::Http(matches), Request::Http(request)) => {
            matches.iter().any(|one| describes(one, request))
        }
        (L7Match::Sni(patterns), Request::Sni(name))
        | (L7Match::Dns(patterns), Request::Dns(name)) => patterns
            .iter()
            .any(|pattern| matching::is_name_of(pattern, name)),
        _ => false,
    }
}

fn describes(one: &HttpMatch, request: &HttpRequest) -> bool {
    if one
        .method
        .as_ref()
        .is_some_and(|method| *method != request.method)
    {
        return false;
    }
    let Some(captures) = captures(&one.path, &request.path) else {
        return false;
    };
    one.conditions
        .iter()
        .all(|condition| holds(condition, request, &captures))
}

/// The captures of a path, where the pattern matches it.
fn captures<'a>(pattern: &'a [PathSegment], path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let path = path.strip_prefix('/')?;
    let mut segments: Vec<&str> = if path.is_empty() {
        Vec::new()
    } else {
        path.split('/').collect()
    };
    segments.reverse();
    let mut captured = Vec::new();
    for wanted in pattern {
        if *wanted == PathSegment::Rest {
            return Some(captured);
        }
        let segment = segments.pop()?;
        let fits = match wanted {
            PathSegment::Literal(text) => segment == text,
            PathSegment::Any | PathSegment::Rest => !segment.is_empty(),
            PathSegment::Capture { name, kind } => {
                captured.push((name.as_str(), segment));
                kind.admits(segment)
            }
        };
        if !fits {
            return None;
        }
    }
    segments.is_empty().then_some(captured)
}

fn holds(condition: &HttpCondition, request: &HttpRequest, captures: &[(&str, &str)]) -> bool {
    let named = |pairs: &[(String, String)], name: &str| {
        pairs
            .iter()
            .filter(|(known, _)| known == name)
            .any(|(_, value)| passes(&condition.test, value))
    };
    match &condition.field {
        HttpField::Method => passes(&condition.test, &request.method),
        HttpField::Path => passes(&condition.test, &request.path),
        HttpField::Header(name) => named(&request.headers, name),
        HttpField::Query(name) => named(&request.query, name),
        HttpField::Host => request
            .host
            .as_ref()
            .is_some_and(|host| passes(&condition.test, host)),
        HttpField::Capture(name) => captures
            .iter()
            .filter(|(known, _)| known == name)
            .any(|(_, value)| passes(&condition.test, value)),
    }
}

fn passes(test: &HttpTest, value: &str) -> bool {
    match test {
        HttpTest::Present => true,
        HttpTest::Equals(wanted) => value == wanted,
        // Slow, and plain. A pattern that cannot be built matches nothing.
        HttpTest::Matches(pattern) => PikeVM::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build(&format!(r"\A(?:{pattern})\z"))
            .is_ok_and(|regex| regex.is_match(&mut regex.create_cache(), value)),
    }
}

#[cfg(test)]
mod tests {
    use polc_model::CaptureKind;

    use super::*;

    #[test]
    fn paths_are_matched_segment_by_segment() {
        let literal = |text: &str| PathSegment::Literal(text.to_owned());
        let id = PathSegment::Capture {
            name: "id".to_owned(),
            kind: CaptureKind::Int,
        };
        let pattern = [literal("cart"), id, PathSegment::Any];
        assert_eq!(captures(&pattern, "/cart/7/x"), Some(vec![("id", "7")]));
        for other in [
            "/cart/7",
            "/cart/x/y",
            "/cart/7/",
            "/cart/7/x/y",
            "cart/7/x",
        ] {
            assert_eq!(captures(&pattern, other), None, "{other}");
        }
        let rest = [literal("a"), PathSegment::Rest];
        for path in ["/a", "/a/", "/a/b/c"] {
            assert!(captures(&rest, path).is_some(), "{path}");
        }
        assert_eq!(captures(&rest, "/b"), None);
        assert_eq!(captures(&[], "/"), Some(Vec::new()));
    }

    #[test]
    fn an_expression_matches_the_whole_value() {
        let test = HttpTest::Matches("a|ab".to_owned());
        assert!(passes(&test, "ab"));
        assert!(!passes(&test, "xab"));
        assert!(!passes(&test, "abb"));
    }
}
