//! What the filters, tests and operators of expressions do, each with an example that is evaluated by a test.

/// A word of the expression language, for people.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// How it is written.
    pub name: &'static str,
    /// What it gives, in one sentence.
    pub doc: &'static str,
    /// An expression.
    pub example: &'static str,
    /// What the expression gives, as JSON.
    pub gives: &'static str,
}

const fn word(name: &'static str, doc: &'static str, example: &'static str, gives: &'static str) -> Word {
    Word { name, doc, example, gives }
}

/// The filters, in the order of [`FILTERS`](super::FILTERS).
pub static FILTER_WORDS: &[Word] = &[
    word("abs", "The number without its sign.", "-3 | abs", "3"),
    word(
        "batch",
        "Lists of at most so many elements; a second argument fills the last one up.",
        "[1, 2, 3] | batch(2)",
        "[[1, 2], [3]]",
    ),
    word("bool", "True or false of a text: true, yes, on; false, no, off.", "'no' | bool", "false"),
    word("bytes", "A number of bytes for people.", "1610612736 | bytes", r#""1.5 GiB""#),
    word("capitalize", "The first letter upper case, the rest lower case.", "'oN' | capitalize", r#""On""#),
    word("ceil", "The next whole number upwards.", "2.1 | ceil", "3"),
    word("count", "The same as `length`.", "[1, 2] | count", "2"),
    word("d", "The same as `default`.", "nothing.there | d(0)", "0"),
    word(
        "default",
        "Another value for a path that leads nowhere; with `true` as second argument also for null, zero and empty.",
        "null_value | default(4, true)",
        "4",
    ),
    word(
        "dictsort",
        "The entries of a map as pairs, sorted by key; `by='value'` by value.",
        "{'b': 1, 'a': 2} | dictsort",
        r#"[["a", 2], ["b", 1]]"#,
    ),
    word("duration", "The seconds of a duration.", "'1h30m' | duration", "5400"),
    word("first", "The first element.", "[4, 5] | first", "4"),
    word("float", "A number of a text; `default=…` for what is none.", "'1.5' | float", "1.5"),
    word("floor", "The next whole number downwards.", "2.9 | floor", "2"),
    word("from_json", "What a JSON text holds.", "'[1, 2]' | from_json", "[1, 2]"),
    word("from_yaml", "What a YAML text holds.", "'a: 1' | from_yaml", r#"{"a": 1}"#),
    word(
        "groupby",
        "Pairs of a value and the elements that have it at this path.",
        "pods | groupby('node') | map('first')",
        r#"["n1", "n2"]"#,
    ),
    word("indent", "Every line but the first moved by so many blanks.", r"'a\nb' | indent(2)", r#""a\n  b""#),
    word(
        "int",
        "A whole number of a text or number, cut off at the point; `default=…` for what is none, `base=16`.",
        "'42' | int",
        "42",
    ),
    word("items", "The entries of a map as pairs.", "{'a': 1} | items", r#"[["a", 1]]"#),
    word(
        "join",
        "One text of a list, with a text between; `attribute='a.b'` joins what is at a path.",
        "['a', 'b'] | join(', ')",
        r#""a, b""#,
    ),
    word("last", "The last element.", "[4, 5] | last", "5"),
    word("length", "How many elements, entries or characters.", "'abc' | length", "3"),
    word("lines", "The lines of a text.", r"'a\nb' | lines", r#"["a", "b"]"#),
    word("list", "A list of the elements, keys or characters.", "{'a': 1} | list", r#"["a"]"#),
    word("lower", "Lower case.", "'ABC' | lower", r#""abc""#),
    word(
        "map",
        "What is at a path of each element, or what a filter makes of each; `default=…` where the path leads nowhere.",
        "pods | map(attribute='name')",
        r#"["api", "web"]"#,
    ),
    word("max", "The greatest element.", "[3, 9, 4] | max", "9"),
    word("min", "The least element.", "[3, 9, 4] | min", "3"),
    word(
        "quantity",
        "The number of a Kubernetes quantity.",
        "'512Mi' | quantity == '0.5Gi' | quantity",
        "true",
    ),
    word("quote", "A word for a shell, quoted.", r#""it's" | quote"#, r#""'it'\\''s'""#),
    word(
        "raw_shell",
        "The text unquoted, in a `shell`. `check` reports it: the shell runs what it holds.",
        "'a b' | raw_shell",
        r#""a b""#,
    ),
    word(
        "regex_search",
        "The first match of a pattern, or one of its groups by number or name; null without a match.",
        "'v1.30.2' | regex_search('v(\\\\d+)', 1)",
        r#""1""#,
    ),
    word("reject", "The elements that do not pass a test.", "[1, 2, 3] | reject('odd')", "[2]"),
    word(
        "rejectattr",
        "The elements that do not pass a test with what is at a path.",
        "pods | rejectattr('ready') | map(attribute='name')",
        r#"["web"]"#,
    ),
    word("replace", "Each occurrence of a text replaced.", "'a-b' | replace('-', '_')", r#""a_b""#),
    word("reverse", "From the end to the beginning.", "[1, 2] | reverse", "[2, 1]"),
    word("round", "The nearest number with so many decimals, 0 when left out.", "2.345 | round(2)", "2.35"),
    word("select", "The elements that pass a test.", "[1, 2, 3] | select('>', 1)", "[2, 3]"),
    word(
        "selectattr",
        "The elements that pass a test with what is at a path; without a test it must be true or false.",
        "pods | selectattr('node', 'eq', 'n2') | map(attribute='name')",
        r#"["web"]"#,
    ),
    word("slice", "So many lists, as even as can be.", "[1, 2, 3] | slice(2)", "[[1, 2], [3]]"),
    word(
        "sort",
        "Sorted; `reverse=true`, `attribute='a.b'`. Elements of different kinds are an error.",
        "[3, 1, 2] | sort",
        "[1, 2, 3]",
    ),
    word(
        "split",
        "The parts of a text between a text, or between blanks.",
        "'a,b' | split(',')",
        r#"["a", "b"]"#,
    ),
    word("string", "The value as text.", "3 | string", r#""3""#),
    word("sum", "The sum of numbers; `attribute='a.b'` of what is at a path.", "[1, 2, 3] | sum", "6"),
    word("title", "The first letter of each word upper case.", "'blue green' | title", r#""Blue Green""#),
    word(
        "to_json",
        "JSON text on one line; `indent=2` on several.",
        "{'a': [1]} | to_json",
        r#""{\"a\":[1]}""#,
    ),
    word("to_yaml", "YAML text.", "{'a': 1} | to_yaml", r#""a: 1\n""#),
    word("tojson", "The same as `to_json`.", "[1] | tojson", r#""[1]""#),
    word("trim", "Without blanks and line ends around it.", "' a ' | trim", r#""a""#),
    word("unique", "Each element once.", "[1, 2, 1] | unique", "[1, 2]"),
    word("upper", "Upper case.", "'abc' | upper", r#""ABC""#),
    word("zip", "Pairs of the elements of two lists.", "[1, 2] | zip(['a', 'b'])", r#"[[1, "a"], [2, "b"]]"#),
];

/// The tests, in the order of [`TESTS`](super::TESTS).
pub static TEST_WORDS: &[Word] = &[
    word("defined", "There is such a value.", "pods is defined", "true"),
    word("undefined", "There is none.", "nothing.there is undefined", "true"),
    word("none", "It is null.", "null_value is none", "true"),
    word("boolean", "It is true or false.", "false is boolean", "true"),
    word("number", "It is a number.", "1.5 is number", "true"),
    word("integer", "It is a whole number.", "1 is integer", "true"),
    word("int", "The same as `integer`.", "1.5 is int", "false"),
    word("float", "It is a number that is not whole.", "1.5 is float", "true"),
    word("string", "It is text.", "'a' is string", "true"),
    word("sequence", "It is a list.", "[1] is sequence", "true"),
    word("iterable", "It is a list, a map or text.", "{} is iterable", "true"),
    word("mapping", "It is a map.", "{} is mapping", "true"),
    word("odd", "Of a whole number.", "3 is odd", "true"),
    word("even", "Of a whole number.", "3 is even", "false"),
    word("divisibleby", "Of two whole numbers.", "6 is divisibleby(3)", "true"),
    word("startingwith", "Of two texts.", "'v1.2' is startingwith('v')", "true"),
    word("endingwith", "Of two texts.", "'api-0' is endingwith('-0')", "true"),
    word("true", "Of true or false.", "true is true", "true"),
    word("false", "Of true or false.", "true is false", "false"),
    word("in", "The same as the operator `in`.", "2 is in([1, 2])", "true"),
    word("eq", "The same as `==`; so are `equalto` and `==`.", "1 is eq(1)", "true"),
    word("equalto", "The same as `==`.", "[1, 2] | select('equalto', 1) | list", "[1]"),
    word("==", "For `select` and its like.", "[1, 2] | select('==', 1) | list", "[1]"),
    word("ne", "The same as `!=`.", "1 is ne(2)", "true"),
    word("!=", "For `select` and its like.", "[1, 2] | select('!=', 1) | list", "[2]"),
    word("lt", "The same as `<`.", "1 is lt(2)", "true"),
    word("lessthan", "The same as `<`.", "1 is lessthan(2)", "true"),
    word("<", "For `select` and its like.", "[1, 2] | select('<', 2) | list", "[1]"),
    word("le", "The same as `<=`.", "2 is le(2)", "true"),
    word("<=", "For `select` and its like.", "[1, 2] | select('<=', 1) | list", "[1]"),
    word("gt", "The same as `>`.", "2 is gt(1)", "true"),
    word("greaterthan", "The same as `>`.", "2 is greaterthan(1)", "true"),
    word(">", "For `select` and its like.", "[1, 2] | select('>', 1) | list", "[2]"),
    word("ge", "The same as `>=`.", "2 is ge(2)", "true"),
    word(">=", "For `select` and its like.", "[1, 2] | select('>=', 2) | list", "[2]"),
];

/// What expressions are made of besides filters and tests.
pub static OPERATOR_WORDS: &[Word] = &[
    word(
        "a.b  a['b']  a[0]",
        "What a map or list holds; from the end with a negative index.",
        "pods[-1].name",
        r#""web""#,
    ),
    word("a[1:3]", "Some elements of a list, or characters of a text.", "[1, 2, 3, 4][1:3]", "[2, 3]"),
    word(
        "+ - * / // % **",
        "Of numbers. `/` divides, `//` leaves the fraction out. `+` joins two texts or two lists.",
        "7 // 2 + 2 ** 3",
        "11",
    ),
    word("~", "Joins as text, whatever the values are.", "'v' ~ 3", r#""v3""#),
    word(
        "== != < <= > >=",
        "Of values of one kind: a text is never compared with a number.",
        "1 < 2 and 'a' != 'b'",
        "true",
    ),
    word("in, not in", "In a list, a map's keys, or a text.", "'a' in ['a', 'b']", "true"),
    word("and, or, not", "Of true and false only.", "not (true and false)", "true"),
    word("a if b else c", "One of two values.", "'big' if 3 > 2 else 'small'", r#""big""#),
    word("is, is not", "A test.", "3 is not even", "true"),
    word(
        "range(…)",
        "Whole numbers: `range(stop)`, `range(start, stop, step)`. The only function.",
        "range(3)",
        "[0, 1, 2]",
    ),
    word("[…] {…}", "A list, a map.", "{'a': [1, 2]}.a", "[1, 2]"),
];

#[cfg(test)]
mod tests {
    use super::super::{Engine, FILTERS, Scope, TESTS, to_json};
    use super::*;
    use crate::model::Value;

    #[test]
    fn every_filter_and_test_is_told_once() {
        let names = |words: &[Word]| words.iter().map(|word| word.name).collect::<Vec<_>>();
        assert_eq!(names(FILTER_WORDS), FILTERS);
        assert_eq!(names(TEST_WORDS), TESTS);
    }

    #[test]
    fn every_example_gives_what_it_says() {
        let mut scope = Scope::new();
        let pods = serde_json::json!([
            {"name": "api", "node": "n1", "ready": true},
            {"name": "web", "node": "n2", "ready": false},
        ]);
        for (name, value) in [("pods", pods), ("nothing", serde_json::json!({})), ("null_value", Value::Null)]
        {
            scope.set_json(name, &value);
        }
        let engine = Engine::new();
        let mut wrong = Vec::new();
        for word in FILTER_WORDS.iter().chain(TEST_WORDS).chain(OPERATOR_WORDS) {
            let told: Value = serde_json::from_str(word.gives).expect("what an example gives is JSON");
            match engine.expr(word.example, &scope).map(|value| to_json(&value)) {
                Ok(Ok(given)) if given == told => {}
                other => wrong.push(format!("{}: {} gives {other:?}", word.name, word.example)),
            }
            assert!(word.doc.ends_with('.'), "{}", word.doc);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
