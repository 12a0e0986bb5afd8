//! What the agent tells Prometheus.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use polc_model::Direction;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text, words_of},
};

const ADDRESS: &str = "127.0.0.1:9464";

/// db takes tcp 5432 from api; what api takes is only reported.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("api", "api", &[Direction::Ingress])
        .audited()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .reject(Direction::Ingress, labelled("api"), tcp(5433))
        .compile()
}

fn serving(test: &str) -> Option<Scene> {
    let mut scene = Scene::new(test)?;
    scene.write("start.polb", &shop());
    scene.run_with(&["--metrics", ADDRESS]);
    scene.start();
    Some(scene)
}

/// Status line, headers, body.
fn http(scene: &Scene, request: &str) -> String {
    let address: SocketAddr = ADDRESS.parse().unwrap();
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "{request} HTTP/1.0\r\nHost: {ADDRESS}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    scene.testbed.in_node(exchange).unwrap().unwrap()
}

fn scrape(scene: &Scene) -> String {
    let output = scene.ask("metrics", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Samples by name and labels, as the text format has them. Fails where the text is not of the
/// format: a sample without its HELP and TYPE, or a value that is no number.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut typed: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = Vec::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(typed.insert(name, kind).is_none(), "twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.ends_with('.'), "{line}");
            helped.push(name);
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .filter(|base| typed.get(base) == Some(&"histogram"));
            let family = of_histogram.unwrap_or(name);
            assert!(helped.contains(&family), "no HELP: {line}");
            let is_total = name.ends_with("_total");
            let is_counter = typed.get(family) == Some(&"counter");
            assert_eq!(is_counter, is_total, "{line}");
            assert!(name.starts_with("polc_"), "{line}");
            let value = value.parse().unwrap();
            assert!(samples.insert(series.to_owned(), value).is_none(), "{line}");
        }
    }
    samples
}

#[test]
fn metrics_say_what_happened() {
    let Some(scene) = serving("metrics") else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [db.serve_tcp(5432).unwrap(), api.serve_tcp(80).unwrap()];
    let before = samples(&scrape(&scene));
    api.connect_tcp(db.v4().unwrap(), 5432).unwrap();
    api.connect_tcp(db.v4().unwrap(), 5433).unwrap();
    web.connect_tcp(db.v6().unwrap(), 5432).unwrap();
    web.connect_tcp(api.v4().unwrap(), 80).unwrap();
    let text = scrape(&scene);
    let after = samples(&text);
    let more = |series: &str| {
        let value = |samples: &BTreeMap<String, f64>| samples.get(series).copied();
        value(&after).unwrap_or_else(|| panic!("no {series}: {text}"))
            - value(&before).unwrap_or_default()
    };
    assert_eq!(
        more("polc_policy_packets_total{policy=\"db\",verdict=\"allowed\"}"),
        1.0
    );
    assert!(more("polc_policy_packets_total{policy=\"db\",verdict=\"rejected\"}") >= 1.0);
    assert!(more("polc_policy_packets_total{policy=\"db\",verdict=\"denied\"}") >= 1.0);
    assert_eq!(
        more("polc_policy_packets_total{policy=\"api\",verdict=\"audit\"}"),
        1.0
    );
    assert!(more("polc_judged_packets_total{verdict=\"denied\"}") >= 1.0);
    assert!(more("polc_dropped_packets_total{reason=\"policy\"}") >= 2.0);
    assert!(more("polc_dropped_bytes_total{reason=\"policy\"}") >= 100.0);
    assert!(more("polc_flows") >= 4.0);
    // All of them are over, or were never answered.
    assert_eq!(
        more("polc_map_entries{map=\"new_flows\"}"),
        more("polc_flows")
    );

    let is = |series: &str| after.get(series).copied();
    assert_eq!(is("polc_endpoints"), Some(3.0));
    assert_eq!(is("polc_policies"), Some(2.0));
    assert_eq!(is("polc_peers"), Some(4.0));
    assert!(is("polc_map_entries{map=\"addresses\"}") >= Some(4.0));
    assert_eq!(is("polc_epoch"), Some(1.0));
    assert_eq!(is("polc_events_lost_total"), Some(0.0));
    assert_eq!(
        is("polc_dropped_packets_total{reason=\"spoofed_source\"}"),
        Some(0.0)
    );
    assert_eq!(is("polc_apply_duration_seconds_count"), Some(1.0));
    assert_eq!(is("polc_map_capacity{map=\"flows\"}"), Some(262_144.0));
    let digest = scene.status().bundle;
    let info = format!("polc_bundle_info{{digest=\"{digest}\",package=\"shop\",signed_by=\"\"}}");
    assert_eq!(is(&info), Some(1.0), "{text}");

    // A bundle that is refused counts as such, and not as applied.
    let wrong = scene.write("wrong.yaml", b"node: {");
    let start = scene.path("start.polb");
    let arguments = [
        "--bundle",
        start.to_str().unwrap(),
        "--inventory",
        wrong.to_str().unwrap(),
    ];
    assert!(!scene.ask("apply", &arguments).status.success());
    scene.apply(&shop());
    let after = samples(&scrape(&scene));
    assert_eq!(after["polc_applies_total{result=\"ok\"}"], 2.0);
    assert_eq!(after["polc_applies_total{result=\"failed\"}"], 1.0);
    assert_eq!(after["polc_epoch"], 2.0);
}

#[test]
fn metrics_are_there_over_http_on_the_machine_itself() {
    let Some(scene) = serving("http") else {
        return;
    };
    let answer = http(&scene, "GET /metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert!(
        head.to_lowercase()
            .contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    let names = |text: &str| -> Vec<String> { samples(text).into_keys().collect() };
    assert_eq!(names(body), names(&scrape(&scene)));
    let status_of = |request: &str| http(&scene, request).split(' ').nth(1).map(str::to_owned);
    assert_eq!(status_of("GET /healthz").as_deref(), Some("200"));
    assert_eq!(status_of("GET /"), Some("404".to_owned()));
    assert_eq!(status_of("POST /metrics"), Some("405".to_owned()));
    assert_eq!(scene.ask("metrics", &[]).status.code(), Some(0));
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let test = "promtool";
    if Command::new(test).arg("--version").output().is_err() {
        eprintln!("skipped: {test}: there is no promtool (Debian's package `prometheus`)");
        return;
    }
    let Some(scene) = serving(test) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    scene.pod("web").connect_tcp(db, 5432).unwrap();
    let mut promtool = Command::new(test)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(scrape(&scene).as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn metrics_for_other_machines_must_be_asked_for() {
    let Some(mut scene) = Scene::new("metaddr") else {
        return;
    };
    scene.write("start.polb", &shop());
    scene.run_with(&["--metrics", "0.0.0.0:9464"]);
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(1));
    let words = words_of(&output.stderr);
    assert!(words.contains("could be read by other machines"), "{words}");
    assert!(words.contains("`--metrics-beyond-loopback`"), "{words}");
    // Nothing was attached, and nothing is left.
    assert!(!scene.path("bpf/polc").exists());
    scene.run_with(&["--metrics", "0.0.0.0:9464", "--metrics-beyond-loopback"]);
    scene.start();
    assert!(http(&scene, "GET /healthz").starts_with("HTTP/1.0 200"));
}
