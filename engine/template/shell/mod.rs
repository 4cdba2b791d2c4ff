//! A shell script whose values are quoted for the place where they stand.
//!
//! Quoting a value without regard to its place is a hole: in single quotes of its own it is safe bare and opens
//! everything inside double quotes. So the script is read first, with its values as opaque cells, and each value is
//! quoted for where it was found; where no quoting is safe in every shell, it is refused.

mod places;

use std::ops::Range;

use places::{Cell, Place, places};

use super::eval::secret_fault;
use super::fault::Fault;
use super::ops::{fault, text_of};
use super::quote::{in_double_quotes, in_single_quotes, no_nul};
use super::render::Segment;
use super::syntax::{Node, NodeKind, Part};
use super::value::{Kind, Taint, Value, describe, held_of, taint, verbatim_of};
use crate::model::{Piece, Rendered, Spot, Unknown};

/// The longest script, in bytes; reading one takes several times its size.
const MAX_SCRIPT: usize = 1 << 20;

/// Joins the segments of a script, each value quoted for its place.
pub(super) fn quoted(segments: Vec<Segment>) -> Result<Rendered, Fault> {
    let mut cells = Vec::new();
    let mut filled = Vec::new();
    for segment in &segments {
        match segment {
            Segment::Raw(text) => cells.extend(text.chars().map(Cell::Char)),
            Segment::Value(value, span) => match verbatim_of(value) {
                Some(text) => cells.extend(text.chars().map(Cell::Char)),
                None => {
                    let fill = Fill::of(value).map_err(|fault| fault.at(span.clone()))?;
                    filled.push((fill, span));
                    cells.push(Cell::Value);
                }
            },
        }
        if cells.len() > MAX_SCRIPT {
            return Err(Fault::new(format!("the script is longer than {} MiB", MAX_SCRIPT >> 20), 0..0));
        }
    }
    let mut filled = places(&cells).into_iter().zip(filled);
    let mut script = Rendered::default();
    for segment in &segments {
        let text = match segment {
            Segment::Raw(text) => Some(&**text),
            Segment::Value(value, _) => verbatim_of(value),
        };
        if let Some(text) = text {
            script.push_str(text);
        } else if let Some((place, (fill, span))) = filled.next() {
            fill.write(place, &mut script).map_err(|fault| fault.at(span.clone()))?;
        }
    }
    Ok(script)
}

/// What a value puts into a script.
enum Fill {
    Text(String),
    /// Words that are quoted already.
    Quoted(String),
    /// What is known of a text, and what only the run can know.
    Unknown(Vec<Piece>),
}

impl Fill {
    fn of(value: &Value) -> Result<Fill, Fault> {
        match taint(value) {
            Some(Taint::Secret(name)) => {
                let problem = secret_fault(&name, "`shell`", 0..0);
                return Err(Fault {
                    message: format!("the secret `{name}` can't be part of a script: arguments are public"),
                    ..problem
                }
                .help(format!(
                    "pass it by `env` and write `\"$NAME\"`, or by `stdin`: `stdin: \"{{{{ {name} }}}}\"`"
                )));
            }
            Some(Taint::Unknown(of)) => {
                let pieces = held_of(value).map(|text| text.pieces.clone());
                return Ok(Fill::Unknown(pieces.unwrap_or_else(|| vec![Piece::Unknown(of)])));
            }
            None => {}
        }
        let kind = Kind::of(value);
        if matches!(kind, Kind::List | Kind::Map | Kind::Null) {
            let problem = fault(format!("a script can't hold {}", describe(value)));
            return Err(match kind {
                Kind::List => {
                    problem.help("`| map('quote') | join(' ')` makes words of it, `| join(',')` one text")
                }
                Kind::Map => problem.help("`| to_json` makes a text of it"),
                _ => problem.help("`| default('', true)` gives null a value"),
            });
        }
        let text = text_of(value)?;
        no_nul(&text)?;
        Ok(if value.is_safe() { Fill::Quoted(text.into_owned()) } else { Fill::Text(text.into_owned()) })
    }

    fn write(&self, place: Place, script: &mut Rendered) -> Result<(), Fault> {
        let refused = |why: &str, help: &str| Err(fault(why.to_owned()).help(help));
        match (place, self) {
            (Place::Refused(why, help), _) => return refused(why, help),
            (Place::Bare, Fill::Quoted(text)) => script.push_str(text),
            (_, Fill::Quoted(_)) => return refused(QUOTED_INSIDE, QUOTED_INSIDE_HELP),
            (place, Fill::Unknown(pieces)) => {
                let spot = match place {
                    Place::Single => Spot::Single,
                    Place::Double { .. } => Spot::Double,
                    Place::Bare | Place::Refused(..) => Spot::Bare,
                };
                for piece in pieces {
                    match piece {
                        Piece::Unknown(of) => {
                            script.push(Piece::Unknown(Unknown { spot, ..of.clone() }));
                        }
                        Piece::Plain(text) => Fill::Text(text.clone()).write(place, script)?,
                        Piece::Secret(_) => {}
                    }
                }
            }
            (Place::Bare, Fill::Text(text)) => {
                script.push_str("'");
                script.push_str(&in_single_quotes(text));
                script.push_str("'");
            }
            (Place::Single, Fill::Text(text)) => script.push_str(&in_single_quotes(text)),
            (Place::Double { after_name }, Fill::Text(text)) => {
                if after_name {
                    // The name of the variable before must not go on into the value.
                    script.push_str("\"\"");
                }
                script.push_str(&in_double_quotes(text));
            }
        }
        Ok(())
    }
}

const QUOTED_INSIDE: &str = "`| quote` inside quotes would be quoted twice";
const QUOTED_INSIDE_HELP: &str = "leave out `| quote`, or the quotes around it";

/// Checks the places of a script before anything is filled in, along each way through its `{% if %}`.
pub(super) fn check(parts: &[Part]) -> Result<(), Fault> {
    for way in 0..ways(parts) {
        let mut path = Path::default();
        path.parts(parts, way);
        for (place, (quoted, span)) in places(&path.cells).into_iter().zip(path.values) {
            let refused = match place {
                Place::Refused(why, help) => Some((why, help)),
                Place::Single | Place::Double { .. } if quoted => Some((QUOTED_INSIDE, QUOTED_INSIDE_HELP)),
                _ => None,
            };
            if let Some((why, help)) = refused {
                return Err(Fault::new(why, span).help(help));
            }
        }
    }
    Ok(())
}

/// Returns how many branches the most branched `{% if %}` has.
fn ways(parts: &[Part]) -> usize {
    let of = |part: &Part| match part {
        Part::Raw(..) | Part::Emit(..) | Part::Set { .. } => 1,
        Part::If { then, other, .. } => ways(then).max(1 + ways(other)),
        Part::For { body, other, .. } => ways(body).max(1 + ways(other)),
    };
    parts.iter().map(of).max().unwrap_or(1)
}

/// One way through a script.
#[derive(Default)]
struct Path {
    cells: Vec<Cell>,
    /// Whether `quote` made the value, and the span of its `{{ … }}`.
    values: Vec<(bool, Range<usize>)>,
    /// Text that only the run knows came in by `raw_shell`: nothing can be said of what follows.
    open: bool,
}

impl Path {
    fn parts(&mut self, parts: &[Part], way: usize) {
        for part in parts {
            if self.open {
                return;
            }
            match part {
                Part::Raw(text, _) => self.cells.extend(text.chars().map(Cell::Char)),
                Part::Emit(node, span) => match last_filter(node) {
                    Some("raw_shell") => self.open = true,
                    filter => {
                        self.cells.push(Cell::Value);
                        self.values.push((filter == Some("quote"), span.clone()));
                    }
                },
                Part::If { then, other, .. } => match way {
                    0 => self.parts(then, 0),
                    way => self.parts(other, way - 1),
                },
                Part::For { body, other, .. } => match way {
                    0 => self.parts(body, 0),
                    way if other.is_empty() => self.parts(body, way),
                    way => self.parts(other, way - 1),
                },
                Part::Set { .. } => {}
            }
        }
    }
}

fn last_filter(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Filter(_, call) => Some(&call.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::template::{Engine, Scope};

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set("v", "it's $(id) \"`x`\" \\".into());
        scope.set("n", 3.into());
        scope.set("yes", true.into());
        scope.set("words", vec!["a b", "c'd"].into());
        scope.set_secret("token");
        scope.set_unknown("captured", "captured.x");
        scope
    }

    fn shell(src: &str) -> String {
        match Engine::new().shell(src, &scope()) {
            Ok(script) => script.display(),
            Err(fault) => format!("{} «{}»", fault.message, &src[fault.span.clone()]),
        }
    }

    #[test]
    fn a_value_is_quoted_for_its_place() {
        for (src, wanted) in [
            ("echo {{ n }}", "echo '3'"),
            ("echo {{ v }}", r#"echo 'it'\''s $(id) "`x`" \'"#),
            ("echo '{{ v }}'", r#"echo 'it'\''s $(id) "`x`" \'"#),
            (r#"echo "{{ v }}""#, r#"echo "it's \$(id) \"\`x\`\" \\""#),
            (r#"echo "$(cat {{ n }})""#, r#"echo "$(cat '3')""#),
            (r#"echo "$(cat "{{ n }}")""#, r#"echo "$(cat "3")""#),
            (r#"echo "$a{{ n }}" $a{{ n }}"#, r#"echo "$a""3" $a'3'"#),
            (r#"echo "${a}{{ n }}""#, r#"echo "${a}3""#),
            ("x={{ n }}; echo $x#{{ n }}", "x='3'; echo $x#'3'"),
            ("echo ${#x} {{ n }}", "echo ${#x} '3'"),
            ("echo $(( 1 << 2 )) {{ n }}", "echo $(( 1 << 2 )) '3'"),
            ("cat <<'E'\nit's\nE\necho {{ n }}", "cat <<'E'\nit's\nE\necho '3'"),
            ("cat <<-E\n\tx\n\tE\necho {{ n }}", "cat <<-E\n\tx\n\tE\necho '3'"),
            ("echo `date +'%F'` {{ n }}", "echo `date +'%F'` '3'"),
            ("# it's\necho {{ n }}", "# it's\necho '3'"),
            ("case $x in a) echo {{ n }};; esac", "case $x in a) echo '3';; esac"),
            ("for ((i=0; i<3; i++)); do echo {{ n }}; done", "for ((i=0; i<3; i++)); do echo '3'; done"),
            ("diff <(sort {{ n }}) x", "diff <(sort '3') x"),
            ("echo {{ v | raw_shell }}", "echo it's $(id) \"`x`\" \\"),
            ("echo {{ n | quote }}{{ n }}", "echo '3''3'"),
            ("rm {{ words | map('quote') | join(' ') }}", r"rm 'a b' 'c'\''d'"),
            ("rm {{ words | join(',') }}", r"rm 'a b,c'\''d'"),
            ("echo {{ captured }} \"{{ captured }}\"", "echo ‹captured.x› \"‹captured.x›\""),
            ("{% if yes %}echo \"{{ n }}{% endif %}\"", "echo \"3\""),
            ("{% for w in words %}echo {{ w }}\n{% endfor %}", "echo 'a b'\necho 'c'\\''d'\n"),
        ] {
            assert_eq!(shell(src), wanted, "{src}");
        }
    }

    #[test]
    fn where_no_quoting_is_safe_a_value_is_refused() {
        for src in [
            "cat <<E\n{{ n }}\nE",
            "cat <<'E'\n{{ n }}\nE",
            "cat <<{{ n }}\nx\n3",
            "cat <<E > x; echo y\nx\n{{ n }}\nE",
            "echo `cat {{ n }}`",
            "echo \"`cat {{ n }}`\"",
            "# {{ n }}",
            "echo a #{{ n }}",
            "echo \\{{ n }}",
            "echo \"\\{{ n }}\"",
            "echo ${{ n }}",
            "echo \"${{ n }}\"",
            "echo $'{{ n }}'",
            "echo ${x:-{{ n }}}",
            "echo \"${x:-{{ n }}}\"",
            "echo $(( {{ n }} + 1 ))",
            "echo ${x:-$(echo {{ n }})}",
            "echo \"$(case x in x) echo {{ n }};; esac)\"",
            "echo $'it\\'s' {{ n }}",
            "echo `echo '` {{ n }}",
            "echo \"${x:-'}\" {{ n }}",
            "(( x = '1' )) && echo {{ n }}",
            "echo $[1] {{ n }}",
            "x=$(cat <<EOF\n{{ n }}\nEOF\n)",
            "echo \"$(cat <<-'E'\n\t{{ n }}\n\tE\n)\"",
            "echo \"$(echo `echo {{ n }}`)\"",
            "echo $(\n# {{ n }}\n)",
            "cat <(echo `{{ n }}`)",
            "echo \"$(( {{ n }} ))\"",
            "echo \"${x:-\"{{ n }}\"}\"",
            "f() { cat <<E; }\n{{ n }}\nE",
        ] {
            let fault = Engine::new().shell(src, &scope()).expect_err(src);
            assert_eq!(&src[fault.span.clone()], "{{ n }}", "{src}: {fault}");
            let checked = Engine::new().check_shell(src).expect_err(src);
            assert_eq!(checked, fault, "{src}: the check says the same beforehand");
        }
    }

    #[test]
    fn what_a_script_can_not_hold() {
        for (src, wanted) in [
            (
                "echo {{ token }}",
                "the secret `token` can't be part of a script: arguments are public «{{ token }}»",
            ),
            ("rm {{ words }}", "a script can't hold a list «{{ words }}»"),
            ("echo '{{ n | quote }}'", "`| quote` inside quotes would be quoted twice «{{ n | quote }}»"),
            ("echo {{ none }}", "a script can't hold null «{{ none }}»"),
            ("echo {{ \"a\\0b\" }}", "a NUL can't be part of a command «{{ \"a\\0b\" }}»"),
        ] {
            assert_eq!(shell(src), wanted);
        }
    }

    #[test]
    fn a_mark_of_quote_does_not_outlive_a_change() {
        for src in [
            "echo {{ v | quote | replace(\"'\", '') }}",
            "echo {{ (v | quote)[1:] }}",
            "echo {{ v | quote | upper }}",
            "echo {{ (v | quote) ~ v }}",
            "echo {{ [v | quote, v] | join(' ') }}",
            "echo {{ [v | quote] | join(';') }}",
            "echo {{ (v | quote) | trim(\"'\") }}",
            "echo {{ v | quote | first }}",
            "echo {{ v | quote | reverse }}",
            "echo {{ v | quote | list | join(' ') }}",
            "echo {{ v | quote | split(' ') | first }}",
        ] {
            let script = shell(src);
            let word = script.strip_prefix("echo ").unwrap();
            assert!(word.starts_with('\'') && word.ends_with('\''), "{script}");
            assert_ne!(word, "'it'\\''s $(id) \"`x`\" \\'", "{script}");
        }
    }

    #[test]
    fn every_branch_is_checked_beforehand() {
        let check = |src: &str| Engine::new().check_shell(src).map(|_| ());
        assert!(check("{% if a %}echo {{ n }}{% else %}# {{ n }}{% endif %}").is_err());
        assert!(check("{% if a %}x{% elif b %}y{% else %}`{{ n }}`{% endif %}").is_err());
        assert!(check("{% for a in b %}`{{ a }}`{% endfor %}").is_err());
        assert!(check("{% if a %}echo \"{{ n }}\"{% else %}echo {{ n }}{% endif %}").is_ok());
        assert!(check("{{ x | raw_shell }} `{{ n }}`").is_ok(), "only the run can tell");
        assert!(check("echo \"{{ x | quote }}\"").is_err());
    }
}
