//! Every diagnostic code has a snapshot that shows a source and what polc says about it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use polc_diagnostics::Code;
use support::{Files, snapshot};

/// Files that bring a code about.
fn sources(code: Code) -> &'static [(&'static str, &'static str)] {
    match code {
        Code::Syntax => &[(
            "shop.pol",
            "package shop\npolicy web-ingress for { app: \"web\" } {\n  ingress {\n    allow form world\n    permit from world on tcp 80, 443\n    allow from world and cluster\n    allow from\n  }\n}\npolcy q for {}\n",
        )],
        Code::Unclosed => &[(
            "shop.pol",
            "package shop\npolicy web for ({ app: \"web\" } | { app: \"cart\" {\n  ingress {\n    allow from { app in [\"a\", \"b\" }\n    allow from { app: \"web }\n}\npolicy cart for {} { ingress {} }\n",
        )],
        Code::Unsupported => &[
            (
                "shop.pol",
                "package shop\ncidr office = 10.8.0.0/16\npolicy web for {} - office {\n  egress {\n    allow to world on tcp 443\n  }\n}\n",
            ),
            (
                "web.yaml",
                "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  endpointSelector: {}\n  ingress:\n  - fromEndpoints: [{}]\n    authentication: { mode: required }\n",
            ),
        ],
        Code::TooDeep => &[(
            "shop.pol",
            "package shop\nendpoints web = ((((((((((((((((((((((((((((((((((((((((({ app: \"web\" })))))))))))))))))))))))))))))))))))))))))\n",
        )],
        Code::UnknownName => &[
            (
                "names.pol",
                "package shop\nendpoints cart = { app: \"cart\" }\nports api = tcp 8080\n",
            ),
            (
                "web.pol",
                "policy web for { app: \"web\" } {\n  ingress {\n    allow from crat on api\n    allow from customers on ap\n  }\n}\n",
            ),
        ],
        Code::WrongType => &[(
            "shop.pol",
            "package shop\ncidr office = 10.8.0.0/16\nports api = tcp 8080\nendpoints people = office\npolicy web for {} {\n  ingress {\n    allow from api on office\n    allow from office in namespace \"shop\"\n  }\n}\n",
        )],
        Code::Duplicate => &[
            (
                "a.pol",
                "package shop\nendpoints web = { app: \"web\" }\npolicy web for web { ingress {} }\n",
            ),
            (
                "b.pol",
                "endpoints web = { app: \"front\" }\npolicy web for web { egress {} }\n",
            ),
        ],
        Code::Cycle => &[
            ("a.pol", "package shop\nendpoints web = cart - { canary }\n"),
            ("b.pol", "endpoints cart = { app: \"cart\" } | web\n"),
        ],
        Code::ReservedName => &[(
            "shop.pol",
            "package shop\nendpoints world = { app: \"world\" }\n",
        )],
        Code::PackageName => &[("a.pol", "package shop\n"), ("b.pol", "package shpo\n")],
        Code::MissingPackage => &[("shop.pol", "endpoints web = { app: \"web\" }\n")],
        Code::UnknownLabel => &[(
            "shop.pol",
            "package shop\nlabels {\n  app: string\n  tier: frontend | backend\n}\nendpoints web = { app: \"web\", teir: frontend }\nendpoints far = { zone: \"far\" }\n",
        )],
        Code::UnknownLabelValue => &[(
            "shop.pol",
            "package shop\nlabels {\n  tier: frontend | backend\n}\nendpoints web = { tier: \"frontent\" }\nendpoints all_tiers = { tier in [backend, data] }\n",
        )],
        Code::InvalidAddress => &[(
            "shop.pol",
            "package shop\ncidr office = 10.8.0/16 | 10.8.0.0/33 | 10.8.0.300 | 2001:db8:::1\n",
        )],
        Code::HostBits => &[("shop.pol", "package shop\ncidr office = 10.8.0.1/16\n")],
        Code::ExceptionOutside => &[(
            "shop.pol",
            "package shop\ncidr office = 10.8.0.0/16 - 10.9.0.0/24\n",
        )],
        Code::EmptySet => &[(
            "shop.pol",
            "package shop\nendpoints both = { app: \"web\", app: \"cart\" }\nendpoints none_of = { app in [] }\ncidr gone = 10.8.0.0/16 - 10.0.0.0/8\n",
        )],
        Code::InvalidNumber => &[(
            "shop.pol",
            "package shop\nports web = tcp 65536 | icmp 300\n",
        )],
        Code::BackwardsRange => &[("shop.pol", "package shop\nports web = tcp 8090..8080\n")],
        Code::CodeWithoutType => &[("shop.pol", "package shop\nports unreachable = icmp /1\n")],
        Code::UnknownIcmpType => &[(
            "shop.pol",
            "package shop\nports ping = icmp echo_requst | icmp packet_too_big | icmpv6 sausage\n",
        )],
        Code::NotAPort => &[(
            "shop.pol",
            "package shop\nports web = tcp http | tcp \"HTTP\" | tcp \"80\"\n",
        )],
        Code::WrongDirection => &[(
            "shop.pol",
            "package shop\npolicy web for {} {\n  ingress {\n    allow to world\n  }\n  egress {\n    allow from world\n  }\n}\n",
        )],
        Code::RepeatedSetting => &[(
            "shop.pol",
            "package shop\npolicy web for {} {\n  priority 10\n  ingress {}\n  priority 20\n}\n",
        )],
        Code::UnknownSetting => &[(
            "shop.pol",
            "package shop\nhost_access closed\npolicy web for {} { tier admn; ingress {} }\n",
        )],
        Code::SubjectNeverApplies => &[(
            "shop.pol",
            "package shop\ncidr office = 10.8.0.0/16\npolicy web for office { ingress {} }\npolicy out for world { ingress {} }\n",
        )],
        Code::NoEffect => &[(
            "shop.pol",
            "package shop\npolicy web for {} { priority 3 }\npolicy admin for {} { tier admin; default allow; ingress { deny from world } }\npolicy base for {} { tier baseline; ingress { pass from all } }\n",
        )],
        Code::UnknownParty => &[(
            "shop.pol",
            "package shop\ntest \"carts\" {\n  given web_1 = endpoint { app: \"web\" }\n  web_l -> web_1 tcp 80 is allowed\n  web_1 -> customers tcp 80 is allowed\n}\n",
        )],
        Code::NoEndpoint => &[(
            "shop.pol",
            "package shop\ntest \"outside\" {\n  192.0.2.1 -> 198.51.100.1 tcp 80 is allowed\n}\n",
        )],
        Code::InexactPacket => &[(
            "shop.pol",
            "package shop\ntest \"inexact\" {\n  given web = endpoint { app in [\"a\", \"b\"] } at 10.0.0.0/8\n  192.0.2.1 -> web tcp is allowed\n  192.0.2.1 -> web icmp 8 is allowed\n  192.0.2.1 -> web protocol 6 is allowed\n}\n",
        )],
        Code::FamilyMismatch => &[(
            "shop.pol",
            "package shop\ntest \"families\" {\n  given web = endpoint {} at 10.0.0.1\n  2001:db8::1 -> web tcp 80 is allowed\n}\n",
        )],
        // Its source is too long to show: see `a_policy_over_the_budget_is_refused_by_build`.
        Code::OverBudget => &[],
        // Only `polc convert` says it, whose tests show it.
        Code::Unsayable => &[],
        Code::UnknownModule => &[(
            "shop.pol",
            "package shop\nuse std::dsn\nuse std::ports\npolicy web for {} {\n  egress {\n    allow to world on ports::htps\n    allow to dns::cluster on ports\n  }\n}\n",
        )],
        Code::WrongArguments => &[(
            "shop.pol",
            "package shop\ntemplate reachable(app: string, port: ports) {\n  policy \"{app}_ingress\" for { app: app } { ingress { allow from {} on port } }\n}\napply reachable(\"search\")\napply reachable()\n",
        )],
        Code::EndlessTemplates => &[
            (
                "a.pol",
                "package shop\ntemplate one(app: string) { apply other(app) }\napply one(\"search\")\n",
            ),
            ("b.pol", "template other(app: string) { apply one(app) }\n"),
        ],
        Code::InvalidExpansion => &[(
            "shop.pol",
            "package shop\ntemplate reachable(app: string) {\n  policy \"{app}_ingress\" for { app: app } { ingress { allow from {} } }\n}\napply reachable(\"search api\")\n",
        )],
        Code::UnknownType => &[(
            "shop.pol",
            "package shop\ntemplate reachable(app: text, callers: endpoint) {\n}\n",
        )],
        Code::IncompleteService => &[(
            "shop.pol",
            "package shop\nservice cart {\n  port tcp 80 -> 8080\n}\n",
        )],
        Code::InvalidDuration => &[(
            "shop.pol",
            "package shop\nservice cart {\n  address 10.96.0.20\n  port tcp 80\n  backends { app: \"cart\" }\n  affinity client_ip for 3hours\n}\n",
        )],
        Code::InvalidDnsName => &[(
            "shop.pol",
            "package shop\ndns github = \"api..github.com\" | \"api.**.github.com\" | \"git hub.com\"\n",
        )],
        Code::EgressOnly => &[(
            "shop.pol",
            "package shop\ndns github = \"api.github.com\"\npolicy web for {} {\n  ingress { allow from { app: \"x\" } | github on tcp 443 }\n}\n",
        )],
        Code::NotTcp => &[(
            "shop.pol",
            "package shop\nhttp api { GET /cart }\npolicy web for {} {\n  ingress {\n    allow from {} on tcp 80 | udp 443 only api\n    allow from {} only api\n  }\n  egress { allow to world on any sni \"api.example.com\" }\n}\n",
        )],
        Code::NotAllow => &[(
            "shop.pol",
            "package shop\npolicy web for {} {\n  ingress { deny from {} on tcp 80 only { DELETE /** } }\n}\n",
        )],
        Code::InvalidPath => &[(
            "shop.pol",
            "package shop\nhttp api {\n  GET /cart/{id: int}/items/{id: string}\n  GET /cart/**/items\n  GET /cart/v{version: int}\n  GET /cart/{id: integer}\n  GET /cart//items\n}\n",
        )],
        Code::InvalidPattern => &[(
            "shop.pol",
            "package shop\nhttp api {\n  GET /cart when header \"accept\" ~ \"text/(html\"\n  GET /cart when header \"accept\" ~ \"(?=text)\"\n  GET /cart when header \"accept\" ~ \"(a{1000}){1000}\"\n}\n",
        )],
        Code::ImpossibleCapture => &[(
            "shop.pol",
            "package shop\nhttp api { GET /cart/{id: int} when id = \"latest\" }\n",
        )],
        Code::InvalidRequest => &[(
            "shop.pol",
            "package shop\nhttp api {\n  get /cart\n  GTE /cart\n  GET /cart when header \"content type\"\n  GET /cart when header \"Host\" = \"cart.example.com\"\n  GET /cart when host\n}\n",
        )],
        Code::YamlSyntax => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  {{- with .Values.app }}\n  podSelector: { matchLabels: { app: web } }\n  {{- end }}\n",
        )],
        Code::UnknownField => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  podSelecter: {}\n  ingress:\n  - form: []\n  - from:\n    - ipBlock: { cidr: 10.0.0.0/8, not: [10.1.0.0/16] }\n",
        )],
        Code::WrongValue => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: 1.0, namespace: shop }\nspec:\n  podSelector: { matchLabels: { app: web, canary: true, tier: {{ .Values.tier }} } }\n  ingress:\n    from: []\n  policyTypes: Ingress\n",
        )],
        Code::MissingField => &[(
            "shop.yaml",
            "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: { generateName: web- }\nspec:\n  podSelector: { matchExpressions: [{ key: app, operator: In }] }\n  ingress:\n  - from: [{}, { ipBlock: {} }]\n    ports: [{ endPort: 90 }]\n---\nkind: NetworkPolicy\n",
        )],
        Code::RepeatedKey => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  podSelector: { matchLabels: { app: web, app: cart } }\n  ingress:\n  - {}\n  ingress: []\n",
        )],
        Code::InvalidValue => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: Shop, labels: { app: a b } }\nspec:\n  podSelector: { matchExpressions: [{ key: a b, operator: in, values: [x] }] }\n  policyTypes: [ingress]\n  ingress:\n  - ports: [{ port: 80, protocol: tcp }, { port: 80, protocol: ICMP }]\n",
        )],
        Code::ExclusiveFields => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  podSelector: { matchExpressions: [{ key: app, operator: Exists, values: [web] }] }\n  ingress:\n  - from:\n    - podSelector: {}\n      ipBlock: { cidr: 10.0.0.0/8 }\n    ports:\n    - port: http\n      endPort: 90\n",
        )],
        Code::UnknownKind => &[(
            "shop.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetwrokPolicy\nmetadata: { name: web }\n---\napiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: { name: web }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: web }\n",
        )],
        Code::UnknownReference => &[(
            "shop.yaml",
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec:\n  endpointSelector: { matchLabels: { app: web } }\n  egress:\n  - toServices: [{ k8sService: { serviceName: cart } }]\n  egressDeny:\n  - toCIDRSet: [{ cidrGroupRef: partners }]\n",
        )],
        Code::UnsupportedKind => &[(
            "shop.yaml",
            "apiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\nmetadata: { name: web, namespace: shop }\nspec: { selector: app == 'web' }\n",
        )],
        // Lints are shown by the example of their page: see `lints_are_shown_by_their_pages`.
        Code::ShadowedRule
        | Code::RedundantRule
        | Code::MootAllow
        | Code::NeverMatches
        | Code::NeedlessDeny
        | Code::WorldOpen
        | Code::SensitivePortOpen
        | Code::UnrestrictedEgress
        | Code::MetadataReachable
        | Code::OneFamilyBlock
        | Code::UnusedName
        | Code::UntestedPolicy
        | Code::DnsWithoutTcp
        | Code::OverlappingPorts
        | Code::RedundantPeer
        | Code::PassAtTheEnd
        | Code::OneSidedAllow
        | Code::TestsOnlyAllow
        | Code::UnmatchedSubject
        | Code::NameStyle
        | Code::WidePortRange
        | Code::IdleDefaultAllow
        | Code::OneFamilyPing
        | Code::UnknownLint
        | Code::CoveredL7
        | Code::NamesWithoutDns
        | Code::NearBudget => &[],
        Code::TestFailed => &[(
            "shop.pol",
            "package shop\nendpoints web = { app: \"web\" }\npolicy admin for {} {\n  tier admin\n  ingress { allow from 192.0.2.9 }\n}\npolicy web for web {\n  ingress {\n    allow from world on tcp 443\n    deny  from 203.0.113.0/24\n    allow from { app: \"cart\" }\n  }\n}\ntest \"the world reads the web\" {\n  given web_1 = endpoint { app: \"web\" } at 10.0.0.7 | fd00::7\n  192.0.2.1   -> web_1 tcp 80  is allowed\n  203.0.113.1 -> web_1 tcp 443 is allowed\n  192.0.2.1   -> web_1 tcp 443 is denied\n  192.0.2.9   -> web_1 tcp 443 is allowed by web\n}\n",
        )],
    }
}

/// Applies each fix on its own: what it was for is then gone, and the file reads no worse.
#[test]
fn every_fix_resolves_its_finding() {
    let mut fixes = 0;
    for &code in Code::ALL {
        let mut database = polc_frontend::Database::default();
        for (path, text) in sources(code) {
            database.set_file(path, *text);
        }
        let before = database.analyze().diagnostics;
        for diagnostic in &before {
            let Some(fix) = &diagnostic.fix else { continue };
            fixes += 1;
            let path = &*fix.place.file;
            let text = database.text(path).unwrap().to_owned();
            let range = fix.place.range.start as usize..fix.place.range.end as usize;
            let mut fixed = text.clone();
            fixed.replace_range(range, &fix.replacement);
            database.set_file(path, fixed.clone());
            let after = database.analyze().diagnostics;
            let is_left = after.iter().any(|other| {
                other.headline == diagnostic.headline
                    && other.primary.place.range.start == diagnostic.primary.place.range.start
            });
            assert!(!is_left, "{}\n{fixed}", diagnostic.headline);
            database.set_file(path, text);
        }
    }
    assert!(fixes >= 15, "only {fixes} fixes");
}

#[test]
fn every_code_is_shown_with_its_source() {
    for &code in Code::ALL {
        let sources = sources(code);
        if sources.is_empty() {
            continue;
        }
        let run = Files::new(sources.iter().copied()).polc(&["test", "."]);
        assert!(
            run.out.contains(&format!("[{code}]")),
            "{code}: {}",
            run.out
        );
        let mut text = format!("{}\n\n", code.summary());
        for (path, source) in sources {
            text.push_str(&format!("----- {path} -----\n{source}"));
        }
        text.push_str(&format!("----- polc test -----\n{}", run.out));
        snapshot("diagnostics", &code.to_string(), &text);
    }
}

#[test]
fn a_policy_over_the_budget_is_refused_by_build() {
    let head = "package shop\npolicy db for { app: \"db\" } {\n  ingress {\n";
    let rule = |number: usize| format!("    allow from {{ app: \"app-{number}\" }} on tcp 5432\n");
    let rules: String = (0..4_100).map(rule).collect();
    let source = format!("{head}{rules}  }}\n}}\n");
    let run = Files::new([("shop.pol", source.as_str())]).polc(&["build", "."]);
    let shown = format!(
        "{}\n\n----- shop.pol -----\n{head}{}    ... and so on, 4100 rules\n  }}\n}}\n\
         ----- polc build -----\n{}",
        Code::OverBudget.summary(),
        rule(0),
        run.out
    );
    assert!(run.out.contains("[P0701]"), "{}", run.out);
    snapshot("diagnostics", "P0701", &shown);
}

/// The first code block under a heading of a page.
fn example(page: &str, heading: &str) -> String {
    let (_, section) = page.split_once(heading).unwrap();
    let (_, block) = section.split_once("```").unwrap();
    let (_, block) = block.split_once('\n').unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

const INVENTORY: &str =
    "node: { name: n }\nendpoints: [{ name: w, labels: { app: web }, addresses: [10.0.0.2] }]\n";

/// What `polc test` says about a file, or `polc check` where only lints would say it.
fn said(code: Code, source: &str) -> String {
    let name = match source.starts_with("apiVersion:") {
        true => "example.yaml",
        false => "example.pol",
    };
    let files = Files::new([(name, source), ("inventory.yaml", INVENTORY)]);
    match code {
        Code::TestFailed => files.polc(&["test", "."]).out,
        Code::UnmatchedSubject => {
            files
                .polc(&["check", ".", "--inventory", "inventory.yaml"])
                .out
        }
        _ => files.polc(&["check", "."]).out,
    }
}

#[test]
fn pages_show_what_is_wrong_and_what_is_right() {
    for &code in Code::ALL {
        let page = code.page();
        let right = said(code, &example(page, "## Right"));
        let is_clean = right.starts_with("no findings") || right.ends_with(" passed, 0 failed\n");
        assert!(is_clean && !right.contains("[P"), "{code}: {right}");
        // Their wrong examples are the shape of something that is too long for a page, or that another
        // command says.
        if matches!(code, Code::OverBudget | Code::NearBudget | Code::Unsayable) {
            continue;
        }
        let wrong = said(code, &example(page, "## Wrong"));
        assert!(wrong.contains(&format!("[{code}]")), "{code}: {wrong}");
    }
}

#[test]
fn lints_are_shown_by_their_pages() {
    for &code in Code::ALL
        .iter()
        .filter(|code| (801..900).contains(&code.number()))
    {
        let wrong = example(code.page(), "## Wrong");
        let found = said(code, &wrong);
        let text = format!(
            "{}\n\n----- example.pol -----\n{wrong}----- polc check -----\n{found}",
            code.summary()
        );
        snapshot("diagnostics", &code.to_string(), &text);
    }
}
