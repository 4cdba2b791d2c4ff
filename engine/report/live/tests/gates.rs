//! How a gate that waits is told in a row.

use super::*;

/// A step whose gate waits, in a runbook that says for how long.
fn waiting(vt: &Vt) -> Play {
    waiting_for(vt, "json.ready >= 10", "ready 7")
}

fn waiting_for(vt: &Vt, pass: &str, seen: &str) -> Play {
    let mut book = runbook();
    let text = |src: &str| crate::model::Text::new(src);
    let pass = crate::model::Expr(text(pass));
    let gate = crate::model::Gate { pass, within: Some(text("10m")), ..Default::default() };
    book.steps[2].body.verify = Some(Box::new(gate));
    let mut play = Play::opened(&book, vec![live(vt.terminal(UTF8))]);
    play.start("reach").done("reach");
    play.act("aurora", "ACU 2 → 8", "aws rds modify-db-cluster").exit("aurora", Stage::Action, 0, "");
    play.intend("aurora", Stage::Verify, "aws rds describe-db-clusters").pass(125_000);
    play.poll("aurora", Stage::Verify, Verdict::DoesNotHold, seen);
    play
}

#[test]
fn where_there_is_little_room_the_value_and_the_time_are_told_and_the_condition_is_cut() {
    let pass = "json.status.observedGeneration >= json.metadata.generation and json.status.readyReplicas >= 10 \
                and json.status.replicas <= 20";
    for (columns, seen, expected) in [
        (200, "readyReplicas 7, observedGeneration 4, generation 4, replicas 10", ", 2m 10s of 10m"),
        (80, "readyReplicas 7, observedGeneration 4, generation 4", "  7, wants ≥ 10, 2m 10s of 10m"),
        (
            100,
            "observedGeneration 3, generation 4",
            "observedGeneration 3, wants ≥ generation, 2m 10s of 10m",
        ),
        (80, "observedGeneration 3, generation 4", "  3, wants ≥ generation, 2m 10s of 10m"),
        (60, "readyReplicas 7, replicas 10", " 7, wants ≥ 10, 2m 10s of 10m"),
        (50, "readyReplicas 7, replicas 10", " 7, wants ≥ 10, 2m 10s of 10m"),
        (40, "readyReplicas 7, replicas 10", " 7, wants ≥ 10"),
    ] {
        let vt = Vt::new(columns, 24);
        let mut play = waiting_for(&vt, pass, seen);
        play.tick(5_000);
        let text = vt.text();
        let row = text.lines().find(|line| line.contains("● aurora")).expect("its row");
        assert!(row.trim_end().ends_with(expected), "{row}");
        let all = "observedGeneration ≥ generation and readyReplicas ≥ 10 and replicas ≤ 20";
        assert_eq!(row.contains(all), columns == 200, "{row}");
    }
}

#[test]
fn a_long_name_makes_room_for_the_value_and_an_instance_keeps_its_key() {
    let name = "wait-until-all-the-pods-of-the-deployment-are-there";
    for (id, key, expected) in [(name, None, "wait-until-…"), ("floors-of-all", Some("cart"), "flo…[cart]")]
    {
        let mut book = runbook();
        let pass = crate::model::Expr(crate::model::Text::new("json.ready >= 10"));
        let gate = crate::model::Gate { pass, ..Default::default() };
        book.steps[2].id = id.to_owned();
        book.steps[2].body.verify = Some(Box::new(gate));
        book.steps[2].for_each = key.and(book.steps[1].for_each.clone());
        book.steps[3].needs = Vec::new();
        let vt = Vt::new(40, 24);
        let mut play = Play::opened(&book, vec![live(vt.terminal(UTF8))]);
        play.start("reach").done("reach");
        let step = key.map_or_else(|| id.to_owned(), |key| format!("{id}[{key}]"));
        if let Some(key) = key {
            let items = vec![crate::machine::Item { key: key.to_owned(), value: key.into() }];
            play.say(Event::Expanded { step: id.to_owned(), items });
        }
        play.act(&step, "ACU 2 → 8", "aws").exit(&step, Stage::Action, 0, "");
        play.intend(&step, Stage::Verify, "aws").pass(5_000);
        play.poll(&step, Stage::Verify, Verdict::DoesNotHold, "ready 7").tick(5_000);
        let text = vt.text();
        let row = text.lines().find(|line| line.contains("● ") && line.contains("wants"));
        let row = row.unwrap_or_else(|| panic!("it has no row:\n{text}"));
        assert!(row.contains(expected) && row.contains("7, wants ≥ 10"), "{text}");
    }
}

fn squeezed(vt: &Vt) -> String {
    vt.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_gate_tells_what_it_waits_for_and_how_long_there_is() {
    for (columns, expected) in [
        (80, "aurora 2m 11s ready 7, wants ≥ 10, 2m 10s of 10m"),
        (200, "aurora 2m 11s verifying ready 7, wants ≥ 10, 2m 10s of 10m"),
    ] {
        let vt = Vt::new(columns, 24);
        let mut play = waiting(&vt);
        play.tick(5_000);
        assert!(squeezed(&vt).contains(expected), "{}", vt.text());
    }
    let vt = Vt::new(80, 24);
    let mut play = waiting(&vt);
    let why = "the server did not answer in time, and neither did the one before it".to_owned();
    play.poll("aurora", Stage::Verify, Verdict::CouldNotTell(why), "").tick(5_000);
    assert!(vt.text().contains("  ? aurora"), "{}", vt.text());
    assert!(vt.text().contains("could not tell: the serve…, 2m 10s of 10m"), "{}", vt.text());
}
