//! A tape: what commands answer in a rehearsal, in place of every process.
//!
//! A tape has a state of its own, which answers read and change, so that the same read answers differently after a change.
//! A recorded tape has none: of several answers to one command each is given once, in order, and the last one again and again,
//! since a gate may be asked oftener, or more rarely, than it was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{MASK, Map, Tree, Value};

/// What commands answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tape {
    /// Its file, as shown to people.
    pub path: String,
    /// Whether it is taken as it stands, without templates and names in braces: it was recorded.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plain: bool,
    /// The state at the beginning.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub state: Map,
    /// The answers. The first that fits is given.
    pub answers: Vec<Answer>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its file, when that is not the tape's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Its line in the file.
    pub line: u32,
    /// To which command.
    pub to: Played,
    /// What that must read; anything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// An expression that must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What it prints: a text with templates; a list or a map is printed as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Tree>,
    /// What it prints on stderr, a text with templates.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// Its exit code.
    #[serde(default)]
    pub exit: i32,
    /// How long it takes.
    #[serde(default)]
    pub took: Duration,
    /// How the state is afterwards: a path in it, such as `replicas.{name}`, and an expression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<(String, String)>,
    /// Whether it is given once, since a later answer to the same goes on from there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub once: bool,
}

impl Tape {
    /// Puts `over` into the state, map by map: what is not named there stays.
    pub fn put(&mut self, over: &Map) {
        merge(&mut self.state, over);
    }

    /// Puts answers from `file` before those that there are, which so are given only where none of these fits.
    pub fn prepend(&mut self, answers: &[Answer], file: &str) {
        let own = answers.iter().map(|answer| Answer { file: file.to_owned(), ..answer.clone() });
        self.answers.splice(0..0, own);
    }
}

fn merge(state: &mut Map, over: &Map) {
    for (name, value) in over {
        match (state.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(over)) => merge(inner, over),
            _ => drop(state.insert(name.clone(), value.clone())),
        }
    }
}

/// A command as a tape names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Played {
    /// A program and its arguments.
    Run(Vec<String>),
    /// A script.
    Shell(String),
}

impl Played {
    /// Returns the words that are compared; a script is one.
    pub fn words(&self) -> &[String] {
        match self {
            Played::Run(words) => words,
            Played::Shell(script) => std::slice::from_ref(script),
        }
    }

    /// Returns it with each of its words changed.
    #[must_use]
    pub fn with(&self, change: &dyn Fn(&String) -> String) -> Played {
        match self {
            Played::Run(words) => Played::Run(words.iter().map(change).collect()),
            Played::Shell(script) => Played::Shell(change(script)),
        }
    }

    /// Returns the names that stand in braces in a command, each once: of `--namespace={ns}` it is `ns`.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for word in self.words() {
            for piece in pieces(word) {
                if let Piece::Name(name) | Piece::Rest(name) = piece
                    && !names.iter().any(|known| known == name)
                {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// Says whether a word that takes all the words which are left stands where others follow, or holds more than that.
    pub fn has_misplaced_rest(&self) -> bool {
        let words = self.words();
        let holds_rest = |word: &str| pieces(word).iter().any(|piece| matches!(piece, Piece::Rest(_)));
        words.iter().enumerate().any(|(at, word)| {
            let alone = matches!(pieces(word)[..], [Piece::Rest(_)]);
            holds_rest(word) && !(alone && at + 1 == words.len() && matches!(self, Played::Run(_)))
        })
    }

    /// Says whether one command may fit both, as far as can be told from the text around the names in braces.
    pub fn may_meet(&self, other: &Played) -> bool {
        let (own, theirs) = (self.words(), other.words());
        for at in 0.. {
            let (Some(own), Some(theirs)) = (own.get(at), theirs.get(at)) else {
                let ends = |words: &[String]| words.get(at).is_none_or(|word| is_rest(word));
                return ends(own) && ends(theirs);
            };
            if is_rest(own) || is_rest(theirs) {
                break;
            }
            if !words_meet(own.trim_end(), theirs.trim_end()) {
                return false;
            }
        }
        true
    }

    /// Says whether its last word takes all that are left.
    pub fn is_open(&self) -> bool {
        self.words().last().is_some_and(|word| is_rest(word))
    }

    /// Says whether a command is this one to the letter.
    pub fn is(&self, command: &Played) -> bool {
        let same = |(a, b): (&String, &String)| a.trim_end() == b.trim_end();
        let (own, theirs) = (self.words(), command.words());
        std::mem::discriminant(self) == std::mem::discriminant(command)
            && own.len() == theirs.len()
            && own.iter().zip(theirs).all(same)
    }

    /// Returns what the names in braces stand for when the command is this one; `None` when it is another.
    pub fn takes(&self, command: &Played, plain: bool) -> Option<Map> {
        match (self, command) {
            (Played::Run(_), Played::Run(_)) | (Played::Shell(_), Played::Shell(_)) => {}
            _ => return None,
        }
        let (own, theirs) = (self.words(), command.words());
        if plain {
            let fits = own.len() == theirs.len() && own.iter().zip(theirs).all(|(a, b)| is_recorded(a, b));
            return fits.then(Map::new);
        }
        let mut taken = Map::new();
        for (at, word) in own.iter().enumerate() {
            if let [Piece::Rest(name)] = pieces(word)[..] {
                let rest: Vec<Value> = theirs.get(at..)?.iter().map(|word| word.as_str().into()).collect();
                taken.insert(name.to_owned(), rest.into());
                return Some(taken);
            }
            taken_of(word.trim_end(), theirs.get(at)?.trim_end(), &mut taken)?;
        }
        (own.len() == theirs.len()).then_some(taken)
    }
}

/// Says whether a recorded word, or what was read, may have been `text`: what was masked in it may have been anything.
pub fn is_recorded(recorded: &str, text: &str) -> bool {
    let (recorded, text) = (recorded.trim_end(), text.trim_end());
    let mut parts: Vec<&str> = recorded.split(MASK).collect();
    let (Some(last), Some(_)) = (parts.pop(), parts.first()) else { return recorded == text };
    let first = parts.remove(0);
    let Some(mut left) = text.strip_prefix(first).and_then(|left| left.strip_suffix(last)) else {
        return false;
    };
    // Each mask hid something: the earliest place of what follows it leaves the most to the others.
    for part in parts {
        let Some(hidden) = left.chars().next().map(char::len_utf8) else { return false };
        let Some(at) = left[hidden..].find(part) else { return false };
        left = &left[hidden + at + part.len()..];
    }
    !left.is_empty()
}

/// A piece of a word as a tape has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    /// `{name}`
    Name(&'a str),
    /// `{name...}`
    Rest(&'a str),
}

fn is_rest(word: &str) -> bool {
    matches!(pieces(word)[..], [Piece::Rest(_)])
}

/// Says whether one word may fit both: what stands before the first name and after the last one does not tell them apart.
fn words_meet(one: &str, other: &str) -> bool {
    let ends = |word| {
        let pieces = pieces(word);
        let plain = |piece: Option<&Piece<'_>>| match piece {
            Some(Piece::Plain(plain)) => (*plain).to_owned(),
            _ => String::new(),
        };
        (
            pieces.len() == 1 && matches!(pieces[0], Piece::Plain(_)),
            plain(pieces.first()),
            plain(pieces.last()),
        )
    };
    let ((whole, before, after), (other_whole, other_before, other_after)) = (ends(one), ends(other));
    if whole && other_whole {
        return before == other_before;
    }
    let begins = before.starts_with(&other_before) || other_before.starts_with(&before);
    begins && (after.ends_with(&other_after) || other_after.ends_with(&after))
}

/// Cuts a word at its names in braces. What stands in braces and is no name is text: `{.metadata.uid}`, `{"spec": 1}`.
fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(open) = word[at..].find('{').map(|open| at + open) {
        at = open + 1;
        let Some(close) = word[at..].find('}').map(|close| at + close) else { break };
        let inside = &word[at..close];
        let (name, rest) = inside.strip_suffix("...").map_or((inside, false), |name| (name, true));
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            continue;
        }
        if open > plain {
            found.push(Piece::Plain(&word[plain..open]));
        }
        found.push(if rest { Piece::Rest(name) } else { Piece::Name(name) });
        (plain, at) = (close + 1, close + 1);
    }
    if plain < word.len() || found.is_empty() {
        found.push(Piece::Plain(&word[plain..]));
    }
    found
}

/// Takes the names of `pattern` from `text`, each as short as it can be and not empty; the same name twice is the same
/// text. `None` when it does not fit.
pub fn taken_of(pattern: &str, text: &str, taken: &mut Map) -> Option<()> {
    let mut fit = Fit { pieces: &pieces(pattern), taken, dead: BTreeMap::new() };
    fit.from(0, text).then_some(())
}

/// A word that is being compared with a pattern.
struct Fit<'a> {
    pieces: &'a [Piece<'a>],
    taken: &'a mut Map,
    /// What is known not to fit: the pieces from one on, and so many bytes of text that are left, with what was taken before
    /// of the names that stand there again. Without it many names beside each other are tried in more ways than there is
    /// time for.
    dead: BTreeMap<(usize, usize), BTreeSet<String>>,
}

impl Fit<'_> {
    fn from(&mut self, at: usize, text: &str) -> bool {
        let Some(first) = self.pieces.get(at).copied() else { return text.is_empty() };
        let name = match first {
            Piece::Plain(plain) => {
                return text.strip_prefix(plain).is_some_and(|text| self.from(at + 1, text));
            }
            Piece::Name(name) | Piece::Rest(name) => name,
        };
        if let Some(Value::String(known)) = self.taken.get(name).cloned() {
            return text.strip_prefix(&known).is_some_and(|text| self.from(at + 1, text));
        }
        let (place, before) = ((at, text.len()), self.repeated(at));
        if self.dead.get(&place).is_some_and(|dead| dead.contains(&before)) {
            return false;
        }
        for end in text.char_indices().map(|(at, c)| at + c.len_utf8()) {
            self.taken.insert(name.to_owned(), text[..end].into());
            if self.from(at + 1, &text[end..]) {
                return true;
            }
            self.taken.remove(name);
        }
        self.dead.entry(place).or_default().insert(before);
        false
    }

    /// Returns what was taken of the names that stand in the pieces from `at` on, too.
    fn repeated(&self, at: usize) -> String {
        let mut known = String::new();
        for piece in &self.pieces[at..] {
            if let Piece::Name(name) | Piece::Rest(name) = piece
                && let Some(Value::String(value)) = self.taken.get(*name)
            {
                known.push_str(value);
                known.push('\0');
            }
        }
        known
    }
}

impl Default for Played {
    fn default() -> Played {
        Played::Run(Vec::new())
    }
}

/// What is to go wrong in a rehearsal. A fault that struck holds until somebody takes the run up again, or tries the step
/// again: then it is as if they had mended the cause. One that has not is still to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Faults {
    /// Steps or instances whose action ends with this exit code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail: Vec<(String, i32)>,
    /// Steps or instances whose action takes this long, in milliseconds where it is written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "in_ms")]
    #[schemars(with = "Vec<(String, u64)>")]
    pub slow: Vec<(String, Duration)>,
    /// Steps or instances in whose action the engine is killed: the command took effect, and nobody heard of its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill_at: Vec<String>,
    /// The engine is killed as soon as the journal has this many events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_after: Option<u64>,
}

/// Times as events have them.
mod in_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(slow: &[(String, Duration)], to: S) -> Result<S::Ok, S::Error> {
        let ms = |took: &Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        to.collect_seq(slow.iter().map(|(step, took)| (step, ms(took))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(String, Duration)>, D::Error> {
        let slow = Vec::<(String, u64)>::deserialize(from)?;
        Ok(slow.into_iter().map(|(step, ms)| (step, Duration::from_millis(ms))).collect())
    }
}

impl Faults {
    /// Says whether nothing is to go wrong.
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    /// Returns the faults in words, as they were typed.
    pub fn words(&self) -> Vec<String> {
        let fail = self.fail.iter().map(|(step, exit)| match exit {
            1 => format!("--fail {step}"),
            exit => format!("--fail {step}={exit}"),
        });
        let slow =
            self.slow.iter().map(|(step, took)| format!("--slow {step}={}", super::format_duration(*took)));
        fail.chain(slow).chain(self.kill_at.iter().map(|step| format!("--kill-at {step}"))).collect()
    }

    /// Returns the faults in the order of [`Faults::words`], each as the key of a test that makes it and the step.
    pub fn each(&self) -> Vec<(&'static str, String)> {
        let fail = self.fail.iter().map(|(step, _)| ("fail", step));
        let slow = self.slow.iter().map(|(step, _)| ("slow", step));
        let kill_at = self.kill_at.iter().map(|step| ("kill_at", step));
        fail.chain(slow).chain(kill_at).map(|(key, step)| (key, step.clone())).collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(words: &str) -> Played {
        Played::Run(words.split(' ').map(str::to_owned).collect())
    }

    fn taken(pattern: &str, command: &str) -> Option<Value> {
        run(pattern).takes(&run(command), false).map(Value::Object)
    }

    #[test]
    fn faults_are_read_as_they_were_written() {
        let faults = Faults {
            fail: vec![("a".to_owned(), 3)],
            slow: vec![("b".to_owned(), Duration::from_millis(1500))],
            kill_at: vec!["c".to_owned()],
            kill_after: Some(4),
        };
        let written = serde_json::to_string(&faults).unwrap();
        assert_eq!(written, r#"{"fail":[["a",3]],"slow":[["b",1500]],"kill_at":["c"],"kill_after":4}"#);
        assert_eq!(serde_json::from_str::<Faults>(&written).unwrap(), faults);
    }

    #[test]
    fn a_name_in_braces_takes_a_word_or_a_part_of_one() {
        let get = "kubectl --namespace={ns} get {kind} {name} -o jsonpath={.metadata.uid}";
        assert_eq!(
            taken(get, "kubectl --namespace=shop get hpa api -o jsonpath={.metadata.uid}"),
            Some(json!({"ns": "shop", "kind": "hpa", "name": "api"}))
        );
        assert_eq!(taken(get, "kubectl --namespace=shop get hpa api -o jsonpath={.spec}"), None);
        assert_eq!(taken(get, "kubectl --namespace= get hpa api -o jsonpath={.metadata.uid}"), None);
        assert_eq!(taken("a {x}-{y} {x}", "a web-1-2 web"), Some(json!({"x": "web", "y": "1-2"})));
        assert_eq!(taken("a {x}-{y} {x}", "a web-1-2 api"), None);
        assert_eq!(taken("a {all...}", "a b c"), Some(json!({"all": ["b", "c"]})));
        assert_eq!(taken("a {all...}", "a"), Some(json!({"all": []})));
    }

    /// Each way to share a word among the names would be tried: more than there are seconds.
    #[test]
    fn a_word_with_many_names_is_soon_refused() {
        let names: String = (0..20).map(|n| format!("{{n{n}}}")).collect();
        let text = "a".repeat(40);
        let fits = |pattern: &str| taken_of(pattern, &text, &mut Map::new()).is_some();
        assert!(!fits(&format!("{names}Z")));
        assert!(!fits(&format!("{{b}}{names}{{b}}Z")));
        assert!(fits(&names));
        assert_eq!(taken("{x}{y}-{x}", "ab-a"), Some(json!({"x": "a", "y": "b"})));
        assert_eq!(taken("{x}{y}-{x}", "abc-ab"), Some(json!({"x": "ab", "y": "c"})));
    }

    #[test]
    fn what_was_recorded_is_taken_as_it_stands() {
        let plain = |a: &str, b: &str| run(a).takes(&run(b), true).is_some();
        assert!(plain("echo {name}", "echo {name}"));
        assert!(!plain("echo {name}", "echo api"));
        assert!(Played::Shell("x".to_owned()).takes(&run("x"), true).is_none());
    }

    #[test]
    fn what_was_masked_may_have_been_anything_within_its_word() {
        for (recorded, text, fits) in [
            ("•••", "hunter2", true),
            ("•••", "•••", true),
            ("•••", "", false),
            ("--pw=•••", "--pw=x", true),
            ("--pw=•••", "--pw=", false),
            ("--pw=•••", "--user=x", false),
            ("a•••b•••c", "a1b2c", true),
            ("a•••b•••c", "abbbc", true),
            ("a•••b•••c", "abbc", false),
            ("a•••b•••c", "a1b2d", false),
            ("a••••••c", "axc", false),
            ("ä•••", "äö", true),
            ("a•••a", "a", false),
        ] {
            assert_eq!(is_recorded(recorded, text), fits, "{recorded} / {text}");
        }
        let plain = |a: &str, b: &str| run(a).takes(&run(b), true).is_some();
        assert!(plain("login ••• now", "login x now") && !plain("login ••• now", "login x y now"));
        assert_eq!(taken("login •••", "login x"), None, "what a person wrote is taken as they wrote it");
    }

    #[test]
    fn what_one_command_may_fit_meets() {
        for (one, other, meet) in [
            ("scale", "scale {a} {n}", false),
            ("scale web {n}", "scale {a} 5", true),
            ("scal {x}", "scale {x}", false),
            ("a --x={b} c", "a --y={b} c", false),
            ("a --x={b} c", "a {y} {z}", true),
            ("a {rest...}", "a", true),
            ("a {rest...}", "b c", false),
            ("a b", "a b {rest...}", true),
            ("a b {x}", "a {rest...}", true),
        ] {
            assert_eq!(run(one).may_meet(&run(other)), meet, "{one} / {other}");
            assert_eq!(run(other).may_meet(&run(one)), meet, "{other} / {one}");
        }
    }

    #[test]
    fn the_rest_stands_last_and_alone() {
        assert!(run("a {b...} c").has_misplaced_rest());
        assert!(run("a --x={b...}").has_misplaced_rest());
        assert!(!run("a {b...}").has_misplaced_rest());
        assert_eq!(run("a {b} --c={b} {d...}").names(), ["b", "d"]);
    }
}
