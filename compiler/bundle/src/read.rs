//! Reading a bundle, strictly.

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
    // Whatever no digest covers, such as padding and times, must be what the compiler writes.
    if archive::write(&name.to_string(), &manifest_bytes, &entries)? != bytes {
        return Err(not_as_written());
    }
    let names = entries.iter().map(|(name, _)| name);
    if !names.eq(Manifest::names(entries.len().saturating_sub(2)).iter()) {
        return Err(damaged(
            "its entries are not those of a bundle, in their order".to_owned(),
        ));
    }
    for (name, content) in &entries {
        if manifest.entries.get(name) != Some(&Digest::of(content).to_string()) {
            return Err(damaged(format!("`{name}` does not fit its digest")));
        }
    }
    let mut programs = entries.into_iter();
    let model_bytes = next(&mut programs, Manifest::MODEL)?;
    let plan_bytes = next(&mut programs, Manifest::PLAN)?;
    let model: polc_model::Model = parse(Manifest::MODEL, &model_bytes)?;
    polc_model::validate::validate(&model)
        .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    // A node compiles further classes of this Model by itself, so nothing may be in it that the
    // compiler would have refused.
    if let Some(unsupported) = polc_plan::unsupported(&model).first() {
        return Err(BundleError::Invalid(unsupported.to_string()));
    }
    let plan: polc_plan::Plan = parse(Manifest::PLAN, &plan_bytes)?;
    polc_plan::validate(&model, &plan).map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    let programs: Vec<Vec<u8>> = programs.map(|(_, content)| content).collect();
    if programs.len() != plan.classes.len() {
        return Err(damaged(
            "it has not one program for each class of its plan".to_owned(),
        ));
    }
    // There is one way to write each value, and one manifest for these entries.
    let again = Manifest {
        format: FORMAT_VERSION,
        package: model.package.clone(),
        kernel: KERNEL.to_owned(),
        compiler: manifest.compiler.clone(),
        entries: manifest.entries.clone(),
    };
    if json(&model)? != model_bytes
        || json(&plan)? != plan_bytes
        || json(&again)? != manifest_bytes
        || manifest.entries.len() != programs.len() + 2
    {
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

/// The content of the next entry, which has this name.
fn next(
    entries: &mut impl Iterator<Item = archive::Entry>,
    wanted: &str,
) -> Result<Vec<u8>, BundleError> {
    match entries.next() {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(damaged(format!(
            "it holds `{name}` where `{wanted}` belongs"
        ))),
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
