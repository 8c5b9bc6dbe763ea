//! What markup shows, with the place in the source of every part.

use std::ops::Range;

/// Text as it is shown, and what the markup says of it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub text: String,
    runs: Vec<Run>,
    /// Bytes that are links, and those that the markup says are no part of the article.
    pub links: Vec<Range<usize>>,
    pub furniture: Vec<Range<usize>>,
}

/// From `shown` on, the text is that of the source from `source` on.
#[derive(Clone, Debug)]
struct Run {
    shown: usize,
    source: usize,
    /// Where in the source it ends, for what is written otherwise there: `&amp;`.
    end: Option<usize>,
}

impl Shown {
    /// Adds a part of the source that is shown as it is.
    pub fn copy(&mut self, part: &str, source: usize) {
        let at = self.text.len();
        let goes_on = self.runs.last().is_some_and(|run| run.end.is_none() && run.source + (at - run.shown) == source);
        if !goes_on && !part.is_empty() {
            self.runs.push(Run { shown: at, source, end: None });
        }
        self.text.push_str(part);
    }

    /// Adds a character that the source has as other bytes.
    pub fn replace(&mut self, c: char, source: Range<usize>) {
        self.runs.push(Run { shown: self.text.len(), source: source.start, end: Some(source.end) });
        self.text.push(c);
    }

    /// Ends a block.
    pub fn blank_line(&mut self, source: usize) {
        let kept = self.text.trim_end_matches([' ', '\n']).len();
        self.text.truncate(kept);
        self.runs.truncate(self.runs.partition_point(|run| run.shown < kept.max(1)));
        if !self.text.is_empty() {
            // The breaks stand nowhere; a range that began there would begin here.
            self.replace('\n', source..source);
            self.replace('\n', source..source);
        }
    }

    /// Where bytes of the text stand in the source.
    pub fn place(&self, bytes: Range<usize>) -> Range<usize> {
        let run = |at: usize| self.runs.get(self.runs.partition_point(|run| run.shown <= at).saturating_sub(1));
        let start =
            run(bytes.start).map_or(0, |run| run.source + if run.end.is_some() { 0 } else { bytes.start - run.shown });
        let last = run(bytes.end.saturating_sub(1));
        let end = last.map_or(start, |run| run.end.unwrap_or(run.source + (bytes.end - run.shown)));
        start..end.max(start)
    }
}
