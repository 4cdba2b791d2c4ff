//! The few bodies that kubectl sends in binary form whatever it is told: access reviews, `autoscale`, `create ns`, `create cm`,
//! `create secret`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::status::Refusal;

/// What every binary body of the API starts with.
const MAGIC: &[u8] = b"k8s\0";

/// Returns a binary body as the JSON it stands for.
///
/// # Errors
/// Where it is none, or of a kind that has no reader here; its field numbers would be a few lines below.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refusal> {
    let envelope = Message(body.strip_prefix(MAGIC).ok_or_else(Refusal::unsupported)?);
    let meta = envelope.message(1);
    let (version, kind) = (meta.text(1), meta.text(2));
    let object = envelope.message(2);
    let mut value = match kind.as_str() {
        "SelfSubjectAccessReview" => access_review(object.message(2)),
        "Namespace" => json!({}),
        "Secret" => json!({"data": secrets(object, 2), "type": object.text(3)}),
        "ConfigMap" => json!({"data": entries(object, 2)}),
        "HorizontalPodAutoscaler" if version == "autoscaling/v2" => {
            json!({"spec": autoscaler(object.message(2))})
        }
        _ => return Err(Refusal::unsupported()),
    };
    value["apiVersion"] = json!(version);
    value["kind"] = json!(kind);
    value["metadata"] = json!({"name": object.message(1).text(1)});
    Ok(value)
}

fn access_review(spec: Message<'_>) -> Value {
    let asked = spec.message(1);
    let attributes = json!({
        "namespace": asked.text(1), "verb": asked.text(2), "group": asked.text(3), "version": asked.text(4),
        "resource": asked.text(5), "subresource": asked.text(6), "name": asked.text(7),
    });
    json!({"spec": {"resourceAttributes": attributes}})
}

fn autoscaler(spec: Message<'_>) -> Value {
    let target = spec.message(1);
    let target = json!({"kind": target.text(1), "name": target.text(2), "apiVersion": target.text(3)});
    let mut value = json!({"scaleTargetRef": target, "maxReplicas": spec.number(3)});
    value["minReplicas"] = json!(spec.number(2));
    let metric = spec.message(4);
    if metric.text(1) == "Resource" {
        let goal = metric.message(4).message(2);
        let goal = json!({"type": goal.text(1), "averageUtilization": goal.number(4)});
        let resource = json!({"name": metric.message(4).text(1), "target": goal});
        value["metrics"] = json!([{"type": "Resource", "resource": resource}]);
    }
    value
}

/// Returns a map of texts.
fn entries(object: Message<'_>, field: u64) -> Map<String, Value> {
    object.all(field).map(|entry| (entry.text(1), json!(entry.text(2)))).collect()
}

/// Returns a map of bytes, as JSON carries them.
fn secrets(object: Message<'_>, field: u64) -> Map<String, Value> {
    object.all(field).map(|entry| (entry.text(1), json!(STANDARD.encode(entry.message(2).0)))).collect()
}

/// One message: read by field number, the first of each; what is not there is empty.
#[derive(Clone, Copy)]
struct Message<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    fn message(self, wanted: u64) -> Self {
        match self.field(wanted) {
            Some(Field::Bytes(bytes)) => Message(bytes),
            _ => Message(&[]),
        }
    }

    fn text(self, wanted: u64) -> String {
        String::from_utf8_lossy(self.message(wanted).0).into_owned()
    }

    fn number(self, wanted: u64) -> Option<u64> {
        match self.field(wanted) {
            Some(Field::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn field(self, wanted: u64) -> Option<Field<'a>> {
        self.fields().find(|(number, _)| *number == wanted).map(|(_, field)| field)
    }

    /// Returns every message under a number that repeats.
    fn all(self, wanted: u64) -> impl Iterator<Item = Self> {
        self.fields().filter_map(move |(number, field)| match field {
            Field::Bytes(bytes) if number == wanted => Some(Message(bytes)),
            _ => None,
        })
    }

    /// Returns the fields in their order, up to the first that cannot be read.
    fn fields(self) -> impl Iterator<Item = (u64, Field<'a>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let tag = varint(&mut rest)?;
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut rest)?),
                1 => Field::Bytes(take(&mut rest, 8)?),
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    Field::Bytes(take(&mut rest, length)?)
                }
                5 => Field::Bytes(take(&mut rest, 4)?),
                _ => return None,
            };
            Some((tag >> 3, field))
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
