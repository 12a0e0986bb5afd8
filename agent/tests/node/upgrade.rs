//! An agent of another version takes over: its own maps and programs, the same policy and flows.
//!
//! Here the agent before is of this version, and its pins are renamed to another's: what this version
//! finds is what it would find of one whose flows it can read, or cannot.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use polc_abi::{
    ABI_VERSION, FLOWS_SINCE,
    flow::{Flow, FlowKey},
    map,
};
use polc_agent::sys::{create::Kind, link, map::Map};
use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp, udp},
    scene::{Scene, text, words_of},
};

/// A version whose flows nobody can read any more.
const UNREADABLE: u32 = 4;

/// db takes these ports from api, of TCP and UDP.
fn shop(ports: &[u16]) -> Vec<u8> {
    let mut package = Package::new().policy("db", "db", &[Direction::Ingress]);
    for &port in ports {
        package = package
            .allow(Direction::Ingress, labelled("api"), tcp(port))
            .allow(Direction::Ingress, labelled("api"), udp(port));
    }
    package.compile()
}

/// Makes what is pinned another version's. Where it was and where it is.
pub(crate) fn become_of_version(scene: &Scene, version: u32) -> [PathBuf; 2] {
    let pins = scene.path("bpf/polc/default");
    let own = pins.join(format!("v{ABI_VERSION}"));
    let other = pins.join(format!("v{version}"));
    fs::rename(&own, &other).unwrap();
    [own, other]
}

fn talk(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"still there?")?;
    stream.read_exact(&mut [0; 12])
}

/// Sockets of api's that ask db's port 5432 over UDP.
fn askers(scene: &Scene, count: usize) -> Vec<UdpSocket> {
    let db = scene.pod("db").v6().unwrap();
    let open = || {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        socket.connect((db, 5432)).unwrap();
        let timeout = Some(Duration::from_millis(500));
        socket.set_read_timeout(timeout).unwrap();
        socket
    };
    let all = scene
        .pod("api")
        .run(|| (0..count).map(|_| open()).collect());
    all.unwrap()
}

fn is_answered(socket: &UdpSocket) -> bool {
    socket.send(b"a").unwrap();
    socket.recv(&mut [0; 16]).is_ok()
}

#[test]
fn no_packet_notices_that_another_version_takes_over() {
    for mechanism in ["tcx", "clsact"] {
        let name = format!("upgrade-{mechanism}");
        let scene = match mechanism {
            "tcx" => Scene::enforcing(&name, &shop(&[5432])),
            _ => Scene::enforcing_with_clsact(&name, &shop(&[5432])),
        };
        let Some(mut scene) = scene else { return };
        let db = scene.pod("db").v4().unwrap();
        let _servers = [
            scene.pod("db").serve_tcp(5432).unwrap(),
            scene.pod("db").serve_tcp(5433).unwrap(),
        ];
        let _server = scene.pod("db").serve_udp(5432).unwrap();
        let live = scene.pod("api").open_tcp(db, 5432).unwrap();
        talk(&live).unwrap();
        // One goes on all the time, the others begin while the agent changes.
        let sockets = askers(&scene, 5_000);
        let epoch = scene.status().epoch;

        let stop = AtomicBool::new(false);
        let (asked, answered) = thread::scope(|scope| {
            let load = scope.spawn(|| {
                let (mut asked, mut answered) = (0, 0);
                let (first, others) = sockets.split_first().unwrap();
                for other in others {
                    for socket in [first, other] {
                        asked += 1;
                        answered += u32::from(is_answered(socket));
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    thread::sleep(Duration::from_micros(100));
                }
                (asked, answered)
            });
            scene.kill();
            let [own, other] = become_of_version(&scene, FLOWS_SINCE);
            let said = scene.start();
            assert!(said.contains("takes over from another version"), "{said}");
            assert!(own.exists() && !other.exists());
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
            load.join().unwrap()
        });
        eprintln!("{mechanism}: {answered} of {asked} answered");
        assert!(asked > 200, "{asked} is no load");
        assert_eq!(
            answered, asked,
            "{mechanism}: lost packets of allowed flows"
        );
        talk(&live).unwrap();

        // Under the same epoch first, and then past the stack; and who was before is gone.
        assert_eq!(scene.status().epoch, epoch + 1);
        let connect = |port| scene.pod("api").connect_tcp(db, port).unwrap();
        assert_eq!(
            [connect(5432), connect(5433)],
            [Outcome::Reached, Outcome::Blocked]
        );
        scene.apply(&shop(&[5433]));
        assert_eq!(
            [connect(5432), connect(5433)],
            [Outcome::Blocked, Outcome::Reached]
        );
        assert!(talk(&live).is_err());
    }
}

/// Flows of version 5 were shorter: they are copied.
#[test]
fn flows_in_the_form_that_they_had_are_known() {
    const FLOW: usize = size_of::<Flow>();
    let Some(mut scene) = Scene::enforcing("upgrade-copy", &shop(&[5432])) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    talk(&live).unwrap();
    scene.kill();
    let [_, other] = become_of_version(&scene, 5);
    let mut copied = 0;
    for name in [map::FLOWS, map::NEW_FLOWS] {
        let pin = other.join("maps").join(name);
        let now: Map<FlowKey, [u8; FLOW]> = Map::open(&pin).unwrap();
        let before = Map::<FlowKey, [u8; FLOW - 8]>::create(name, Kind::Hash, 1024).unwrap();
        for (key, flow) in now.entries().unwrap() {
            let mut flow = flow.to_vec();
            flow.drain(64..72);
            before.set(&key, &flow.try_into().unwrap()).unwrap();
            copied += 1;
        }
        fs::remove_file(&pin).unwrap();
        link::pin(&before, &pin).unwrap();
    }
    assert_eq!(copied, 2);
    let said = scene.start();
    assert!(said.contains("takes over from another version"), "{said}");
    talk(&live).unwrap();
    scene.apply(&shop(&[]));
    assert!(talk(&live).is_err());
}

/// With an agent as it was, where one is at hand: `POLC_AGENT_BEFORE` says where.
#[test]
fn an_agent_as_it_was_is_taken_over() {
    const TEST: &str = "upgrade-before";
    let Some(before) = std::env::var_os("POLC_AGENT_BEFORE") else {
        eprintln!("skipped: {TEST}: POLC_AGENT_BEFORE names no agent of another version");
        return;
    };
    let Some(mut scene) = Scene::new(TEST) else {
        return;
    };
    scene.write("start.polb", &shop(&[5432]));
    scene.run_agent(Some(before.into()));
    scene.start();
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    talk(&live).unwrap();
    let epoch = scene.status().epoch;
    scene.kill();
    scene.run_agent(None);
    let said = scene.start();
    assert!(said.contains("takes over from another version"), "{said}");
    assert_eq!(scene.status().epoch, epoch + 1);
    talk(&live).unwrap();
    scene.apply(&shop(&[]));
    assert!(talk(&live).is_err());
}

#[test]
fn another_version_comes_with_another_policy() {
    let Some(mut scene) = Scene::enforcing("upgrade-policy", &shop(&[5432, 5433])) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _servers = [
        scene.pod("db").serve_tcp(5432).unwrap(),
        scene.pod("db").serve_tcp(5433).unwrap(),
    ];
    let [stays, goes] = [5432, 5433].map(|port| scene.pod("api").open_tcp(db, port).unwrap());
    talk(&stays).unwrap();
    talk(&goes).unwrap();
    let epoch = scene.status().epoch;
    scene.kill();
    become_of_version(&scene, FLOWS_SINCE);
    scene.write("start.polb", &shop(&[5432]));
    scene.start();
    assert_eq!(scene.status().epoch, epoch + 1);
    talk(&stays).unwrap();
    assert!(talk(&goes).is_err());
}

#[test]
fn what_was_in_force_gives_way_where_it_cannot_be_put_in_force_again() {
    let Some(mut scene) = Scene::enforcing("upgrade-unknown", &shop(&[5432])) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    talk(&live).unwrap();
    let epoch = scene.status().epoch;
    scene.kill();
    let [own, other] = become_of_version(&scene, FLOWS_SINCE);
    let kept = scene.path(&format!("state/epoch-{epoch}/bundle.polb"));
    fs::write(kept, b"of a format that nobody knows").unwrap();
    scene.start();
    assert!(own.exists() && !other.exists());
    assert_eq!(scene.status().epoch, epoch + 1);
    // Judged anew, and known all the same.
    talk(&live).unwrap();
}

#[test]
fn flows_that_cannot_be_read_are_not_lost_in_silence() {
    let Some(mut scene) = Scene::enforcing("upgrade-flows", &shop(&[5432])) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    talk(&live).unwrap();
    scene.kill();
    let [own, other] = become_of_version(&scene, UNREADABLE);

    let refused = scene.run_again();
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    let said = words_of(&refused.stderr);
    assert!(
        said.contains(&format!(
            "version {UNREADABLE} enforces here and knows 2 flows"
        )),
        "{said}"
    );
    assert!(said.contains("then their connections are cut"), "{said}");
    // And everything is as it was.
    assert!(other.exists() && !own.exists());
    talk(&live).unwrap();
    assert_eq!(
        scene.pod("web").connect_tcp(db, 5432).unwrap(),
        Outcome::Blocked
    );

    scene.run_with(&["--cut-connections"]);
    let said = scene.start();
    assert!(said.contains("begin anew"), "{said}");
    assert!(own.exists() && !other.exists());
    assert!(talk(&live).is_err());
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5432).unwrap(),
        Outcome::Reached
    );
}
