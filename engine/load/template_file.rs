//! A step template's file.

use super::body::{body, on_interrupt};
use super::check;
use super::context::{Context, Template};
use super::fields::fields;
use super::gate::retry;
use super::keys::{FLOW, TEMPLATE};
use super::node::{Node, NodeKind};
use super::typed;
use crate::diag::{Code, Diagnostic};
use crate::model::StepTemplate;

/// Reads the template that goes by `name`; all that is wrong with it is told.
pub(super) fn lower(cx: &mut Context<'_>, node: &Node, name: &str) -> Option<Template> {
    let node = &orchestration_told(cx, node);
    let of = fields(cx, node, &TEMPLATE, None)?;
    let at = of.get("step").map_or(of.place, |field| field.node.place);
    match of.get("step") {
        Some(field) => {
            if let Some(said) = field.line(cx)
                && said != name
            {
                cx.report.push(
                    Diagnostic::new(
                        Code::WrongName,
                        format!("the file is `steps/{name}.yaml`, and the name inside is `{said}`"),
                    )
                    .at(field.node.place, "")
                    .help(format!("write `step: {name}`, or move the file")),
                );
            }
        }
        None => cx.report.push(
            Diagnostic::new(Code::MissingKey, "a step template needs `step`: its name")
                .at(of.place, "")
                .help(format!("write `step: {name}`")),
        ),
    }
    let title = of.get("title").and_then(|field| field.text(cx));
    if of.get("title").is_none() {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, "a step template needs a `title`")
                .at(at, "")
                .help("one line for the plan, such as `title: Scale {{ workload }}`"),
        );
    }
    let params = of.get("params").map(|field| typed::inputs(cx, field, "a param", true)).unwrap_or_default();
    let mut body = body(cx, &of, at);
    super::pointless::tell(cx, &of, &body);
    body.timeout = of.get("timeout").and_then(|field| field.duration(cx));
    body.grace = of.get("grace").and_then(|field| field.duration(cx));
    body.retry = of.get("retry").and_then(|field| retry(cx, field, false));
    body.on_interrupt = on_interrupt(cx, &of);
    let template = StepTemplate {
        name: name.to_owned(),
        title: title.unwrap_or_default(),
        summary: of.get("summary").and_then(|field| field.line(cx)).unwrap_or_default(),
        about: of.get("about").and_then(|field| field.line(cx)).unwrap_or_default(),
        params,
        body,
        at,
    };
    let item = check::template(cx, &template);
    Some(Template { template, item })
}

/// Tells the keys that belong to a runbook's step, and returns the map without them.
fn orchestration_told(cx: &mut Context<'_>, node: &Node) -> Node {
    let NodeKind::Map(entries) = &node.kind else { return node.clone() };
    let foreign = |name: &str| name == "id" || name == "phase" || FLOW.iter().any(|spec| spec.name == name);
    for (key, _) in entries.iter().filter(|(key, _)| foreign(&key.text)) {
        cx.report.push(
            Diagnostic::new(Code::UnknownKey, format!("`{}` is not for a step template", key.text))
                .at(key.place, "")
                .help("it belongs to the step of a runbook that uses the template"),
        );
    }
    let kept = entries.iter().filter(|(key, _)| !foreign(&key.text)).cloned().collect();
    Node { kind: NodeKind::Map(kept), place: node.place }
}
