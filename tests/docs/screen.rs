//! What is left on a terminal of all that was written to it.

/// Returns the lines that stay: what was drawn and erased again is not among them. No line is wrapped.
///
/// # Panics
///
/// On a control sequence that the program never writes.
pub(super) fn left(written: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    let mut row = 0;
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                row += 1;
                if row == lines.len() {
                    lines.push(String::new());
                }
            }
            '\r' => {}
            '\u{1b}' => {
                let mut body = String::new();
                let last = rest.by_ref().find(|c| {
                    body.push(*c);
                    c.is_ascii_alphabetic()
                });
                match last {
                    Some('A') => row -= body.trim_matches(['[', 'A']).parse().unwrap_or(1).min(row),
                    // The cursor is at the beginning of its line whenever something is erased.
                    Some('J') => {
                        lines.truncate(row + 1);
                        lines[row].clear();
                    }
                    Some('h' | 'l' | 'm') => {}
                    _ => panic!("ESC {body:?} is never written"),
                }
            }
            c => lines[row].push(c),
        }
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

#[test]
fn what_is_redrawn_is_there_once() {
    let written = "\u{1b}[?25lone\r\ntwo\r\u{1b}[1A\u{1b}[Jdone\r\nprompt? y\r\n";
    assert_eq!(left(written), "done\nprompt? y\n");
}
