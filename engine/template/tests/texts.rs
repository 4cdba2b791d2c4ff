//! What texts and commands give.

use serde_json::json;

use super::{Engine, Rendered, Text, Tree, scope, shown, text};

#[test]
fn texts() {
    for (src, wanted) in [
        ("no braces", "no braces"),
        ("{{ env }}-{{ n }}", "prod-3"),
        ("{{ yes }} {{ half }} {{ list }}", "true 0.5 [1,2,3]"),
        ("{{ empty }}", "this is null, and null has no text «{{ empty }}»"),
        ("a {{ nope }} b", "`nope` is not defined «nope»"),
        ("{% if n > 2 %}big{% elif n > 1 %}mid{% else %}small{% endif %}", "big"),
        ("{% if n %}x{% endif %}", "a condition is true or false, and this is the number 3 «n»"),
        (
            "{% for x in list %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1/3:1,2/3:2,3/3:3",
        ),
        ("{% for k, v in site.replicas | items %}{{ k }}={{ v }} {% endfor %}", "web=3 api=2 "),
        ("{% for k in site.replicas %}{{ k }} {% endfor %}", "web api "),
        ("{% for x in [] %}a{% else %}none{% endfor %}", "none"),
        ("{% for x in list if x != 2 %}{{ x }}{% endfor %}", "13"),
        ("{% for x in n %}{% endfor %}", "`for` goes over a list or a map, and this is the number 3 «n»"),
        ("{% for a, b in list %}{% endfor %}", "2 names want a list, and this is the number 1 «a, b»"),
        ("{% set x = n + 1 %}{{ x }}", "4"),
        ("{% set x = 1 %}{% for i in list %}{% set x = i %}{% endfor %}{{ x }}", "1"),
        ("a {# not here #}b", "a b"),
        ("a  {{- n -}}  b", "a3b"),
        ("line\n{{ n }}\n", "line\n3\n"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ '}}' }}", "}}"),
        ("{{ {'a': {'b': 1}}.a.b }}", "1"),
        ("grün {{ nope }}", "`nope` is not defined «nope»"),
        ("{% include 'x' %}", "`{% include %}` is not part of the runbook language «include 'x'»"),
        (
            "{% macro m() %}{% endmacro %}",
            "`{% macro %}` is not part of the runbook language «macro m() %}{% endmacro»",
        ),
        (
            "{% with a=1 %}{% endwith %}",
            "`{% with %}` is not part of the runbook language «with a=1 %}{% endwith»",
        ),
        (
            "{% set x %}a{% endset %}",
            "`{% set %}` without `=` is not part of the runbook language «set x %}a{% endset»",
        ),
        ("{{ env.upper() }}", "the method `upper()` is not part of the runbook language «env.upper()»"),
        ("{{ dict(a=1) }}", "there is no function `dict` «dict(a=1)»"),
        ("{{ upper(env) }}", "there is no function `upper` «upper(env)»"),
    ] {
        assert_eq!(text(src), wanted, "{src}");
    }
}

#[test]
fn exactly_one_expression_keeps_its_type() {
    let value = |src: &str| shown(&Engine::new().value(src, &scope()).unwrap());
    assert_eq!(value("{{ n }}"), "3");
    assert_eq!(value("{{ list }}"), "[1,2,3]");
    assert_eq!(value("{{ empty }}"), "null");
    assert_eq!(value("{{ n }} "), "\"3 \"");
    assert_eq!(value("3"), "\"3\"");
    assert_eq!(value("{{ captured.x }} and {{ n }}"), "?captured.x");
}

#[test]
fn a_tree_keeps_types_and_order() {
    let tree = Tree::Map(vec![
        ("z".to_owned(), Tree::Text(Text::new("{{ n }}"))),
        ("a".to_owned(), Tree::List(vec![Tree::Plain(json!(1)), Tree::Text(Text::new("v{{ n }}"))])),
    ]);
    assert_eq!(shown(&Engine::new().tree(&tree, &scope()).unwrap()), r#"{"z":3,"a":[1,"v3"]}"#);
    let tree = Tree::List(vec![Tree::Text(Text::new("x")), Tree::Text(Text::new("{{ nope }}"))]);
    let fault = Engine::new().tree(&tree, &scope()).unwrap_err();
    assert_eq!((fault.index, fault.fault.span), (1, 3..7));
}

#[test]
fn a_command_word_is_one_argument() {
    let argv = |words: &[&str]| {
        let words: Vec<Text> = words.iter().map(|word| Text::new(*word)).collect();
        Engine::new()
            .argv_words(&words, &scope())
            .map(|argv| argv.iter().map(Rendered::display).collect::<Vec<_>>())
    };
    let mut hostile = scope();
    hostile.set("x", "a b; rm -rf / $(id)".into());
    let argv_hostile = Engine::new().argv_words(&[Text::new("--x={{ x }}")], &hostile).unwrap();
    assert_eq!(argv_hostile, [Rendered::plain("--x=a b; rm -rf / $(id)")]);
    assert_eq!(
        argv(&["--n={{ n }}", "{{ env }}", "{{ captured.x }}"]).unwrap(),
        ["--n=3", "prod", "‹captured.x›"]
    );
    for (word, wanted) in [
        ("{{ list }}", "a word of a command can't be a list"),
        ("{{ site }}", "a word of a command can't be a map"),
        ("x{{ empty }}", "a word of a command can't be null"),
        ("{{ 'a\\0b' }}", "a NUL can't be part of a command"),
    ] {
        let fault = argv(&["ok", word]).unwrap_err();
        assert_eq!((fault.index, fault.fault.message.as_str()), (1, wanted));
    }
}

#[test]
fn in_a_command_list_a_list_spreads_and_null_is_left_out() {
    let argv = |items: &[&str]| {
        let items: Vec<Text> = items.iter().map(|item| Text::new(*item)).collect();
        Engine::new()
            .argv_list(&items, &scope())
            .map(|argv| argv.iter().map(Rendered::display).collect::<Vec<_>>())
    };
    assert_eq!(
        argv(&["x", "{{ names }}", "{{ empty }}", "-n{{ n }}", "{{ [] }}"]).unwrap(),
        ["x", "b", "a", "-n3"]
    );
    assert_eq!(argv(&["{{ token }}", "{{ captured.list }}"]).unwrap(), ["•••", "‹captured.list›"]);
    assert!(argv(&["{{ [list] }}"]).is_err());
    assert!(argv(&["x{{ list }}"]).is_err());
}

#[test]
fn a_source_is_parsed_once_and_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    let engine = Engine::new();
    shared(&engine);
    let mut scope = scope();
    assert_eq!(engine.text("{{ n }}", &scope).unwrap().display(), "3");
    scope.set("n", 4.into());
    assert_eq!(engine.text("{{ n }}", &scope).unwrap().display(), "4", "the source is kept, not the result");
    assert!(engine.expr("n", &scope).is_ok() && engine.text("n", &scope).is_ok(), "a text is no expression");
}
