//! Policies that packets can tell apart, also from a mix of two.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{IpAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use polc_model::{Direction, L4Match, L4Term, PortProtocol};
use polc_testbed::{Host, Server};

use crate::{
    package::{Package, cidr, labelled, tcp, udp},
    scene::{INVENTORY, OUTSIDE, Scene, words_of},
};

/// Allowed by every variant: api to db.
pub(crate) const ALWAYS: u16 = 2000;

/// One of three policies with their inventories. Each lets api talk to db at ports of its own, by number
/// and by name, and one out of api that only the others let into db: what arrives there left api by one
/// variant and entered db by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant(u16);

impl Variant {
    pub(crate) const ALL: [Self; 3] = [Self(0), Self(1), Self(2)];

    /// The one that comes after it, in a circle.
    pub(crate) const fn next(self) -> Self {
        Self((self.0 + 1) % 3)
    }

    const fn own(self) -> u16 {
        2001 + self.0
    }

    const fn named(self) -> u16 {
        2011 + self.0
    }

    const fn half(self) -> u16 {
        2021 + self.0
    }

    pub(crate) fn bundle(self) -> Vec<u8> {
        let db = || labelled("db");
        let api = || labelled("api");
        let name = || {
            L4Match::Of(vec![L4Term::NamedPort {
                protocol: PortProtocol::Udp,
                name: "own".to_owned(),
            }])
        };
        // All hold the address outside, so that each has other prefixes.
        let block = ["192.0.2.0/24", "192.0.2.0/26", "192.0.2.7/32"];
        let block = block.get(usize::from(self.0)).unwrap();
        let mut package = Package::new()
            .policy("txapi", "api", &[Direction::Egress])
            .allow(Direction::Egress, db(), tcp(ALWAYS))
            .allow(Direction::Egress, db(), udp(self.own()))
            .allow(Direction::Egress, db(), name())
            .allow(Direction::Egress, db(), udp(self.half()))
            .policy("txdb", "db", &[Direction::Ingress])
            .allow(Direction::Ingress, api(), tcp(ALWAYS))
            .allow(Direction::Ingress, api(), udp(self.own()))
            .allow(Direction::Ingress, api(), name())
            .allow(Direction::Ingress, cidr(block), udp(self.own()));
        for other in Self::ALL.into_iter().filter(|other| *other != self) {
            package = package.allow(Direction::Ingress, api(), udp(other.half()));
        }
        package.compile()
    }

    /// The port that has the name is the variant's, and who is elsewhere.
    pub(crate) fn inventory(self) -> String {
        let named = format!(
            "    interface: veth-db\n    ports: {{ own: udp {} }}\n",
            self.named()
        );
        let mut inventory = INVENTORY.replace("    interface: veth-db\n", &named);
        for number in 0..20 {
            let (app, third) = (["api", "web", "db"], 50 + self.0);
            let app = app.get(usize::from(self.0 + number) % 3).unwrap();
            writeln!(
                inventory,
                "  - {{ name: far-{number}, labels: {{ app: {app} }}, \
                 addresses: [10.244.{third}.{number}] }}"
            )
            .unwrap();
        }
        inventory
    }

    /// What arrives while it is in force.
    fn arrives(self) -> BTreeSet<Arrival> {
        let from_api = [self.own(), self.named()].map(|port| [(4, port), (6, port)]);
        let outside = [(0, self.own())];
        from_api.into_iter().flatten().chain(outside).collect()
    }
}

/// Of a probe: 4 or 6, by which api sent it, or 0 from outside; and the port.
type Arrival = (u8, u16);

/// A scene whose agent enforces variants.
pub(crate) struct Variants {
    pub(crate) scene: Scene,
    _servers: Vec<Server>,
}

impl Variants {
    /// Enforces the first, with a server at every port of each.
    pub(crate) fn enforcing(scene: Scene) -> Self {
        Self::enforcing_with(scene, |inventory| inventory)
    }

    /// As [`Self::enforcing`], with another inventory to begin with.
    pub(crate) fn enforcing_with(mut scene: Scene, change: impl FnOnce(String) -> String) -> Self {
        let [first, ..] = Variant::ALL;
        scene.write("start.polb", &first.bundle());
        scene.write("inventory.yaml", change(first.inventory()).as_bytes());
        scene.start();
        let db = scene.pod("db");
        let mut servers = vec![db.serve_tcp(ALWAYS).unwrap()];
        servers.extend(ports().map(|port| db.serve_udp(port).unwrap()));
        Self {
            _servers: servers,
            scene,
        }
    }

    /// Tries to apply a variant: the exit code, and the words that were said.
    pub(crate) fn try_apply(&self, variant: Variant) -> (Option<i32>, String) {
        self.try_apply_bundle(&variant.bundle(), variant)
    }

    /// Tries to apply a bundle with the inventory of a variant.
    pub(crate) fn try_apply_bundle(
        &self,
        bundle: &[u8],
        variant: Variant,
    ) -> (Option<i32>, String) {
        let bundle = self.scene.write("next.polb", bundle);
        let inventory = variant.inventory();
        let inventory = self.scene.write("next.yaml", inventory.as_bytes());
        let arguments = [
            "--bundle",
            bundle.to_str().unwrap(),
            "--inventory",
            inventory.to_str().unwrap(),
        ];
        let output = self.scene.ask("apply", &arguments);
        (output.status.code(), words_of(&output.stderr))
    }

    /// Applies a variant, which must be accepted and be in force then.
    pub(crate) fn apply(&self, variant: Variant) {
        let (code, said) = self.try_apply(variant);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(self.in_force(), variant);
    }

    /// Which variant is in force, whole, by new flows over both families.
    pub(crate) fn in_force(&self) -> Variant {
        let db = self.scene.pod("db");
        let [v4, v6] = [db.v4().unwrap(), db.v6().unwrap()];
        let api = self.scene.pod("api");
        let outside = self.scene.testbed.outside().unwrap();
        let mut probes = Vec::new();
        for port in ports() {
            probes.push(((4, port), probe(api, v4, port)));
            probes.push(((6, port), probe(api, v6, port)));
            probes.push(((0, port), probe(outside, v4, port)));
        }
        // An answer may take its time; what nobody lets through has as much again.
        let begin = Instant::now();
        let mut arrived = BTreeSet::new();
        let mut complete = None;
        loop {
            for (which, socket) in &probes {
                if socket.recv(&mut [0; 8]).is_ok() {
                    arrived.insert(*which);
                }
            }
            let now = begin.elapsed();
            let whole = |variant: &Variant| arrived.is_superset(&variant.arrives());
            if complete.is_none() && Variant::ALL.iter().any(whole) {
                complete = Some(now);
            }
            let settled = complete.is_some_and(|at| now > at * 2 + Duration::from_millis(40));
            if settled || now > Duration::from_secs(3) {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let variant = Variant::ALL
            .into_iter()
            .find(|variant| variant.arrives() == arrived);
        let mixed = || format!("no policy is in force whole: {arrived:?} arrive");
        variant.ok_or_else(mixed).unwrap()
    }
}

/// Uses a connection to [`ALWAYS`], which every change leaves alone.
pub(crate) fn talk(mut live: &TcpStream) {
    live.write_all(b"still there?").unwrap();
    live.read_exact(&mut [0; 12]).unwrap();
}

fn ports() -> impl Iterator<Item = u16> {
    Variant::ALL
        .into_iter()
        .flat_map(|variant| [variant.own(), variant.named(), variant.half()])
}

/// Sends a datagram that opens a flow.
fn probe(from: &Host, to: IpAddr, port: u16) -> UdpSocket {
    let outside: IpAddr = OUTSIDE[0].parse().unwrap();
    from.run(|| {
        let any: IpAddr = if to.is_ipv6() {
            [0_u16; 8].into()
        } else if from.addresses().contains(&outside) {
            outside
        } else {
            [0; 4].into()
        };
        let socket = UdpSocket::bind((any, 0)).unwrap();
        socket.connect((to, port)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.send(b"probe").unwrap();
        socket
    })
    .unwrap()
}
