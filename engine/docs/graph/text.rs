//! The picture as text, phase by phase.

use super::Picture;

impl Picture {
    /// Returns the picture as text with its line ends: each step under its phase, with what it is and what it waits
    /// for, in lines of `columns` where that can be. A step that waits for the one above it says nothing of it.
    pub fn text(&self, columns: usize) -> String {
        let wide = self.shapes.iter().map(|shape| named(shape).chars().count()).max().unwrap_or(0).min(40);
        let mut out = format!("{}: {}\n", self.name, self.title);
        for (phase, places) in self.phases() {
            out.push('\n');
            out.push_str(phase.unwrap_or("Steps"));
            out.push('\n');
            for place in places {
                let shape = &self.shapes[place];
                let after = match shape.after.as_slice() {
                    [] if place == 0 || shape.last => String::new(),
                    [] => "at once".to_owned(),
                    [only] if *only + 1 == place => String::new(),
                    some => {
                        let names: Vec<&str> =
                            some.iter().map(|&need| self.shapes[need].id.as_str()).collect();
                        format!("after {}", names.join(", "))
                    }
                };
                let mut line = format!("  {:wide$}  {:15} ", named(shape), shape.kind.word());
                let indent = line.chars().count() + " after".len();
                for word in after.split(' ') {
                    if line.chars().count() + 1 + word.chars().count() > columns && line.trim().len() > 6 {
                        out.push_str(line.trim_end());
                        out.push('\n');
                        line = " ".repeat(indent);
                    }
                    line.push(' ');
                    line.push_str(word);
                }
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
        out
    }
}

fn named(shape: &super::Shape) -> String {
    match &shape.each {
        Some(each) => format!("{}[{each}]", shape.id),
        None => shape.id.clone(),
    }
}
