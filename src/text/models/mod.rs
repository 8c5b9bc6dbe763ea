//! The models that turn a piece of text into tokens.

mod bpe;
mod unigram;
mod word_piece;

pub use bpe::{Bpe, byte_piece};
pub use unigram::Unigram;
pub use word_piece::{WordLevel, WordPiece};

/// One of the models.
#[derive(Debug)]
pub enum Model {
    Bpe(Bpe),
    Unigram(Unigram),
    WordPiece(WordPiece),
    WordLevel(WordLevel),
}

impl Model {
    /// Appends the ids of `piece`, which is not empty.
    ///
    /// # Errors
    /// A sentence, where the vocabulary cannot write a character.
    pub fn encode(&self, piece: &str, out: &mut Vec<u32>) -> Result<(), String> {
        match self {
            Model::Bpe(model) => model.encode(piece, out),
            Model::Unigram(model) => model.encode(piece, out),
            Model::WordPiece(model) => {
                model.encode(piece, out);
                Ok(())
            }
            Model::WordLevel(model) => {
                out.push(model.id(piece));
                Ok(())
            }
        }
    }
}
