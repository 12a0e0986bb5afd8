//! `polc-agent explain`.

use clap::{ArgGroup, Args};
use polc_model::{Enforcement, PortProtocol};

use super::{Which, json, table};
use crate::{
    Error,
    api::{Request, Response, client, explain::About},
    flows::filter::{WantedPort, Who},
    inspect::explain::{
        Explanation,
        question::{IcmpMessage, Layer4, Question},
        side::{Considered, Outcome, Side},
    },
};

/// Say why a packet gets its verdict: which rules were asked, and which one decided
///
/// Asked with the number of a record of `polc-agent flows`, explains its packet under the policy of
/// then; asked with both ends and a port, what a first packet between them would get now:
///
///   polc-agent explain 17
///   polc-agent explain --from shop/web --to 10.0.0.5 --port tcp/443
///   polc-agent explain --from shop/web --to shop/db --icmp 8
///
/// Both directions are explained: what the sender's policies say of what it sends, and what the
/// receiver's say of what it gets. A packet passes when both allow it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(group(ArgGroup::new("about").required(true).args(["record", "from"])))]
#[command(group(ArgGroup::new("layer4").args(["port", "icmp", "protocol"])))]
pub struct Explain {
    /// The number of a record of `polc-agent flows`
    #[arg(value_name = "RECORD")]
    record: Option<u64>,
    /// Who sends: a name or an address
    #[arg(long, value_name = "WHO", requires_all = ["to", "layer4"])]
    from: Option<Who>,
    /// Who it is for: a name or an address
    #[arg(long, value_name = "WHO", requires = "from")]
    to: Option<Who>,
    /// Protocol and destination port, such as `tcp/443`
    #[arg(long, value_name = "PROTOCOL/PORT", value_parser = port, requires = "from")]
    port: Option<(PortProtocol, u16)>,
    /// ICMP type, or type and code, such as `3/1`
    #[arg(long, value_name = "TYPE[/CODE]", requires = "from")]
    icmp: Option<IcmpMessage>,
    /// Another IP protocol, by its number
    #[arg(long, value_name = "NUMBER", requires = "from")]
    protocol: Option<u8>,
    /// Show also rules that match neither the peer nor the port
    #[arg(long)]
    all: bool,
    /// One JSON object, with every rule
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Explain {
    pub(super) fn execute(self) -> Result<(), Error> {
        let layer4 = self
            .port
            .map(|(protocol, port)| Layer4::Port(protocol, port))
            .or(self
                .icmp
                .map(|IcmpMessage { kind, code }| Layer4::Icmp(kind, code)))
            .or(self.protocol.map(Layer4::Protocol));
        let about = match (self.record, self.from, self.to, layer4) {
            (Some(id), ..) => About::Record(id),
            (None, Some(from), Some(to), Some(layer4)) => {
                About::Packet(Question { from, to, layer4 })
            }
            // The parser lets nothing else through.
            _ => return Ok(()),
        };
        let request = Request::Explain { about };
        let answer = client::ask_once(&self.which.state_dir().socket(), &request)?;
        if let Response::Explanation(explanation) = answer {
            if self.json {
                return json::print(&explanation);
            }
            print(
                &explanation,
                if self.all { Shown::All } else { Shown::Near },
            );
        }
        Ok(())
    }
}

/// A port with its protocol: two rules for one port may differ in it.
fn port(text: &str) -> Result<(PortProtocol, u16), String> {
    let WantedPort { protocol, port } = text
        .parse()
        .map_err(|cause: crate::flows::filter::Unreadable| cause.to_string())?;
    let protocol = protocol.ok_or_else(|| format!("say which protocol, such as `tcp/{port}`"))?;
    Ok((protocol, port))
}

/// Which rules are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Those that match the peer or the port.
    Near,
    /// Every rule of the endpoint's policies.
    All,
}

fn print(explanation: &Explanation, shown: Shown) {
    let Explanation {
        source,
        destination,
        packet,
        verdict,
        ..
    } = explanation;
    let end = |name: &str, address| match name {
        "world" => format!("{address}"),
        name => format!("{name} ({address})"),
    };
    println!(
        "{} -> {}, {packet}: {verdict}",
        end(&source.name, source.address),
        end(&destination.name, destination.address),
    );
    println!(
        "by bundle {}, epoch {}",
        explanation.bundle.get(..12).unwrap_or(&explanation.bundle),
        explanation.epoch
    );
    if let Some(record) = &explanation.record {
        println!("record {}: {record}", record.id);
        if record.epoch == 0 {
            println!("nothing was in force yet; what is now:");
        } else if record.epoch != explanation.epoch {
            println!(
                "what was in force in epoch {} is not known any more; what is now:",
                record.epoch
            );
        }
        if record
            .reason
            .as_deref()
            .is_some_and(|reason| reason != "policy")
        {
            println!("it was dropped before policy was asked; policy would have said:");
        }
    }
    if explanation.sides.is_empty() {
        println!("neither end is an endpoint: no policy is asked");
    }
    for side in &explanation.sides {
        println!();
        print_side(side, shown);
    }
}

fn print_side(side: &Side, shown: Shown) {
    let elsewhere = if side.is_here {
        ""
    } else {
        ", which is on another node"
    };
    println!("{} of {}{elsewhere}", side.direction, side.endpoint);
    println!("  {}: {}", side.verdict, side.decider);
    if let Some(audit) = &side.audit {
        println!("  audit: would be denied, {audit}");
    }
    println!("  class: {}", side.class);
    let is_near = |rule: &&Considered| rule.peer_matches || rule.port_matches;
    let rules: Vec<&Considered> = side
        .rules
        .iter()
        .filter(|rule| shown == Shown::All || is_near(rule))
        .collect();
    if !rules.is_empty() {
        let header = ["  WHERE", "RULE", "POLICY", "TIER", "PEER", "PORT", ""];
        table::print(header, rules.iter().map(|rule| row(rule)));
    }
    match side.rules.len() - rules.len() {
        0 => {}
        1 => println!("  1 rule matches neither the peer nor the port (`--all` shows it)"),
        hidden => {
            println!("  {hidden} rules match neither the peer nor the port (`--all` shows them)");
        }
    }
}

fn row(rule: &Considered) -> [String; 7] {
    let matches = |matches| if matches { "yes" } else { "no" }.to_owned();
    [
        format!("  {}", rule.place),
        rule.text.clone(),
        match rule.enforcement {
            Enforcement::Enforce => rule.policy.clone(),
            Enforcement::Audit => format!("{} (audit)", rule.policy),
        },
        format!("{} {}", rule.tier.name(), rule.priority),
        matches(rule.peer_matches),
        matches(rule.port_matches),
        match rule.outcome {
            Outcome::Decides => "decides",
            Outcome::Passes => "passes to the next tier",
            Outcome::Behind => "not asked any more",
            Outcome::Audited => "only reports",
            Outcome::Differs => "differs",
        }
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_without_its_protocol_is_asked_back() {
        assert_eq!(port("tcp/443"), Ok((PortProtocol::Tcp, 443)));
        assert_eq!(
            port("443").unwrap_err(),
            "say which protocol, such as `tcp/443`"
        );
        assert!(port("tcp/x").is_err());
    }
}
