//! What a packet costs in the datapath's hooks, parsing and reports and all: of flows that are known,
//! and of one that is asked about and denied. In a network namespace of the bench's own.

use std::{net::IpAddr, path::Path, process::Command};

use polc_abi::{
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    tcp::flag::{ACK, SYN},
};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{interface, mount, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_testbed::{Frame, Namespace, Unmount};

use super::{
    Result,
    model::{Package, label},
    timing::time_hook,
};

const LINK: &str = "veth-bench";
const INVENTORY: &str = "
node: { name: node-1 }
endpoints:
- { name: a, labels: { role: r }, interface: veth-bench, addresses: [10.0.0.2, 'fd00::2'] }
- { name: b, labels: { app: b }, addresses: [10.0.0.3, 'fd00::3'] }
";
const ALLOWED_PORT: u16 = 53;

pub(super) fn run() -> Result<()> {
    if !polc_agent::datapath::is_built_in() {
        println!("  skipped: the agent was built without its datapath; run `cargo xtask build`");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let bpffs = folder.path().join("bpf");
    let namespace = Namespace::new("bench")?;
    let _mounted = Unmount::on_drop(&bpffs);
    // Errors cross the thread as text.
    let measured = namespace.run(|| measure(&bpffs).map_err(|error| error.to_string()))?;
    Ok(measured?)
}

fn measure(bpffs: &Path) -> Result<()> {
    let add = [
        "link",
        "add",
        LINK,
        "type",
        "veth",
        "peer",
        "name",
        "peer-bench",
    ];
    if !Command::new("ip").args(add).status()?.success() {
        return Err("`ip link add` failed".into());
    }
    mount::ensure_bpffs(bpffs)?;
    let mut dataplane = Dataplane::open(Pins::new(bpffs, "bench"), Mechanism::probe())?;
    dataplane.apply(&candidate()?, |_| Ok(()))?;
    let ifindex = interface::index_of(LINK).ok_or("the link is gone")?;
    println!(
        "  {:30} {:>14}",
        "to_endpoint, nanoseconds", "median, fastest"
    );
    for (family, own, other) in [
        ("IPv4", "10.0.0.2", "10.0.0.3"),
        ("IPv6", "fd00::2", "fd00::3"),
    ] {
        for case in cases(own.parse()?, other.parse()?) {
            for (hook, frame) in &case.before {
                let hook = dataplane.datapath().descriptor(hook)?;
                pass(&test_run::run(&hook, frame.bytes(), ifindex)?, case.what)?;
            }
            let hook = dataplane.datapath().descriptor("to_endpoint")?;
            let answer = test_run::run(&hook, case.frame.bytes(), ifindex)?;
            if answer.result != case.expected {
                return Err(format!("{}: the hook returned {}", case.what, answer.result).into());
            }
            let time = time_hook(hook, case.frame.bytes(), ifindex)?;
            println!("  {:30} {time:>14}", format!("{family}, {}", case.what));
        }
    }
    Ok(())
}

/// A packet to be timed, and those before it.
struct Timed {
    what: &'static str,
    before: Vec<(&'static str, Frame)>,
    frame: Frame,
    expected: i32,
}

/// What comes from another endpoint.
fn cases(own: IpAddr, other: IpAddr) -> [Timed; 4] {
    let from = |port, to| Frame::udp((other, port), (own, to));
    let answer = Frame::udp((own, ALLOWED_PORT), (other, 4_001));
    let (client, server) = ((other, 4_002), (own, ALLOWED_PORT));
    let segment = |flags, numbers| Frame::segment(client, server, flags, numbers, &[]);
    [
        Timed {
            what: "flow without an answer",
            before: Vec::new(),
            frame: from(4_000, ALLOWED_PORT),
            expected: RETURN_PASS,
        },
        Timed {
            what: "settled flow",
            before: vec![
                ("to_endpoint", from(4_001, ALLOWED_PORT)),
                ("from_endpoint", answer),
            ],
            frame: from(4_001, ALLOWED_PORT),
            expected: RETURN_PASS,
        },
        Timed {
            what: "settled TCP connection",
            before: vec![
                ("to_endpoint", segment(SYN, [0, 0])),
                (
                    "from_endpoint",
                    Frame::segment(server, client, SYN | ACK, [0, 1], &[]),
                ),
            ],
            frame: segment(ACK, [1, 1]),
            expected: RETURN_PASS,
        },
        Timed {
            what: "asked and denied",
            before: Vec::new(),
            frame: from(4_000, ALLOWED_PORT + 1),
            expected: RETURN_ON_FAILURE,
        },
    ]
}

fn pass(answer: &test_run::Answer, what: &str) -> Result<()> {
    if answer.result == RETURN_PASS {
        return Ok(());
    }
    Err(format!("{what}: the hook returned {}", answer.result).into())
}

fn candidate() -> Result<Candidate> {
    let mut package = Package::new();
    package.policy("r");
    let peers = package.selector(label("app", "b"));
    package.allow_udp(peers, ALLOWED_PORT);
    package.allow(peers, [ALLOWED_PORT]);
    let source = Source::of_text(
        Bundle::compile(package.model, [])?.encode()?,
        INVENTORY,
        Path::new("inventory.yaml"),
    )?;
    let (bundle, inventory) = (Path::new("bench.polb"), Path::new("bench.yaml"));
    let missing = MissingInterface::Refuse;
    Ok(Candidate::new(
        source,
        &Trust::Anyone,
        bundle,
        inventory,
        missing,
    )?)
}
