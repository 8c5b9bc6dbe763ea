use super::*;

fn sampler(options: SampleOptions, n: usize) -> Sampler {
    Sampler::new(options, n, 16).unwrap()
}

/// Logits whose softmax is exactly these probabilities.
fn logits_of(probabilities: &[f32]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln()).collect()
}

/// How often each token comes in `n` independent first draws.
fn counts(options: &SampleOptions, logits: &[f32], n: usize) -> Vec<usize> {
    let mut counts = vec![0; logits.len()];
    let mut sampler = sampler(SampleOptions { repetition_penalty: 1.0, ..options.clone() }, logits.len());
    for _ in 0..n {
        counts[sampler.sample(logits).unwrap().token as usize] += 1;
    }
    counts
}

#[test]
fn greedy_takes_the_highest_and_of_equals_the_lowest_id() {
    let mut s = sampler(SampleOptions::default(), 4);
    assert_eq!(s.sample(&[1.0, 3.0, 3.0, 2.0]).unwrap().token, 1);
    assert_eq!(s.sample(&[-5.0, -5.0, -5.0, -5.0]).unwrap().token, 0);
    assert_eq!(s.sample(&[0.0, -0.0, 0.0, 1e-30]).unwrap().token, 3);
}

#[test]
fn logprob_is_that_of_the_unchanged_distribution() {
    let logits = logits_of(&[0.1, 0.2, 0.3, 0.4]);
    let options = SampleOptions { repetition_penalty: 5.0, ..Default::default() };
    let mut s = sampler(options, 4);
    s.observe(3);
    let choice = s.sample(&logits).unwrap();
    // ln 0.4 is negative: multiplied by 5 it is the lowest, so token 2 wins; its own probability is still 0.3.
    assert_eq!(choice.token, 2);
    assert!((choice.logprob - 0.3f32.ln()).abs() < 1e-6, "{}", choice.logprob);
    // Large logits do not overflow.
    let choice = sampler(SampleOptions::default(), 2).sample(&[1e30, 0.0]).unwrap();
    assert_eq!((choice.token, choice.logprob), (0, 0.0));
}

#[test]
fn penalty_divides_positive_and_multiplies_negative_logits() {
    let options = SampleOptions { repetition_penalty: 2.0, ..Default::default() };
    let mut s = sampler(options.clone(), 3);
    s.observe(0);
    assert_eq!(s.sample(&[4.0, 2.5, 0.0]).unwrap().token, 1, "4 / 2 is below 2.5");
    let mut s = sampler(options, 3);
    s.observe(0);
    assert_eq!(s.sample(&[-1.0, -1.5, -9.0]).unwrap().token, 1, "-1 * 2 is below -1.5");
}

#[test]
fn extreme_penalties_overflow_nothing() {
    for (temperature, top_k, top_p) in [(0.0, 0, 1.0), (1.0, 0, 1.0), (1.0, 2, 1.0), (1.0, 0, 0.5)] {
        for (penalty, want) in [(1e-38, 1), (1e38, 0)] {
            let options =
                SampleOptions { temperature, top_k, top_p, repetition_penalty: penalty, ..SampleOptions::default() };
            let mut s = sampler(options, 3);
            s.observe(1);
            s.observe(2);
            // Positive logits of 1e20 become as large as can be, or nothing; negative ones nothing, or as low as can be.
            assert_eq!(s.sample(&[20.0, 1e20, -1e20]).unwrap().token, want, "{temperature} {top_k} {top_p} {penalty}");
        }
    }
}

#[test]
fn no_ngram_comes_twice() {
    let mut s = sampler(SampleOptions { no_repeat_ngram: 2, ..Default::default() }, 3);
    let tokens: Vec<u32> = (0..6).map(|_| s.sample(&[3.0, 2.0, 1.0]).unwrap().token).collect();
    // 0 0, then 0 0 again is banned: 1; 1 0 is new; 0 0 and 0 1 are taken: 2; 2 0; then all three of 0 x are taken.
    assert_eq!(tokens[..5], [0, 0, 1, 0, 2]);
    let mut s = sampler(SampleOptions { no_repeat_ngram: 1, ..Default::default() }, 2);
    assert_eq!(s.sample(&[1.0, 0.0]).unwrap().token, 0);
    assert_eq!(s.sample(&[1.0, 0.0]).unwrap().token, 1);
    assert!(matches!(s.sample(&[1.0, 0.0]), Err(Error::InvalidOption { .. })), "every token is banned");
}

#[test]
fn banned_tokens_never_come() {
    let mut s = sampler(SampleOptions::default(), 3);
    s.ban(1);
    assert_eq!(s.sample(&[0.0, 9.0, 1.0]).unwrap().token, 2);
    let mut s = sampler(SampleOptions { temperature: 1.0, ..Default::default() }, 3);
    s.ban(1);
    assert!((0..200).all(|_| s.sample(&[0.0, 9.0, 1.0]).unwrap().token != 1));
}

#[test]
fn top_k_keeps_exactly_k_and_of_equals_the_lowest_ids() {
    let options = SampleOptions { temperature: 1.0, top_k: 2, ..Default::default() };
    let found = counts(&options, &[1.0, 1.0, 1.0, 0.5], 500);
    assert!(found[0] > 150 && found[1] > 150, "{found:?}");
    assert_eq!(&found[2..], [0, 0]);
}

#[test]
fn top_p_keeps_the_fewest_tokens_that_reach_p() {
    let logits = logits_of(&[0.15, 0.5, 0.05, 0.3]);
    let kept = |top_p: f32| {
        let found = counts(&SampleOptions { temperature: 1.0, top_p, ..Default::default() }, &logits, 2000);
        (0..4).filter(|t| found[*t] > 0).collect::<Vec<_>>()
    };
    assert_eq!(kept(0.4), [1]);
    assert_eq!(kept(0.6), [1, 3]);
    assert_eq!(kept(0.9), [0, 1, 3]);
    assert_eq!(kept(0.97), [0, 1, 2, 3]);
    assert_eq!(kept(1e-9), [1], "at least one token stays");
}

#[test]
fn min_p_is_relative_to_the_most_likely() {
    let logits = logits_of(&[0.15, 0.5, 0.05, 0.3]);
    let found = counts(&SampleOptions { temperature: 1.0, min_p: 0.4, ..Default::default() }, &logits, 2000);
    assert!(found[1] > 0 && found[3] > 0, "{found:?}");
    assert_eq!((found[0], found[2]), (0, 0), "0.15 < 0.4 * 0.5");
}

/// Pearson's chi-square over six tokens: 20.5 is the 0.1 % limit for five degrees of freedom; the seed is fixed.
#[test]
fn draws_follow_the_distribution_and_the_comparator_can_fail() {
    let expected = [0.02f64, 0.08, 0.1, 0.2, 0.25, 0.35];
    let chi_square = |found: &[usize]| {
        let n: usize = found.iter().sum();
        found.iter().zip(expected).map(|(&f, p)| (f as f64 - p * n as f64).powi(2) / (p * n as f64)).sum::<f64>()
    };
    let logits: Vec<f32> = expected.iter().map(|p| p.ln() as f32).collect();
    let options = SampleOptions { temperature: 1.0, seed: 11, ..Default::default() };
    let plain = chi_square(&counts(&options, &logits, 20_000));
    assert!(plain < 20.5, "chi square {plain}");
    let warm = chi_square(&counts(&SampleOptions { temperature: 1.1, ..options.clone() }, &logits, 20_000));
    assert!(warm > 20.5, "a wrong temperature must show: {warm}");
    // Temperature 2 with logits doubled is the same distribution.
    let doubled: Vec<f32> = logits.iter().map(|x| 2.0 * x).collect();
    let same = chi_square(&counts(&SampleOptions { temperature: 2.0, ..options }, &doubled, 20_000));
    assert!(same < 20.5, "chi square {same}");
}

#[test]
fn the_seed_decides() {
    let logits = logits_of(&[0.25, 0.25, 0.25, 0.25]);
    let run = |seed| {
        let mut s = sampler(SampleOptions { temperature: 1.0, seed, ..Default::default() }, 4);
        (0..32).map(|_| s.sample(&logits).unwrap().token).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_tiny_temperature_is_almost_greedy() {
    let mut s = sampler(SampleOptions { temperature: 1e-30, ..Default::default() }, 3);
    assert!((0..50).all(|_| s.sample(&[1e30, 0.9e30, -1e30]).unwrap().token == 0));
}

#[test]
fn bad_rows_are_errors() {
    let mut s = sampler(SampleOptions::default(), 3);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(matches!(s.sample(&[0.0, bad, 1.0]), Err(Error::NotFinite { token: 1, .. })));
    }
    assert!(matches!(s.sample(&[0.0]), Err(Error::Internal { .. })));
    assert_eq!(s.sample(&[0.0, 1.0, 0.5]).unwrap().token, 1, "usable after an error");
}
