//! Embeds the datapath's object: from `POLC_DATAPATH`, or from where `cargo xtask build` puts it.
//! Without one the agent builds all the same, and says so when it is asked to run.

use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-env-changed=POLC_DATAPATH");
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let object = match env::var_os("POLC_DATAPATH") {
        Some(path) => PathBuf::from(path),
        None => manifest.join("../target/datapath/polc-datapath"),
    };
    println!("cargo:rerun-if-changed={}", object.display());
    let embedded = PathBuf::from(env::var("OUT_DIR")?).join("polc-datapath");
    if object.exists() {
        fs::copy(&object, &embedded)?;
    } else {
        fs::write(&embedded, [])?;
    }
    Ok(())
}
