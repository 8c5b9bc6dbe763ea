//! Greedy tokens of prompts, and how near the second best of each came: `bench-greedy MODEL.gguf [--exact] < prompts.jsonl`.
//!
//! A prompt is `{"text", "tokens"}` on a line. Its tokens are written as every call of the library writes them: what a call before has read
//! is not read again, and tokens are read ahead where that promises to be faster. Then everything is read once more from the first
//! token on, in one go, and the five largest logits before each written token are told. They must lead to the same tokens. With
//! `--exact` they come from the same weights in f32, which no product rounds: what the file means. A line of the answer is
//! `{"prompt", "ids", "cached", "best": [[[id, logit], ...], ...]}`.

use std::io::{BufRead, Write};
use std::sync::Arc;

use nanolm::backend::{Backend, DeviceChoice};
use nanolm::model::{LogitRows, plan};
use nanolm::run::{Event, GenerateOptions, Model, Prompt};
use nanolm::session::Session;
use nanolm::tensor::{Bytes, DType};
use nanolm::text::Controls;
use nanolm::weights::Weights;
use nanolm::{arch, backend, format, weights};
use serde_json::{Value, json};

/// Logits told of each step.
const TOLD: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = args.first() else {
        return Err("usage: bench-greedy MODEL.gguf [--exact] < prompts.jsonl".into());
    };
    let files = || -> std::io::Result<_> { Ok(vec![("model.gguf".to_string(), Bytes::new(std::fs::read(path)?))]) };
    pollster::block_on(async {
        let model = Model::load(files()?, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {}).await?;
        let file = format::parse(files()?)?;
        let config = arch::config(&file)?;
        let plan = Arc::new(plan::build(&config));
        let mut weights = weights::load(&plan, &file)?;
        drop(file);
        if args.iter().any(|arg| arg == "--exact") {
            in_f32(&mut weights);
        }
        let mut checked = Backend::cpu(plan, Arc::new(backend::arrange(weights, &config)))?;
        for line in std::io::stdin().lock().lines() {
            let line: Value = serde_json::from_str(&line?)?;
            let text = line["text"].as_str().unwrap_or_default();
            let n = line["tokens"].as_u64().unwrap_or(16) as usize;
            let prompt = model.require_tokenizer()?.encode(text, true, Controls::Parse)?;
            let options =
                GenerateOptions { max_new_tokens: Some(n), temperature: Some(0.0), ..GenerateOptions::default() };
            let mut job = model.generate(Prompt::Tokens(&prompt), &options)?;
            let mut ids = Vec::new();
            let cached = loop {
                match job.next().await? {
                    Event::Piece(piece) => ids.push(piece.token),
                    Event::Done { usage, .. } => break usage.cached_tokens,
                    _ => {}
                }
            };
            let best = best(&mut checked, &prompt, &ids, config.n_vocab).await?;
            println!("{}", json!({"prompt": prompt, "ids": ids, "cached": cached, "best": best}));
            std::io::stdout().flush()?;
        }
        Ok(())
    })
}

/// The same weights without blocks.
fn in_f32(weights: &mut Weights) {
    for matrix in &mut weights.matrices {
        let mut row = vec![0.0; matrix.cols];
        let mut bytes = Vec::with_capacity(matrix.rows * matrix.cols * 4);
        for r in 0..matrix.rows {
            matrix.decode_row(r, &mut row);
            bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
        }
        (matrix.dtype, matrix.data) = (DType::F32, Bytes::new(bytes));
    }
}

/// The largest logits before each of `ids`, and after them.
async fn best(backend: &mut Backend, prompt: &[u32], ids: &[u32], n_vocab: usize) -> nanolm::Result<Vec<Value>> {
    let tokens = [prompt, ids].concat();
    let mut session = Session::new(backend, tokens.len()).await?;
    let mut told = Vec::new();
    while session.position() < tokens.len() {
        let at = session.position();
        let rest = &tokens[at..];
        let rows: Vec<usize> = (prompt.len() - 1..tokens.len()).filter_map(|row| row.checked_sub(at)).collect();
        let mut logits = Vec::new();
        session.feed(backend, rest, LogitRows::Rows(&rows), &mut logits).await?;
        for row in logits.chunks_exact(n_vocab) {
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.select_nth_unstable_by(TOLD, |&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            order.truncate(TOLD);
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            told.push(order.iter().map(|&id| json!([id, row[id]])).collect());
        }
    }
    Ok(told)
}
