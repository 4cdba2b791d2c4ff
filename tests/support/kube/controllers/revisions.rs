//! What a stateful set was: one revision for each template, for `rollout history` and `rollout undo`.

use serde_json::{Value, json};

use super::{owned, reference};
use crate::support::kube::kinds::Kind;
use crate::support::kube::store::{Store, Write};

/// Makes the revision of the template as it is now the newest one.
pub(super) fn record(store: &mut Store, set: &Value, name: &str) {
    let kind = Kind::named("controllerrevisions");
    let known = owned(store, kind, set);
    let number = |revision: &Value| revision["revision"].as_i64().unwrap_or(0);
    let newest = known.iter().map(|(_, revision)| number(revision)).max().unwrap_or(0);
    match known.iter().find(|(key, _)| key.name == name) {
        Some((_, revision)) if number(revision) == newest => {}
        // An earlier template is back: its revision is counted as a new one.
        Some((key, _)) => store.edit(kind, key, |revision| revision["revision"] = json!(newest + 1)),
        None => {
            let mut template = set["spec"]["template"].clone();
            // What undo sends back as it stands: a patch that replaces the template.
            template["$patch"] = json!("replace");
            let revision = json!({
                "metadata": {
                    "name": name, "labels": set["spec"]["selector"]["matchLabels"],
                    "ownerReferences": reference(set),
                },
                "data": {"spec": {"template": template}}, "revision": newest + 1,
            });
            let namespace = set["metadata"]["namespace"].as_str().unwrap_or_default();
            store
                .create(kind, namespace, revision, Write::Keep)
                .expect("no revision of this name exists, its namespace does");
        }
    }
}
