//! The phrases that say what a text is about.
//!
//! Candidates are runs of one to three words between function words and punctuation, as in RAKE (Rose et al. 2010). A word
//! weighs more where it is frequent, stands early, in many sentences, is written with a capital (YAKE, Campos et al. 2020),
//! is rare in the language, which the tokenizer knows (a rare word takes more tokens), and stands in sentences that the
//! model finds salient. A phrase is worth what its words are, and more the more often they come together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use serde::Deserialize;

use super::article::Article;
use super::format::TaskFormat;
use super::judge::Judge;
use super::salience::SalienceSection;
use super::summarize::SummaryKind;
use crate::case;
use crate::error::{Error, Result};
use crate::language::en::{content_word, is_function_word, joined_words};
use crate::run::section::{Description, Sections};
use crate::run::{Context, Ended, Event, Job, Keyword, Model};
use crate::text::Controls;

/// Words of a phrase, at most.
const MAX_WORDS: usize = 3;
/// Words that fill a sentence without saying what it is about, beside function words. Plurals count as well.
const FILLERS: &str = "able according added began begin best better big billion call called case cause caused century common \
    considered cool day different due early easy example fact far fast fell few find five foot four found full good great \
    greater group grow grown half hand hang hard help high higher hour hundred important include included including inch \
    kilometer kilometre kind large larger largest late left length long low lower main major man men meter metre mile million \
    minute modern month need new nine number old part people percent person place pound rate ready reported right second \
    section seven short show shown side similar simple six size slow small smaller sort start started strong ten thousand \
    three time ton told type various very want week weight wide woman women word work worked world year young \
    afraid bye er hello hey hi hm hmm mm ok okay please sorry thank uh uhm um yeah yep";
/// What a phrase of one word is worth that stands in the text once, without a capital.
const ONCE: f64 = 0.6;

/// One word of a candidate.
#[derive(Clone, Debug)]
struct Word {
    bytes: Range<usize>,
    /// What it counts as.
    key: String,
    sentence: usize,
    /// Its first letter is a capital and it does not begin the sentence.
    capital: bool,
}

/// What is known of all words that count as one.
#[derive(Clone, Debug, Default)]
struct Facts {
    count: f64,
    first_sentence: usize,
    sentences: BTreeSet<usize>,
    capitals: f64,
    tokens: f64,
    salience: f64,
}

/// Options of [`Model::extract_keywords`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct KeywordOptions {
    /// At most this many.
    pub limit: usize,
}

impl Default for KeywordOptions {
    fn default() -> Self {
        KeywordOptions { limit: 10 }
    }
}

/// Any model will do.
pub fn read(_: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    sections.names.push("keywords");
    Ok(())
}

impl Model {
    /// Finds the phrases that say what a text is about, as [`Event::Keyword`], the best first. Any model will do; one that
    /// judges sentences does better.
    ///
    /// # Errors
    /// `InvalidOption` for a text without words and a limit of 0.
    pub fn extract_keywords(self: &Rc<Self>, text: &str, options: &KeywordOptions) -> Result<Job> {
        if options.limit == 0 {
            return Err(Error::InvalidOption {
                name: "limit".into(),
                expected: "at least 1".into(),
                found: "0".into(),
            });
        }
        let (article, limit) = (Article::with_prose(text)?, options.limit);
        Ok(Job::new(self, |context| run(context, article, limit)))
    }
}

async fn run(context: Rc<Context>, mut article: Article, limit: usize) -> Result<Ended> {
    let model = context.model();
    if let Some(format) = model.section::<TaskFormat>() {
        let weights = SalienceSection::of(model, SummaryKind::KeyPoints);
        let mut judge = Judge::new(&context, article, format.clone(), weights.wanted(), false);
        judge.judge().await?;
        judge.weigh(weights);
        article = judge.article;
    }
    context.prefilled();
    let tokens = |word: &str| match model.tokenizer() {
        Some(tokenizer) => tokenizer.encode(&format!(" {word}"), false, Controls::Literal).map_or(1, |ids| ids.len()),
        None => 1,
    };
    for keyword in keywords(&article, &tokens, limit) {
        context.emit(Event::Keyword(keyword)).await;
    }
    Ok(Ended::given())
}

/// Runs of words with nothing but a space between them and no function word among them.
fn runs(article: &Article) -> Vec<Vec<Word>> {
    let mut runs: Vec<Vec<Word>> = Vec::new();
    for (sentence, bytes) in article.sentences.iter().map(|s| s.bytes.clone()).enumerate() {
        let text = article.text.get(bytes.clone()).unwrap_or_default();
        let mut run: Vec<Word> = Vec::new();
        let words = joined_words(text);
        // In a line of capitals they say nothing.
        let shouted = !text.chars().any(char::is_lowercase);
        for (k, word) in words.iter().cloned().enumerate() {
            let shown = text.get(word.clone()).unwrap_or_default();
            let at = bytes.start + word.start..bytes.start + word.end;
            let gap = run.last().map(|last| article.text.get(last.bytes.end..at.start).unwrap_or_default());
            if gap.is_some_and(|gap| !gap.chars().all(char::is_whitespace)) {
                runs.push(std::mem::take(&mut run));
            }
            // A possessive is its word.
            let bare = shown.strip_suffix("'s").or_else(|| shown.strip_suffix("’s")).unwrap_or(shown);
            let lettered = |key: &String| key.chars().any(char::is_alphabetic);
            // "US" is no pronoun, and "New Zealand" no new one.
            let acronym = !shouted && bare.len() > 1 && bare.chars().all(|c| c.is_ascii_uppercase());
            let next = words.get(k + 1).and_then(|next| text.get(next.clone()));
            let named = shown.starts_with(char::is_uppercase)
                && next.is_some_and(|next| next.starts_with(char::is_uppercase) && content_word(next).is_some());
            let filler = |key: &String| !acronym && !named && is_filler(key);
            let mortar = |word: &str| is_function_word(&case::lower(word));
            // "don't" and "we'll" are two function words in one.
            let contracted = bare.split_once(['\'', '’']).is_some_and(|(stem, end)| mortar(stem) && mortar(end));
            let key = match acronym && content_word(bare).is_none() {
                true => Some(bare.to_string()),
                false => content_word(bare).filter(|key| lettered(key) && !filler(key) && !contracted),
            };
            match key {
                None => runs.push(std::mem::take(&mut run)),
                Some(key) => {
                    let capital = k > 0 && shown.starts_with(char::is_uppercase);
                    run.push(Word { bytes: at.start..at.start + bare.len(), key, sentence, capital });
                    if bare.len() < shown.len() {
                        runs.push(std::mem::take(&mut run));
                    }
                }
            }
        }
        runs.push(run);
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn is_filler(key: &str) -> bool {
    FILLERS.split_whitespace().any(|filler| filler == key) || key.len() > 4 && key.is_ascii() && key.ends_with("ly")
}

/// The best phrases of a text, the best first. `tokens` says how many tokens a word has.
fn keywords(article: &Article, tokens: &dyn Fn(&str) -> usize, limit: usize) -> Vec<Keyword> {
    let runs = runs(article);
    let mut words: BTreeMap<&str, Facts> = BTreeMap::new();
    for word in runs.iter().flatten() {
        let facts = words.entry(&word.key).or_insert_with(|| Facts {
            first_sentence: word.sentence,
            tokens: tokens(article.text.get(word.bytes.clone()).unwrap_or_default()) as f64,
            ..Facts::default()
        });
        facts.count += 1.0;
        facts.capitals += f64::from(u8::from(word.capital));
        facts.sentences.insert(word.sentence);
        facts.salience += f64::from(article.sentences.get(word.sentence).map_or(0.0, |s| s.salience));
    }
    let n = article.sentences.len() as f64;
    let highest = |value: &dyn Fn(&Facts) -> f64| words.values().map(value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let most = highest(&|facts| facts.count);
    let most_salient = highest(&|facts| facts.salience / facts.count);
    let weight = |key: &str| {
        let Some(facts) = words.get(key) else { return 0.0 };
        let frequency = (1.0 + facts.count).ln() / (1.0 + most).ln();
        let early = 1.0 / (2.0 + facts.first_sentence as f64).ln();
        let spread = facts.sentences.len() as f64 / n;
        let capital = facts.capitals / facts.count;
        let rare = (facts.tokens.min(3.0) - 1.0) / 2.0;
        let salience = facts.salience / facts.count / most_salient;
        frequency
            * (0.5 + early)
            * (1.0 + spread.sqrt())
            * (1.0 + 0.6 * capital)
            * (1.0 + 0.5 * rare)
            * (0.6 + 0.4 * salience)
    };
    let mut phrases: BTreeMap<Vec<&str>, Vec<&[Word]>> = BTreeMap::new();
    for run in &runs {
        for length in 1..=MAX_WORDS.min(run.len()) {
            for phrase in run.windows(length) {
                phrases.entry(phrase.iter().map(|word| word.key.as_str()).collect()).or_default().push(phrase);
            }
        }
    }
    let mut scored: Vec<(f64, &Vec<&str>)> = phrases
        .iter()
        .map(|(keys, places)| {
            let sum: f64 = keys.iter().map(|key| weight(key)).sum();
            let together =
                places.len() as f64 / keys.iter().filter_map(|key| words.get(key)).map(|f| f.count).fold(1.0, f64::max);
            let mean = sum / keys.len() as f64;
            // Longer phrases say more, if their words belong together.
            let length = 1.0 + 0.35 * (keys.len() as f64 - 1.0) * (0.4 + together).min(1.0);
            // Words that stand together once and elsewhere alone.
            let repeated = if keys.len() > 1 && places.len() == 1 && together < 1.0 { 0.75 } else { 1.0 };
            let facts = keys.first().filter(|_| keys.len() == 1).and_then(|key| words.get(key));
            let once = if facts.is_some_and(|f| f.count < 2.0 && f.capitals == 0.0) { ONCE } else { 1.0 };
            (mean * length * repeated * once, keys)
        })
        .collect();
    crate::order::sort_by(&mut scored, |a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let best = scored.first().map_or(1.0, |(score, _)| *score).max(f64::MIN_POSITIVE);
    let mut chosen: Vec<Keyword> = Vec::new();
    let mut said: Vec<&Vec<&str>> = Vec::new();
    for (score, keys) in scored {
        if chosen.len() == limit {
            break;
        }
        // What an earlier phrase has said already, or says with a word more.
        let within = |a: &[&str], b: &[&str]| b.windows(a.len()).any(|part| part == a);
        let shared = |other: &[&str]| keys.iter().filter(|key| other.contains(key)).count();
        let repeats = |other: &&Vec<&str>| within(keys, other) || within(other, keys) || 2 * shared(other) > keys.len();
        if said.iter().any(repeats) {
            continue;
        }
        let places = phrases.get(keys).map(Vec::as_slice).unwrap_or_default();
        let bytes = |phrase: &[Word]| match (phrase.first(), phrase.last()) {
            (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
            _ => 0..0,
        };
        let first = places.first().map_or(0..0, |phrase| bytes(phrase));
        let text = article.text.get(first).unwrap_or_default().to_string();
        let places: Vec<_> = places.iter().map(|phrase| article.place(bytes(phrase))).collect();
        chosen.push(Keyword { text, score: (score / best) as f32, places });
        said.push(keys);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Solar panels turn sunlight into electricity. A solar panel is made of cells of silicon. The price of \
        solar panels fell quickly. Öko-Strom 🌞 helps Anna Berg's town; Anna Berg pays for it. Solar panels need no fuel.";

    fn found(text: &str, limit: usize) -> Vec<Keyword> {
        keywords(&Article::new(text), &|word| word.len().div_ceil(5), limit)
    }

    #[test]
    fn phrases_come_with_every_place() {
        let all = found(TEXT, 8);
        let texts: Vec<&str> = all.iter().map(|k| k.text.as_str()).collect();
        assert_eq!(texts[0], "Solar panels");
        assert!(texts.contains(&"Anna Berg"), "{texts:?}");
        assert_eq!(all[0].places.len(), 4, "plural and singular, any case");
        assert_eq!(all[0].score, 1.0);
        assert!(all.is_sorted_by(|a, b| a.score >= b.score));
        let utf16: Vec<u16> = TEXT.encode_utf16().collect();
        for keyword in &all {
            for place in &keyword.places {
                let text = &TEXT[place.bytes.clone()];
                assert_eq!(String::from_utf16(&utf16[place.utf16.clone()]).unwrap(), text);
                let key = |text: &str| text.split(' ').filter_map(content_word).collect::<Vec<_>>();
                assert_eq!(key(text), key(&keyword.text));
            }
        }
        assert_eq!(found(TEXT, 2)[..], all[..2]);
    }

    #[test]
    fn phrases_do_not_cross_punctuation_or_function_words_or_say_a_word_twice() {
        let all = found("Red cars, blue boats and green trains. Cars of steel.", 20);
        let texts: BTreeSet<&str> = all.iter().map(|k| k.text.as_str()).collect();
        assert!(texts.contains("blue boats") && texts.contains("green trains"), "{texts:?}");
        assert!(texts.iter().all(|text| !text.contains(',') && !text.contains(" and ")));
        let words: Vec<String> = texts.iter().flat_map(|t| t.split(' ')).filter_map(content_word).collect();
        assert_eq!(words.len(), words.iter().collect::<BTreeSet<_>>().len());
        assert!(found("The of and 12 % it.", 5).is_empty());
    }

    #[test]
    fn of_markup_a_keyword_is_what_is_shown() {
        let source = "<html><body><p>The <b>Harbour</b> Bridge &amp; the tunnel were closed on Tuesday, the council said.</p>\
            <p>The Harbour Bridge will be repaired in May.</p></body></html>";
        let all = keywords(&Article::prose(source), &|_| 1, 20);
        let bridge = all.iter().find(|keyword| keyword.text == "Harbour Bridge").unwrap();
        assert_eq!(bridge.places.len(), 2);
        assert_eq!(&source[bridge.places[1].bytes.clone()], "Harbour Bridge");
    }

    #[test]
    fn contractions_of_function_words_are_none() {
        let all = counted("I'm sorry, we don't have it and we'll send Mario's pizza. The parcel hasn’t arrived.");
        assert!(all.iter().all(|(text, _)| !text.contains(['\'', '’'])), "{all:?}");
        assert!(all.iter().any(|(text, _)| text.ends_with("Mario")), "{all:?}");
    }

    /// What is found in a text, with the number of its places.
    fn counted(text: &str) -> Vec<(String, usize)> {
        found(text, 20).into_iter().map(|k| (k.text, k.places.len())).collect()
    }

    #[test]
    fn a_word_is_one_however_it_is_written() {
        for (text, word, places) in [
            ("The word na\u{ef}ve and nai\u{308}ve differ.", "na\u{ef}ve", 2),
            ("Zu\u{308}rich is far. Z\u{fc}rich is near.", "Zu\u{308}rich", 2),
            ("The data\u{200b}base is full. The database is slow.", "data\u{200b}base", 2),
            ("Soft\u{ad}ware ages. Our software is free. Software\u{feff} is art.", "Soft\u{ad}ware", 3),
            ("e\u{2011}mail works. e-mail fails. e\u{2010}mail stops.", "e\u{2011}mail", 3),
            ("Machine learning works. Machine\u{a0} learning  works. Machine\nlearning works.", "Machine learning", 3),
            ("user_name is a field. user_name is set.", "user_name", 2),
        ] {
            let all = counted(text);
            assert!(all.contains(&(word.to_string(), places)), "{text}: {all:?}");
        }
    }

    #[test]
    fn signs_and_capitals_make_words() {
        for (text, words) in [
            ("C++ and C# and Node.js and AT&T.", &["C++", "C#", "Node.js", "AT&T"][..]),
            ("R&D of F# at Vue.js by snake_case.", &["R&D", "F#", "Vue.js", "snake_case"]),
            ("The WHO met. The WHO left.", &["WHO"]),
            ("New Zealand won. New Zealand lost.", &["New Zealand"]),
            ("Great Britain and New York are here.", &["Great Britain", "New York"]),
        ] {
            let all = counted(text);
            assert!(words.iter().all(|word| all.iter().any(|(found, _)| found == word)), "{text}: {all:?}");
        }
        let troops = counted("US troops left. US aid stopped.");
        assert!(troops.iter().any(|(text, _)| text.starts_with("US")), "{troops:?}");
        assert!(counted("WHO SAID IT TO US? NEW CARS.").iter().all(|(text, _)| text != "WHO" && text != "US"));
    }
}
