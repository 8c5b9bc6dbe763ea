//! Stop strings: the output ends before the first of them, also where it is spread over several tokens.

/// Lets text through that cannot become part of a stop string any more.
#[derive(Clone, Debug, Default)]
pub struct StopFilter {
    stops: Vec<String>,
    /// Text that may be the beginning of a stop string.
    held: String,
}

impl StopFilter {
    /// Empty stop strings are ignored.
    pub fn new(stops: &[String]) -> Self {
        StopFilter { stops: stops.iter().filter(|s| !s.is_empty()).cloned().collect(), held: String::new() }
    }

    /// Adds text; gives what may be shown, and whether a stop string was found (nothing may be shown after that).
    pub fn push(&mut self, text: &str) -> (String, bool) {
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let keep = self.held.char_indices().map(|(at, _)| at).find(|at| {
            let tail = &self.held[*at..];
            self.stops.iter().any(|stop| stop.starts_with(tail))
        });
        let rest = self.held.split_off(keep.unwrap_or(self.held.len()));
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What was held back, at the end of the output.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let mut filter = StopFilter::new(&stops.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        let mut out = Vec::new();
        for piece in pieces {
            let (text, found) = filter.push(piece);
            out.push(text);
            if found {
                return (out, true);
            }
        }
        out.push(filter.finish());
        (out, false)
    }

    #[test]
    fn stops_before_a_string_also_when_it_is_split() {
        assert_eq!(run(&["END"], &["one END two"]), (vec!["one ".into()], true));
        assert_eq!(run(&["END"], &["a E", "N", "D b"]), (vec!["a ".into(), "".into(), "".into()], true));
        assert_eq!(run(&["aab"], &["a", "a", "a", "b"]), (vec!["".into(), "".into(), "a".into(), "".into()], true));
    }

    #[test]
    fn what_only_looked_like_a_stop_comes_later() {
        assert_eq!(run(&["END"], &["a E", "Nx"]), (vec!["a ".into(), "ENx".into(), "".into()], false));
        assert_eq!(run(&["END"], &["a EN"]), (vec!["a ".into(), "EN".into()], false));
        assert_eq!(run(&["é!"], &["caf", "é", "?"]), (vec!["caf".into(), "".into(), "é?".into(), "".into()], false));
    }

    #[test]
    fn the_first_of_several_wins() {
        assert_eq!(run(&["yy", "x"], &["a x yy"]), (vec!["a ".into()], true));
        assert_eq!(run(&[], &["a", "b"]), (vec!["a".into(), "b".into(), "".into()], false));
        assert_eq!(run(&[""], &["a"]), (vec!["a".into(), "".into()], false));
    }
}
