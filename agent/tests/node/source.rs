//! The kernel's own tools show which line of the policy an instruction comes from.

use std::process::Command;

use polc_model::Direction;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text},
};

#[test]
fn bpftool_shows_the_policy_between_the_instructions() {
    let test = "source";
    if Command::new("bpftool").arg("version").output().is_err() {
        eprintln!("skipped: {test}: there is no bpftool");
        return;
    }
    // A name of its own, by which bpftool finds the program: other tests run meanwhile.
    let bundle = Package::new()
        .policy("src", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile();
    let Some(_scene) = Scene::enforcing(test, &bundle) else {
        return;
    };
    let dump = ["prog", "dump", "xlated", "name", "ingress__src", "linum"];
    let output = Command::new("bpftool").args(dump).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shown.contains("int ingress__src(void * ctx):"), "{shown}");
    for line in [
        "; policy src [file:shop.pol line_num:",
        "; allow ingress tcp 5432 [file:shop.pol line_num:",
    ] {
        assert!(shown.contains(line), "no `{line}` in {shown}");
    }
}
