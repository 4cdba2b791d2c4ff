//! Lines of a length that nobody types, and that a pasted file has.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::support::project::Project;

/// Long lines, which nobody writes and a pasted file has. Each takes a second or two; where the time went with the square of the
/// length, one took hours.
#[test]
fn one_long_line_is_read_soon() {
    let parts = [
        "password=",
        "token=a<",
        "x password: sea-gull-9 ",
        ";",
        "'password=a b",
        "a://b;c:d@",
        "\"password\":",
        "echo a:b ",
    ];
    for part in parts {
        let line = part.repeat((1 << 18) / part.len());
        // A command of a million words is nobody's, and slow elsewhere.
        let fence = if part.contains(' ') { String::new() } else { format!("\ntool {line}") };
        let text = format!("# T\n\n{line}\n\n```sh\ndate{fence}\n```\n\n```ini\n{line}\n```\n");
        let project = Project::new().file("wiki.md", text);
        let mut import = project.command(&["import", "wiki.md", "--out", "x.yaml"]);
        let mut live = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be run");
        let mut ended = None;
        for _ in 0..1800 {
            ended = live.try_wait().expect("it can be asked");
            if ended.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = live.kill();
        assert!(
            ended.is_some_and(|status| status.success()),
            "{part}: not in a minute and a half, or {ended:?}"
        );
        let draft = fs::read_to_string(project.root().join("x.yaml")).expect("it is written");
        assert!(!draft.contains("sea-gull"), "{part}");
    }
}

/// A sentence that names as many commands as no person does: each becomes a step of the same name, with a number behind it.
#[test]
fn one_sentence_with_many_commands_is_read_soon() {
    let text = format!("# T\n\n{}", "Run `ls a` and ".repeat(30_000));
    let project = Project::new().file("wiki.md", text);
    let begun = std::time::Instant::now();
    project.run(&["import", "wiki.md", "--out", "x.yaml"]).code(2);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
