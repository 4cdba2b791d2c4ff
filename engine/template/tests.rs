//! What expressions and texts give, one line a case.

mod bounds;
mod texts;

use serde_json::json;

use super::*;
use crate::model::{Piece, Rendered, Text, Tree};

fn scope() -> Scope {
    let mut scope = Scope::new();
    for (name, value) in [
        ("env", json!("prod")),
        ("n", json!(3)),
        ("text3", json!("3")),
        ("half", json!(0.5)),
        ("yes", json!(true)),
        ("empty", json!(null)),
        ("list", json!([1, 2, 3])),
        ("names", json!(["b", "a"])),
        ("mixed", json!([1, "2"])),
        ("site", json!({"namespace": "shop", "replicas": {"web": 3, "api": 2}, "zone-a": 1})),
        ("pods", json!([{"name": "p1", "ready": 1, "up": true}, {"name": "p2", "ready": 0, "up": false}])),
        ("json", json!({"status": {"readyReplicas": 3}, "spec": {}})),
        ("stdout", json!("42\n")),
    ] {
        scope.set_json(name, &value);
    }
    scope.set_unknown("captured", "captured");
    scope.set_secret("token");
    scope
}

/// Returns the value as JSON, `?origin`, `secret name`, or the fault with what it points at.
fn eval(src: &str) -> String {
    match Engine::new().expr(src, &scope()) {
        Ok(value) => shown(&value),
        Err(fault) => faulty(src, &fault),
    }
}

fn shown(value: &Value) -> String {
    if let Some(origin) = origin_of(value) {
        return format!("?{origin}");
    }
    match to_json(value) {
        Ok(json) => json.to_string(),
        Err(error) => error.to_string(),
    }
}

fn faulty(src: &str, fault: &Fault) -> String {
    format!("{} «{}»", fault.message, &src[fault.span.clone()])
}

fn text(src: &str) -> String {
    match Engine::new().text(src, &scope()) {
        Ok(text) => text.display(),
        Err(fault) => faulty(src, &fault),
    }
}

#[track_caller]
fn table(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(src, wanted)| {
            let got = eval(src);
            (got != *wanted).then(|| format!("{src}\n   got  {got}\n   want {wanted}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn kinds_are_never_mixed() {
    table(&[
        ("n > 2", "true"),
        ("n == 3.0", "true"),
        ("half < n", "true"),
        ("text3 == '3'", "true"),
        ("'a' < 'b'", "true"),
        ("1 < n <= 3", "true"),
        ("1 < n < 3", "false"),
        ("text3 > 5", "can't compare the text `3` with the number 5 (`>`) «text3 > 5»"),
        ("text3 == 3", "can't compare the text `3` with the number 3 (`==`) «text3 == 3»"),
        ("yes and text3 != 3", "can't compare the text `3` with the number 3 (`!=`) «text3 != 3»"),
        ("yes == 1", "can't compare `true` with the number 1 (`==`) «yes == 1»"),
        ("empty == 3", "can't compare null with the number 3 (`==`) «empty == 3»"),
        ("empty >= 3", "can't compare null with the number 3 (`>=`) «empty >= 3»"),
        ("empty == none", "true"),
        ("n == none", "false"),
        ("n != none", "true"),
        ("list == [1, 2, 3]", "true"),
        ("list == [1, 2]", "false"),
        ("mixed == [1, 2]", "can't compare the text `2` with the number 2 (`==`) «mixed == [1, 2]»"),
        ("{'a': none} == {'a': 1}", "false"),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"),
        ("list < [4]", "`<` does not work on a list «list < [4]»"),
        ("yes < yes", "`<` does not work on true or false «yes < yes»"),
        ("2 in list", "true"),
        ("9 not in list", "true"),
        ("'2' in list", "can't compare the text `2` with the number 1 (`in`) «'2' in list»"),
        ("'ro' in env", "true"),
        ("1 in env", "only text can be in a text, not the number 1 «1 in env»"),
        ("'namespace' in site", "true"),
        ("1 in n", "`in` looks into a list, a map or a text, not the number 3 «1 in n»"),
        ("9007199254740993 == 9007199254740992.0", "false"),
    ]);
}

#[test]
fn a_condition_is_a_boolean() {
    table(&[
        ("not yes", "false"),
        ("yes or n", "true"),
        ("not n", "a condition is true or false, and this is the number 3 «n»"),
        ("yes and n", "a condition is true or false, and this is the number 3 «n»"),
        ("list or yes", "a condition is true or false, and this is a list «list»"),
        ("'x' if env else 'y'", "a condition is true or false, and this is the text `prod` «env»"),
        ("'x' if env == 'prod' else 'y'", "\"x\""),
        ("'x' if yes", "`… if …` has no `else` «'x' if yes»"),
    ]);
    let engine = Engine::new();
    assert_eq!(engine.holds("n > 2", &scope()), Ok(Truth::True));
    assert_eq!(engine.holds("n > 3", &scope()), Ok(Truth::False));
    let fault = engine.holds(" env ", &scope()).unwrap_err();
    assert_eq!(fault.message, "a condition is true or false, and this is the text `prod`");
    assert_eq!(fault.span, 1..4);
    assert!(engine.holds("token", &scope()).is_err());
    assert!(engine.holds("empty", &scope()).is_err());
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    table(&[
        ("evn == 'prod'", "`evn` is not defined «evn»"),
        ("site.namespce", "`site` has no `namespce` «site.namespce»"),
        ("site.replicas.db > 1", "`site.replicas` has no `db` «site.replicas.db»"),
        ("site.nope.deep.er", "`site` has no `nope` «site.nope»"),
        ("site['zone-a']", "1"),
        ("list[7]", "`list` has 3 elements, there is no [7] «list[7]»"),
        ("list[-1]", "3"),
        ("env[0]", "\"p\""),
        ("n.x", "`n` is the number 3, it has no `x` «n.x»"),
        ("empty.x", "`empty` is null, it has no `x` «empty.x»"),
        ("list['a']", "a list is indexed by whole numbers, not by the text `a` «'a'»"),
        ("site[1]", "a map's keys are text, not the number 1 «1»"),
        ("[] | first", "`first` gave nothing «[] | first»"),
    ]);
    let fault = Engine::new().expr("site.namespce", &scope()).unwrap_err();
    assert_eq!(fault.help.as_deref(), Some("did you mean `namespace`?"));
    let fault = Engine::new().expr("evn", &scope()).unwrap_err();
    assert_eq!(fault.help.as_deref(), Some("did you mean `env`?"));
}

#[test]
fn a_path_that_leads_nowhere_can_be_asked_for() {
    table(&[
        ("nope is defined", "false"),
        ("nope.x.y is undefined", "true"),
        ("site.namespace is defined", "true"),
        ("json.status.readyReplicas | default(0) >= 3", "true"),
        ("json.state.readyReplicas | default(0) >= 3", "false"),
        ("json.spec.a[0].b | default('none')", "\"none\""),
        ("[] | first | default(7)", "7"),
        ("nope | default(also_nope) | default(1)", "1"),
        ("nope | default(also_nope)", "`default` gave nothing «nope | default(also_nope)»"),
        ("n | default(not_looked_at)", "3"),
        ("empty | default(5)", "null"),
        ("empty | default(5, true)", "5"),
        ("empty | default(5, boolean=true)", "5"),
        ("nope | int", "`nope` is not defined «nope»"),
        ("empty is none", "true"),
    ]);
}

#[test]
fn arithmetic_stays_within_one_kind() {
    table(&[
        ("n * 2 + 1", "7"),
        ("7 // 2", "3"),
        ("7 / 2", "3.5"),
        ("-7 % 3", "2"),
        ("2 ** 10", "1024"),
        ("-n", "-3"),
        ("'a' + 'b'", "\"ab\""),
        ("list + [4]", "[1,2,3,4]"),
        ("env ~ '-' ~ n", "\"prod-3\""),
        ("'a' + 1", "`+` does not work on the text `a` and the number 1 «'a' + 1»"),
        ("text3 * 2", "`*` does not work on the text `3` and the number 2 «text3 * 2»"),
        ("empty + 1", "`+` does not work on null and the number 1 «empty + 1»"),
        ("yes + 1", "`+` does not work on `true` and the number 1 «yes + 1»"),
        ("1 / 0", "division by zero «1 / 0»"),
        ("10.0 ** 400", "the result is not a finite number «10.0 ** 400»"),
        ("2 ** 1000", "the result is too large «2 ** 1000»"),
        ("env ~ empty", "this is null, and null has no text «env ~ empty»"),
        ("-env", "`-` does not work on the text `prod` «-env»"),
    ]);
}

#[test]
fn slices_lists_and_maps() {
    table(&[
        ("list[1:]", "[2,3]"),
        ("list[:-1]", "[1,2]"),
        ("list[::2]", "[1,3]"),
        ("list[5:]", "[]"),
        ("env[1:3]", "\"ro\""),
        ("list[::-1]", "a slice's step is a number above 0 «list[::-1]»"),
        ("n[1:]", "only a list or a text can be sliced, not the number 3 «n[1:]»"),
        ("list['a':]", "a slice is given by whole numbers, not by the text `a` «'a'»"),
        ("(1, 'a')", "[1,\"a\"]"),
        ("{'z': 1, 'a': [n]}", "{\"z\":1,\"a\":[3]}"),
        ("{1: 2}", "a map's keys are text, not the number 1 «1»"),
        ("range(3)", "[0,1,2]"),
        ("range(5, 1, -2)", "[5,3]"),
        ("range(1, 5, 0)", "a step of 0 never gets there «range(1, 5, 0)»"),
        ("range(1000000)", "`range` gives at most 100,000 numbers «range(1000000)»"),
    ]);
}

#[test]
fn filters_of_minijinja_are_kept_from_guessing() {
    table(&[
        ("names | sort | join(',')", "\"a,b\""),
        ("list | sum", "6"),
        ("list | max", "3"),
        ("mixed | max", "`max` can't order the number 1 and the text `2` «mixed | max»"),
        ("mixed | sort", "`sort` can't order the number 1 and the text `2` «mixed | sort»"),
        ("mixed | sum", "`sum` adds numbers, and element 1 is the text `2` «mixed | sum»"),
        ("pods | sum(attribute='ready')", "1"),
        ("pods | sum(attribute='nope')", "element 0 has no `nope` «pods | sum(attribute='nope')»"),
        ("pods | map(attribute='name') | list", "[\"p1\",\"p2\"]"),
        ("pods | map(attribute='nope', default=0) | list", "[0,0]"),
        ("pods | map(attribute='nope')", "element 0 has no `nope` «pods | map(attribute='nope')»"),
        ("names | map('upper')", "[\"B\",\"A\"]"),
        ("names | map('uper')", "there is no filter `uper` «'uper'»"),
        ("pods | selectattr('ready', '>', 0) | map(attribute='name') | first", "\"p1\""),
        ("pods | selectattr('up') | length", "1"),
        ("pods | rejectattr('up') | length", "1"),
        (
            "pods | selectattr('ready', '>', '0')",
            "can't compare the number 1 with the text `0` (`>`) «pods | selectattr('ready', '>', '0')»",
        ),
        (
            "pods | selectattr('ready')",
            "a condition is true or false, and this is the number 1 «pods | selectattr('ready')»",
        ),
        (
            "pods | selectattr('nope', '==', 1)",
            "element 0 has no `nope` «pods | selectattr('nope', '==', 1)»",
        ),
        ("pods | selectattr('nope', 'defined') | length", "0"),
        ("list | select('od')", "there is no test `od` «'od'»"),
        ("names | map('up' ~ 'per')", "[\"B\",\"A\"]"),
        ("names | map('up' ~ 'er')", "there is no filter `uper` «names | map('up' ~ 'er')»"),
        (
            "{'a': 2, 'b': '1'} | dictsort(by='value')",
            "`dictsort` can't order the number 2 and the text `1` «{'a': 2, 'b': '1'} | dictsort(by='value')»",
        ),
        ("list | zip(names)", "[[1,\"b\"],[2,\"a\"]]"),
        ("list | select('odd')", "[1,3]"),
        ("list | reject('in', [1])", "[2,3]"),
        ("pods | sort(attribute='ready') | map(attribute='name') | first", "\"p2\""),
        ("pods | min(attribute='ready')", "{\"name\":\"p2\",\"ready\":0,\"up\":false}"),
        ("pods | groupby('up') | map(attribute=0)", "[false,true]"),
        ("site.replicas | items", "[[\"web\",3],[\"api\",2]]"),
        ("site.replicas | dictsort", "[[\"api\",2],[\"web\",3]]"),
        ("site | length", "3"),
        ("n | upper", "the filter `upper` works on text, and this is the number 3 «n | upper»"),
        (
            "n | length",
            "the filter `length` works on a list, a map or text, and this is the number 3 «n | length»",
        ),
        ("' a ' | trim", "\"a\""),
        ("'a,b' | split(',')", "[\"a\",\"b\"]"),
        ("'a\\nb' | lines", "[\"a\",\"b\"]"),
        ("'aXa' | replace('X', '-')", "\"a-a\""),
        ("2.567 | round(1)", "2.6"),
        ("[1, 1, 2] | unique", "[1,2]"),
        ("list | first", "1"),
        ("'a' | nope", "there is no filter `nope` «nope»"),
        ("'a' | trim(nope=1)", "the filter `trim` takes no argument `nope` «'a' | trim(nope=1)»"),
        ("'a' | int(default=0)", "0"),
        ("'a' | int", "the text `a` is not a whole number «'a' | int»"),
        ("'a' | quantity(1)", "the text `a` is not a quantity «'a' | quantity(1)»"),
        ("1 | quantity(1)", "too many arguments for the filter `quantity` «1 | quantity(1)»"),
        ("'x' | indent(1000000)", "the filter `indent` takes numbers up to 10,000 «'x' | indent(1000000)»"),
        ("yes | string", "\"true\""),
        ("[true, 1] | join(' ')", "\"true 1\""),
    ]);
}

#[test]
fn filters_for_operators() {
    table(&[
        ("stdout | int >= 42", "true"),
        ("'512Mi' | quantity == 536870912", "true"),
        ("'500m' | quantity * 2 == 1", "true"),
        ("'5m' | duration", "300"),
        ("'250ms' | duration", "0.25"),
        ("1610612736 | bytes", "\"1.5 GiB\""),
        ("2.1 | ceil", "3"),
        ("2.9 | floor", "2"),
        ("'{\"a\": [1]}' | from_json", "{\"a\":[1]}"),
        ("('a: 1\\nb: [x]' | from_yaml).b[0]", "\"x\""),
        ("'a: {1: x}' | from_yaml", "{\"a\":{\"1\":\"x\"}}"),
        ("site.replicas | to_json", "\"{\\\"web\\\":3,\\\"api\\\":2}\""),
        ("[1] | to_json(indent=1)", "\"[\\n 1\\n]\""),
        ("[1] | to_yaml", "\"- 1\\n\""),
        ("'v1.32.4' | regex_search('v(\\\\d+)', 1)", "\"1\""),
        ("'v1.32.4' | regex_search('(?P<minor>[.]\\\\d+)', 'minor')", "\".32\""),
        ("'x' | regex_search('y') is none", "true"),
        ("'x' | regex_search('(')", "`(` is not a pattern: unclosed group «'x' | regex_search('(')»"),
        ("'x' | regex_search('x', 3)", "the pattern has no group the number 3 «'x' | regex_search('x', 3)»"),
        (
            "'{' | from_json",
            "this is not JSON: EOF while parsing an object at line 1 column 1 «'{' | from_json»",
        ),
        ("'it\\'s' | quote", "\"'it'\\\\''s'\""),
        ("'false' | bool", "false"),
        ("n is odd", "true"),
        ("env is startingwith('pr')", "true"),
        (
            "n is startingwith('pr')",
            "`is startingwith` works on text, and this is the number 3 «n is startingwith('pr')»",
        ),
        ("env is true", "`is true` asks true or false, and this is the text `prod` «env is true»"),
        ("n is gt('2')", "can't compare the number 3 with the text `2` (`>`) «n is gt('2')»"),
        ("n is nope", "there is no test `is nope` «nope»"),
        ("n is divisibleby 3", "true"),
    ]);
}

#[test]
fn what_only_the_run_can_know_stays_unknown() {
    table(&[
        ("captured.replicas", "?captured.replicas"),
        ("captured.replicas + 1", "?from captured.replicas"),
        ("captured.replicas == n", "?from captured.replicas"),
        ("1 < captured < 2", "?from captured"),
        ("5 < n < captured", "false"),
        ("captured | int", "?from captured"),
        ("captured.x is defined", "?from captured.x"),
        ("captured is none", "?from captured"),
        ("captured[0]", "?captured[0]"),
        ("list[captured]", "?from captured"),
        ("not captured", "?from captured"),
        ("captured and false", "false"),
        ("captured or true", "true"),
        ("captured and yes", "?captured"),
        ("yes and captured", "?captured"),
        ("false and captured", "false"),
        ("captured and n", "?captured"),
        ("1 if captured else 2", "?from captured"),
        ("[captured, 1] | length", "?from captured"),
        ("'a' ~ captured", "?captured"),
        ("captured | default(1)", "?captured"),
        ("list[:captured]", "?from captured"),
        ("range(captured)", "?from captured"),
        ("-captured", "?from captured"),
        ("captured in list", "?from captured"),
    ]);
    assert_eq!(
        Engine::new().holds("captured.ok", &scope()),
        Ok(Truth::Unknown(crate::model::Unknown::of("captured.ok")))
    );
    assert_eq!(text("{{ captured.x }} → {{ n }}"), "‹captured.x› → 3");
    assert_eq!(text("{% if captured %}a{% else %}b{% endif %}!"), "‹from captured›!");
    assert_eq!(text("{% for x in captured %}a{% endfor %}!"), "‹from captured›!");
    assert_eq!(text("{% for x in list if x > captured %}a{% endfor %}!"), "‹from captured›!");
    assert_eq!(text("{% for a, b in captured %}{{ a }}{% endfor %}!"), "‹from captured›!");
    assert_eq!(text("{% set a, b = captured %}{{ b }}!"), "‹from captured›!");
    assert_eq!(text("{{ [1, captured] }}!"), "‹captured›!");
}

#[test]
fn a_secret_is_passed_on_whole_or_not_at_all() {
    let pieces = |src: &str| Engine::new().text(src, &scope()).unwrap().pieces;
    assert_eq!(
        pieces("Bearer {{ token }}"),
        [Piece::Plain("Bearer ".to_owned()), Piece::Secret("token".to_owned())]
    );
    assert_eq!(secret_of(&Engine::new().value("{{ token }}", &scope()).unwrap()), Some("token"));
    let header = Engine::new().value("Bearer {{ token }}", &scope()).unwrap();
    assert_eq!(secret_of(&header), Some("token"));
    let mut scope = scope();
    scope.set("header", header);
    let text = Engine::new().text("H: {{ header }}", &scope).unwrap();
    assert_eq!(text.display(), "H: Bearer •••");
    let refused = |what: &str, src: &str| {
        (format!("{what} can't be used on the secret `token` «{src}»"), src.to_owned())
    };
    let cases: Vec<(String, String)> = [
        ("the filter `upper`", "token | upper"),
        ("the filter `length`", "token | length"),
        ("the filter `length`", "[token] | length"),
        ("`~`", "'x' ~ token"),
        ("`+`", "token + 'x'"),
        ("`==`", "token == 'x'"),
        ("`in`", "'x' in token"),
        ("`is string`", "token is string"),
        ("`.x`", "token.x"),
        ("`[…]`", "token[0]"),
        ("`[…:…]`", "token[1:]"),
        ("`-`", "-token"),
        ("a condition", "token"),
    ]
    .map(|(what, src)| refused(what, src))
    .into();
    for (wanted, src) in &cases {
        let got = if wanted.starts_with("a condition") {
            faulty(src, &Engine::new().holds(src, &scope).unwrap_err())
        } else {
            eval(src)
        };
        assert_eq!(&got, wanted);
    }
    table(&[
        ("token is defined", "true"),
        ("token is undefined", "false"),
        ("token is none", "false"),
        ("token | default('x')", "the secret `token` can't be stored as data"),
        ("token if yes else 'x'", "the secret `token` can't be stored as data"),
    ]);
    assert!(super::tests::text("{{ [token] }}").contains("can't be used on the secret"));
}

#[test]
fn uses_name_their_paths_and_places() {
    let src = "{{ steps.a.outputs['x'][i].y }} {% for p in pods %}{{ p.z }}{{ loop.index }}{% endfor %}{{ w | default(v) }}{{ q.r is defined }}{{ s | raw_shell }}";
    let uses = Engine::new().check_text(src).unwrap();
    let paths: Vec<String> = uses
        .paths
        .iter()
        .map(|one| {
            format!(
                "{}{} «{}»",
                one.path.join("/"),
                if one.defined_test { "?" } else { "" },
                &src[one.span.clone()]
            )
        })
        .collect();
    assert_eq!(
        paths,
        [
            "steps/a/outputs/x «steps.a.outputs['x']»",
            "i «i»",
            "pods «pods»",
            "w? «w»",
            "v «v»",
            "q/r? «q.r»",
            "s «s»",
        ]
    );
    assert_eq!(
        uses.filters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["default", "raw_shell"]
    );
    assert!(uses.raw_shell);
    let uses = Engine::new().check_expr("a.b == c[0]").unwrap();
    assert_eq!(uses.paths.len(), 2);
    assert_eq!(uses.paths[1].path, ["c", "0"]);
    assert!(!uses.raw_shell);
}
