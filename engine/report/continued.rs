//! A command broken into lines that are pasted as one.

use super::paint::width as columns_of;

/// Returns a command of one line broken to `width` columns where a shell takes it for one all the same: at blanks outside
/// quotes, each break with a `\\` before it. What follows a break is indented by two. A word that is too long stays whole, and
/// so does a command with a comment, which would swallow the rest.
pub fn continued(command: &str, width: usize) -> String {
    let Some(words) = shell_words(command).filter(|_| columns_of(command) > width) else {
        return command.to_owned();
    };
    let (mut out, mut at) = (String::new(), 0);
    for (number, word) in words.iter().enumerate() {
        let last = number + 1 == words.len();
        let room = width.saturating_sub(if last { 0 } else { 2 });
        if number > 0 && at + 1 + columns_of(word) > room {
            out.push_str(" \\\n  ");
            at = 2;
        } else if number > 0 {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += columns_of(word);
    }
    out
}

/// Returns what stands between the blanks outside quotes; none where a break would change what a shell does.
pub fn shell_words(command: &str) -> Option<Vec<&str>> {
    // `$'…'` has escapes of its own.
    if command.contains("$'") {
        return None;
    }
    let (mut words, mut from) = (Vec::new(), 0);
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in command.char_indices() {
        match (quote, c) {
            _ if std::mem::take(&mut escaped) => {}
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => escaped = true,
            (Some('"'), '"') => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            // A comment, a script of several lines, and what stands between backquotes are left alone.
            (None, '#' | '\n' | '`') => return None,
            (None, ' ') => {
                words.push(&command[from..at]);
                from = at + 1;
            }
            (None, _) => {}
        }
    }
    words.push(&command[from..]);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_broken_where_a_shell_joins_it_again() {
        let long = "kubectl -n shop get deployment/web -o 'jsonpath={.spec.replicas} {.status}' --request-timeout=30s";
        insta::assert_snapshot!(continued(long, 48), @r"
        kubectl -n shop get deployment/web -o \
          'jsonpath={.spec.replicas} {.status}' \
          --request-timeout=30s
        ");
        let whole = [
            "echo short",
            "'one argument that is far too long to stand in a line'",
            "echo a # a comment that goes on",
        ];
        for command in whole {
            assert_eq!(continued(command, 20), command);
        }
    }

    proptest::proptest! {
        #[test]
        fn broken_or_not_it_is_the_same_command(words in proptest::collection::vec("[a-z'\"\\\\$|]{0,12}", 0..20), width in 10usize..60) {
            let command = words.join(" ");
            let broken = continued(&command, width);
            assert_eq!(broken.replace(" \\\n  ", " "), command);
            // No break stands where a shell would take it for text.
            for (at, _) in broken.match_indices(" \\\n") {
                let before = broken[..at].replace(" \\\n  ", " ");
                assert!(shell_words(&before).is_some(), "{broken}");
            }
        }
    }
}
