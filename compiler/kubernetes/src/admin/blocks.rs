//! The order of an object's rules as priorities.
//!
//! Rules that follow one another with the same action are a block: among them order does not count.
//! Each block is a policy with a priority of its own, and the first is asked first. Directions do
//! not depend on each other: the first policy has the first block of either, and so on.

use polc_model::{Action, Isolation, Selector};

use super::{Object, rules::Entry};
use crate::{Policy, Rule};

/// How many policies an object can be: more than a direction has rules.
const PRIORITIES: u32 = 256;

/// The policies of an object with these rules.
pub(super) fn policies(
    object: &Object,
    subject: &Selector,
    ingress: Vec<Entry>,
    egress: Vec<Entry>,
) -> Vec<Policy> {
    let (mut ingress, mut egress) = (blocks(ingress).into_iter(), blocks(egress).into_iter());
    let mut policies = Vec::new();
    for number in 0..PRIORITIES {
        let (ingress, egress) = (ingress.next(), egress.next());
        if ingress.is_none() && egress.is_none() {
            break;
        }
        let covers = |block: &Option<Vec<Rule>>| block.as_ref().map(|_| Isolation::DefaultAllow);
        let name = &object.metadata.name;
        policies.push(Policy {
            doc: None,
            name: match number {
                0 => name.clone(),
                _ => format!("{name}#{}", number + 1),
            },
            kind: object.form.kind(),
            tier: object.tier,
            priority: object.priority * PRIORITIES + number,
            subject: subject.clone(),
            ingress: covers(&ingress),
            egress: covers(&egress),
            span: object.metadata.span.start..object.metadata.span.end,
            rules: ingress.into_iter().chain(egress).flatten().collect(),
        });
    }
    policies
}

fn blocks(entries: Vec<Entry>) -> Vec<Vec<Rule>> {
    let mut blocks: Vec<(Action, Vec<Rule>)> = Vec::new();
    for entry in entries {
        match blocks.last_mut() {
            Some((action, rules)) if *action == entry.action => rules.extend(entry.rules),
            _ => blocks.push((entry.action, entry.rules)),
        }
    }
    blocks.into_iter().map(|(_, rules)| rules).collect()
}
