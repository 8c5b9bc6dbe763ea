//! A text that goes on: read piece by piece, written to, copied, saved.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::context::Context;
use super::event::Phase;
use super::generate::{Continuing, GenerateOptions, Prompt, run};
use super::job::{Ended, Job};
use super::lent::{Lent, Text};
use super::model::Model;
use crate::error::{Error, Result};
use crate::model::LogitRows;
use crate::sample::Guide;
use crate::session::Saved;
use crate::text::Controls;

/// Room for more is made in steps of at least this many tokens.
const GROWTH: usize = 256;

/// A text in the model's memory. One call at a time; copies are independent of each other.
pub struct OpenSession {
    model: Rc<Model>,
    text: Rc<RefCell<Text>>,
    /// How many tokens stood before what the last call wrote or appended.
    before: Cell<usize>,
}

impl Model {
    /// A session without any text.
    pub fn session(self: &Rc<Self>) -> OpenSession {
        OpenSession { model: Rc::clone(self), text: Rc::default(), before: Cell::default() }
    }

    /// A session from what [`OpenSession::save`] gave.
    ///
    /// # Errors
    /// `Session` where the bytes are damaged, or of another model; `ContextFull` cannot come of bytes of this model.
    pub async fn open_session(self: &Rc<Self>, bytes: &[u8]) -> Result<OpenSession> {
        let saved = Saved::read(bytes, self.identity(), self.vocab_size())?;
        let limit = self.context_len();
        if saved.tokens.len() > limit {
            return Err(Error::ContextFull { limit, found: saved.tokens.len() });
        }
        let mut session = None;
        if saved.positions > 0 {
            let mut empty = self.session_for(&[], capacity(saved.tokens.len(), limit)).await?;
            // Where it was computed on another kind of device, the first call reads the tokens again.
            session = (empty.restore(&saved) > 0).then_some(empty);
        }
        let text = Text { tokens: saved.tokens, session, lent: false };
        Ok(OpenSession { model: Rc::clone(self), text: Rc::new(RefCell::new(text)), before: Cell::default() })
    }
}

/// Room for `n` tokens and some more.
fn capacity(n: usize, limit: usize) -> usize {
    (n + (n / 2).max(GROWTH)).min(limit)
}

impl OpenSession {
    /// All tokens read and written so far.
    pub fn tokens(&self) -> Vec<u32> {
        self.text.borrow().tokens.clone()
    }

    /// Reads more text. Where the job is dropped before it is done, or fails, nothing was appended.
    ///
    /// # Errors
    /// `ContextFull` where it leaves no room to write, `Busy` while another call on this session runs, `Tokenizer` where the
    /// model has none and the prompt is text.
    pub fn append(&self, prompt: Prompt<'_>) -> Result<Job> {
        self.model.require_continuing("session")?;
        let lent = Lent::new(&self.text)?;
        let mut tokens = self.tokens();
        self.before.set(tokens.len());
        match prompt {
            Prompt::Tokens(more) => tokens.extend_from_slice(more),
            Prompt::Text(more) | Prompt::Literal(more) => {
                let tokenizer = self.model.require_tokenizer()?;
                let parses = matches!(prompt, Prompt::Text(_));
                let controls = if parses { Controls::Parse } else { Controls::Literal };
                let more = match tokens.is_empty() {
                    true => tokenizer.encode(more, true, controls)?,
                    false => tokenizer.encode_more(more, controls)?,
                };
                tokens.extend(more);
            }
        }
        let limit = self.model.context_len();
        if tokens.len() >= limit {
            return Err(Error::ContextFull { limit, found: tokens.len() });
        }
        let capacity = capacity(tokens.len(), limit);
        Ok(Job::new(&self.model, |context| append(context, lent, tokens, capacity)))
    }

    /// Continues the text. What is written belongs to it from then on, also where the job is dropped half-way: stop texts
    /// with it, the token that ends an output without.
    ///
    /// # Errors
    /// As [`Model::generate`], and `Busy` while another call on this session runs.
    pub fn generate(&self, options: &GenerateOptions) -> Result<Job> {
        self.generate_from(&self.tokens(), options, None)
    }

    /// Reads `tokens` in place of the text, as far as the text does not begin with them, and continues them as
    /// [`OpenSession::generate`] does, with what the guide allows where there is one.
    ///
    /// # Errors
    /// As [`OpenSession::generate`], and what the guide says.
    pub fn generate_from(
        &self,
        tokens: &[u32],
        options: &GenerateOptions,
        guide: Option<Box<dyn Guide>>,
    ) -> Result<Job> {
        self.model.require_continuing("session")?;
        let lent = Lent::new(&self.text)?;
        let continuing = Continuing::new(&self.model, tokens.to_vec(), options, guide)?;
        self.before.set(continuing.prompt_len());
        Ok(Job::new(&self.model, |context| run(context, continuing, Some(lent))))
    }

    /// Of what the last call wrote or appended, keeps the first `n` tokens: whoever stopped it may have been given fewer than
    /// were there by then.
    ///
    /// # Errors
    /// `Busy` while a call on this session runs.
    pub fn keep_written(&self, n: usize) -> Result<()> {
        let lent = Lent::new(&self.text)?;
        let mut tokens = self.tokens();
        tokens.truncate(self.before.get().saturating_add(n));
        let held = self.text.borrow_mut().session.take();
        lent.give_back(tokens, held);
        Ok(())
    }

    /// A session of its own with the same text.
    ///
    /// # Errors
    /// `Busy` while a call on this session runs; `OutOfMemory`.
    pub async fn fork(&self) -> Result<OpenSession> {
        // Lent meanwhile: a call cannot change what is being copied.
        let lent = Lent::new(&self.text)?;
        let held = self.text.borrow_mut().session.take();
        let copy = match &held {
            Some(session) => self.model.copy_session(session, session.capacity()).await.map(Some),
            None => Ok(None),
        };
        lent.give_back(self.tokens(), held);
        let text = Text { tokens: self.tokens(), session: copy?, lent: false };
        Ok(OpenSession { model: Rc::clone(&self.model), text: Rc::new(RefCell::new(text)), before: Cell::default() })
    }

    /// The session as bytes, for [`Model::open_session`] of the same model. From the CPU with the model's memory of the
    /// text; from the GPU the tokens alone, which are read again when the session is next used.
    ///
    /// # Errors
    /// `Busy` while a call on this session runs.
    pub fn save(&self) -> Result<Vec<u8>> {
        let text = self.text.borrow();
        if text.lent {
            return Err(Error::Busy);
        }
        let identity = self.model.identity();
        Ok(match &text.session {
            Some(session) => session.save(identity, text.tokens.get(session.position()..).unwrap_or_default()),
            None => Saved { tokens: text.tokens.clone(), ..Saved::default() }.write(identity),
        })
    }
}

/// Reads what was appended: `tokens` are the whole text.
async fn append(context: Rc<Context>, lent: Lent, tokens: Vec<u32>, capacity: usize) -> Result<Ended> {
    // Who writes wants the logits of the last token: it is read then.
    let most = tokens.len().saturating_sub(1);
    let ahead = tokens.get(..most).unwrap_or_default();
    let before = lent.tokens();
    let mut session = context.lease_text(lent, ahead, capacity, before).await?;
    let cached = session.position();
    loop {
        let rest = ahead.get(session.position()..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        context.feed(&mut session, rest, LogitRows::None, &mut Vec::new()).await?;
        context.progress(Phase::Prefill, session.position(), most).await;
    }
    context.prefilled();
    context.count(|usage| (usage.prompt_tokens, usage.cached_tokens) = (tokens.len(), cached));
    session.set_text(tokens);
    Ok(Ended::given())
}
