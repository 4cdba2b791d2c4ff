//! The picture drawn as SVG: layer by layer from top to bottom, nothing fetched, light and dark.
//!
//! The layout is our own: layers by depth, the order within a layer by the middle of what a step waits for, twice
//! downwards. It is deterministic, and fast enough that nobody waits; the layout libraries at hand were neither.

use std::fmt::Write as _;

use super::notation::label;
use super::{Kind, Picture, Shape};
use crate::diag::html;

const CHARACTER: f64 = 7.4;
const HEIGHT: f64 = 34.0;
const BETWEEN: f64 = 22.0;
const LAYER: f64 = 84.0;
const MARGIN: f64 = 16.0;
/// Longer labels are cut; the title that a browser shows has them whole.
const LONGEST: usize = 36;

const STYLE: &str = "\
svg{color-scheme:light dark;font:13px ui-monospace,monospace}\
.b{fill:#fff;stroke:#555;stroke-width:1.2}.c{stroke:#1a56b0;stroke-width:2}.i{stroke:#b3261e;stroke-width:2;stroke-dasharray:5 3}\
.g{stroke:#8b2fc9}.p{stroke:#b06000;stroke-width:2}text{fill:#111}.e{fill:none;stroke:#777}.h{fill:#777}\
@media(prefers-color-scheme:dark){.b{fill:#1e1f22;stroke:#aaa}.c{stroke:#7ab0ff}.i{stroke:#ff8a80}.g{stroke:#d9a5ff}.p{stroke:#ffc069}text{fill:#eee}.e{stroke:#999}.h{fill:#999}}";

/// Where something stands: its middle, and half its width.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) half: f64,
}

/// Where everything stands.
pub(super) struct Layout {
    /// The steps, by their places in the picture.
    pub(super) spots: Vec<Spot>,
    /// For each arrow its needed step, its step, and the gaps between boxes through which it passes on its way.
    arrows: Vec<(usize, usize, Vec<Spot>)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Half the width of the gap that an arrow has in a layer that it only passes.
const GAP: f64 = 5.0;

/// More bends than this for each step are not drawn: such a picture is not read but seen.
const BENDS: usize = 8;

impl Picture {
    /// Returns the picture as an SVG document.
    pub fn svg(&self) -> String {
        self.drawn(&format!("<style>{STYLE}</style>\n"), None)
    }

    /// Returns the picture as a part of an HTML page, whose style it takes: light and dark are switched there. Each step is a
    /// link to the part of the page that `anchor` names.
    pub(crate) fn svg_of_page(&self, anchor: &dyn Fn(&str) -> String) -> String {
        self.drawn("", Some(anchor))
    }

    fn drawn(&self, style: &str, anchor: Option<&dyn Fn(&str) -> String>) -> String {
        let Layout { spots, arrows, width, height } = self.layout();
        let mut out = String::new();
        // What can be followed in a picture is not read out when it is one picture.
        let role = if anchor.is_some() { "group" } else { "img" };
        let space = if anchor.is_some() { "" } else { " xmlns=\"http://www.w3.org/2000/svg\"" };
        let _ = write!(
            out,
            "<svg{space} viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             role=\"{role}\" aria-label=\"{}\">\n{style}<defs><marker id=\"a\" viewBox=\"0 0 8 8\" \
             refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"h\" \
             d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
            escaped(&format!("{}: {}", self.name, self.title))
        );
        for (need, step, through) in &arrows {
            let mut from = Spot { y: spots[*need].y + HEIGHT / 2.0, ..spots[*need] };
            let _ = write!(out, "<path class=\"e\" marker-end=\"url(#a)\" d=\"M{:.1} {:.1}", from.x, from.y);
            for gap in through {
                curve(&mut out, from, Spot { y: gap.y - HEIGHT / 2.0, ..*gap });
                from = Spot { y: gap.y + HEIGHT / 2.0, ..*gap };
                let _ = write!(out, "L{:.1} {:.1}", from.x, from.y);
            }
            curve(&mut out, from, Spot { y: spots[*step].y - HEIGHT / 2.0, ..spots[*step] });
            out.push_str("\"/>\n");
        }
        for (shape, spot) in self.shapes.iter().zip(&spots) {
            let (class, corner) = match shape.kind {
                Kind::Change => ("b c", 4),
                Kind::Irreversible => ("b i", 4),
                Kind::Read => ("b", 17),
                Kind::Gate => ("b g", 17),
                Kind::Person => ("b p", 0),
                Kind::Wait | Kind::Runbook => ("b", 4),
            };
            let whole = format!("{} ({})", label(shape), shape.kind.word());
            let (open, close) = match anchor {
                Some(anchor) => (format!("<a href=\"#{}\">", escaped(&anchor(&shape.id))), "</a>"),
                None => (String::new(), ""),
            };
            let _ = writeln!(
                out,
                "{open}<g><title>{}</title><rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\" \
                 rx=\"{corner}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></g>{close}",
                escaped(&whole),
                spot.x - spot.half,
                spot.y - HEIGHT / 2.0,
                spot.half * 2.0,
                spot.x,
                spot.y + 4.5,
                escaped(&shortened(&label(shape)))
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// Returns where everything stands.
    pub(super) fn layout(&self) -> Layout {
        // `finally` begins when everything else is over, whatever it needs.
        let main = self.shapes.iter().filter(|shape| !shape.last).map(|shape| shape.layer + 1).max();
        let depth = |shape: &Shape| shape.layer + if shape.last { main.unwrap_or(0) } else { 0 };
        let layers: Vec<usize> = self.shapes.iter().map(depth).collect();
        let count = layers.iter().max().map_or(0, |last| last + 1);
        // Beside the steps stand the gaps of the arrows that pass a layer: an arrow behind a box would seem to end there.
        let mut halves: Vec<f64> = self.shapes.iter().map(half).collect();
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
        layers.iter().enumerate().for_each(|(place, &layer)| rows[layer].push(place));
        let mut above: Vec<Vec<usize>> = vec![Vec::new(); self.shapes.len()];
        let mut arrows: Vec<(usize, usize, Vec<usize>)> = Vec::new();
        for (step, shape) in self.shapes.iter().enumerate() {
            for &need in &shape.after {
                let mut through = Vec::new();
                let mut last = need;
                let few = halves.len() < (BENDS + 1) * self.shapes.len();
                for row in rows.iter_mut().take(if few { layers[step] } else { 0 }).skip(layers[need] + 1) {
                    let gap = halves.len();
                    halves.push(GAP);
                    above.push(vec![last]);
                    row.push(gap);
                    through.push(gap);
                    last = gap;
                }
                above[step].push(last);
                arrows.push((need, step, through));
            }
        }
        let wide = |row: &[usize]| row.iter().map(|&at| halves[at] * 2.0 + BETWEEN).sum::<f64>() - BETWEEN;
        let width = rows.iter().map(|row| wide(row)).fold(0.0, f64::max) + 2.0 * MARGIN;
        let mut spots = vec![Spot::default(); halves.len()];
        for _ in 0..2 {
            for (number, row) in rows.iter_mut().enumerate() {
                let middle = |at: usize| {
                    let sum: f64 = above[at].iter().map(|&need| spots[need].x).sum();
                    if above[at].is_empty() { f64::MAX } else { sum / above[at].len() as f64 }
                };
                // Stable: what has nothing to be drawn to keeps the order of the file.
                if number > 0 {
                    row.sort_by(|&a, &b| middle(a).total_cmp(&middle(b)));
                }
                let mut x = (width - wide(row)) / 2.0;
                for &at in row.iter() {
                    let y = MARGIN + HEIGHT / 2.0 + number as f64 * LAYER;
                    spots[at] = Spot { x: x + halves[at], y, half: halves[at] };
                    x += 2.0 * halves[at] + BETWEEN;
                }
            }
        }
        let passed = |through: Vec<usize>| through.into_iter().map(|gap| spots[gap]).collect();
        let arrows = arrows.into_iter().map(|(need, step, through)| (need, step, passed(through))).collect();
        let height = MARGIN * 2.0 + HEIGHT + count.saturating_sub(1) as f64 * LAYER;
        spots.truncate(self.shapes.len());
        Layout { spots, arrows, width, height }
    }
}

fn half(shape: &Shape) -> f64 {
    let columns = label(shape).chars().count().min(LONGEST);
    (columns as f64 * CHARACTER + 24.0) / 2.0
}

/// Writes the rest of a path that stands at `from`: downwards to `to`, leaving and arriving upright.
fn curve(out: &mut String, from: Spot, to: Spot) {
    let middle = (from.y + to.y) / 2.0;
    let _ = write!(out, "C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}", from.x, to.x, to.x, to.y);
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}

fn escaped(text: &str) -> String {
    let shown = |c: char| match c {
        // Most control characters may not stand in XML at all.
        c if c.is_control() => ' ',
        // What turns the direction of writing would show another name than there is.
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        c => c,
    };
    html::escaped(&text.chars().map(shown).collect::<String>())
}
