//! Sources that are broken, hostile, or anything at all.

use proptest::prelude::*;

use super::{Engine, Fault, eval, parse, scope, text};

#[test]
fn broken_syntax_is_a_fault_with_its_place() {
    for src in [
        "{{ a",
        "{{ a + }}",
        "{{ }}",
        "{% if %}",
        "{% if a %}",
        "{% if a %}{% else %}",
        "{% for x in y %}",
        "{% endif %}",
        "{{ 'a }}",
        "{{ a b }}",
        "{{ (a }}",
        "{{ a[ }}",
        "{% nope %}",
        "{# a",
        "{{.Names}}",
        "{% raw %}",
        "{{ 1 +* 2 }}",
        "{%",
        "{{",
        "{{ \u{0} }}",
        "{% set %}",
        "{% set true = 1 %}",
    ] {
        let fault = Engine::new().check_text(src).unwrap_err();
        assert!(fault.span.end <= src.len() && src.get(fault.span.clone()).is_some(), "{src}: {fault:?}");
    }
    assert_eq!(eval(""), "an expression is missing «»");
    assert_eq!(eval("{{ n }}"), "this is an expression already «{{ n }}»");
    assert_eq!(eval("n n"), "the expression is over before this «n»");
}

#[test]
fn nothing_hostile_takes_the_stack_the_time_or_the_memory() {
    let deep: Vec<String> = vec![
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{}1", "not ".repeat(10_000)),
        format!("{}1", "-".repeat(10_000)),
        format!("1{}", "+1".repeat(10_000)),
        format!("1{}", " if true else 1".repeat(10_000)),
        format!("a{}", ".b".repeat(10_000)),
        format!("a{}", "[0:".repeat(10_000)),
        format!("a{}", "|upper".repeat(10_000)),
        format!("a{}", "()".repeat(10_000)),
        "{".repeat(10_000),
        format!("{}1", "{'a':".repeat(10_000)),
    ];
    for src in &deep {
        assert!(Engine::new().check_expr(src).is_err());
        assert!(Engine::new().check_text(&format!("{{{{ {src} }}}}")).is_err());
    }
    assert!(Engine::new().check_text(&"{% if a %}".repeat(10_000)).is_err());
    assert!(Engine::new().check_text(&format!("{{% if a %}}{}", "{% elif a %}".repeat(10_000))).is_err());
    let many = format!("[{}]", "n,".repeat(5_000));
    assert!(Engine::new().expr(&many, &scope()).is_ok(), "long lists are not deep");
    let ifs = "{% if yes %}{% elif yes %}{% endif %}".repeat(200);
    assert!(Engine::new().text(&ifs, &scope()).is_ok(), "blocks one after the other are not deep");

    let nest = "{% for a in r %}".repeat(5) + "x" + &"{% endfor %}".repeat(5);
    let bomb = format!("{{% set r = range(1000) %}}{nest}");
    assert!(text(&bomb).contains("more than 2,000,000 steps"));
    let double = "{% set a = 'xxxxxxxxxxxxxxxx' %}".to_owned() + &"{% set a = a ~ a %}".repeat(40);
    assert!(text(&double).starts_with("this makes more than 64 MiB"));
    let replaced = "{{ range(20000) | join('') | replace('', range(20000) | join('')) }}";
    assert!(text(replaced).starts_with("this makes more than 64 MiB"));
}

const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "-",
    "+",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "|",
    ".",
    ",",
    ":",
    "=",
    "==",
    "!=",
    "<",
    ">",
    "'",
    "\"",
    "\\",
    " ",
    "\n",
    "if ",
    "else ",
    "elif ",
    "endif",
    "for ",
    "in ",
    "endfor",
    "set ",
    "raw",
    "endraw",
    "not ",
    "and ",
    "or ",
    "is ",
    "n",
    "list",
    "site",
    "env",
    "captured",
    "token",
    "empty",
    "0",
    "1",
    "99999999999999999999999",
    "1.5",
    "é",
    "\u{0}",
    "$",
    "`",
    "default(",
    "map(",
    "range(",
    "defined",
    "sort",
    "length",
    "indent(",
    "x",
    "_",
    "\r\n",
    "\t",
    "loop",
    "none",
    "true",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn gives_a_result_or_a_fault_inside_it(parts in prop::collection::vec(prop::sample::select(PIECES), 0..16)) {
        let (engine, scope, src) = (Engine::new(), scope(), parts.concat());
        let faults = [
            engine.check_text(&src).err(),
            engine.check_expr(&src).err(),
            engine.check_shell(&src).err(),
            engine.words(&src).err(),
            engine.text(&src, &scope).err(),
            engine.shell(&src, &scope).err(),
            engine.expr(&src, &scope).err(),
        ];
        for fault in faults.into_iter().flatten() {
            prop_assert!(src.get(fault.span.clone()).is_some(), "{src:?} {fault:?}");
        }
    }

    #[test]
    fn splits_into_words_that_are_texts_again(parts in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let (engine, src) = (Engine::new(), parts.concat());
        let Ok(words) = engine.words(&src) else { return Ok(()) };
        let written: Vec<_> = words.iter().map(|(range, _)| &src[range.clone()]).collect();
        prop_assert!(!written.iter().any(|word| word.is_empty()));
        // Taking quotes away neither makes nor hides a `{{ … }}`.
        let emits = |text: &str| parse::emits(text, |span| Fault::new("", span)).map(|found| found.len());
        let mut total = 0;
        for (_, word) in &words {
            let found = emits(word);
            prop_assert!(found.is_ok(), "{src:?} {word:?} {found:?}");
            total += found.unwrap_or(0);
        }
        prop_assert_eq!(Ok(total), emits(&src), "{:?} {:?}", src, words);
    }
}
