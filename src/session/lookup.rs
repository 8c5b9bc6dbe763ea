//! Prompt lookup decoding (Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding): whoever copies writes tokens that
//! stand in the text already. What followed the last tokens where they stood before is proposed as what comes next, and
//! read in one batch together with the token that is due; speculative decoding (arXiv 2211.17192) with a draft that
//! costs nothing.
//!
//! Each proposed token is compared with the one that the sampler chooses from its own row of logits. As long as they are
//! equal, the next row is the one that decoding token by token would have computed; from the first difference on the
//! rows are thrown away. The output is that of plain decoding, sampled or not, as long as rows of a batch have the same
//! bits as rows alone ([`Backend::exact_rows`](crate::backend::Backend::exact_rows)).

/// Tokens proposed at most: eight rows share one read of the weights well, more are seldom all right.
pub const MAX_DRAFT: usize = 7;
/// Longer matches are taken for equally good.
const MAX_MATCH: usize = 8;
/// Share of right proposals by the length of the match, before anything is known.
const HITS: [f64; MAX_MATCH] = [0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.8];
/// How fast the share follows what is seen.
const LEARN: f64 = 0.15;
/// A batch must promise this much more than a single token.
const WORTH: f64 = 1.05;

/// Proposals for one output, and how well they have done.
#[derive(Clone, Debug)]
pub struct Speculation {
    /// True: whenever there is a match. None: where it promises to be faster.
    wanted: Option<bool>,
    /// Share of right proposals by the length of the match that they come from.
    hits: [f64; MAX_MATCH],
    /// What is expected next.
    draft: Vec<u32>,
    /// Length of the match that it comes from.
    matched: usize,
    /// How many of them are being read.
    offered: usize,
    /// How many of these were right.
    right: usize,
    /// Tokens read on suspicion so far.
    pub drafted: usize,
    /// Those of them that came true.
    pub accepted: usize,
}

impl Speculation {
    /// `wanted`: always, never, or, without a word, where it promises to be faster.
    pub fn new(wanted: Option<bool>) -> Self {
        let draft = Vec::with_capacity(MAX_DRAFT);
        Speculation { wanted, hits: HITS, draft, matched: 0, offered: 0, right: 0, drafted: 0, accepted: 0 }
    }

    /// The tokens to read after `last`, which follows `tokens`: at most `most`, often none.
    pub fn propose(&mut self, tokens: &[u32], last: u32, most: usize, costs: &mut PassCosts) -> &[u32] {
        (self.offered, self.right) = (0, 0);
        self.draft.clear();
        if most == 0 || self.wanted == Some(false) {
            return &[];
        }
        self.matched = look_up(tokens, last, most.min(MAX_DRAFT), &mut self.draft);
        self.offered = match self.wanted {
            Some(true) => self.draft.len(),
            _ => self.best(costs),
        };
        self.drafted += self.offered;
        self.draft.get(..self.offered).unwrap_or_default()
    }

    /// Nothing of what was proposed has been read after all.
    pub fn withdraw(&mut self) {
        self.drafted -= self.offered;
        (self.offered, self.right) = (0, 0);
        self.draft.clear();
    }

    /// The length that promises the most tokens in the least time.
    fn best(&self, costs: &mut PassCosts) -> usize {
        let (mut chance, mut tokens) = (1.0, 1.0);
        let mut best = (WORTH, 0);
        let mut tempting = false;
        for n in 1..=self.draft.len().min(costs.most() - 1) {
            chance *= self.hits.get(self.bucket(n - 1)).copied().unwrap_or(0.0);
            tokens += chance;
            tempting |= tokens > WORTH * PassCosts::guess(n + 1);
            let gain = tokens / costs.relative(n + 1);
            if gain > best.0 {
                best = (gain, n);
            }
        }
        if best.1 == 0 && tempting {
            costs.refuse();
        }
        best.1
    }

    /// Where the share of hits of the draft's `i`th token is counted: it is matched by those before it, too.
    fn bucket(&self, i: usize) -> usize {
        (self.matched + i).clamp(1, MAX_MATCH) - 1
    }

    /// Which row of the logits of the last pass belongs to the next token.
    pub fn row(&self) -> usize {
        self.right
    }

    /// Tokens that were read and have not come true (yet).
    pub fn ahead(&self) -> usize {
        self.offered - self.right
    }

    /// Compares the next token with what was expected; true where it has been read already, so that the next row of
    /// logits is right. Else what lies ahead of it must be forgotten.
    pub fn check(&mut self, token: u32) -> bool {
        // What was not worth reading is compared, too: it says what would have been.
        let Some(expected) = self.draft.get(self.right) else { return false };
        let hit = *expected == token;
        let bucket = self.bucket(self.right);
        if let Some(share) = self.hits.get_mut(bucket) {
            *share += LEARN * (f64::from(u8::from(hit)) - *share);
        }
        if hit && self.right < self.offered {
            self.right += 1;
            self.accepted += 1;
            return true;
        }
        (self.offered, self.right) = (0, 0);
        self.draft.clear();
        false
    }
}

/// Finds the latest of the places in `tokens` where most of the tokens before and with `last` stand already, and appends
/// up to `most` tokens that follow there. Gives how many are the same, at most [`MAX_MATCH`]; 0 where `last` is new.
///
/// What follows may run on into `last` and into the draft itself, as it does where a text repeats.
fn look_up(tokens: &[u32], last: u32, most: usize, draft: &mut Vec<u32>) -> usize {
    let mut best = (0, 0);
    for (i, _) in tokens.iter().enumerate().rev().filter(|(_, token)| **token == last) {
        let before = tokens.get(..i).unwrap_or_default().iter().rev();
        let same = before.zip(tokens.iter().rev()).take(MAX_MATCH - 1).take_while(|(a, b)| a == b).count();
        if same + 1 > best.0 {
            best = (same + 1, i + 1);
            if same + 1 == MAX_MATCH {
                break;
            }
        }
    }
    if best.0 > 0 {
        for i in best.1..best.1 + most {
            let next = match i.checked_sub(tokens.len()) {
                None => tokens.get(i).copied(),
                Some(0) => Some(last),
                Some(i) => draft.get(i - 1).copied(),
            };
            draft.extend(next);
        }
    }
    best.0
}

/// Tokens of the first pass that is tried: products take four rows at once, so that fewer cost no less, and where four cost as much
/// as four passes, more need not be tried.
const FIRST_TRY: usize = 4;
/// How often what could have been worth it is left, before it is measured anew for the first time.
const PATIENCE: u32 = 64;
/// What a token more is hoped to cost.
const HOPE: f64 = 0.2;

/// What a pass over several tokens costs, in passes over one: measured as they happen, for all calls on a model.
#[derive(Clone, Debug, Default)]
pub struct PassCosts {
    /// Milliseconds of a pass over one token.
    single: Option<f64>,
    /// By number of tokens, from 2 on.
    relative: [Option<f64>; MAX_DRAFT],
    /// How often drafts that could have been worth it were left because of what was measured, since it was last measured anew.
    refused: u32,
    /// How often it was measured anew.
    renewed: u32,
}

impl PassCosts {
    /// A pass over `n` tokens took `ms`.
    pub fn record(&mut self, n: usize, ms: f64) {
        let smooth = |old: &mut Option<f64>, new: f64, weight: f64| {
            *old = Some(old.map_or(new, |old| old + weight * (new - old)));
        };
        if n == 1 {
            smooth(&mut self.single, ms, 0.1);
        } else if let (Some(single), Some(slot)) = (self.single.filter(|ms| *ms > 0.0), self.relative.get_mut(n - 2)) {
            // More than as many single passes is a page that was busy, not a cost.
            smooth(slot, (ms / single).clamp(1.0, n as f64), 0.3);
        }
    }

    /// Tokens of a pass at most, as far as costs are known.
    fn most(&self) -> usize {
        if self.relative.iter().any(Option::is_some) { MAX_DRAFT + 1 } else { FIRST_TRY }
    }

    /// The cost of a pass over `n` tokens. Where none was measured: no more than one over more tokens; else what one over fewer
    /// tokens costs and a little more, a hope, so that it will be measured.
    fn relative(&self, n: usize) -> f64 {
        let measured = || self.relative.iter().enumerate().filter_map(|(i, cost)| Some((i + 2, (*cost)?)));
        let larger = measured().find(|(m, _)| *m >= n).map(|(_, cost)| cost.min(n as f64));
        let smaller = || measured().take_while(|(m, _)| *m < n).last();
        larger.unwrap_or_else(|| {
            let (m, cost) = smaller().unwrap_or((1, 1.0));
            cost + HOPE * (n as f64 - m as f64)
        })
    }

    /// The same before anything was measured: what a draft has to beat to be tempting.
    fn guess(n: usize) -> f64 {
        1.0 + HOPE * (n as f64 - 1.0)
    }

    /// A draft that could have been worth it was left. What was measured may have been an exception, or no longer hold: after a while
    /// it is measured anew, and each time the while doubles, so that trying costs ever less where nothing comes of it.
    fn refuse(&mut self) {
        self.refused += 1;
        if self.refused >= PATIENCE << self.renewed.min(16) {
            self.relative = Default::default();
            self.refused = 0;
            self.renewed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tokens: &[u32], last: u32, most: usize) -> (usize, Vec<u32>) {
        let mut draft = Vec::new();
        (look_up(tokens, last, most, &mut draft), draft)
    }

    #[test]
    fn the_longest_match_wins_and_the_latest_of_equals() {
        assert_eq!(found(&[1, 2, 3, 4, 9, 2, 7, 1, 2], 3, 3), (3, vec![4, 9, 2]));
        assert_eq!(found(&[5, 3, 1, 6, 3, 2, 7], 3, 1), (1, vec![2]));
        assert_eq!(found(&[1, 2, 3], 4, 3), (0, vec![]));
        assert_eq!(found(&[], 4, 3), (0, vec![]));
        let long: Vec<u32> = (0..20).chain(0..19).collect();
        assert_eq!(found(&long, 19, 2), (MAX_MATCH, vec![0, 1]));
    }

    #[test]
    fn what_repeats_is_continued_beyond_its_end() {
        assert_eq!(found(&[8, 1, 2, 1], 2, 5), (2, vec![1, 2, 1, 2, 1]));
        assert_eq!(found(&[7], 7, 3), (1, vec![7, 7, 7]));
    }

    /// Runs through a text as a decoder would; gives passes, tokens proposed and tokens right.
    fn run(text: &[u32], from: usize, wanted: Option<bool>, cost: impl Fn(usize) -> f64) -> (f64, usize, usize) {
        let mut speculation = Speculation::new(wanted);
        let mut costs = PassCosts::default();
        let (mut spent, mut at) = (0.0, from);
        while at + 1 < text.len() {
            let n = speculation.propose(&text[..at], text[at], MAX_DRAFT, &mut costs).len();
            spent += cost(n + 1);
            costs.record(n + 1, cost(n + 1));
            at += 1;
            while at + 1 < text.len() && speculation.check(text[at]) {
                at += 1;
            }
        }
        (spent, speculation.drafted, speculation.accepted)
    }

    fn noise(n: usize) -> Vec<u32> {
        let mut state = 7u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) % 50
        };
        (0..n).map(next).collect()
    }

    #[test]
    fn copying_is_found_out_and_pays() {
        let mut text = noise(300);
        text.extend_from_within(50..250);
        let (spent, drafted, accepted) = run(&text, 300, None, |n| 1.0 + 0.2 * (n as f64 - 1.0));
        assert!(spent < 90.0, "{spent} passes for 200 tokens");
        assert!(accepted > 150 && accepted as f64 > 0.9 * drafted as f64, "{accepted} of {drafted}");
    }

    #[test]
    fn where_it_does_not_pay_it_costs_next_to_nothing() {
        // Nothing to copy: a token stands in the text already, and what follows it is another each time.
        let (spent, drafted, _) = run(&noise(1300), 300, None, |n| 1.0 + 0.2 * (n as f64 - 1.0));
        assert!(spent < 1020.0, "{spent} passes for 1000 tokens, {drafted} proposed");
        // Copying, on a device that reads two tokens in the time of two.
        let mut text = noise(1300);
        text.extend_from_within(100..1100);
        let (spent, drafted, _) = run(&text, 1300, None, |n| n as f64);
        assert!(spent < 1012.0, "{spent} passes for 1000 tokens, {drafted} proposed");
        let (spent, drafted, _) = run(&text, 1300, Some(false), |n| n as f64);
        assert_eq!((spent, drafted), (999.0, 0));
    }

    #[test]
    fn costs_that_were_not_measured_follow_from_those_that_were() {
        let mut costs = PassCosts::default();
        assert!((2..=8).all(|n| costs.relative(n) == PassCosts::guess(n)) && costs.most() == FIRST_TRY);
        costs.record(1, 1.0);
        costs.record(4, 1.5);
        assert_eq!([2, 3, 4].map(|n| costs.relative(n)), [1.5; 3]);
        assert!((costs.relative(8) - 2.3).abs() < 1e-9 && costs.most() == 8);
        costs.record(8, 6.0);
        assert_eq!([4, 5, 6, 7, 8].map(|n| costs.relative(n)), [1.5, 5.0, 6.0, 6.0, 6.0]);
    }

    #[test]
    fn a_hiccup_is_forgotten_ever_more_slowly() {
        let mut costs = PassCosts::default();
        costs.record(1, 1.0);
        for wait in [PATIENCE, 2 * PATIENCE, 4 * PATIENCE] {
            (2..=MAX_DRAFT + 1).for_each(|n| costs.record(n, 1000.0));
            assert!((2..=8).all(|n| costs.relative(n) == n as f64));
            (1..wait).for_each(|_| costs.refuse());
            assert_eq!(costs.relative(8), 8.0);
            costs.refuse();
            assert!((2..=8).all(|n| costs.relative(n) == PassCosts::guess(n)));
        }
    }
}
