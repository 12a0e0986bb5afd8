//! An edit re-runs what depends on it, and nothing else.

use std::sync::{Arc, Mutex};

use crate::Database;

const NAMES: &str = "package shop\nendpoints web = { app: \"web\" }\nports api = tcp 80\n";
const WEB: &str = "policy web for web { ingress { allow from all on api } }\n";
const CART: &str = "endpoints cart = { app: \"cart\" }\npolicy cart for cart { ingress {} }\n";

struct Harness {
    database: Database,
    log: Arc<Mutex<Vec<String>>>,
}

impl Harness {
    fn new() -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        let mut database = Database::observed(move |query| sink.lock().unwrap().push(query));
        database.set_file("names.pol", NAMES);
        database.set_file("web.pol", WEB);
        database.set_file("cart.pol", CART);
        let mut harness = Self { database, log };
        let queries = harness.queries();
        assert_eq!(count(&queries, "parse"), 3, "{queries:?}");
        assert_eq!(count(&queries, "lower_file"), 3, "{queries:?}");
        assert_eq!(harness.database.analyze().diagnostics, []);
        harness
    }

    /// Analyses, and returns the queries that ran.
    fn queries(&mut self) -> Vec<String> {
        self.log.lock().unwrap().clear();
        let _ = self.database.analyze();
        self.log.lock().unwrap().clone()
    }
}

fn count(queries: &[String], name: &str) -> usize {
    let prefix = format!("{name}(");
    queries
        .iter()
        .filter(|query| query.starts_with(&prefix))
        .count()
}

#[test]
fn asking_again_runs_nothing() {
    let mut harness = Harness::new();
    assert_eq!(harness.queries(), Vec::<String>::new());
}

#[test]
fn the_same_text_runs_nothing() {
    let mut harness = Harness::new();
    harness.database.set_file("web.pol", WEB);
    assert_eq!(harness.queries(), Vec::<String>::new());
}

#[test]
fn an_edited_policy_runs_its_own_file() {
    let mut harness = Harness::new();
    harness
        .database
        .set_file("web.pol", WEB.replace("allow", "deny"));
    let queries = harness.queries();
    assert_eq!(count(&queries, "parse"), 1, "{queries:?}");
    assert_eq!(count(&queries, "declarations"), 1, "{queries:?}");
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
    assert_eq!(count(&queries, "environment"), 0, "{queries:?}");
    assert_eq!(count(&queries, "model"), 1, "{queries:?}");
    assert_eq!(count(&queries, "diagnostics"), 1, "{queries:?}");
}

#[test]
fn diagnostics_do_not_wait_for_the_model() {
    let mut harness = Harness::new();
    harness
        .database
        .set_file("web.pol", WEB.replace("api", "apis"));
    harness.log.lock().unwrap().clear();
    assert_eq!(harness.database.diagnostics().len(), 1);
    let queries = harness.log.lock().unwrap().clone();
    assert_eq!(count(&queries, "model"), 0, "{queries:?}");
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
}

#[test]
fn moving_definitions_about_does_not_lower_other_files() {
    let mut harness = Harness::new();
    let moved = format!("// The names.\n\n{NAMES}");
    harness.database.set_file("names.pol", moved);
    let queries = harness.queries();
    assert_eq!(count(&queries, "parse"), 1, "{queries:?}");
    assert_eq!(count(&queries, "environment"), 0, "{queries:?}");
    assert_eq!(
        count(&queries, "lower_file"),
        1,
        "only names.pol: {queries:?}"
    );
}

#[test]
fn a_changed_definition_lowers_the_files_that_use_it() {
    let mut harness = Harness::new();
    harness
        .database
        .set_file("names.pol", NAMES.replace("80", "81"));
    let queries = harness.queries();
    assert_eq!(count(&queries, "parse"), 1, "{queries:?}");
    assert_eq!(count(&queries, "environment"), 1, "{queries:?}");
    assert_eq!(
        count(&queries, "lower_file"),
        2,
        "names.pol and web.pol, not cart.pol: {queries:?}"
    );
}

#[test]
fn a_removed_file_leaves_no_trace() {
    let mut harness = Harness::new();
    harness.database.remove_file("cart.pol");
    let analysis = harness.database.analyze();
    assert_eq!(analysis.diagnostics, []);
    assert_eq!(analysis.model.files, ["names.pol", "web.pol"]);
    assert_eq!(analysis.model.policies.len(), 1);
}

const TEMPLATE: &str = "template t(app: string) {
  policy \"{app}_in\" for { app: app } { ingress { allow from web } }
}
";

/// A harness with a template in one file and its application in another.
fn with_template() -> Harness {
    let mut harness = Harness::new();
    harness.database.set_file("template.pol", TEMPLATE);
    harness
        .database
        .set_file("apply.pol", "apply t(\"search\")\n");
    harness.queries();
    assert_eq!(harness.database.analyze().diagnostics, []);
    assert_eq!(harness.database.analyze().model.policies.len(), 3);
    harness
}

#[test]
fn an_edited_application_expands_its_own_file() {
    let mut harness = with_template();
    harness
        .database
        .set_file("apply.pol", "apply t(\"other\")\n");
    let queries = harness.queries();
    assert_eq!(count(&queries, "parse"), 1, "{queries:?}");
    assert_eq!(count(&queries, "expansions"), 1, "{queries:?}");
    assert_eq!(count(&queries, "environment"), 0, "{queries:?}");
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
}

#[test]
fn an_edited_template_expands_the_files_that_apply_it() {
    let mut harness = with_template();
    harness
        .database
        .set_file("template.pol", TEMPLATE.replace("allow", "deny"));
    let queries = harness.queries();
    assert_eq!(count(&queries, "parse"), 1, "{queries:?}");
    assert_eq!(
        count(&queries, "expansions"),
        2,
        "template.pol and apply.pol: {queries:?}"
    );
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
}

#[test]
fn an_edited_policy_expands_nothing_elsewhere() {
    let mut harness = with_template();
    harness
        .database
        .set_file("web.pol", WEB.replace("allow", "deny"));
    let queries = harness.queries();
    assert_eq!(count(&queries, "expansions"), 1, "{queries:?}");
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
}

#[test]
fn an_import_that_is_brought_in_again_lowers_nothing_else() {
    let mut harness = Harness::new();
    harness
        .database
        .set_file("cart.pol", format!("use std::dns\n{CART}"));
    harness.queries();
    harness
        .database
        .set_file("names.pol", format!("{NAMES}use std::dns\n"));
    let queries = harness.queries();
    assert_eq!(count(&queries, "lower_file"), 1, "{queries:?}");
}
