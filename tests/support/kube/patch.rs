//! The three patches: JSON, merge, strategic. kubectl computes what `apply` sends itself.

use serde_json::Value;

use super::status::Refusal;
use super::strategic;

/// Returns `object` after the patch.
///
/// # Errors
/// Where the patch is no JSON, does not apply (a failed `test` included), or is of a type the server does not read.
pub(crate) fn apply(content_type: &str, body: &[u8], object: &Value) -> Result<Value, Refusal> {
    let mut patched = object.clone();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json-patch+json" => {
            let patch: json_patch::Patch = read(body)?;
            json_patch::patch(&mut patched, &patch).map_err(|_| Refusal::patch_failed())?;
        }
        "application/merge-patch+json" => json_patch::merge(&mut patched, &read::<Value>(body)?),
        "application/strategic-merge-patch+json" => {
            patched = strategic::merge(patched, &read::<Value>(body)?)
        }
        // Server-side apply would stand here; nothing in the runbooks uses it.
        _ => return Err(Refusal::unsupported()),
    }
    Ok(patched)
}

/// Returns a body as JSON.
///
/// # Errors
/// Where it is none.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))
}
