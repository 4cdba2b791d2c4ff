//! A run's steps now: as data for machines, and as a page for people.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::paint::{Paint, Role, pad, width};
use super::runs::described;
use super::section::Size;
use super::summary::next_commands;
use super::timeline::{Timeline, Track};
use super::{EndInfo, Standing, phrase, when};
use crate::machine::{Addr, Finish, Graph, NodeId, Person, Progress, RunStatus, State, UndoResult, Verdict};
use crate::model::format_duration;

/// The version of [`StatusPage`] as JSON; raised when a field changes its meaning or goes away.
pub const STATUS_VERSION: u32 = 1;

/// A `for_each` with more instances than this shows only those that somebody should look at, and those at work.
const UNFOLDED: usize = 20;

/// What is known of a run beside its events.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The run's id.
    pub run: &'a str,
    /// Whether an engine drives it. Without one nothing is at work, and a change that was begun and not seen to end
    /// is in doubt.
    pub alive: bool,
    /// The time to count up to.
    pub now: Timestamp,
}

/// A run's steps now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusPage {
    /// [`STATUS_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The runbook's qualified name.
    pub runbook: String,
    /// The status by the run's events.
    pub status: RunStatus,
    /// Whether an engine drives it.
    pub alive: bool,
    /// Who opened it.
    pub by: Person,
    /// Why, when they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whom it changes: `cluster prod-eu`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// When it was opened.
    pub started: Option<Timestamp>,
    /// When it came to rest.
    pub rested: Option<Timestamp>,
    /// How long it took, or has been going on, in milliseconds.
    pub took_ms: u64,
    /// The steps in file order, those of `finally` last.
    pub steps: Vec<StepStatus>,
    /// The commands to type next; none while an engine drives it.
    #[serde(skip)]
    next: Vec<String>,
    #[serde(skip)]
    now: Timestamp,
}

/// A step with its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepStatus {
    /// Its id.
    pub step: String,
    /// The heading it stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Whether it is a `for_each`.
    pub for_each: bool,
    /// Its instances: one, unless it is a `for_each` that is expanded. None before it is.
    pub instances: Vec<InstanceStatus>,
    /// Where it stands as a whole, when it has no instances yet.
    pub standing: Standing,
}

/// An instance of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceStatus {
    /// Its name: `scale[api]`.
    pub name: String,
    /// Where it stands.
    pub standing: Standing,
    /// When its work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// How long it took, or has been at work, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Why, what was seen, what changed: one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl StatusPage {
    /// Returns the page of any state that events fold to.
    pub fn of(about: About<'_>, state: &State, graph: &Graph, timeline: &Timeline) -> StatusPage {
        let maker = Maker { about, state, graph, timeline };
        // Nobody knows for how long after its last event an engine that died went on.
        let until = if about.alive { about.now } else { timeline.last.unwrap_or(about.now) };
        let took = timeline.took(until);
        let end = EndInfo { run: about.run, state, graph, took };
        let opened = state.opened.as_ref();
        let next = if about.alive || !state.is_unfinished() {
            Vec::new()
        } else {
            let mut next = next_commands(&end, timeline, Paint::PLAIN, Size::ENDLESS);
            // Here it is already.
            next.retain(|line| !line.contains("runbook status "));
            next
        };
        StatusPage {
            version: STATUS_VERSION,
            run: about.run.to_owned(),
            runbook: opened.map(|opened| opened.runbook.clone()).unwrap_or_default(),
            status: state.status,
            alive: about.alive,
            by: opened.map(|opened| opened.by.clone()).unwrap_or_default(),
            reason: opened.and_then(|opened| opened.reason.clone()),
            target: opened.map(phrase::target).unwrap_or_default(),
            started: timeline.opened,
            rested: timeline.rested,
            took_ms: millis(took),
            steps: (0..graph.len() as NodeId).map(|node| maker.step(node)).collect(),
            next,
            now: about.now,
        }
    }

    /// Returns the page as text of at most `columns`, with its line ends.
    pub fn text(&self, paint: Paint, columns: usize) -> String {
        let mut page = Page { paint, columns, out: String::new() };
        page.header(self);
        page.attention(self);
        page.steps(self);
        if let Some((heading, commands)) = self.next.split_first() {
            page.line("");
            page.line(&paint.paint(Role::Strong, heading));
            // Never cut: they are there to be pasted.
            commands.iter().for_each(|command| page.line(command));
        }
        page.out
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Maker<'a> {
    about: About<'a>,
    state: &'a State,
    graph: &'a Graph,
    timeline: &'a Timeline,
}

impl Maker<'_> {
    fn step(&self, node: NodeId) -> StepStatus {
        let step = self.graph.step(node);
        let content = &self.state.nodes[node as usize];
        let phase = step.phase.clone().or_else(|| self.graph.is_finally(node).then(|| "Finally".to_owned()));
        let instances =
            (0..content.instances.len() as u32).map(|instance| self.instance(Addr { node, instance }));
        StepStatus {
            step: step.id.clone(),
            phase,
            for_each: step.for_each.is_some(),
            instances: instances.collect(),
            standing: match (content.expanded, content.unmet) {
                (true, _) => Standing::Done,
                (false, 0) => Standing::Ready,
                (false, _) => Standing::Waiting,
            },
        }
    }

    fn instance(&self, at: Addr) -> InstanceStatus {
        let name = self.state.name(self.graph, at);
        let standing = Standing::of(self.graph, self.state, at, self.about.alive);
        let track = self.timeline.track(&name);
        // A `finally` step is set back whenever the run comes to rest: what was before is not its time.
        let began = !matches!(standing, Standing::Waiting | Standing::Ready | Standing::Skipped);
        let track = track.filter(|_| began);
        InstanceStatus {
            detail: self.detail(at, standing, track),
            started: track.and_then(|track| track.began),
            took_ms: track.and_then(|track| self.took(standing, track)),
            name,
            standing,
        }
    }

    fn took(&self, standing: Standing, track: &Track) -> Option<u64> {
        let running = standing.is_active() || standing == Standing::Asking;
        let until = match (track.ended, self.timeline.last) {
            (Some(ended), _) => ended,
            _ if running && self.about.alive => self.about.now,
            // Nobody knows for how long after the last event it went on.
            (None, last) => last?,
        };
        track.took(until).map(millis)
    }

    fn detail(&self, at: Addr, standing: Standing, track: Option<&Track>) -> String {
        let instance = self.state.at(at);
        let seen = || match &instance.gate {
            Some((Verdict::CouldNotTell(why), _)) => format!("could not tell: {why}"),
            Some((_, seen)) => seen.clone(),
            None => String::new(),
        };
        let changes = || instance.changes.clone().unwrap_or_default();
        let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        match (standing, &instance.finish, &instance.undo) {
            (_, _, Some(UndoResult::Failed(why) | UndoResult::Left(why))) => why.clone(),
            (_, _, Some(UndoResult::Blocked(on))) => format!("{on} stands on it"),
            (Standing::Failed, Some(Finish::Failed(why)), _) => why.clone(),
            (Standing::Skipped, Some(Finish::Skipped(why)), _) => why.clone(),
            (Standing::Waiting, ..) => self.waits_for(at.node),
            (Standing::Asking, ..) => {
                let prompt = track.map(|track| track.prompt.clone()).unwrap_or_default();
                match instance.progress {
                    Progress::Asking(question) if prompt.is_empty() => phrase::asking(question).to_owned(),
                    _ => prompt,
                }
            }
            (Standing::InDoubt, ..) => instance.command.clone(),
            (Standing::Retrying, ..) => match track.and_then(|track| track.retry_at) {
                Some((attempt, at)) => format!("attempt {attempt} at {}", when::clock(at)),
                None => String::new(),
            },
            (Standing::Verifying, ..) => first([seen(), instance.command.clone(), String::new()]),
            (standing, ..) if standing.is_active() => first([seen(), instance.command.clone(), changes()]),
            (Standing::Done | Standing::MarkedDone | Standing::Undone, ..) => {
                first([changes(), seen(), String::new()])
            }
            _ => String::new(),
        }
    }

    /// Returns the steps that are not done and that this one needs.
    fn waits_for(&self, node: NodeId) -> String {
        let open: Vec<&str> = self
            .graph
            .needs(node)
            .iter()
            .filter(|&&need| !self.state.nodes[need as usize].is_done())
            .map(|&need| self.graph.step(need).id.as_str())
            .take(3)
            .collect();
        if open.is_empty() { String::new() } else { format!("for {}", open.join(", ")) }
    }
}

/// The page while it is written.
struct Page {
    paint: Paint,
    columns: usize,
    out: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn wrapped(&mut self, role: Role, indent: &str, text: &str) {
        let columns = self.columns.saturating_sub(indent.len());
        for line in self.paint.wrap(&self.paint.clean(text), columns) {
            let line = self.paint.paint(role, &format!("{indent}{line}"));
            self.line(&line);
        }
    }

    fn header(&mut self, page: &StatusPage) {
        let (role, word) = described(page.status, page.alive);
        let sign = role.glyph(self.paint.unicode);
        self.wrapped(role, "", &format!("{sign} {}: {word}", page.runbook));
        let mut text = format!("run {}", page.run);
        if let Some(started) = page.started {
            text.push_str(&format!(", started {} ({})", when::second(started), when::ago(started, page.now)));
            if !page.alive {
                let took = format_duration(Duration::from_millis(page.took_ms));
                text.push_str(&format!(", took {took}"));
            }
        }
        self.wrapped(Role::Quiet, "  ", &text);
        let mut text = format!("by {}", phrase::person(&page.by));
        if let Some(reason) = &page.reason {
            text.push_str(&format!(" ({reason})"));
        }
        if !page.target.is_empty() {
            text.push_str(&format!("; target {}", page.target));
        }
        self.wrapped(Role::Quiet, "  ", &text);
    }

    fn attention(&mut self, page: &StatusPage) {
        const MOST: usize = 5;
        let all = page.steps.iter().flat_map(|step| &step.instances);
        let mut these: Vec<&InstanceStatus> = all.filter(|one| one.standing.needs_attention()).collect();
        if these.is_empty() {
            return;
        }
        these.sort_by_key(|one| one.standing);
        self.line("");
        self.line(&self.paint.paint(Role::Strong, "Needs attention"));
        for one in these.iter().take(MOST) {
            let role = one.standing.role();
            let sign = role.glyph(self.paint.unicode);
            let colon = if one.detail.is_empty() { "" } else { ": " };
            let text = format!("{sign} {} {}{colon}{}", one.name, one.standing.word(), one.detail);
            self.wrapped(role, "  ", &text);
        }
        if these.len() > MOST {
            let text = format!("  {} and {} more", self.paint.ellipsis(), these.len() - MOST);
            self.line(&text);
        }
    }

    fn steps(&mut self, page: &StatusPage) {
        let names = page.steps.iter().flat_map(|step| {
            let shown = if folded(step) { &[] } else { step.instances.as_slice() };
            let nested = shown.iter().map(|one| width(&self.paint.clean(&one.name)) + 2);
            nested.chain([width(&step.step) + 6])
        });
        let wide = names.max().unwrap_or(0).min(self.columns / 3);
        let mut phase: Option<&Option<String>> = None;
        for step in &page.steps {
            if phase != Some(&step.phase) {
                self.line("");
                let heading = self.paint.clean(step.phase.as_deref().unwrap_or("Steps"));
                self.line(&self.paint.paint(Role::Strong, &heading));
                phase = Some(&step.phase);
            }
            self.step(step, wide);
        }
    }

    fn step(&mut self, step: &StepStatus, wide: usize) {
        let of = |standing: Standing| (standing.role(), standing.word().to_owned());
        match step.instances.as_slice() {
            [] => self.row("", &step.step, of(step.standing), None, "", wide),
            [only] if !step.for_each || only.name == step.step => self.instance("", only, wide),
            all => {
                let took = all.iter().filter_map(|one| one.took_ms).max().filter(|_| folded(step));
                let (states, role) = counts(all);
                let name = format!("{} ({})", step.step, all.len());
                let detail = match all.split_first() {
                    Some((first, rest)) if rest.iter().all(|one| one.detail == first.detail) => &first.detail,
                    _ => "",
                };
                self.row("", &name, (role, states), took, if folded(step) { detail } else { "" }, wide);
                if folded(step) {
                    return;
                }
                let few = all.len() <= UNFOLDED;
                let shown =
                    |one: &&InstanceStatus| few || one.standing.needs_attention() || one.standing.is_active();
                all.iter().filter(shown).for_each(|one| self.instance("  ", one, wide));
            }
        }
    }

    fn instance(&mut self, indent: &str, one: &InstanceStatus, wide: usize) {
        let state = (one.standing.role(), one.standing.word().to_owned());
        self.row(indent, &one.name, state, one.took_ms, &one.detail, wide);
    }

    fn row(
        &mut self,
        indent: &str,
        name: &str,
        (role, word): (Role, String),
        took: Option<u64>,
        detail: &str,
        wide: usize,
    ) {
        /// As long as the longest word of one step.
        const WORD: usize = 18;
        let wide = wide.saturating_sub(indent.len());
        let name = pad(&self.paint.shorten(&self.paint.clean(name), wide), wide);
        let took = took.map(|took| format_duration(Duration::from_millis(took))).unwrap_or_default();
        let before = indent.len() + 4 + width(&name) + 2;
        let word = self.paint.shorten(&pad(&word, WORD), self.columns.saturating_sub(before));
        let rest = format!(" {took:>7}  {}", self.paint.clean(detail));
        let room = self.columns.saturating_sub(before + width(&word));
        // A duration cut in two would be a wrong one.
        let rest = if room < 9 { String::new() } else { self.paint.shorten(rest.trim_end(), room) };
        let line = format!(
            "{indent}  {} {name}  {}{}",
            self.paint.glyph(role),
            self.paint.paint(role, &word),
            self.paint.paint(Role::Quiet, &rest)
        );
        self.line(line.trim_end());
    }
}

/// Says whether a step is shown in one line: all its instances stand at the same place.
fn folded(step: &StepStatus) -> bool {
    let Some((first, rest)) = step.instances.split_first() else { return true };
    step.for_each && step.instances.len() > 1 && rest.iter().all(|one| one.standing == first.standing)
}

/// Returns `3 done, 1 failed`, the ones that somebody should look at first, and their colour.
fn counts(all: &[InstanceStatus]) -> (String, Role) {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one.standing).or_default() += 1;
    }
    let role = counts.keys().next().map_or(Role::Pending, |standing| standing.role());
    if let (1, Some(standing)) = (counts.len(), counts.keys().next()) {
        return (standing.word().to_owned(), role);
    }
    let texts: Vec<String> =
        counts.iter().map(|(standing, count)| format!("{count} {}", standing.word())).collect();
    (texts.join(", "), role)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::fixture::{Play, RUN, UTF8, runbook};
    use super::*;
    use crate::machine::{Event, Item, Question, Stage};

    fn page(play: &Play, alive: bool) -> StatusPage {
        let about = About { run: RUN, alive, now: play.now };
        StatusPage::of(about, &play.state, &play.graph, &play.timeline)
    }

    fn middle() -> Play {
        let mut play = Play::expanded(Vec::new());
        play.change("scale[api]", "replicas 3 → 10");
        play.fail("scale[cart]", "no");
        play.act("scale[web]", "replicas 3 → 10", "kubectl scale deployment/web --replicas=10");
        play.capture("aurora", "ACU 2 → 8");
        play
    }

    #[test]
    fn a_run_that_goes_on() {
        assert_snapshot!(page(&middle(), true).text(UTF8, 80), @r##"
        ● autolytiq/pre-scale-event: running
          run r7k2m9qd, started 2026-10-01 12:03:00 UTC (16s ago)
          by ada@ops1 (sale on Friday); target cluster prod-eu

        Needs attention
          ✗ scale[cart] failed: it exited with 1

        Preflight
          ✓ reach              done                  1.2s  yes

        24 hours before
          ✗ scale (3)          1 failed, 1 running, 1 done
            ✓ scale[api]       done                   11s  replicas 3 → 10
            ✗ scale[cart]      failed                1.6s  it exited with 1
            ● scale[web]       running                 2s  kubectl scale deployment/web…
          ● aurora             running              400ms  kubectl get aurora -o json

        Just before
          · go                 waiting                     for scale, aurora
          · warm-caches        waiting                     for go
        "##);
    }

    #[test]
    fn a_run_whose_engine_died() {
        assert_snapshot!(page(&middle(), false).text(UTF8, 80), @r##"
        ? autolytiq/pre-scale-event: its engine died: nothing of it runs
          run r7k2m9qd, started 2026-10-01 12:03:00 UTC (16s ago), took 16s
          by ada@ops1 (sale on Friday); target cluster prod-eu

        Needs attention
          ✗ scale[cart] failed: it exited with 1
          ? scale[web] in doubt: kubectl scale deployment/web --replicas=10

        Preflight
          ✓ reach              done                  1.2s  yes

        24 hours before
          ✗ scale (3)          1 failed, 1 in doubt, 1 done
            ✓ scale[api]       done                   11s  replicas 3 → 10
            ✗ scale[cart]      failed                1.6s  it exited with 1
            ? scale[web]       in doubt                2s  kubectl scale deployment/web…
          ■ aurora             stopped              400ms

        Just before
          · go                 waiting                     for scale, aurora
          · warm-caches        waiting                     for go

        Next
          it took effect          runbook resume r7k2m9qd --done 'scale[web]' --reason '...'
          it did not: run it      runbook resume r7k2m9qd --retry 'scale[web]'
          go on without it        runbook resume r7k2m9qd --skip 'scale[web]' --reason '...'
          undo what was changed   runbook rollback r7k2m9qd
        "##);
    }

    #[test]
    fn a_question_and_folded_instances() {
        let mut play = Play::expanded(Vec::new());
        play.change("aurora", "ACU 2 → 8");
        for step in ["scale[api]", "scale[cart]", "scale[web]"] {
            play.change(step, "replicas 3 → 10");
        }
        let (step, prompt) = ("go".to_owned(), "Capacity is up. Warm the caches in prod?".to_owned());
        play.start("go").say(Event::Asked { step, question: Question::Approval, prompt });
        play.pass(60_000).rest(RunStatus::Waiting);
        assert_snapshot!(page(&play, false).text(UTF8, 80), @r##"
        ◆ autolytiq/pre-scale-event: waiting for a person
          run r7k2m9qd, started 2026-10-01 12:03:00 UTC (1m 47s ago), took 1m 47s
          by ada@ops1 (sale on Friday); target cluster prod-eu

        Needs attention
          ◆ go waits for a person: Capacity is up. Warm the caches in prod?

        Preflight
          ✓ reach              done                  1.2s  yes

        24 hours before
          ✓ scale (3)          done                   11s  replicas 3 → 10
          ✓ aurora             done                   11s  ACU 2 → 8

        Just before
          ◆ go                 waits for a person      1m  Capacity is up. Warm the cac…
          · warm-caches        waiting                     for go

        Next
          say yes and go on       runbook resume r7k2m9qd --approve go
          undo what was changed   runbook rollback r7k2m9qd
        "##);
    }

    #[test]
    fn every_state_on_the_way_has_a_page_that_fits() {
        let mut play = Play::new(&runbook());
        let show = |play: &Play| {
            for columns in [80, 40, 20, 0] {
                let text = page(play, false).text(UTF8, columns);
                let steps = text.split("\nNext").next().unwrap_or_default();
                assert!(columns < 40 || steps.lines().all(|line| width(line) <= columns), "{text}");
            }
        };
        show(&play);
        play = Play::opened(&runbook(), Vec::new());
        show(&play);
        play = middle();
        show(&play);
        play.roll_back(&["scale[web]", "scale[cart]", "scale[api]"]);
        show(&play);
        play.state = State::new(&play.graph);
        show(&play);
    }

    #[test]
    fn a_thousand_instances_are_no_thousand_lines() {
        let mut play = Play::opened(&runbook(), Vec::new());
        play.start("reach").done("reach");
        let item = |n: u32| Item { key: n.to_string(), value: n.into() };
        play.say(Event::Expanded { step: "scale".to_owned(), items: (0..1000).map(item).collect() });
        play.start("scale[0]").done("scale[0]").fail("scale[1]", "no").start("scale[2]");
        play.intend("scale[2]", Stage::Action, "kubectl scale");
        let text = page(&play, true).text(UTF8, 100);
        assert!(text.lines().count() < 24, "{text}");
        assert!(
            text.contains("scale (1000)") && text.contains("1 failed, 1 running, 1 done, 997 ready"),
            "{text}"
        );
    }

    #[test]
    fn machines_read_the_same() {
        let value = serde_json::to_value(page(&middle(), false)).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["steps"][1]["instances"][2]["standing"], "in-doubt");
        assert_eq!(value["steps"][1]["instances"][1]["detail"], "it exited with 1");
        assert_eq!(value["steps"][4]["instances"][0]["standing"], "waiting");
        assert!(value.get("next").is_none());
    }
}
