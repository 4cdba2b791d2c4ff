//! The model as plain data: without the places where its parts stand, or with the files of those places renumbered.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FileId, Value};

/// What holds a person's own data, in which `at` is a name like any other.
const DATA: &[&str] = &["default", "one_of", "Plain", "item"];

/// Returns the JSON of something without the places in files: what is equal then means the same.
pub fn without_places(of: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(of).unwrap_or_default();
    walk(&mut value, &mut |_| true);
    value
}

/// Returns `of` with the file of each place replaced by what `file` says of it.
///
/// # Errors
///
/// When it can't be read back, which would be a mistake of this program.
pub fn with_files<T: Serialize + DeserializeOwned>(
    of: &T,
    mut file: impl FnMut(FileId) -> FileId,
) -> Result<T, serde_json::Error> {
    let mut value = serde_json::to_value(of)?;
    walk(&mut value, &mut |place| {
        let old = place[0].as_u64().and_then(|number| FileId::try_from(number).ok()).unwrap_or_default();
        place[0] = Value::from(file(old));
        false
    });
    serde_json::from_value(value)
}

/// Hands every place to `each`, and takes out those of which it says so.
fn walk(value: &mut Value, each: &mut dyn FnMut(&mut Vec<Value>) -> bool) {
    match value {
        Value::Object(entries) => entries.retain(|name, value| match value {
            Value::Array(place) if name == "at" && is_place(place) => !each(place),
            _ if DATA.contains(&name.as_str()) => true,
            _ => {
                walk(value, each);
                true
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, each)),
        _ => {}
    }
}

fn is_place(place: &[Value]) -> bool {
    place.len() == 3 && place.iter().all(Value::is_u64)
}
