//! A policy that applies to no endpoint of the inventory. Only with an inventory.

use polc_diagnostics::{Code, Level};

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "unmatched_subject",
    code: Code::UnmatchedSubject,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let Some(inventory) = context.inventory() else {
        return;
    };
    for policy in &context.model.policies {
        let Some(subject) = context.expr(policy.subject) else {
            continue;
        };
        let applies = inventory
            .endpoints
            .iter()
            .any(|one| subject.applies_to(&inventory.facts(one, None)));
        if applies || subject.names_host() {
            continue;
        }
        findings.report(
            format!("`{}` applies to no endpoint of the inventory", policy.name),
            context.place(&policy.origin),
            "selects nobody",
            |diagnostic| diagnostic.with_help("check the labels, or remove the policy"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn policies_for_nobody_are_found() {
        let database = crate::harness::database(
            "package p\npolicy a for { app: \"web\" } { ingress {} }\npolicy b for { app: \"wbe\" } { ingress {} }\n",
        );
        let inventory = polc_inventory::Inventory::parse(
            "node: { name: n }\nendpoints: [{ name: w, labels: { app: web }, addresses: [10.0.0.2] }]\n",
        )
        .unwrap();
        let model = database.analyze().model;
        let context = Context::new(&database, &model).with_inventory(&inventory);
        let mut found = Findings::new(&LINT);
        check(&context, &mut found);
        let found = found.into_diagnostics();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].headline,
            "`b` applies to no endpoint of the inventory"
        );
    }

    #[test]
    fn without_an_inventory_nothing_is_said() {
        crate::harness::silent(&LINT, "policy b for { app: \"wbe\" } { ingress {} }\n");
        let _ = findings;
    }
}
