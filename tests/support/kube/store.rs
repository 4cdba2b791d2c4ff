//! The objects, their versions, and the log of changes that watches read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::status::Refusal;

/// Says which object: the namespace is empty for kinds of the cluster's scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    group: &'static str,
    resource: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.namespaced() { namespace.to_owned() } else { String::new() };
        Self { group: kind.group, resource: kind.resource, namespace, name: name.to_owned() }
    }

    fn is(&self, kind: &Kind) -> bool {
        self.group == kind.group && self.resource == kind.resource
    }
}

/// What happened to an object, as a watch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) happened: Happened,
    pub(crate) object: Value,
    /// The object before, for selectors that it no longer matches.
    pub(crate) before: Option<Value>,
}

impl Change {
    pub(crate) fn concerns(&self, kind: &Kind, namespace: Option<&str>) -> bool {
        self.key.is(kind) && namespace.is_none_or(|namespace| namespace == self.key.namespace)
    }
}

/// Whether a write is kept or only answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Keep,
    DryRun,
}

/// The objects of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Value>,
    log: Vec<Change>,
    revision: u64,
    born: u64,
}

impl Store {
    /// Returns the version of the newest change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the changes after a version, oldest first.
    pub(crate) fn since(&self, revision: u64) -> &[Change] {
        &self.log[self.log.partition_point(|change| change.revision <= revision)..]
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// Returns the objects of a kind, by namespace and name; all namespaces where none is given.
    pub(crate) fn list<'a>(
        &'a self,
        kind: &'static Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let mine =
            move |key: &Key| key.is(kind) && namespace.is_none_or(|namespace| namespace == key.namespace);
        let first = Key {
            group: kind.group,
            resource: kind.resource,
            namespace: namespace.unwrap_or_default().to_owned(),
            name: String::new(),
        };
        self.objects.range(first..).take_while(move |(key, _)| mine(key))
    }

    /// Adds an object that its kind's rules accept, and returns it as stored.
    ///
    /// # Errors
    /// Where the name is taken, or its namespace does not exist.
    pub(crate) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        mut object: Value,
        write: Write,
    ) -> Result<Value, Refusal> {
        self.born += 1;
        if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
            let Some(prefix) = object["metadata"]["generateName"].as_str() else {
                return Err(Refusal::bad_request("name or generateName is required"));
            };
            object["metadata"]["name"] = json!(format!("{prefix}{:05x}", self.born));
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = Key::new(kind, namespace, &name);
        if self.objects.contains_key(&key) {
            return Err(Refusal::exists(kind, &name));
        }
        let namespaces = Kind::named("namespaces");
        if kind.namespaced() && !self.objects.contains_key(&Key::new(namespaces, "", namespace)) {
            return Err(Refusal::not_found(namespaces, namespace));
        }
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.kind);
        let metadata = &mut object["metadata"];
        if kind.namespaced() {
            metadata["namespace"] = json!(namespace);
        }
        if metadata["uid"].as_str().is_none() {
            metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012x}", self.born));
        }
        metadata["creationTimestamp"] = json!(super::clock::now());
        if kind.counts_generations() {
            metadata["generation"] = json!(1);
        }
        if write == Write::Keep {
            self.revision += 1;
            object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
            self.record(key, Happened::Added, object.clone(), None);
        }
        Ok(object)
    }

    /// Puts an object in the place of the one with its name, and returns it as stored.
    ///
    /// A write that changes nothing makes no new version, as in a real cluster.
    ///
    /// # Errors
    /// Where there is no such object, or the new one carries an old resourceVersion.
    pub(crate) fn update(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        mut object: Value,
        write: Write,
    ) -> Result<Value, Refusal> {
        let before = self.objects.get(key).ok_or_else(|| Refusal::not_found(kind, &key.name))?;
        let carried = &object["metadata"]["resourceVersion"];
        if carried
            .as_str()
            .is_some_and(|v| !v.is_empty() && Some(v) != before["metadata"]["resourceVersion"].as_str())
        {
            return Err(Refusal::conflict(kind, &key.name));
        }
        for fixed in ["uid", "creationTimestamp", "resourceVersion", "generation", "name", "namespace"] {
            match before["metadata"].get(fixed) {
                Some(value) => object["metadata"][fixed] = value.clone(),
                None => drop(object["metadata"].as_object_mut().and_then(|metadata| metadata.remove(fixed))),
            }
        }
        if &object == before {
            return Ok(object);
        }
        if kind.counts_generations() && object["spec"] != before["spec"] {
            object["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        if write == Write::Keep {
            let before = before.clone();
            self.revision += 1;
            object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
            self.record(key.clone(), Happened::Modified, object.clone(), Some(before));
        }
        Ok(object)
    }

    /// Changes an object in place, for controllers and seeds; does nothing where it is gone.
    pub(crate) fn edit(&mut self, kind: &'static Kind, key: &Key, change: impl FnOnce(&mut Value)) {
        if let Some(mut object) = self.objects.get(key).cloned() {
            change(&mut object);
            // The version was not touched and the object exists: neither refusal is possible.
            drop(self.update(kind, key, object, Write::Keep));
        }
    }

    /// Removes an object and what it owns, and returns it as it was.
    ///
    /// # Errors
    /// Where there is no such object.
    pub(crate) fn delete(&mut self, kind: &'static Kind, key: &Key, orphan: bool) -> Result<Value, Refusal> {
        let mut object = self.objects.remove(key).ok_or_else(|| Refusal::not_found(kind, &key.name))?;
        let uid = object["metadata"]["uid"].clone();
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.record(key.clone(), Happened::Deleted, object.clone(), None);
        let owned = |value: &Value| {
            value["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
        };
        let inside = |other: &Key| key.resource == "namespaces" && other.namespace == key.name;
        let dependents: Vec<Key> = self
            .objects
            .iter()
            .filter(|(other, value)| (!orphan && owned(value)) || inside(other))
            .map(|(other, _)| other.clone())
            .collect();
        for dependent in dependents {
            let kind =
                super::kinds::KINDS.iter().find(|kind| dependent.is(kind)).expect("every key has its kind");
            // Already gone with an owner of its own: as wanted.
            drop(self.delete(kind, &dependent, false));
        }
        Ok(object)
    }

    fn record(&mut self, key: Key, happened: Happened, object: Value, before: Option<Value>) {
        if happened != Happened::Deleted {
            self.objects.insert(key.clone(), object.clone());
        }
        self.log.push(Change { revision: self.revision, key, happened, object, before });
    }
}
