//! An inventory that is followed: pods come, go and change their labels, in files that somebody else
//! writes, and what is enforced follows.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::Ipv4Addr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use polc_agent::{followed::Followed, inspect::peers::Peer};
use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::Scene,
};

const NODE: &str =
    "node: { name: node-1, addresses: [10.244.0.1, \"fd00:244::1\"], uplinks: [uplink0] }\n";
const PODS: [(&str, u8); 3] = [("api", 12), ("db", 13), ("web", 11)];
const PATIENCE: Duration = Duration::from_secs(10);

/// A scene whose agent follows a directory with a file for each pod.
struct Shop {
    scene: Scene,
    directory: PathBuf,
}

impl Shop {
    fn new(test: &str) -> Option<Self> {
        let bundle = Package::new()
            .policy("db", "db", &[Direction::Ingress])
            .allow(Direction::Ingress, labelled("api"), tcp(5432))
            .compile();
        let scene = Scene::new(test)?;
        scene.write("start.polb", &bundle);
        // Where the agent expects its inventory.
        let directory = scene.path("inventory.yaml");
        fs::remove_file(&directory).unwrap();
        fs::create_dir(&directory).unwrap();
        let followed = Self { scene, directory };
        followed.write("node", NODE);
        for (name, _) in PODS {
            followed.label(name, name);
        }
        followed.start()
    }

    fn start(mut self) -> Option<Self> {
        self.scene.run_with(&["--follow-inventory"]);
        self.scene.start();
        Some(self)
    }

    /// Writes a file as a careful writer does: under another name first.
    fn write(&self, name: &str, text: &str) {
        let unfinished = self.directory.join(format!(".{name}.yaml"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, self.directory.join(format!("{name}.yaml"))).unwrap();
    }

    /// Gives a pod of this node its label.
    fn label(&self, name: &str, app: &str) {
        let (_, number) = PODS.into_iter().find(|(pod, _)| *pod == name).unwrap();
        self.write(
            name,
            &format!(
                "endpoints:\n- {{ name: {name}, namespace: shop, labels: {{ app: {app} }}, \
                 interface: veth-{name}, addresses: [10.244.0.{number}, \"fd00:244::{number}\"] }}\n"
            ),
        );
    }

    fn connects(&self, from: &str) -> Outcome {
        let db = self.scene.pod("db").v4().unwrap();
        self.scene.pod(from).connect_tcp(db, 5432).unwrap()
    }

    fn followed(&self) -> Followed {
        self.scene.status().followed.unwrap()
    }

    fn eventually(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.followed());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn labels_take_effect_on_new_and_live_connections() {
    let Some(shop) = Shop::new("follow-labels") else {
        return;
    };
    let _server = shop.scene.pod("db").serve_tcp(5432).unwrap();
    assert_eq!(shop.connects("api"), Outcome::Reached);
    assert_eq!(shop.connects("web"), Outcome::Blocked);

    shop.label("web", "api");
    shop.eventually("web may talk to db", |shop| {
        shop.connects("web") == Outcome::Reached
    });

    let db = shop.scene.pod("db").v4().unwrap();
    let mut live = shop.scene.pod("api").open_tcp(db, 5432).unwrap();
    live.set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut answered = || {
        live.write_all(b"?").unwrap();
        live.read(&mut [0; 16]).is_ok_and(|bytes| bytes > 0)
    };
    assert!(answered());
    let before = shop.followed().changes;
    shop.label("api", "other");
    shop.eventually("the change is in force", |shop| {
        shop.followed().changes > before
    });
    assert!(
        !answered(),
        "a live connection goes on after its peer changed"
    );
}

#[test]
fn pods_that_come_and_go_need_no_program() {
    let Some(shop) = Shop::new("follow-pods") else {
        return;
    };
    let _server = shop.scene.pod("db").serve_tcp(5432).unwrap();
    fs::remove_file(shop.directory.join("web.yaml")).unwrap();
    shop.eventually("web is gone", |shop| {
        shop.scene.status().endpoints.len() == 2
    });
    // Its interface is still there, and is nobody's.
    assert_eq!(shop.connects("web"), Outcome::Blocked);
    assert_eq!(shop.connects("api"), Outcome::Reached);
    shop.label("web", "api");
    shop.eventually("web is back", |shop| {
        shop.connects("web") == Outcome::Reached
    });
}

#[test]
fn what_cannot_be_used_changes_nothing_and_is_said() {
    let Some(shop) = Shop::new("follow-broken") else {
        return;
    };
    let _server = shop.scene.pod("db").serve_tcp(5432).unwrap();
    shop.write("broken", "endpoints: [");
    shop.label("web", "api");
    shop.eventually("the problem is said", |shop| {
        let problem = shop.followed().problem;
        problem.is_some_and(|problem| problem.contains("broken.yaml"))
    });
    assert_eq!(shop.connects("api"), Outcome::Reached);
    assert_eq!(shop.connects("web"), Outcome::Blocked);
    fs::remove_file(shop.directory.join("broken.yaml")).unwrap();
    shop.eventually("the rest is in force", |shop| {
        shop.connects("web") == Outcome::Reached && shop.followed().problem.is_none()
    });
}

#[test]
fn a_restart_goes_on_with_what_the_directory_says() {
    let Some(mut shop) = Shop::new("follow-restart") else {
        return;
    };
    let _server = shop.scene.pod("db").serve_tcp(5432).unwrap();
    shop.label("web", "api");
    shop.eventually("web may talk to db", |shop| {
        shop.connects("web") == Outcome::Reached
    });
    let epoch = shop.scene.status().epoch;
    shop.scene.kill();
    let mut shop = shop.start().unwrap();
    assert_eq!(
        shop.scene.status().epoch,
        epoch,
        "nothing was applied again"
    );
    assert_eq!(shop.connects("web"), Outcome::Reached);
    // What is written while there is no agent counts, too.
    shop.scene.kill();
    shop.label("web", "web");
    let shop = shop.start().unwrap();
    assert_eq!(shop.connects("web"), Outcome::Blocked);
}

/// 40 changes a second, for as many seconds as `POLC_FOLLOW_SECONDS` says (3, unless it says so): none
/// is missed.
#[test]
fn a_busy_cluster_is_followed() {
    const A_SECOND: u32 = 40;
    let Some(shop) = Shop::new("follow-busy") else {
        return;
    };
    let seconds = std::env::var("POLC_FOLLOW_SECONDS").ok();
    let seconds: u32 = seconds.map_or(3, |seconds| seconds.parse().unwrap());
    let mut expected: BTreeMap<String, bool> = BTreeMap::new();
    let started = Instant::now();
    for change in 0..A_SECOND * seconds {
        let due = started + Duration::from_secs(1) / A_SECOND * change;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Pods elsewhere that come, become api or stop being it, and go.
        let name = format!("pod-{}", change * 7 % 50);
        let address = Ipv4Addr::new(10, 244, 9, u8::try_from(change * 7 % 50).unwrap());
        if change % 5 == 4 {
            let _ = fs::remove_file(shop.directory.join(format!("{name}.yaml")));
            expected.remove(&name);
            continue;
        }
        let is_api = change % 2 == 0;
        let app = if is_api { "api" } else { "web" };
        shop.write(
            &name,
            &format!(
                "endpoints: [{{ name: {name}, labels: {{ app: {app} }}, addresses: [{address}] }}]\n"
            ),
        );
        expected.insert(name, is_api);
    }
    shop.eventually("every change is in force", |shop| {
        let output = shop.scene.ask("peers", &["--json"]);
        let peers: Vec<Peer> = serde_json::from_slice(&output.stdout).unwrap();
        let pods = peers.iter().filter(|peer| peer.name.starts_with("pod-"));
        let is_api = |peer: &Peer| peer.policies.contains(&"db".to_owned());
        pods.map(|peer| (peer.name.clone(), is_api(peer)))
            .collect::<BTreeMap<_, _>>()
            == expected
    });
    let followed = shop.followed();
    println!(
        "{} changes in {seconds} s, put in force at {} times, the slowest after {} ms",
        A_SECOND * seconds,
        followed.changes,
        followed.longest_lag_ms
    );
}
