//! The picture in the notations of other tools: Mermaid and Graphviz' DOT.

use std::fmt::Write as _;

use super::{Kind, Picture, Shape};

impl Picture {
    /// Returns a Mermaid flowchart, for Markdown.
    pub fn mermaid(&self) -> String {
        let mut out = "flowchart TD\n".to_owned();
        for (number, (phase, places)) in self.phases().into_iter().enumerate() {
            let indent = if let Some(phase) = phase {
                let _ = writeln!(out, "  subgraph p{number}[\"{}\"]", entities(phase));
                "    "
            } else {
                "  "
            };
            for place in places {
                let shape = &self.shapes[place];
                let (open, close) = match shape.kind {
                    Kind::Change | Kind::Irreversible => ("[", "]"),
                    Kind::Read => ("([", "])"),
                    Kind::Gate => ("{{", "}}"),
                    Kind::Person => ("[/", "/]"),
                    Kind::Wait => ("((", "))"),
                    Kind::Runbook => ("[[", "]]"),
                };
                let class = if shape.kind == Kind::Irreversible { ":::irreversible" } else { "" };
                let _ = writeln!(out, "{indent}s{place}{open}\"{}\"{close}{class}", entities(&label(shape)));
            }
            if phase.is_some() {
                out.push_str("  end\n");
            }
        }
        for (place, shape) in self.shapes.iter().enumerate() {
            for &need in &shape.after {
                let _ = writeln!(out, "  s{need} --> s{place}");
            }
        }
        out.push_str("  classDef irreversible stroke-width:3px,stroke-dasharray:5 3\n");
        out
    }

    /// Returns a graph for Graphviz.
    pub fn dot(&self) -> String {
        let mut out = format!("digraph {} {{\n", quoted(&self.name));
        let _ = writeln!(out, "  label={};", quoted(&self.title));
        out.push_str("  labelloc=t;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for (number, (phase, places)) in self.phases().into_iter().enumerate() {
            if let Some(phase) = phase {
                let _ = writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(phase));
            }
            for place in places {
                let shape = &self.shapes[place];
                let look = match shape.kind {
                    Kind::Change => "",
                    Kind::Irreversible => ", style=\"bold,dashed\"",
                    Kind::Read => ", shape=oval",
                    Kind::Gate => ", shape=hexagon",
                    Kind::Person => ", shape=parallelogram",
                    Kind::Wait => ", shape=circle",
                    Kind::Runbook => ", shape=box3d",
                };
                let _ = writeln!(out, "    {} [label={}{look}];", quoted(&shape.id), quoted(&label(shape)));
            }
            if phase.is_some() {
                out.push_str("  }\n");
            }
        }
        for shape in &self.shapes {
            for &need in &shape.after {
                let _ = writeln!(out, "  {} -> {};", quoted(&self.shapes[need].id), quoted(&shape.id));
            }
        }
        out.push_str("}\n");
        out
    }
}

/// Returns what stands in a shape.
pub(super) fn label(shape: &Shape) -> String {
    match &shape.each {
        Some(each) => format!("{} for each of {each}", shape.id),
        None => shape.id.clone(),
    }
}

/// Returns text for a quoted Mermaid label, whose only escapes are entities.
fn entities(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || " .,:/()[]_-".contains(c) => out.push(c),
            c if c.is_control() => out.push(' '),
            c => drop(write!(out, "#{};", u32::from(c))),
        }
    }
    out
}

/// Returns a quoted string of DOT.
fn quoted(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\""))
}
