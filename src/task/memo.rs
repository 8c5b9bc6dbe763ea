//! What the model said of the sentences of texts that were judged: the next question about the same text need not read
//! it for that.

use super::salience::{Readings, Wanted};

/// Tokens of chunks kept at most: those of some long articles.
const MAX_TOKENS: usize = 1 << 16;

/// Chunks and what is known of their sentences, the one used last at the end.
#[derive(Default)]
pub struct Memo(Vec<(Vec<u32>, Vec<Readings>)>);

impl Memo {
    /// What is known of the sentences of a chunk, if it is all that is wanted.
    pub fn get(&self, tokens: &[u32], wanted: Wanted) -> Option<&[Readings]> {
        let (_, readings) = self.0.iter().find(|(known, _)| known == tokens)?;
        let enough = |r: &Readings| (r.model.is_some() || !wanted.model) && (r.mark.is_some() || !wanted.mark);
        readings.iter().all(enough).then_some(readings)
    }

    /// Keeps what is known of a chunk, in place of what was, and of what was kept first.
    pub fn keep(&mut self, tokens: &[u32], mut readings: Vec<Readings>) {
        if let Some(i) = self.0.iter().position(|(known, _)| known == tokens) {
            for (new, old) in readings.iter_mut().zip(self.0.remove(i).1) {
                (new.model, new.mark) = (new.model.or(old.model), new.mark.or(old.mark));
            }
        }
        self.0.push((tokens.to_vec(), readings));
        while self.0.iter().map(|(tokens, _)| tokens.len()).sum::<usize>() > MAX_TOKENS {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_is_wanted_or_nothing_and_forgets_the_oldest() {
        let (model, mark) = (Wanted { model: true, mark: false }, Wanted { model: false, mark: true });
        let both = Wanted { model: true, mark: true };
        let mut memo = Memo::default();
        memo.keep(&[1, 2], vec![Readings { model: Some(0.5), mark: None }]);
        assert!(
            memo.get(&[1, 2], model).is_some() && memo.get(&[1, 2], mark).is_none() && memo.get(&[1], model).is_none()
        );
        memo.keep(&[1, 2], vec![Readings { model: None, mark: Some(2.0) }]);
        assert_eq!(memo.get(&[1, 2], both), Some(&[Readings { model: Some(0.5), mark: Some(2.0) }][..]));
        for i in 0..70 {
            memo.keep(&[i; 1000], Vec::new());
        }
        assert!(memo.get(&[1, 2], model).is_none() && memo.get(&[4; 1000], model).is_none());
        assert!(memo.get(&[5; 1000], model).is_some() && memo.get(&[69; 1000], model).is_some());
    }
}
