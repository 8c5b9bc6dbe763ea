//! One regular expression as a whole grammar.

use llguidance::api::GrammarInit;
use llguidance::derivre::RegexAst;
use llguidance::earley::lexerspec::LexerSpec;
use llguidance::earley::{Grammar, SymbolProps};

use crate::{Refused, Result, pattern};

/// The grammar of all texts that match from their beginning to their end. The pattern is JavaScript's.
///
/// # Errors
/// What is no regular expression, or what no mask can hold.
pub fn grammar(pattern: &str) -> Result<GrammarInit> {
    let expected = "a regular expression without look-around, references back and word boundaries";
    let expression = pattern::translated(pattern).map_err(|found| Refused::new("", expected, found))?;
    one_lexeme(format!("(?:{expression})")).map_err(|error| Refused::new("", expected, error.to_string()))
}

fn one_lexeme(expression: String) -> Result<GrammarInit, Box<dyn std::error::Error>> {
    let mut grammar = Grammar::new(None);
    let mut lexer = LexerSpec::new()?;
    lexer.regex_builder.unicode(true);
    lexer.regex_builder.utf8(true);
    lexer.setup_lexeme_class(RegexAst::NoMatch)?;
    let lexeme = lexer.add_greedy_lexeme("text".into(), RegexAst::Regex(expression), false, None, usize::MAX)?;
    let start = grammar.fresh_symbol_ext("start", SymbolProps { is_start: true, ..Default::default() });
    let text = grammar.fresh_symbol_ext("text", SymbolProps::default());
    grammar.make_terminal(text, lexeme, &lexer)?;
    grammar.add_rule(start, vec![text])?;
    Ok(GrammarInit::Internal(grammar, lexer))
}
