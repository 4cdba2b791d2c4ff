//! What is left on a terminal of all that was written to it.

/// Returns the lines that stay: what was drawn and erased again is not among them. No line is wrapped.
///
/// # Panics
///
/// On a control sequence that the program never writes.
pub(super) fn left(written: &str) -> String {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                (row, column) = (row + 1, 0);
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\r' => column = 0,
            '\u{1b}' => {
                let mut body = String::new();
                let last = rest.by_ref().find(|c| {
                    body.push(*c);
                    c.is_ascii_alphabetic()
                });
                let count = body.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1);
                match last {
                    Some('A') => row -= count.min(row),
                    Some('B') => row = (row + count).min(lines.len() - 1),
                    Some('C') => column += count,
                    Some('J') => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    Some('K') => lines[row].truncate(column),
                    Some('h' | 'l' | 'm') => {}
                    _ => panic!("ESC {body:?} is never written"),
                }
            }
            c => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| line.iter().collect::<String>()).collect();
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_redrawn_is_there_once() {
    let written = "\u{1b}[?25lone\r\ntwo\r\u{1b}[1A\u{1b}[Jdone\r\nprompt? y\r\n";
    assert_eq!(left(written), "done\nprompt? y\n");
    let written = "one 1s\r\ntwo 1s\r\nthree\r\u{1b}[2Aone\u{1b}[K\r\u{1b}[2B\u{1b}[5C!";
    assert_eq!(left(written), "one\ntwo 1s\nthree!");
}
