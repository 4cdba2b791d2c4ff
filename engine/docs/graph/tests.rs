use insta::assert_snapshot;

use super::drawn::Layout;
use super::*;
use crate::model::{Approve, Body, Gate, Text, Undo};

fn step(id: &str, needs: &[&str], body: Body) -> Step {
    Step {
        id: id.to_owned(),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        body,
        ..Step::default()
    }
}

fn runbook() -> Runbook {
    let command = || Action::Command(Box::default());
    let change = || Body { action: command(), rollback: Some(Box::<Undo>::default()), ..Body::default() };
    let gate = Body { action: Action::Gate(Box::<Gate>::default()), effect: Effect::Read, ..Body::default() };
    let ask = Body { action: Action::Approve(Box::<Approve>::default()), ..Body::default() };
    let mut reach = step("reach", &[], gate);
    reach.phase = Some("Before \"it\"".to_owned());
    let mut scale = step("scale", &["reach"], change());
    scale.for_each = Some(Tree::Text(Text::new("{{ replicas }}")));
    let aurora = step("aurora", &["reach"], change());
    // `reach` follows from the other two.
    let go = step("go", &["scale", "aurora", "reach"], ask);
    let warm = step("warm", &["go"], Body { action: command(), ..Body::default() });
    let tell = step("tell", &[], Body { action: command(), effect: Effect::Read, ..Body::default() });
    Runbook {
        name: "shop/pre-scale".to_owned(),
        title: "Pre-scale <now>".to_owned(),
        steps: vec![reach, scale, aurora, go, warm],
        finally: vec![tell],
        ..Runbook::default()
    }
}

#[test]
fn as_text() {
    assert_snapshot!(Picture::of(&runbook()).text(80), @r#"
    shop/pre-scale: Pre-scale <now>

    Before "it"
      reach            gate

    Steps
      scale[replicas]  changes
      aurora           changes          after reach
      go               a person         after scale, aurora
      warm             can't be undone

    Finally
      tell             reads
    "#);
}

#[test]
fn as_mermaid() {
    assert_snapshot!(Picture::of(&runbook()).mermaid(), @r#"
    flowchart TD
      subgraph p0["Before #34;it#34;"]
        s0{{"reach"}}
      end
      s1["scale for each of replicas"]
      s2["aurora"]
      s3[/"go"/]
      s4["warm"]:::irreversible
      subgraph p2["Finally"]
        s5(["tell"])
      end
      s0 --> s1
      s0 --> s2
      s1 --> s3
      s2 --> s3
      s3 --> s4
      classDef irreversible stroke-width:3px,stroke-dasharray:5 3
    "#);
}

#[test]
fn as_dot() {
    assert_snapshot!(Picture::of(&runbook()).dot(), @r#"
    digraph "shop/pre-scale" {
      label="Pre-scale <now>";
      labelloc=t;
      node [shape=box, fontname="sans-serif"];
      subgraph cluster_0 {
        label="Before \"it\"";
        "reach" [label="reach", shape=hexagon];
      }
        "scale" [label="scale for each of replicas"];
        "aurora" [label="aurora"];
        "go" [label="go", shape=parallelogram];
        "warm" [label="warm", style="bold,dashed"];
      subgraph cluster_2 {
        label="Finally";
        "tell" [label="tell", shape=oval];
      }
      "reach" -> "scale";
      "reach" -> "aurora";
      "scale" -> "go";
      "aurora" -> "go";
      "go" -> "warm";
    }
    "#);
}

#[test]
fn the_drawing_has_every_step_once_and_none_on_another() {
    let picture = Picture::of(&runbook());
    let svg = picture.svg();
    assert_eq!(svg.matches("<rect").count(), picture.shapes.len());
    assert_eq!(
        svg.matches("marker-end").count(),
        picture.shapes.iter().map(|one| one.after.len()).sum::<usize>()
    );
    assert!(svg.contains("Pre-scale &lt;now&gt;") && !svg.contains("<now>"));
    let Layout { spots, width, height, .. } = picture.layout();
    for (number, one) in spots.iter().enumerate() {
        assert!(one.x - one.half >= 0.0 && one.x + one.half <= width && one.y < height, "{one:?}");
        for other in &spots[number + 1..] {
            let apart = (one.x - other.x).abs() >= one.half + other.half || (one.y - other.y).abs() >= 34.0;
            assert!(apart, "{one:?} {other:?}");
        }
    }
}

#[test]
fn what_follows_from_other_needs_has_no_arrow() {
    let picture = Picture::of(&runbook());
    assert_eq!(picture.shapes[3].after, [1, 2]);
    assert_eq!(picture.shapes.iter().map(|one| one.layer).collect::<Vec<_>>(), [0, 1, 1, 2, 3, 0]);
}

#[test]
fn ten_thousand_steps_are_drawn() {
    let ids: Vec<String> = (0..10_000).map(|number| format!("s{number}")).collect();
    let steps = (0..10_000).map(|number| {
        let needs: Vec<&str> = (number / 2..number).rev().take(3).map(|need| ids[need].as_str()).collect();
        step(&ids[number], &needs, Body::default())
    });
    let runbook = Runbook { steps: steps.collect(), ..Runbook::default() };
    let picture = Picture::of(&runbook);
    assert_eq!(picture.svg().matches("<rect").count(), 10_000);
    assert!(picture.shapes.iter().skip(1).all(|one| !one.after.is_empty()));
}
