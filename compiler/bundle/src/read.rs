//! Reading a bundle, strictly.

use std::thread;

use polc_model::Model;
use polc_plan::Plan;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Bundle, BundleError, Digest, FORMAT_VERSION, KERNEL, Manifest, archive, json};

pub(crate) fn decode(bytes: &[u8]) -> Result<(Bundle, Digest), BundleError> {
    let mut entries = archive::read(bytes)?;
    let head = entries.drain(..entries.len().min(2)).collect::<Vec<_>>();
    let mut head = head.into_iter();
    let digest = next(&mut head, archive::DIGEST)?;
    let manifest_bytes = next(&mut head, archive::MANIFEST)?;
    let name = Digest::of(&manifest_bytes);
    if name.to_string().as_bytes() != digest {
        return Err(damaged("its digest does not fit its manifest".to_owned()));
    }
    check_format(&manifest_bytes)?;
    let manifest: Manifest = parse(archive::MANIFEST, &manifest_bytes)?;
    // Bytes on one thread, what they say on another: both take about as long.
    let (bytes_checked, said) = thread::scope(|scope| {
        let checking = scope.spawn(|| {
            let written = archive::write(&name.to_string(), &manifest_bytes, &entries)?;
            check_bytes(bytes, &written, &manifest, &entries)
        });
        let said = model_and_plan(&entries);
        let checked = checking
            .join()
            .unwrap_or_else(|_| Err(damaged("it could not be checked".to_owned())));
        (checked, said)
    });
    bytes_checked?;
    let (model, plan) = said?;
    let programs = entries.into_iter().skip(2);
    let programs: Vec<Vec<u8>> = programs.map(|(_, content)| content).collect();
    if programs.len() != plan.classes.len() {
        return Err(damaged(
            "it has not one program for each class of its plan".to_owned(),
        ));
    }
    // There is one manifest for these entries.
    let again = Manifest {
        format: FORMAT_VERSION,
        package: model.package.clone(),
        kernel: KERNEL.to_owned(),
        compiler: manifest.compiler.clone(),
        entries: manifest.entries.clone(),
    };
    if json(&again)? != manifest_bytes || manifest.entries.len() != programs.len() + 2 {
        return Err(not_as_written());
    }
    let bundle = Bundle {
        compiler: manifest.compiler,
        model,
        plan,
        programs,
    };
    Ok((bundle, name))
}

/// Whether the bytes are what the compiler writes for these entries, and those what the manifest says.
fn check_bytes(
    bytes: &[u8],
    written: &[u8],
    manifest: &Manifest,
    entries: &[archive::Entry],
) -> Result<(), BundleError> {
    // Whatever no digest covers, such as padding and times.
    if written != bytes {
        return Err(not_as_written());
    }
    let names = entries.iter().map(|(name, _)| name);
    if !names.eq(Manifest::names(entries.len().saturating_sub(2)).iter()) {
        return Err(damaged(
            "its entries are not those of a bundle, in their order".to_owned(),
        ));
    }
    for (name, content) in entries {
        if manifest.entries.get(name) != Some(&Digest::of(content).to_string()) {
            return Err(damaged(format!("`{name}` does not fit its digest")));
        }
    }
    Ok(())
}

/// What the first two entries say. There is one way to write each value.
fn model_and_plan(entries: &[archive::Entry]) -> Result<(Model, Plan), BundleError> {
    let entry = |position: usize, wanted| match entries.get(position) {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(misplaced(name, wanted)),
        None => Err(damaged(format!("`{wanted}` is missing"))),
    };
    let model_bytes = entry(0, Manifest::MODEL)?;
    let plan_bytes = entry(1, Manifest::PLAN)?;
    let model: Model = parse(Manifest::MODEL, model_bytes)?;
    polc_model::validate::validate(&model)
        .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    // A node compiles further classes of this Model by itself, so nothing may be in it that the
    // compiler would have refused.
    if let Some(unsupported) = polc_plan::unsupported(&model).first() {
        return Err(BundleError::Invalid(unsupported.to_string()));
    }
    let plan: Plan = parse(Manifest::PLAN, plan_bytes)?;
    polc_plan::validate(&model, &plan).map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    if json(&model)? != *model_bytes || json(&plan)? != *plan_bytes {
        return Err(not_as_written());
    }
    Ok((model, plan))
}

fn misplaced(name: &str, wanted: &str) -> BundleError {
    damaged(format!("it holds `{name}` where `{wanted}` belongs"))
}

/// The content of the next entry, which has this name.
fn next(
    entries: &mut impl Iterator<Item = archive::Entry>,
    wanted: &str,
) -> Result<Vec<u8>, BundleError> {
    match entries.next() {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(misplaced(&name, wanted)),
        None => Err(damaged(format!("`{wanted}` is missing"))),
    }
}

/// Asks for the format before anything else, which may look different in another format.
fn check_format(manifest: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    match parse(archive::MANIFEST, manifest)? {
        Format { format } if format > FORMAT_VERSION => Err(BundleError::TooNew(format)),
        Format { format } if format < FORMAT_VERSION => Err(BundleError::TooOld(format)),
        Format { .. } => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, BundleError> {
    serde_json::from_slice(bytes)
        .map_err(|cause| BundleError::Invalid(format!("`{name}`: {cause}")))
}

fn damaged(what: String) -> BundleError {
    BundleError::Damaged(what)
}

fn not_as_written() -> BundleError {
    damaged("it is not the file that was written".to_owned())
}
