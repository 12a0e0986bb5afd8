//! `polc keygen` and `polc sign`: keys that nobody overwrites, signatures that are the same each
//! time, and that minisign's own tool takes and makes.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod support;

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use support::{Files, SMALL_PACKAGE as WEB, snapshot};

/// A built package and a pair of keys without a password.
fn built() -> Files {
    let files = Files::new([("shop/web.pol", WEB)]);
    assert_eq!(files.polc(&["build", "shop"]).code, 0);
    assert_eq!(keygen(&files, "one", &["--no-password"]).code, 0);
    files
}

/// Makes `NAME.key` and `NAME.pub`.
fn keygen(files: &Files, name: &str, more: &[&str]) -> support::Run {
    let (key, public) = (format!("{name}.key"), format!("{name}.pub"));
    let arguments = ["keygen", "--key", &key, "--public-key", &public];
    files.polc(&[&arguments[..], more].concat())
}

fn read(files: &Files, name: &str) -> String {
    fs::read_to_string(files.path().join(name)).unwrap()
}

/// Runs minisign's tool in the directory, with this on its standard input.
fn minisign(files: &Files, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("minisign")
        .args(arguments)
        .current_dir(files.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It does not read what it does not need.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn tool_is_missing(test: &str) -> bool {
    let is_missing = Command::new("minisign").arg("-v").output().is_err();
    if is_missing {
        eprintln!("skipped: {test}: there is no `minisign` here; `cargo xtask setup` installs it");
    }
    is_missing
}

fn verified_by_tool(files: &Files, public: &str) -> bool {
    let arguments = ["-V", "-m", "shop.polb", "-p", public];
    minisign(files, &arguments, "").status.success()
}

#[test]
fn the_same_bundle_and_key_give_the_same_signature() {
    let files = built();
    let sign = ["sign", "shop.polb", "--key", "one.key"];
    assert_eq!(files.polc(&sign).code, 0);
    let first = read(&files, "shop.polb.minisig");
    let elsewhere = [&sign[..], &["--output", "other.minisig"]].concat();
    assert_eq!(files.polc(&elsewhere).code, 0);
    assert_eq!(read(&files, "other.minisig"), first);
    let trusted = first.lines().nth(2).unwrap();
    assert!(
        trusted.starts_with("trusted comment: package:shop\tdigest:"),
        "{trusted}"
    );
    assert!(trusted.ends_with("\tformat:3"), "{trusted}");
    let json = files.polc(&[&sign[..], &["--format", "json"]].concat());
    let signed: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(signed[0]["signature"], "shop.polb.minisig");
}

#[test]
fn keys_are_never_overwritten() {
    let files = built();
    let before = read(&files, "one.key");
    let again = keygen(&files, "one", &["--no-password"]);
    snapshot("cli", "keygen_exists", &again.shown(&["keygen", "…"]));
    assert_eq!((again.code, read(&files, "one.key")), (2, before));
    // Nor is one half of a pair left behind when the other half has a name that is taken.
    let half = ["keygen", "--key", "new.key", "--public-key", "one.pub"];
    assert_eq!(
        files.polc(&[&half[..], &["--no-password"]].concat()).code,
        2
    );
    assert!(!files.path().join("new.key").exists());
    let same = ["keygen", "--key", "x", "--public-key", "x", "--no-password"];
    assert_eq!(files.polc(&same).code, 2);
    assert!(!files.path().join("x").exists());
}

#[cfg(unix)]
#[test]
fn a_secret_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = built();
    let metadata = fs::metadata(files.path().join("one.key")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_password_opens_its_key_and_no_other_does() {
    let files = built();
    fs::write(files.path().join("right"), "geheim\n").unwrap();
    fs::write(files.path().join("wrong"), "geheimer\n").unwrap();
    let made = keygen(&files, "two", &["--password-file", "right"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let sign = ["sign", "shop.polb", "--key", "two.key"];
    let with = |file| files.polc(&[&sign[..], &["--password-file", file]].concat());
    let refused = with("wrong");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("not the password"), "{}", refused.err);
    assert!(!files.path().join("shop.polb.minisig").exists());
    assert_eq!(with("right").code, 0);
    fs::write(files.path().join("empty"), "\n").unwrap();
    let empty = keygen(&files, "three", &["--password-file", "empty"]);
    assert_eq!(empty.code, 2);
    assert!(empty.err.contains("password is empty"), "{}", empty.err);
    // A test has no terminal.
    let asked = files.polc(&sign);
    assert_eq!(asked.code, 2);
    snapshot("cli", "sign_no_password", &asked.shown(&sign));
}

#[test]
fn only_bundles_are_signed_and_only_by_keys() {
    let files = built();
    fs::write(files.path().join("text.polb"), "hello").unwrap();
    let both = ["sign", "shop.polb", "text.polb", "--key", "one.key"];
    let refused = files.polc(&both);
    assert_eq!(refused.code, 2);
    snapshot("cli", "sign_no_bundle", &refused.shown(&both));
    // All or nothing.
    assert!(!files.path().join("shop.polb.minisig").exists());
    let secret = read(&files, "one.key");
    let mut changed = secret.trim_end().to_owned().into_bytes();
    let last = changed.len() - 8;
    changed[last] ^= 1;
    for (name, text) in [
        ("empty", String::new()),
        ("public", read(&files, "one.pub")),
        ("cut", secret.chars().take(secret.len() / 2).collect()),
        ("changed", String::from_utf8(changed).unwrap()),
    ] {
        fs::write(files.path().join(name), text).unwrap();
        let run = files.polc(&["sign", "shop.polb", "--key", name]);
        assert_eq!(run.code, 2, "{name}");
        assert!(run.err.contains("not a secret key"), "{name}: {}", run.err);
    }
    let several = ["sign", "a.polb", "b.polb", "--key", "one.key", "-o", "c"];
    assert_eq!(files.polc(&several).code, 2);
}

#[test]
fn the_tool_verifies_what_we_sign() {
    if tool_is_missing("the_tool_verifies_what_we_sign") {
        return;
    }
    let files = built();
    assert_eq!(
        files.polc(&["sign", "shop.polb", "--key", "one.key"]).code,
        0
    );
    assert!(verified_by_tool(&files, "one.pub"));
    // The tool, told to write the same comments, writes the same file.
    let ours = read(&files, "shop.polb.minisig");
    let comment = |line, prefix| {
        ours.lines()
            .nth(line)
            .unwrap()
            .strip_prefix(prefix)
            .unwrap()
    };
    let arguments = [
        "-S",
        "-m",
        "shop.polb",
        "-s",
        "one.key",
        "-c",
        comment(0, "untrusted comment: "),
        "-t",
        comment(2, "trusted comment: "),
    ];
    assert!(minisign(&files, &arguments, "").status.success());
    assert_eq!(read(&files, "shop.polb.minisig"), ours);
    let mut bytes = fs::read(files.path().join("shop.polb")).unwrap();
    bytes[100] ^= 1;
    fs::write(files.path().join("shop.polb"), bytes).unwrap();
    assert!(!verified_by_tool(&files, "one.pub"));
}

#[test]
fn we_verify_what_the_tool_signs() {
    if tool_is_missing("we_verify_what_the_tool_signs") {
        return;
    }
    let files = built();
    let generate = ["-G", "-W", "-p", "tool.pub", "-s", "tool.key"];
    assert!(minisign(&files, &generate, "").status.success());
    // The old form, which signs the file itself and not its hash, is refused by both.
    for (form, code) in [("-H", 0), ("-l", 1)] {
        let sign = ["-S", form, "-m", "shop.polb", "-s", "tool.key"];
        assert!(minisign(&files, &sign, "").status.success());
        let run = files.polc(&["verify", "shop.polb", "--public-key", "tool.pub"]);
        assert_eq!(run.code, code, "{form}: {}", run.out);
    }
    // And with its key we sign what it verifies.
    let sign = ["sign", "shop.polb", "--key", "tool.key"];
    assert_eq!(files.polc(&sign).code, 0);
    assert!(verified_by_tool(&files, "tool.pub"));
    // That key has no checksum. Damaged, it signs nothing all the same.
    let mut key = read(&files, "tool.key").into_bytes();
    let seed = key.iter().position(|&byte| byte == b'\n').unwrap() + 120;
    key[seed] = if key[seed] == b'A' { b'B' } else { b'A' };
    fs::write(files.path().join("tool.key"), key).unwrap();
    let refused = files.polc(&sign);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("not a secret key"), "{}", refused.err);
}

#[test]
fn keys_with_a_password_go_both_ways() {
    if tool_is_missing("keys_with_a_password_go_both_ways") {
        return;
    }
    let files = built();
    let password = "geheim\n";
    fs::write(files.path().join("password"), password).unwrap();
    let of_tool = ["-G", "-p", "tool.pub", "-s", "tool.key"];
    let twice = password.repeat(2);
    assert!(minisign(&files, &of_tool, &twice).status.success());
    let sign = ["sign", "shop.polb", "--password-file", "password"];
    assert_eq!(
        files
            .polc(&[&sign[..], &["--key", "tool.key"]].concat())
            .code,
        0
    );
    assert!(verified_by_tool(&files, "tool.pub"));

    let ours = keygen(&files, "ours", &["--password-file", "password"]);
    assert_eq!(ours.code, 0);
    let arguments = ["-S", "-m", "shop.polb", "-s", "ours.key"];
    assert!(minisign(&files, &arguments, password).status.success());
    assert!(verified_by_tool(&files, "ours.pub"));
}
