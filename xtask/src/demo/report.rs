//! The table: what was sent, what the kernel did, and which line of policy decided.

use std::io::IsTerminal as _;

use polc_model::L4Packet;
use polc_testbed::Outcome;

use super::{
    agent::{Flow, Flows},
    trial::{Site, Trial},
};
use crate::run::{Result, error};

/// One line of the table.
pub(crate) struct Row {
    cells: [String; 6],
    /// What is not as the test says.
    faults: Vec<String>,
}

impl Row {
    pub(crate) fn of(trial: &Trial, outcome: Outcome, flows: &Flows) -> Self {
        let is_pod = |site: &Site| matches!(site, Site::Pod(_));
        let ends = [&trial.source, &trial.destination];
        let judged = ends.iter().filter(|end| is_pod(&end.site)).count();
        // A flow that is denied on its way out is never seen on its way in.
        let wanted = if trial.allowed { judged } else { 1 };
        let port = match trial.l4 {
            L4Packet::Port(_, port) => Some(port),
            L4Packet::Icmp(..) | L4Packet::Protocol(_) => None,
        };
        let seen = flows.wait_for(wanted, |flow| {
            flow.source.address == trial.source.address
                && flow.destination.address == trial.destination.address
                && flow.destination.port == port
                && trial.l4.to_string().starts_with(&flow.protocol)
        });
        let dropped = seen.iter().find(|flow| flow.verdict != "allowed");
        let by_rule = |flow: &&Flow| flow.decider.as_ref().is_some_and(|by| by.kind == "rule");
        let ingress = |flow: &&Flow| flow.direction == "ingress";
        let deciding = dropped
            .or_else(|| seen.iter().filter(ingress).find(by_rule))
            .or_else(|| seen.iter().find(by_rule))
            .or_else(|| seen.first());

        let faults = faults(trial, outcome, &seen);
        let verdict = if dropped.is_some() {
            "denied"
        } else {
            "allowed"
        };
        let (rule, place) = deciding.map_or_else(Default::default, decision);
        let name = |of_flow: fn(&Flow) -> &super::agent::Party, fallback: std::net::IpAddr| {
            let party = seen.first().map(of_flow);
            match party {
                Some(party) if party.name != "world" => {
                    format!("{} ({})", party.name, party.address)
                }
                _ => fallback.to_string(),
            }
        };
        Self {
            cells: [
                name(|flow| &flow.source, trial.source.address),
                name(|flow| &flow.destination, trial.destination.address),
                trial.l4.to_string(),
                verdict.to_owned(),
                rule,
                place,
            ],
            faults,
        }
    }
}

/// The rule in words, and where it is written.
fn decision(flow: &Flow) -> (String, String) {
    let Some(decider) = &flow.decider else {
        return (flow.reason.clone().unwrap_or_default(), String::new());
    };
    let text = match decider.kind.as_str() {
        "rule" => decider.text.clone().unwrap_or_default(),
        "isolation" => format!("isolated by {}", decider.policy.as_deref().unwrap_or("?")),
        "own_node" => "its own node".to_owned(),
        "init" => "labels not known yet".to_owned(),
        "itself" => "itself".to_owned(),
        _ => "no policy".to_owned(),
    };
    (text, decider.place.clone().unwrap_or_default())
}

fn faults(trial: &Trial, outcome: Outcome, seen: &[Flow]) -> Vec<String> {
    let mut faults = Vec::new();
    let expected = if trial.allowed { "allowed" } else { "denied" };
    let passed = matches!(outcome, Outcome::Reached);
    if passed != trial.allowed {
        faults.push(format!(
            "expected {expected}, but the traffic was {outcome:?}"
        ));
    }
    let denied = seen.iter().any(|flow| flow.verdict != "allowed");
    if seen.is_empty() {
        faults.push("the agent reported no flow".to_owned());
    } else if denied == trial.allowed {
        faults.push(format!(
            "expected {expected}, but the agent reports the opposite"
        ));
    }
    let decided_by = |flow: &Flow| {
        flow.decider
            .as_ref()
            .is_some_and(|by| by.policy == trial.by)
    };
    if trial.by.is_some() && !seen.iter().any(decided_by) {
        let by = trial.by.as_deref().unwrap_or_default();
        faults.push(format!("expected `{by}` to decide"));
    }
    let faults = faults.into_iter();
    faults
        .map(|fault| format!("{}: {}: {fault}", trial.place, trial.test))
        .collect()
}

/// Prints the table; an error when anything was not as the tests say.
pub(crate) fn print(rows: &[Row], package: &str) -> Result<()> {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["source", "destination", "port", "verdict", "rule", "where"]);
    for row in rows {
        table.add_row(&row.cells);
    }
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    for line in table.lines() {
        println!("{}", line.trim());
    }
    let faults: Vec<&String> = rows.iter().flat_map(|row| &row.faults).collect();
    if faults.is_empty() {
        println!(
            "{} flows, every verdict as the tests of {package} say",
            rows.len()
        );
        return Ok(());
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    error(format!(
        "{} of {} flows were not as the tests say",
        faults.len(),
        rows.len()
    ))
}
