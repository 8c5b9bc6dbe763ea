//! What the worker calls. Texts and numbers alone cross: the worker writes a text to [`reserve`]d memory, and reads answers where
//! [`answer`] says.

use std::cell::RefCell;

use crate::guide::{Format, Guide, Next};
use crate::{Refused, Result};

/// Of [`begin`] and [`advance`]: the mask lies in the answer.
const MASK: i32 = 0;
/// The text is complete.
const END: i32 = 1;
/// Failed: why lies in the answer.
const FAILED: i32 = -1;

#[derive(Default)]
struct State {
    input: Vec<u8>,
    answer: Vec<u8>,
    guide: Option<Guide>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

impl State {
    fn text(&self) -> Result<String> {
        let text = String::from_utf8(self.input.clone());
        text.map_err(|error| Refused::new("", "a text", error.to_string()))
    }

    fn guide(&mut self) -> Result<&mut Guide> {
        self.guide.as_mut().ok_or_else(|| Refused::new("", "a vocabulary first", "none"))
    }

    fn refuse(&mut self, refused: &Refused) -> i32 {
        self.answer = refused.to_json().to_string().into_bytes();
        FAILED
    }

    fn told(&mut self, next: Result<Next, String>) -> i32 {
        match next {
            Ok(Next::Tokens(mask)) => {
                self.answer.clear();
                self.answer.extend(mask.iter().flat_map(|word| word.to_le_bytes()));
                MASK
            }
            Ok(Next::End) => END,
            Err(found) => self.refuse(&Refused::new("", "a token that may come next", found)),
        }
    }
}

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|state| work(&mut state.borrow_mut()))
}

/// Memory for `length` bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(length: usize) -> *mut u8 {
    with(|state| {
        state.input.clear();
        state.input.resize(length, 0);
        state.input.as_mut_ptr()
    })
}

/// Where the last answer lies.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    with(|state| state.answer.as_ptr())
}

/// How many bytes it has.
#[unsafe(no_mangle)]
pub extern "C" fn answer_length() -> usize {
    with(|state| state.answer.len())
}

/// Takes the vocabulary from the input: the number of tokens, where the bytes of each end, all of them as 32 bits with the lowest
/// byte first, then the bytes.
#[unsafe(no_mangle)]
pub extern "C" fn vocabulary() -> i32 {
    with(|state| match tokens(&std::mem::take(&mut state.input)).and_then(Guide::new) {
        Ok(guide) => {
            state.guide = Some(guide);
            0
        }
        Err(refused) => state.refuse(&refused),
    })
}

fn tokens(input: &[u8]) -> Result<Vec<Vec<u8>>> {
    let wrong = || Refused::new("", "a vocabulary", "bytes that are none");
    let number = |at: usize| {
        let bytes = input.get(4 * at..4 * at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let n = number(0).ok_or_else(wrong)?;
    let bytes = n.checked_add(1).and_then(|n| input.get(n.checked_mul(4)?..)).ok_or_else(wrong)?;
    let mut out = Vec::with_capacity(n);
    let mut start = 0;
    for i in 1..=n {
        let end = number(i).ok_or_else(wrong)?;
        out.push(bytes.get(start..end).ok_or_else(wrong)?.to_vec());
        start = end;
    }
    Ok(out)
}

/// Compiles the schema in the input. Gives its id.
#[unsafe(no_mangle)]
pub extern "C" fn json() -> i32 {
    compile(Format::Json)
}

/// Compiles the regular expression in the input. Gives its id.
#[unsafe(no_mangle)]
pub extern "C" fn regex() -> i32 {
    compile(Format::Regex)
}

fn compile(format: impl FnOnce(String) -> Format) -> i32 {
    with(|state| {
        let text = state.text();
        let id = text.and_then(|text| state.guide()?.compile(format(text)));
        id.map_or_else(|refused| state.refuse(&refused), |id| id as i32)
    })
}

/// Begins a text of a format.
#[unsafe(no_mangle)]
pub extern "C" fn begin(id: i32) -> i32 {
    with(|state| {
        let next = state.guide().map_err(|refused| refused.expected).and_then(|guide| guide.begin(id as u32));
        state.told(next)
    })
}

/// Goes on behind a token.
#[unsafe(no_mangle)]
pub extern "C" fn advance(id: i32, token: u32) -> i32 {
    with(|state| {
        let next = state.guide().map_err(|refused| refused.expected).and_then(|guide| guide.advance(id as u32, token));
        state.told(next)
    })
}
