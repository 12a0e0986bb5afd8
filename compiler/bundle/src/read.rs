//! Reading a bundle, strictly.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Bundle, BundleError, Digest, FORMAT_VERSION, Manifest, archive};

pub(crate) fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let mut entries = archive::read(bytes)?.into_iter();
    let mut next = |wanted: &str| match entries.next() {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(damaged(format!(
            "it holds `{name}` where `{wanted}` belongs"
        ))),
        None => Err(damaged(format!("`{wanted}` is missing"))),
    };
    let digest = next(archive::DIGEST)?;
    let manifest = next(archive::MANIFEST)?;
    if Digest::of(&manifest).to_string().as_bytes() != digest {
        return Err(damaged("its digest does not fit its manifest".to_owned()));
    }
    check_format(&manifest)?;
    let manifest: Manifest = parse(archive::MANIFEST, &manifest)?;
    let mut checked = |name: &str| {
        let content = next(name)?;
        let wanted = manifest.entries.get(name);
        if wanted != Some(&Digest::of(&content).to_string()) {
            return Err(damaged(format!("`{name}` does not fit its digest")));
        }
        Ok(content)
    };
    let model: polc_model::Model = parse("model.json", &checked("model.json")?)?;
    polc_model::validate::validate(&model)
        .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    // A node compiles further classes of this Model by itself, so nothing may be in it that the
    // compiler would have refused.
    if let Some(unsupported) = polc_plan::unsupported(&model).first() {
        return Err(BundleError::Invalid(unsupported.to_string()));
    }
    let plan: polc_plan::Plan = parse("plan.json", &checked("plan.json")?)?;
    polc_plan::validate(&model, &plan).map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    let programs = (0..plan.classes.len())
        .map(|index| checked(&format!("programs/{index}.o")))
        .collect::<Result<Vec<_>, _>>()?;

    let bundle = Bundle {
        compiler: manifest.compiler,
        model,
        plan,
        programs,
    };
    // Whatever no digest covers, such as padding and times, must be what the compiler writes.
    if bundle.encode()? != bytes {
        return Err(damaged("it is not the file that was written".to_owned()));
    }
    Ok(bundle)
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
