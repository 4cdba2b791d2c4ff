//! A block of code → its commands, one step each; what is none is kept as text.

use super::super::command::{self, Form, Scope};
use super::super::fence::{self, Reading};
use super::super::looks::{self, Effect};
use super::super::open::Matter;
use super::super::person::{self, Person};
use super::super::script::{self, Line, Part, Piece};
use super::super::secrets;
use super::super::values::{Bit, Hole, Within, bits, escaped};
use super::Maker;
use super::back::{Way, goes_back};
use super::people::{is_deed, unnumbered};
use super::text::{fenced, indented, is_short, join, paragraphs, shortened};

impl Maker {
    pub(super) fn fence(&mut self, line: usize, tag: &str, lines: &[Line], closed: bool) {
        self.back.code();
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let text = text.join("\n");
        if text.trim().is_empty() {
            return;
        }
        if !closed {
            let last = lines.last().map_or(line, |line| line.number);
            let prompt = format!(
                "The block of code that begins here has no end, so nobody knows what of it is to be run:\n\n{text}"
            );
            self.open(Matter::Unread, line, "a block of code without an end: close it and import again");
            self.push(
                (line, last),
                (None, "unfinished block"),
                String::new(),
                vec![Form::words(&prompt)],
                Effect::Looks,
            );
            return;
        }
        match fence::read(tag, lines) {
            Reading::Commands { lines, output, prompted } => {
                let before = self.draft.steps.len();
                self.commands(&lines, prompted);
                self.printed(&output, before);
            }
            Reading::Query => {
                let last = lines.last().map_or(line, |line| line.number);
                let title = self.lead.take();
                let prompt =
                    format!("What stands here is for a client of its own ({tag}):\n\n{}", indented(&text));
                let heading = self.path.last().map_or_else(String::new, |(_, text)| text.clone());
                let forms = vec![Form::words(&prompt)];
                let id = self.push((line, last), (title, &heading), String::new(), forms, Effect::Looks);
                self.open(Matter::ByHand, line, format!("{id}: {tag}"));
            }
            // `Edit the overlay:` and what is to stand there.
            Reading::Text if self.lead.as_deref().is_some_and(is_deed) => {
                let title = self.lead.take().unwrap_or_default();
                self.pending.pop();
                let last = lines.last().map_or(line, |line| line.number);
                let prompt = format!("{title}:\n\n{}", indented(&text));
                let forms = vec![Form::words(&prompt)];
                let id =
                    self.push((self.lead_line, last), (Some(title), ""), String::new(), forms, Effect::Looks);
                self.open(Matter::ByHand, line, format!("{id}: what stands in the block ({tag})"));
            }
            Reading::Text => {
                let what = if tag.is_empty() { "a block of text".to_owned() } else { tag.to_owned() };
                self.open(Matter::Text, line, what);
                self.pending.push(fenced(tag, &text));
            }
        }
        self.lead = None;
        self.back.code();
    }

    /// Says what becomes of the secrets of a step.
    fn secret(&mut self, piece: &Piece, bare: &str, id: &str) {
        let line = piece.lines.0;
        let Some(step) = self.draft.steps.last_mut() else { return };
        let handed = match step.forms.first() {
            Some(Form::Shell { script, env, .. }) => {
                let vars = self.draft.vars.iter().filter(|var| var.secret.is_some());
                let values: Vec<String> = vars.map(|var| format!("{{{{ {} }}}}", var.name)).collect();
                let names = env.iter().filter(|(_, value)| values.contains(value));
                secrets::handed(script, &names.map(|(name, _)| name.as_str()).collect::<Vec<_>>())
            }
            _ => None,
        };
        let prints = secrets::printer(bare);
        step.sensitive = prints.is_some();
        if let Some(program) = prints {
            let about = format!("{id}: `{program}` prints a secret, so the output is not kept (`sensitive`)");
            self.open(Matter::Secret, line, about);
        }
        if let Some(program) = handed {
            let about =
                format!("{id}: an argument of `{program}` holds it, which others on the machine can read");
            self.open(Matter::Secret, line, about);
        }
    }

    /// Gives each step of a block what the document shows that it prints. `before` are the steps above the block.
    fn printed(&mut self, output: &[Line], before: usize) {
        let mut rest = output;
        while let Some(first) = rest.first() {
            let together =
                rest.windows(2).take_while(|pair| pair[0].number + 1 == pair[1].number).count() + 1;
            let (here, more) = rest.split_at(together);
            rest = more;
            let text: Vec<&str> = here.iter().map(|line| line.text.as_str()).collect();
            let said = format!("What it prints in the document:\n\n{}", fenced("", &text.join("\n")));
            // What stands above every command of the block is told with the first.
            let of_block = self.draft.steps.get_mut(before..).unwrap_or_default();
            let behind = of_block.iter().rposition(|step| step.lines.0 < first.number).unwrap_or_default();
            match of_block.get_mut(behind) {
                Some(step) => join(&mut step.about, &said),
                None => self.behind(&said),
            }
            let to = match here.last() {
                Some(last) if last.number != first.number => format!(" to line {}", last.number),
                _ => String::new(),
            };
            self.open(Matter::Text, first.number, format!("what a command prints{to}"));
        }
    }

    /// Adds text to the step before, where there is one in this section.
    pub(super) fn behind(&mut self, text: &str) {
        match self.draft.steps.len() > self.section {
            true => {
                if let Some(step) = self.draft.steps.last_mut() {
                    join(&mut step.about, text);
                }
            }
            false => self.pending.push(text.to_owned()),
        }
    }

    fn commands(&mut self, lines: &[Line], prompted: bool) {
        let parts = script::parts(lines);
        self.back.code();
        if let Some(whole) = script::one_script(lines, &parts) {
            self.back.comments(&whole.comments);
            self.back.behind(&[]);
            self.command(&whole);
            return;
        }
        let mut at = 0;
        while let Some(part) = parts.get(at) {
            at += 1;
            match part {
                Part::Notes { line, text } => {
                    self.back.notes(text);
                    self.notes(*line, text);
                }
                Part::Said(line) => self.behind(&fenced("", &line.text)),
                Part::Command(piece) => {
                    let (above, behind) = piece.comments.split_at(piece.above.min(piece.comments.len()));
                    self.back.comments(above);
                    self.back.behind(behind);
                    let opens =
                        person::person(&bare(typed(piece))).filter(|(person, _)| *person == Person::Session);
                    let Some((_, said)) = opens else {
                        self.command(piece);
                        continue;
                    };
                    // What stands below is typed in there; here it would reach another machine.
                    // Below a client of a database the next prompt of a shell stands outside of it; below `ssh` it may be the other's.
                    let client = matches!(
                        said.as_str(),
                        "psql" | "mysql" | "mariadb" | "redis-cli" | "mongosh" | "mongo"
                    );
                    let rest = if prompted && client { &[] } else { &parts[at..] };
                    let end = rest
                        .iter()
                        .position(|part| matches!(part, Part::Command(piece) if matches!(piece.text.trim(), "exit" | "logout" | "\\q" | "quit")));
                    let inside = &rest[..end.map_or(rest.len(), |end| end + 1)];
                    at += inside.len();
                    self.session(piece, inside, &said);
                }
            }
        }
    }

    fn session(&mut self, piece: &Piece, inside: &[Part], said: &str) {
        let mut text = piece.text.clone();
        let mut last = piece.lines.1;
        for part in inside {
            let line = match part {
                Part::Command(piece) => {
                    last = piece.lines.1;
                    for comment in &piece.comments {
                        text.push_str(&format!("\n# {comment}"));
                    }
                    piece.text.clone()
                }
                Part::Notes { text, .. } => format!("# {}", text.join("\n# ")),
                Part::Said(line) => line.text.clone(),
            };
            text.push('\n');
            text.push_str(&line);
        }
        let (title, about) = self.said(piece);
        let mut scope = Scope::default();
        let filled = self.filled_command(&text, piece.lines.0, &mut scope);
        let words = |text: &str| format!("In a terminal, one after another:\n\n{}", indented(text));
        let forms =
            vec![Form::Manual { prompt: words(&filled), uses: scope.uses }, Form::words(&words(&text))];
        let id = self.push((piece.lines.0, last), (title, &piece.text), about, forms, Effect::Looks);
        self.open(Matter::ByHand, piece.lines.0, format!("{id}: `{said}` opens a session"));
    }

    /// Returns the title and the text of a step: the comments at the command, and the text before it.
    pub(super) fn said(&mut self, piece: &Piece) -> (Option<String>, String) {
        let lead = self.lead.take();
        let mut about = std::mem::take(&mut self.pending);
        // `# rollback: helm rollback api` behind a command says how that is taken back, not what it does.
        let (above, behind) = piece.comments.split_at(piece.above.min(piece.comments.len()));
        let names = behind.iter().all(|comment| goes_back(comment) == Way::Forwards);
        let (mut comments, notes): (Vec<&str>, &[String]) = match names {
            true => (piece.comments.iter().map(String::as_str).collect(), &[]),
            false => (above.iter().map(String::as_str).collect(), behind),
        };
        let mut title = None;
        if let Some(last) =
            comments.last().map(|last| unnumbered(last)).filter(|last| is_short(last) && !last.is_empty())
        {
            title = Some(last.to_owned());
            comments.pop();
        } else if let Some(lead) = lead {
            // It is the last of what waits.
            about.pop();
            title = Some(lead);
        }
        about.extend(comments.iter().map(|comment| (*comment).to_owned()));
        about.extend_from_slice(notes);
        (title, paragraphs(&about))
    }

    /// Leaves a command to a person of whose secret nobody can tell where it ends.
    fn unsure(&mut self, piece: &Piece) -> bool {
        if self.unsure.range(piece.lines.0..=piece.lines.1).next().is_none() {
            return false;
        }
        let line = piece.lines.0;
        let (title, about) = self.said(piece);
        let why =
            "A secret was taken out here, maybe with a part of the command. Type it as the document has it:";
        // In words only: a prompt shows no secret.
        let forms = vec![Form::words(&format!("{why}\n\n{}", indented(&piece.text)))];
        let id = self.push(piece.lines, (title, &piece.text), about, forms, Effect::Looks);
        self.open(Matter::ByHand, line, format!("{id}: it can't be told where the secret in it ends"));
        true
    }

    pub(super) fn command(&mut self, piece: &Piece) {
        if self.unsure(piece) {
            return;
        }
        if self.assigned(piece) || self.moved(piece) {
            return;
        }
        let text = &piece.text;
        let bare = bare(text);
        let line = piece.lines.0;
        let first = text.split_whitespace().next().unwrap_or_default();
        if first == "set"
            && piece.lines.0 == piece.lines.1
            && text.split_whitespace().nth(1).is_some_and(|word| word.starts_with(['-', '+']))
        {
            // Each step has a shell of its own, which stops at the first mistake.
            self.open(
                Matter::Carried,
                line,
                format!("`{text}` was left out: a step stops at a mistake anyway"),
            );
            return;
        }
        let (title, about) = self.said(piece);
        if let Some((person, said)) = person::person(&self::bare(typed(piece))).filter(|_| piece.whole) {
            let why = match person {
                Person::NeverEnds => {
                    format!("`{said}` goes on until it is stopped. Look as long as it takes, then stop it:")
                }
                Person::Terminal => format!("`{said}` wants a terminal:"),
                Person::Session => format!("`{said}` opens a session:"),
                Person::Shell => {
                    format!("`{said}` changes the shell it is typed into, and no other. The document says:")
                }
            };
            let mut scope = Scope::default();
            let filled = self.filled_command(text, line, &mut scope);
            let forms = vec![
                Form::Manual {
                    prompt: format!("{}\n\n{}", escaped(&why), indented(&filled)),
                    uses: scope.uses,
                },
                Form::words(&format!("{why}\n\n{}", indented(text))),
            ];
            let id = self.push(piece.lines, (title, text), about, forms, Effect::Looks);
            let what = match person {
                Person::NeverEnds => "never ends by itself",
                Person::Terminal => "wants a terminal",
                Person::Session => "opens a session",
                Person::Shell => "changes only the shell it is typed into",
            };
            self.open(Matter::ByHand, line, format!("{id}: `{said}` {what}"));
            return;
        }
        let mut scope = Scope::default();
        let forms = command::forms(self, piece, &mut scope);
        let told: Vec<&str> = piece.heres.iter().map(|here| here.body.as_str()).collect();
        let effect = looks::effect(&bare, &told);
        let unread = !piece.whole;
        let id = self.push(piece.lines, (title.clone(), text), about, forms, effect);
        if unread {
            self.open(Matter::Unread, line, format!("{id}: a quote or a loop has no end"));
            return;
        }
        match effect {
            Effect::Looks => {}
            // Whose rollback it is, is asked before.
            _ if self.back.is() => {}
            Effect::Changes => self.open(Matter::Undo, line, id.clone()),
            Effect::Unknown => self.open(Matter::Unknown, line, id.clone()),
        }
        let words = title.unwrap_or_default().to_lowercase();
        if ["or ", "alternatively", "optional", "example", "via "]
            .iter()
            .any(|begin| words.starts_with(begin))
        {
            self.open(Matter::Choice, line, format!("{id}: “{}”", shortened(&words)));
        }
        if looks::ends_with_search(&bare) && effect == Effect::Looks {
            self.open(Matter::Search, line, id.clone());
        }
        if person::wants_tty(&bare) {
            self.open(Matter::Terminal, line, id.clone());
        }
        if text.trim_end().ends_with('&') {
            self.open(
                Matter::Carried,
                line,
                format!("{id}: goes on in the background when the step is over"),
            );
        }
        self.secret(piece, &bare, &id);
    }
}

/// Returns a command without the text of its here-documents: what stands in a file for others to run is not run here.
fn typed(piece: &Piece) -> &str {
    piece.text.get(..piece.command).unwrap_or(&piece.text)
}

/// Returns a command as it is looked at: on one line, and what a person fills in as a word. `<name>` is no redirection.
pub(in crate::load::import) fn bare(text: &str) -> String {
    let bits = bits(text, Within::Command).into_iter().map(|bit| match bit {
        Bit::Text(text) => text,
        // A variable at the beginning is a program that nobody knows.
        Bit::Hole { hole: Hole::Variable(_), written, .. } => written,
        Bit::Hole { .. } => "x".to_owned(),
    });
    bits.collect::<String>().replace("\\\n", " ")
}
