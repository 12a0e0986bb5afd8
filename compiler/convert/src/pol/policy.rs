//! One policy.

use std::fmt::Write as _;

use polc_model::{
    DEFAULT_PRIORITY, Direction, Enforcement, Isolation, L7Match, Model, Policy, PolicyId, Rule,
    SelectorId, Tier,
};

use super::{
    expr::{self, Words},
    sets::Sets,
};
use crate::{Comments, Unsayable};

/// Writes policies of a Model, with names for sets where they have some.
pub(super) struct Writer<'a> {
    pub(super) model: &'a Model,
    pub(super) comments: &'a Comments,
    pub(super) sets: &'a Sets,
}

/// A policy in words.
pub(super) struct Written {
    pub(super) id: PolicyId,
    /// What stood beside it and is about all of it.
    pub(super) comments: Vec<String>,
    /// `policy … { … }`, with the comments of its rules, and a line break behind it.
    pub(super) text: String,
}

impl Writer<'_> {
    pub(super) fn policy(&self, id: PolicyId) -> Result<Written, Unsayable> {
        let unsayable = |name: &str, what: String| Unsayable {
            policy: name.to_owned(),
            what,
            origin: None,
        };
        let Some(policy) = self.model.policy(id) else {
            return Err(unsayable("?", "there is no such policy".to_owned()));
        };
        let text = self.text(id, policy);
        Ok(Written {
            id,
            comments: self.comments.of_policy(id).to_vec(),
            text: text.map_err(|what| unsayable(&policy.name, what))?,
        })
    }

    fn text(&self, id: PolicyId, policy: &Policy) -> Words {
        let mut text = String::new();
        for line in policy.doc.iter().flat_map(|doc| doc.lines()) {
            let _ = writeln!(text, "/// {line}");
        }
        let subject = self.peers(policy.subject)?;
        let _ = writeln!(text, "policy {} for {subject} {{", name(&policy.name)?);
        if policy.tier != Tier::Normal {
            let _ = writeln!(text, "tier {}", policy.tier.name());
        }
        if policy.priority != DEFAULT_PRIORITY {
            let _ = writeln!(text, "priority {}", policy.priority);
        }
        if policy.enforcement == Enforcement::Audit {
            text.push_str("audit\n");
        }
        // Policies of other tiers never isolate, and need not say so.
        let is_open = |direction| {
            policy.tier == Tier::Normal && policy.covers(direction) == Some(Isolation::DefaultAllow)
        };
        let covered = Direction::BOTH.into_iter();
        let covered: Vec<Direction> = covered
            .filter(|&direction| policy.covers(direction).is_some())
            .collect();
        let all_are_open = covered.iter().all(|&direction| is_open(direction));
        if all_are_open && !covered.is_empty() {
            text.push_str("default allow\n");
        }
        for direction in covered {
            let rules = self.rules(id, direction)?;
            let opens = is_open(direction) && !all_are_open;
            if rules.is_empty() && !opens {
                let _ = writeln!(text, "{direction} {{}}");
                continue;
            }
            let _ = writeln!(text, "{direction} {{");
            if opens {
                text.push_str("default allow\n");
            }
            text.push_str(&rules);
            text.push_str("}\n");
        }
        text.push_str("}\n");
        Ok(text)
    }

    /// The rules of a direction, each on a line of its own.
    fn rules(&self, id: PolicyId, direction: Direction) -> Words {
        let mut text = String::new();
        let own = self.model.rules_of(id);
        let own = own.filter(|(_, rule)| rule.direction == direction);
        for (number, rule) in own {
            for comment in self.comments.of_rule(number) {
                let _ = writeln!(text, "// {comment}");
            }
            let _ = writeln!(text, "{}", self.rule(rule)?);
        }
        Ok(text)
    }

    fn rule(&self, rule: &Rule) -> Words {
        let preposition = match rule.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let action = match rule.action {
            polc_model::Action::Allow => "allow",
            polc_model::Action::Deny => "deny",
            polc_model::Action::Reject => "reject",
            polc_model::Action::Pass => "pass",
        };
        let mut text = format!("{action} {preposition} {}", self.peers(rule.peer)?);
        match (self.sets.ports(&rule.l4), expr::ports(&rule.l4)?) {
            (Some(name), Some(_)) => text.push_str(&format!(" on {name}")),
            (None, Some(ports)) => text.push_str(&format!(" on {ports}")),
            (_, None) => {}
        }
        match &rule.l7 {
            None => {}
            Some(L7Match::Http(all)) => match self.sets.requests(all) {
                Some(name) => text.push_str(&format!(" only {name}")),
                None => {
                    let all = expr::requests(all)?;
                    text.push_str(&match all.as_slice() {
                        [one] => format!(" only {{ {one} }}"),
                        all => format!(" only {{\n{}\n}}", all.join("\n")),
                    });
                }
            },
            Some(L7Match::Sni(all)) => text.push_str(&format!(" sni {}", names(all)?)),
            Some(L7Match::Dns(all)) => text.push_str(&format!(" dns {}", names(all)?)),
        }
        Ok(text)
    }

    fn peers(&self, id: SelectorId) -> Words {
        match (self.sets.peers(id), self.model.selector(id)) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Some(selector)) => expr::peers(&selector.expr),
            (None, None) => Err("there are no such peers".to_owned()),
        }
    }
}

/// Names of servers, or of queries.
fn names(all: &[String]) -> Words {
    let all: Result<Vec<String>, String> = all.iter().map(|name| expr::quoted(name)).collect();
    Ok(all?.join(" | "))
}

/// A policy's name, in quotes where it is not a word.
fn name(text: &str) -> Words {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match text.starts_with(is_start) && text.chars().all(is_inside) {
        true => Ok(text.to_owned()),
        false => expr::quoted(text),
    }
}
