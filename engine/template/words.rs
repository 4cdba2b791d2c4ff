//! A `run` string → words, before anything is filled in.
//!
//! A shell would fill in first and split afterwards, which is how a value becomes two arguments. Here the split knows
//! nothing of values: `{{ … }}` is one piece of a word, whatever it stands for.

use std::ops::Range;

use super::fault::Fault;
use super::parse;

/// Splits a command line as a shell would, without any of its expansions.
pub(super) fn split(src: &str) -> Result<Vec<(Range<usize>, String)>, Fault> {
    let emits = parse::emits(src, |span| {
        Fault::new("`{% … %}` has no place in a command line", span)
            .help("write the command as a list, or use `shell`")
    })?;
    Splitter { src, emits, at: 0, word: None, words: Vec::new() }.run()
}

/// A word on its way.
#[derive(Default)]
struct Word {
    start: usize,
    text: String,
    /// Where in `text` a `{{ … }}` ends: what comes after was written apart from it.
    emit_end: usize,
}

struct Splitter<'s> {
    src: &'s str,
    emits: Vec<Range<usize>>,
    at: usize,
    word: Option<Word>,
    words: Vec<(Range<usize>, String)>,
}

impl Splitter<'_> {
    fn run(mut self) -> Result<Vec<(Range<usize>, String)>, Fault> {
        while let Some(c) = self.peek() {
            if self.emit()? {
                continue;
            }
            let start = self.at;
            self.at += c.len_utf8();
            match c {
                ' ' | '\t' => self.end(start),
                '\n' | '\r' => self.line_end(start)?,
                '\'' => self.single(start)?,
                '"' => self.double(start)?,
                '\\' => match self.peek() {
                    Some('\n') => self.at += 1,
                    Some(_) if self.emit_here() => return Err(self.before_value("a backslash", start)),
                    Some(next) => {
                        self.at += next.len_utf8();
                        self.push(next, start)?;
                    }
                    None => return Err(Fault::new("nothing follows the backslash", start..self.at)),
                },
                '|' | '>' | '<' | ';' | '&' => {
                    return Err(self.needs_shell(&format!("`{c}`"), start..self.at));
                }
                '`' => return Err(self.needs_shell("a backtick", start..self.at)),
                '$' => {
                    self.dollar(start)?;
                    self.push('$', start)?;
                }
                _ => self.push(c, start)?,
            }
        }
        self.end(self.src.len());
        if self.words.is_empty() {
            return Err(Fault::new("there is no command", 0..self.src.len()));
        }
        self.no_assignment()?;
        Ok(self.words)
    }

    fn peek(&self) -> Option<char> {
        self.src[self.at..].chars().next()
    }

    fn emit_here(&self) -> bool {
        self.emits.binary_search_by(|emit| emit.start.cmp(&self.at)).is_ok()
    }

    /// Takes the `{{ … }}` that starts here into the word, whole.
    fn emit(&mut self) -> Result<bool, Fault> {
        let Ok(index) = self.emits.binary_search_by(|emit| emit.start.cmp(&self.at)) else {
            return Ok(false);
        };
        let emit = self.emits[index].clone();
        let at = self.at;
        let word = self.word.get_or_insert_with(|| Word { start: at, ..Word::default() });
        if word.text[word.emit_end..].ends_with('{') {
            // Only quotes can have kept the two apart, and they are gone in the word.
            return Err(made_of_braces("{{", emit.start..emit.start + 2));
        }
        word.text.push_str(&self.src[emit.clone()]);
        word.emit_end = word.text.len();
        self.at = emit.end;
        Ok(true)
    }

    fn push(&mut self, c: char, start: usize) -> Result<(), Fault> {
        let word = self.word.get_or_insert_with(|| Word { start, ..Word::default() });
        word.text.push(c);
        // Taking quotes away must not make a `{{` of two braces that were written apart.
        let made = word.text[word.emit_end..].len() >= 2
            && ["{{", "{%", "{#"].iter().any(|open| word.text.ends_with(open));
        if made {
            return Err(made_of_braces(&word.text[word.text.len() - 2..], start..self.at));
        }
        Ok(())
    }

    fn end(&mut self, at: usize) {
        if let Some(word) = self.word.take() {
            self.words.push((word.start..at, word.text));
        }
    }

    fn line_end(&mut self, start: usize) -> Result<(), Fault> {
        self.end(start);
        if self.words.is_empty() || self.src[self.at..].trim().is_empty() {
            return Ok(());
        }
        Err(Fault::new("a command is one line", start..self.at)
            .help("`run: >-` folds several lines into one; for several commands use `shell`"))
    }

    fn single(&mut self, start: usize) -> Result<(), Fault> {
        self.word.get_or_insert_with(|| Word { start, ..Word::default() });
        loop {
            if self.emit()? {
                continue;
            }
            let at = self.at;
            let Some(c) = self.peek() else {
                return Err(Fault::new("the quote `'` is not closed", start..start + 1));
            };
            self.at += c.len_utf8();
            match c {
                '\'' => return Ok(()),
                _ => self.push(c, at)?,
            }
        }
    }

    fn double(&mut self, start: usize) -> Result<(), Fault> {
        self.word.get_or_insert_with(|| Word { start, ..Word::default() });
        loop {
            if self.emit()? {
                continue;
            }
            let at = self.at;
            let Some(c) = self.peek() else {
                return Err(Fault::new("the quote `\"` is not closed", start..start + 1));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(()),
                '\\' => match self.peek() {
                    Some('\n') => self.at += 1,
                    Some(next @ ('$' | '`' | '"' | '\\')) => {
                        self.at += 1;
                        self.push(next, at)?;
                    }
                    _ => self.push('\\', at)?,
                },
                '`' => return Err(self.needs_shell("a backtick", at..self.at)),
                '$' => {
                    self.dollar(at)?;
                    self.push('$', at)?;
                }
                _ => self.push(c, at)?,
            }
        }
    }

    /// Refuses what a shell would make of a `$` at `start`; the next letter is at hand.
    fn dollar(&self, start: usize) -> Result<(), Fault> {
        if self.emit_here() {
            return Err(Fault::new("`${{ … }}` is not how values are written", start..self.at)
                .help("leave out the `$`: `{{ … }}`"));
        }
        let rest = &self.src[self.at..];
        let Some(next) = rest.chars().next() else { return Ok(()) };
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        match next {
            '(' => Err(self.needs_shell("`$(`", start..self.at + 1)),
            '{' | '\'' | '"' => Err(self.needs_shell(&format!("`${next}`"), start..self.at + 1)),
            _ if !name.is_empty() => Err(Fault::new(
                format!("`${name}`: no shell fills in variables here"),
                start..self.at + name.len(),
            )
            .help(format!(
                "use `{{{{ … }}}}`, or `shell` where `${name}` is wanted; in single quotes it stays as it is"
            ))),
            '?' | '$' | '@' | '*' | '#' | '!' | '-' => {
                Err(self.needs_shell(&format!("`${next}`"), start..self.at + 1))
            }
            _ => Ok(()),
        }
    }

    fn needs_shell(&self, what: &str, span: Range<usize>) -> Fault {
        Fault::new(format!("{what} needs a shell, and `run` starts the program without one"), span)
            .help("use `shell:`, or put single quotes around it if it is meant as it stands")
    }

    fn before_value(&self, what: &str, start: usize) -> Fault {
        Fault::new(format!("{what} before `{{{{ … }}}}` has no meaning"), start..self.at).help("leave it out")
    }

    /// Refuses `NAME=value command`, which only a shell understands.
    fn no_assignment(&self) -> Result<(), Fault> {
        let (range, _) = &self.words[0];
        let written = &self.src[range.clone()];
        let Some((name, _)) = written.split_once('=') else { return Ok(()) };
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(letters) {
            return Ok(());
        }
        Err(Fault::new(format!("`{name}=…` before a command needs a shell"), range.clone())
            .help(format!("use `env: {{{name}: …}}`")))
    }
}

fn made_of_braces(what: &str, span: Range<usize>) -> Fault {
    Fault::new(format!("`{what}` would start something else here"), span)
        .help(format!("write `{{{{ '{what}' }}}}` for these letters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(src: &str) -> Vec<String> {
        split(src)
            .unwrap_or_else(|fault| panic!("{src}: {fault}"))
            .into_iter()
            .map(|(_, word)| word)
            .collect()
    }

    #[test]
    fn a_command_line_splits_as_a_shell_would() {
        for (src, wanted) in [
            ("kubectl get pods", vec!["kubectl", "get", "pods"]),
            ("  a \t b  ", vec!["a", "b"]),
            (r#"echo 'a b' "c d" e\ f"#, vec!["echo", "a b", "c d", "e f"]),
            (r#"a'b'"c"d"#, vec!["abcd"]),
            (r#"'' "" x"#, vec!["", "", "x"]),
            (r#"'a\b' "a\b" "\"\$\`\\" \'"#, vec![r"a\b", r"a\b", r#""$`\"#, "'"]),
            ("a \\\n  b\n", vec!["a", "b"]),
            ("a $ b$ ^x$/ $. '$HOME' \"\\$HOME\"", vec!["a", "$", "b$", "^x$/", "$.", "$HOME", "$HOME"]),
            (
                "ls *.txt a? [ab] ~/x #no !x {a,b} (c)",
                vec!["ls", "*.txt", "a?", "[ab]", "~/x", "#no", "!x", "{a,b}", "(c)"],
            ),
            ("grün é 'ü b'", vec!["grün", "é", "ü b"]),
        ] {
            assert_eq!(words(src), wanted, "{src}");
        }
    }

    #[test]
    fn a_value_is_one_piece_of_a_word() {
        for (src, wanted) in [
            (
                "scale {{ workload }} --replicas={{ n + 1 }}",
                vec!["scale", "{{ workload }}", "--replicas={{ n + 1 }}"],
            ),
            (r#"x {{ a ~ "b c" ~ 'd | e > f' }}y"#, vec!["x", r#"{{ a ~ "b c" ~ 'd | e > f' }}y"#]),
            (r#"x "a {{ b }} c" 'd {{ e }}'"#, vec!["x", "a {{ b }} c", "d {{ e }}"]),
            ("{{ '}}' }}{{ {'a': {'b': 1}} }}", vec!["{{ '}}' }}{{ {'a': {'b': 1}} }}"]),
            ("a {{- b -}} c", vec!["a", "{{- b -}}", "c"]),
        ] {
            assert_eq!(words(src), wanted, "{src}");
        }
    }

    #[test]
    fn the_queries_of_tools_pass_as_they_are() {
        for query in [
            "jsonpath={.metadata.uid}",
            "jsonpath={.items[*].status.phase}",
            "jsonpath={.items[?(@.metadata.name==x)].spec}",
        ] {
            assert_eq!(words(&format!("kubectl get ns -o {query}")).last().map(String::as_str), Some(query));
        }
        assert_eq!(
            words(
                r#"k -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}' --query 'a[?b==`c`].d | [0]'"#
            ),
            [
                r"k",
                "-o",
                r#"jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}"#,
                "--query",
                "a[?b==`c`].d | [0]"
            ]
        );
    }

    #[test]
    fn what_needs_a_shell_is_refused_with_its_place() {
        for (src, place) in [
            ("a | b", "|"),
            ("a > b", ">"),
            ("a < b", "<"),
            ("a; b", ";"),
            ("a && b", "&"),
            ("a `b`", "`"),
            ("a $(b)", "$("),
            ("a \"$(b)\"", "$("),
            ("a \"`b`\"", "`"),
            ("a $HOME/x", "$HOME"),
            ("a \"$HOME\"", "$HOME"),
            ("a ${HOME}", "${"),
            ("a $?", "$?"),
            ("a $'b'", "$'"),
            ("a ${{ b }}", "$"),
            ("a \\{{ b }}", "\\"),
            ("a\nb", "\n"),
            ("a 'b", "'"),
            ("a \"b", "\""),
            ("a b\\", "\\"),
            ("A=1 b", "A=1"),
            ("a {% if b %}c{% endif %}", "{%"),
            ("a '{''{'", "{"),
            ("a '{'{{ b }}", "{{"),
            ("a x{#y#}", "#"),
            ("", ""),
            ("  \n", "  \n"),
            ("a {{ b", "{{ b"),
        ] {
            let fault = split(src).expect_err(src);
            let got = src.get(fault.span.clone()).unwrap_or("out of range");
            assert_eq!(got, place, "{src}: {fault:?}");
        }
    }

    #[test]
    fn ranges_are_those_of_the_words_as_written() {
        let src = "a 'b c'  {{ d }}e";
        let written: Vec<&str> = split(src).unwrap().into_iter().map(|(range, _)| &src[range]).collect();
        assert_eq!(written, ["a", "'b c'", "{{ d }}e"]);
    }
}
