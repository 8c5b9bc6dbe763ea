//! Formats compiled for a vocabulary, and the way of one text through a format, token by token.

use std::collections::VecDeque;
use std::sync::Arc;

use llguidance::api::{GrammarInit, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::Value;

use crate::{Refused, Result, regex, schema};

/// How many compiled formats are kept, the ones used last.
const MOST_KEPT: usize = 32;

/// Longer tokens are never written: the tree of tokens has no room for them.
const LONGEST_TOKEN: usize = 512;

/// What a text is held to.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// JSON of a schema; the schema is JSON itself.
    Json(String),
    /// What a regular expression of JavaScript matches as a whole.
    Regex(String),
}

/// What may come next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// One bit a token, lowest first, and one more: whether the text may end here.
    Tokens(Vec<u32>),
    /// Nothing: the text is complete.
    End,
}

struct Kept {
    id: u32,
    format: Format,
    matcher: Matcher,
}

/// A vocabulary, with the formats that were compiled for it.
pub struct Guide {
    factory: ParserFactory,
    kept: VecDeque<Kept>,
    next_id: u32,
}

impl Guide {
    /// `tokens`: what each token writes; nothing where it may never be written.
    ///
    /// # Errors
    /// A vocabulary that the parser cannot take.
    pub fn new(mut tokens: Vec<Vec<u8>>) -> Result<Self> {
        for token in &mut tokens {
            // No text has such a byte, and the tree marks with it what is no text.
            if token.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER) || token.len() > LONGEST_TOKEN {
                token.clear();
            }
        }
        let end = tokens.len() as u32;
        tokens.push([&[TokTrie::SPECIAL_TOKEN_MARKER], "<end>".as_bytes()].concat());
        let trie = TokTrie::from(&TokRxInfo::new(tokens.len() as u32, end), &tokens);
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let wrong = |error: &dyn ToString| Refused::new("", "a vocabulary of texts", error.to_string());
        let mut factory = ParserFactory::new_simple(&env).map_err(|error| wrong(&error))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Guide { factory, kept: VecDeque::new(), next_id: 0 })
    }

    /// The id of a format, compiled where it is not yet.
    ///
    /// # Errors
    /// What is wrong with the format, and where.
    pub fn compile(&mut self, format: Format) -> Result<u32> {
        if let Some(at) = self.kept.iter().position(|kept| kept.format == format)
            && let Some(kept) = self.kept.remove(at)
        {
            let id = kept.id;
            self.kept.push_back(kept);
            return Ok(id);
        }
        let matcher = match &format {
            Format::Regex(pattern) => self
                .matcher(regex::grammar(pattern)?)
                .map_err(|found| Refused::new("", "a regular expression that text can be written for", found))?,
            Format::Json(text) => self.json(text)?,
        };
        if self.kept.len() == MOST_KEPT {
            self.kept.pop_front();
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.kept.push_back(Kept { id, format, matcher });
        Ok(id)
    }

    fn json(&self, text: &str) -> Result<Matcher> {
        let root: Value =
            serde_json::from_str(text).map_err(|error| Refused::new("", "a JSON schema", error.to_string()))?;
        self.matcher(json_grammar(schema::prepared(&root)?)).map_err(|found| {
            // Whatever the parser does not take, it does not say where: the smallest schema that it does not take is the place.
            let mut places = Vec::new();
            schema::places(&root, "", &mut places);
            let fails = |place: &String| {
                let grammar = schema::prepared_at(&root, place).map(json_grammar);
                let found = self.matcher(grammar.ok()?).err()?;
                Some((place.clone(), found))
            };
            let (place, found) = places.iter().find_map(fails).unwrap_or((String::new(), found));
            Refused::new(&place, "a schema that text can be written for, one token at a time", found)
        })
    }

    fn matcher(&self, grammar: GrammarInit) -> Result<Matcher, String> {
        let matcher = Matcher::new(self.factory.create_parser_from_init_default(grammar));
        match matcher.get_error() {
            None => Ok(matcher),
            Some(error) => Err(error.lines().next().unwrap_or_default().to_string()),
        }
    }

    fn kept(&mut self, id: u32) -> Result<&mut Matcher, String> {
        let kept = self.kept.iter_mut().find(|kept| kept.id == id);
        kept.map(|kept| &mut kept.matcher).ok_or_else(|| "the format is not kept any more".to_string())
    }

    /// Begins a text of a format: what may come first. One text of a format is written at a time.
    ///
    /// # Errors
    /// Where nothing may come, in words.
    pub fn begin(&mut self, id: u32) -> Result<Next, String> {
        let matcher = self.kept(id)?;
        if matcher.is_error() {
            // An earlier text failed in it.
            let at = self.kept.iter().position(|kept| kept.id == id);
            let format = at.and_then(|at| self.kept.remove(at)).map(|kept| kept.format);
            let format = format.ok_or("the format is not kept any more")?;
            let again = self.compile(format).map_err(|refused| refused.found)?;
            if let Some(kept) = self.kept.iter_mut().find(|kept| kept.id == again) {
                kept.id = id;
            }
        }
        let matcher = self.kept(id)?;
        matcher.reset().map_err(|error| error.to_string())?;
        next(matcher)
    }

    /// What may come behind `token`, which was allowed.
    ///
    /// # Errors
    /// Where nothing may come, in words.
    pub fn advance(&mut self, id: u32, token: u32) -> Result<Next, String> {
        let matcher = self.kept(id)?;
        matcher.consume_token(token).map_err(|error| error.to_string())?;
        next(matcher)
    }
}

fn next(matcher: &mut Matcher) -> Result<Next, String> {
    if matcher.is_stopped() && !matcher.is_error() {
        return Ok(Next::End);
    }
    let mask = matcher.compute_mask().map_err(|error| error.to_string())?;
    Ok(Next::Tokens(mask.as_slice().to_vec()))
}

fn json_grammar(mut schema: Value) -> GrammarInit {
    // One space at most, and only where people put one: white space without end is what nano models get stuck in.
    let options = JsonCompileOptions {
        item_separator: ", ?".into(),
        key_separator: ": ?".into(),
        whitespace_flexible: false,
        ..Default::default()
    };
    options.apply_to(&mut schema);
    GrammarInit::Serialized(TopLevelGrammar::from_json_schema(schema))
}

#[cfg(test)]
#[path = "guide_tests.rs"]
mod tests;
