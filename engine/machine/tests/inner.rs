//! What the steps of a runbook in a runbook have of those around them, and what a gate has of its template.

use super::*;
use crate::machine::evaluate::Outcome;
use crate::model::{Command, Expr, GateUse, Input as Var, Limits, Line, Snapshot, Sub, SubValues};
use crate::template::Engine;

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, Text)> {
    pairs.iter().map(|&(name, text)| (name.to_owned(), Text::new(text))).collect()
}

pub(super) fn expr(src: &str) -> Expr {
    Expr(Text::new(src))
}

pub(super) fn says(words: &str, env: &[(&str, &str)]) -> Command {
    let line = Line::Words(words.split_whitespace().map(Text::new).collect());
    Command { line, env: texts(env), ..Command::default() }
}

fn values(pairs: &[(&str, &str)]) -> Map {
    pairs.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect()
}

/// `first`, then `mid` that brings in `mid/in` that brings in `mid/in/go`, then `last`. Each runbook has an `env` of its
/// own, and an `environment` that reads it.
pub(super) fn nested() -> Snapshot {
    let outer = texts(&[("SITE", "{{ env }}"), ("ALL", "outer"), ("NEAR", "outer")]);
    let mid = texts(&[("MID", "{{ env }}"), ("ALL", "mid"), ("NEAR", "mid")]);
    let leaf = texts(&[("LEAF", "{{ env }}"), ("ALL", "leaf"), ("OWN", "leaf")]);
    let begin = |id: &str, need: &str, sub: Option<u32>| {
        let action = Action::Runbook { name: "r".to_owned(), vars: Vec::new() };
        let body = Body { action, effect: Effect::Read, idempotent: true, ..Body::default() };
        Step { sub, body, ..step(id.to_owned(), vec![need.to_owned()]) }
    };
    let mut go = step("mid/in/go".to_owned(), vec!["mid/in".to_owned()]);
    go.body.action = Action::Command(Box::new(says("do", &[("OWN", "{{ env }}"), ("TOKEN", "{{ token }}")])));
    let undo = Undo { command: says("undo", &[("TOKEN", "{{ token }}")]), ..Undo::default() };
    go.body.rollback = Some(Box::new(undo));
    (go.sub, go.environment, go.inherited) = (Some(1), leaf.clone(), vec![mid.clone(), outer.clone()]);
    let steps = vec![
        step("first".to_owned(), Vec::new()),
        begin("mid", "first", None),
        begin("mid/in", "mid", Some(0)),
        go,
        step("last".to_owned(), vec!["mid/in/go".to_owned()]),
    ];
    let target = |name: &str, text: &str| vec![(name.to_owned(), says(text, &[]))];
    let around = vec![outer.clone()];
    let subs = vec![
        Sub { step: "mid".to_owned(), environment: mid.clone(), around, ..Sub::default() },
        Sub {
            step: "mid/in".to_owned(),
            within: Some(0),
            target: target("who", "whoami {{env}}"),
            environment: leaf,
            around: vec![mid, outer.clone()],
            ..Sub::default()
        },
    ];
    let of =
        |env: &str, secrets| SubValues { vars: values(&[("env", env)]), secrets, ..SubValues::default() };
    let secret = vec![("token".to_owned(), "hook".to_owned())];
    let runbook = Runbook { name: "outer".to_owned(), steps, subs, environment: outer, ..Runbook::default() };
    let subs = vec![of("eu", Vec::new()), of("leaf", secret)];
    let (vars, secrets) = (values(&[("env", "prod")]), vec!["hook".to_owned()]);
    Snapshot { runbook, vars, secrets, subs, ..Snapshot::default() }
}

fn judge(snapshot: Snapshot) -> (Judge, State) {
    let snapshot = Arc::new(snapshot);
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(&snapshot)));
    let state = State::new(&graph);
    (Judge::new(Arc::new(Engine::new()), snapshot, graph, RunFacts::default()), state)
}

fn env(prepared: &Prepared) -> Vec<(String, String)> {
    let mut env: Vec<_> = prepared.env.iter().map(|(name, value)| (name.clone(), value.display())).collect();
    env.sort();
    env
}

fn pairs(these: &[(&str, &str)]) -> Vec<(String, String)> {
    these.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn of_the_environments_around_a_step_the_nearest_wins_each_in_its_own_names() {
    let (judge, state) = judge(nested());
    let go = state.find("mid/in/go").expect("a step");
    let prepared = judge.prepare(&state, go, Stage::Action).expect("a command");
    let around = [
        ("ALL", "leaf"),
        ("LEAF", "leaf"),
        ("MID", "eu"),
        ("NEAR", "mid"),
        ("OWN", "leaf"),
        ("SITE", "prod"),
    ];
    assert_eq!(env(&prepared), pairs(&[&around[..], &[("TOKEN", "•••")]].concat()));
    let token = prepared.env.iter().find(|(name, _)| name == "TOKEN").map(|(_, value)| value.secret());
    assert_eq!(token, Some(Some("hook")), "the secret of the run that the step hands on");
    let target = judge.target().expect("it can be asked");
    let [(name, who)] = target.as_slice() else { panic!("one target: {target:?}") };
    assert_eq!((name.as_str(), who.display.as_str()), ("mid/in/who", "whoami leaf"));
    assert_eq!(env(who), pairs(&[("ALL", "mid"), ("MID", "eu"), ("NEAR", "mid"), ("SITE", "prod")]));
}

#[test]
fn a_run_holds_the_locks_of_what_it_brings_in_each_once() {
    let locks = |lock: &str, unwanted: bool| {
        let mut snapshot = nested();
        snapshot.runbook.lock = Some(Text::new("of/{{ env }}"));
        snapshot.runbook.subs[0].lock = Some(Text::new("of/{{ env }}"));
        snapshot.runbook.subs[1].lock = Some(Text::new(lock));
        snapshot.subs[1].unwanted = unwanted;
        judge(snapshot).0.locks().expect("they can be rendered")
    };
    assert_eq!(locks("of/{{ env }}", false), ["of/prod", "of/eu", "of/leaf"]);
    assert_eq!(locks("of/eu", false), ["of/prod", "of/eu"]);
    assert_eq!(locks("of/{{ env }}", true), ["of/prod", "of/eu"], "what is skipped locks nothing");
}

#[test]
fn a_run_is_protected_by_what_it_brings_in_also_when_that_can_not_be_told() {
    let protected = |protect: &str, unwanted: bool| {
        let mut snapshot = nested();
        snapshot.runbook.subs[1].protect = Some(expr(protect));
        snapshot.subs[1].unwanted = unwanted;
        judge(snapshot).0.protected().map(str::to_owned)
    };
    assert_eq!(protected("env == 'leaf'", false).as_deref(), Some("env == 'leaf'"));
    assert_eq!(protected("env == 'prod'", false), None, "it has its own names");
    assert_eq!(protected("env == 'leaf'", true), None);
    assert_eq!(protected("nobody.knows == 1", false).as_deref(), Some("nobody.knows == 1"));
}

#[test]
fn a_for_each_is_bound_by_the_least_limit_around_it() {
    let expanded = |limits: [Option<u32>; 3]| {
        let mut snapshot = nested();
        snapshot.runbook.steps[3].for_each = Some(Tree::Plain(json!(["a", "b", "c"])));
        let [own, mid, leaf] = limits.map(|instances| Limits { instances });
        snapshot.runbook.limits = own;
        (snapshot.runbook.subs[0].limits, snapshot.runbook.subs[1].limits) = (mid, leaf);
        let (judge, state) = judge(snapshot);
        judge.expand(&state, 3).err()
    };
    let told = |limit: u32| Some(format!("for_each comes to 3 instances, and limits.instances is {limit}"));
    assert_eq!(expanded([None, None, Some(3)]), None);
    assert_eq!(expanded([None, None, Some(2)]), told(2));
    assert_eq!(expanded([None, Some(1), Some(2)]), told(1));
    assert_eq!(expanded([Some(2), Some(9), None]), told(2));
}

/// A step whose gate uses a template, which may use another.
fn gated(gate: Gate) -> (Judge, State) {
    let mut seen = step("seen".to_owned(), Vec::new());
    seen.body = Body { action: Action::Gate(Box::new(gate)), effect: Effect::Read, ..Body::default() };
    judge(Snapshot { runbook: Runbook { steps: vec![seen], ..Runbook::default() }, ..Snapshot::default() })
}

fn using(outer: Gate, inner: Gate, outputs: &[(&str, &str)]) -> Gate {
    let mut with = GateUse { inner, ..GateUse::default() };
    with.binding.params.push(Var { name: "most".to_owned(), default: Some(json!(3)), ..Var::default() });
    with.binding.params[0].ty.kind = crate::model::Kind::Integer;
    with.outputs = outputs.iter().map(|&(name, src)| (name.to_owned(), expr(src))).collect();
    Gate { uses: Some(Box::new(with)), ..outer }
}

fn passes(pass: &str) -> Gate {
    Gate { pass: expr(pass), command: says("look", &[]), ..Gate::default() }
}

/// `=` holds, `~` only just, `x` does not, `?` could not tell.
fn answer((judge, state): &(Judge, State), code: i32, stdout: &str) -> char {
    let outcome = Outcome { end: Some(End::Exit(code)), stdout: stdout.into(), ..Outcome::default() };
    match judge.judge(state, Addr { node: 0, instance: 0 }, Stage::Action, &outcome).verdict {
        Some(Verdict::Holds) => '=',
        Some(Verdict::Warns) => '~',
        Some(Verdict::DoesNotHold) => 'x',
        Some(Verdict::CouldNotTell(_)) | None => '?',
    }
}

#[test]
fn what_a_gate_does_not_say_its_template_says_in_its_own_names() {
    let warns = || Gate { warn: Some(expr("stdout | int < most")), ..passes("stdout | int >= 2") };
    let gate = gated(using(Gate::default(), warns(), &[]));
    assert_eq!(["1", "2", "3"].map(|count| answer(&gate, 0, count)), ['x', '~', '=']);
    let own = Gate { warn: Some(expr("outputs.count == 5")), ..Gate::default() };
    let gate = gated(using(own, warns(), &[("count", "stdout | int")]));
    assert_eq!(["1", "2", "5"].map(|count| answer(&gate, 0, count)), ['x', '=', '~'], "the nearest wins");
}

#[test]
fn a_gate_that_got_no_answer_could_not_tell_and_one_that_asks_for_the_code_can() {
    let outputs = [("count", "stdout | int"), ("code", "exit_code"), ("field", "json.x")];
    let by = |pass: &str| gated(using(passes(pass), passes("stdout | int >= 2"), &outputs));
    assert_eq!(
        (answer(&by("outputs.count >= 2"), 0, "2"), answer(&by("outputs.count >= 2"), 3, "2")),
        ('=', '?')
    );
    assert_eq!(answer(&by("outputs.code == 3"), 3, "no JSON"), '=', "what it does not read is not computed");
    assert_eq!(answer(&by("outputs.field == 1"), 0, "no JSON"), '?');
    let both = using(passes("outputs | length == 2"), passes("exit_code == 9"), &outputs[..2]);
    assert_eq!(answer(&gated(both), 0, "2"), '=', "all of them are read");
    assert_eq!(answer(&by("outputs.code != 0"), 127, ""), '?', "there is no such program");
    let plain = |pass: &str, code| answer(&gated(passes(pass)), code, "");
    assert_eq!(
        [plain("exit_code != 0", 127), plain("exit_code != 0", 1), plain("exit_code == 127", 127)],
        ['?', '=', '=']
    );
    // The template's own `pass` asks by the outputs of the one that it uses itself.
    let inner = using(passes("outputs.code == 3"), passes("exit_code == 0"), &[("code", "exit_code")]);
    let gate = gated(using(Gate::default(), inner, &[]));
    assert_eq!((answer(&gate, 3, ""), answer(&gate, 0, "")), ('=', 'x'));
}

#[test]
fn a_gate_s_template_sees_the_element_and_what_is_not_known_is_no_answer() {
    let (judge, mut state) = gated(using(Gate::default(), passes("stdout | int == item"), &[]));
    let mut seen = |item: serde_json::Value| {
        state.nodes[0].instances[0].item = Some(Item { key: "k".to_owned(), value: item });
        let outcome = Outcome { end: Some(End::Exit(0)), stdout: "2".into(), ..Outcome::default() };
        judge.judge(&state, Addr { node: 0, instance: 0 }, Stage::Action, &outcome).verdict
    };
    assert_eq!([seen(json!(2)), seen(json!(3))], [Some(Verdict::Holds), Some(Verdict::DoesNotHold)]);
    let unknown = seen(json!({UNKNOWN: "steps.a.outputs.o"}));
    assert!(matches!(unknown, Some(Verdict::CouldNotTell(_))), "{unknown:?}");
}

#[test]
fn a_gate_s_template_is_asked_in_the_surroundings_of_the_step_and_its_own_win() {
    let prepared = |inner: Option<&str>| {
        let around = Command { dir: Some(Text::new("step")), ..says("", &[("A", "step"), ("B", "step")]) };
        let own = Command { dir: inner.map(Text::new), ..says("look", &[("A", "own")]) };
        let inner = Gate { command: own, ..passes("exit_code == 0") };
        let (judge, state) = gated(using(Gate { command: around, ..Gate::default() }, inner, &[]));
        judge.prepare(&state, Addr { node: 0, instance: 0 }, Stage::Action).expect("a command")
    };
    let dir = |prepared: &Prepared| prepared.dir.as_ref().map(|dir| dir.display());
    let (without, with) = (prepared(None), prepared(Some("own")));
    assert_eq!(env(&without), pairs(&[("A", "own"), ("B", "step")]));
    assert_eq!((dir(&without).as_deref(), dir(&with).as_deref()), (Some("step"), Some("own")));
}
