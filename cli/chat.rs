//! A conversation by the model's own template.

use std::io::{BufRead, IsTerminal, Write};

use minijinja::{Environment, ErrorKind, context};
use nanolm::run::{GenerateOptions, Model};
use nanolm::text::Controls;
use serde_json::{Value, json};

use crate::args::{Args, Failure, Result};
use crate::files::Load;
use crate::run::{sampling, stream};

pub fn command(mut args: Args) -> Result<()> {
    let (load, options) = (Load::of(&mut args)?, sampling(&mut args)?);
    let system: Option<String> = args.option("--system", "a text")?;
    let [path] = args.rest(["MODEL"])?;
    let options = GenerateOptions { max_new_tokens: options.max_new_tokens.or(Some(512)), ..options };
    pollster::block_on(async {
        let model = load.model(&path).await?;
        let template = template(&model).ok_or_else(|| {
            Failure::Failed("the model's files hold no chat template: it continues texts (nanolm run)".into())
        })?;
        let mut messages: Vec<Value> = system.iter().map(|text| json!({"role": "system", "content": text})).collect();
        let (stdin, asks) = (std::io::stdin(), std::io::stdin().is_terminal());
        // The session keeps what it read: only what is new of a conversation is read.
        let session = model.session();
        loop {
            if asks {
                print!("> ");
                std::io::stdout().flush()?;
            }
            let mut line = String::new();
            if stdin.lock().read_line(&mut line)? == 0 {
                return Ok(());
            }
            let said = line.trim();
            if said.is_empty() {
                continue;
            }
            messages.push(json!({"role": "user", "content": said}));
            let (text, literal) = render(&model, &template, &messages)?;
            let prompt = model.require_tokenizer()?.encode(&text, false, Controls::Except(&literal))?;
            let written = stream(session.generate_from(&prompt, &options, None)?).await?;
            println!();
            if asks {
                eprintln!("{}", written.about());
            }
            messages.push(json!({"role": "assistant", "content": written.text}));
        }
    })
}

/// The template of the model's files.
fn template(model: &Model) -> Option<String> {
    let files = model.chat();
    files.template.clone().or_else(|| {
        let config: Value = serde_json::from_str(files.tokenizer_config.as_deref()?).ok()?;
        match &config["chat_template"] {
            Value::String(text) => Some(text.clone()),
            // Several with names.
            Value::Array(all) => {
                let default = all.iter().find(|one| one["name"] == "default").or(all.first());
                default.and_then(|one| one["template"].as_str()).map(str::to_string)
            }
            _ => None,
        }
    })
}

/// Characters that stand around what was said while the template is rendered: Unicode never assigns them.
const MARKS: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];

/// The prompt, and its bytes that were said: control tokens written out there do not act.
fn render(model: &Model, template: &str, messages: &[Value]) -> Result<(String, Vec<u32>)> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |why: String| -> std::result::Result<String, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, why))
    });
    environment.add_template("chat", template).map_err(failed)?;
    let tokenizer = model.require_tokenizer()?;
    let text_of = |id: Option<u32>| {
        let named = tokenizer.controls().find(|(_, control)| Some(*control) == id);
        named.map(|(text, _)| text.to_string()).unwrap_or_default()
    };
    let (bos, eos) = (text_of(model.start_token()), text_of(model.end_tokens().first().copied()));
    let chat = environment.get_template("chat").map_err(failed)?;
    let write = |messages: &[Value]| {
        let values = context! { messages, add_generation_prompt => true, bos_token => bos, eos_token => eos };
        chat.render(values).map_err(failed)
    };
    let marked = |message: &Value| {
        let mut message = message.clone();
        let text = message["content"].as_str().unwrap_or_default().replace(MARKS, "");
        let controls = tokenizer.controls().any(|(control, _)| text.contains(control));
        message["content"] = if controls { format!("{}{text}{}", MARKS[0], MARKS[1]) } else { text }.into();
        message
    };
    let with_marks = write(&messages.iter().map(marked).collect::<Vec<_>>())?;
    let (mut text, mut literal, mut said) = (String::new(), Vec::new(), false);
    for c in with_marks.chars() {
        match c {
            _ if c == MARKS[0] => said = true,
            _ if c == MARKS[1] => said = false,
            _ => {
                if said {
                    literal.extend((text.len()..text.len() + c.len_utf8()).map(|at| at as u32));
                }
                text.push(c);
            }
        }
    }
    Ok((text, literal))
}

fn failed(error: minijinja::Error) -> Failure {
    let line = error.line().map(|line| format!(" at line {line}")).unwrap_or_default();
    Failure::Failed(format!("the chat template cannot be rendered{line}: {error}"))
}
