//! The subcommands.

mod build;
mod check;
mod compile;
mod connections;
mod convert;
mod explain;
mod fix;
mod fmt;
mod generate;
mod graph;
mod init;
mod inspect;
mod keygen;
mod sign;
mod test;
mod verify;
mod watch;

use polc_model::Model;
use polc_plan::ClassKey;

use crate::{
    cli::{Cli, Command, Format},
    operational::OperationalError,
    output::{self, Outcome},
    render,
};

/// Runs the subcommand.
pub(crate) fn run(cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Check(arguments) => check::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Connections(arguments) => connections::run(arguments),
        Command::Keygen(arguments) => keygen::run(arguments),
        Command::Sign(arguments) => sign::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Convert(arguments) => convert::run(arguments),
        Command::Fmt(arguments) => fmt::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Completions(arguments) => generate::completions(arguments),
        Command::Man(arguments) => generate::man(arguments),
    }
}

/// Writes the result and the operational errors, and says how the run ended.
fn finish(result: &[u8], errors: &[OperationalError], format: Format, outcome: Outcome) -> Outcome {
    let mut text = Vec::new();
    for error in errors {
        render::operational(&mut text, error, format);
    }
    let written = output::write_error(&text).and_then(|()| output::write_out(result));
    if written.is_err() || !errors.is_empty() {
        Outcome::CouldNotRun
    } else {
        outcome
    }
}

/// `1 error`, `2 errors`, `2 policies`, `2 leaves`, `2 classes`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 {
        return format!("1 {what}");
    }
    let plural = match (what.strip_suffix('y'), what.strip_suffix('f')) {
        (Some(stem), _) => format!("{stem}ies"),
        (_, Some(stem)) => format!("{stem}ves"),
        _ if what.ends_with('s') => format!("{what}es"),
        _ => format!("{what}s"),
    };
    format!("{number} {plural}")
}

/// `ingress of db, web`
pub(crate) fn class_name(model: &Model, key: &ClassKey) -> String {
    let names = key.policies.iter().filter_map(|&id| model.policy(id));
    let names: Vec<&str> = names.map(|policy| policy.name.as_str()).collect();
    let direction = key.direction.name();
    if names.is_empty() {
        format!("{direction} of no policy")
    } else {
        format!("{direction} of {}", names.join(", "))
    }
}
