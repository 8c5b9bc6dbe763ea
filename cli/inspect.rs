//! What a model is, without running it.

use std::collections::BTreeMap;

use nanolm::backend::Backend;
use nanolm::cpu::STATES;
use nanolm::format::{CHAT_TEMPLATE, ModelFile, TOKENIZER_CONFIG, Value};
use nanolm::model::plan;
use nanolm::text::Tokenizer;
use nanolm::{arch, weights};
use serde_json::json;

use crate::args::{Args, Result};
use crate::files;
use crate::show::{bytes, table};

pub fn command(mut args: Args) -> Result<()> {
    let (as_json, with_plan, with_tensors) = (args.flag("--json"), args.flag("--plan"), args.flag("--tensors"));
    let [path] = args.rest(["MODEL"])?;
    let file = files::parse(&path, None)?;
    let config = arch::config(&file)?;
    let plan = plan::build(&config);
    weights::check(&plan, &file)?;
    let tokenizer = Tokenizer::from_file(&file)?;
    let by_type = by_type(&file);
    let in_all: usize = file.tensors.iter().map(|tensor| tensor.data.len()).sum();
    let position = position_bytes(&file)?;
    // A session of a state space keeps a few states, however long it is.
    let states =
        (0..config.n_layers).filter_map(|i| config.layer(i)?.ssm).map(|ssm| 4 * ssm.kept_len()).sum::<usize>() * STATES;
    let cache = |n: usize| states + n * position;
    let contexts: Vec<usize> =
        [512, 2048, 8192, 32768].into_iter().filter(|n| *n < config.context_len).chain([config.context_len]).collect();
    let chat = has_template(&file);
    let parameters: usize = file.tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    let experts = config.layers.iter().find_map(|layer| layer.ffn.experts);
    if as_json {
        let types: Vec<_> =
            by_type.iter().map(|(name, (n, bytes))| json!({"type": name, "tensors": n, "bytes": bytes})).collect();
        let memory: Vec<_> = contexts
            .iter()
            .map(|n| json!({"context": n, "cacheBytes": cache(*n), "bytes": in_all + cache(*n)}))
            .collect();
        let tensors: Vec<_> = file
            .tensors
            .iter()
            .map(|t| json!({"name": t.name, "shape": t.shape, "type": t.dtype.name(), "bytes": t.data.len()}))
            .collect();
        let mut all = json!({
            "architecture": config.architecture, "name": config.name, "parameters": parameters, "bytes": in_all,
            "config": {
                "layers": config.n_layers, "width": config.d_model, "feedForward": config.d_ff, "experts": experts.map(|e| e.n), "expertsUsed": experts.map(|e| e.used), "heads": config.n_heads,
                "kvHeads": config.n_kv_heads, "headWidth": config.head_dim, "vocabulary": config.n_vocab,
                "context": config.context_len, "tiedEmbeddings": config.tied_embeddings,
            },
            "types": types, "memory": memory, "chatTemplate": chat,
            "tokenizer": tokenizer.as_ref().map(|t| json!({"tokens": t.vocab_size(), "notes": t.notes()})),
        });
        if with_tensors {
            all["tensors"] = tensors.into();
        }
        if with_plan {
            all["plan"] = plan.to_string().lines().collect::<Vec<_>>().into();
        }
        println!("{all:#}");
        return Ok(());
    }
    let name = if config.name.is_empty() { "without a name" } else { config.name.as_str() };
    println!("{} ({name}), {:.1} M parameters, {}", config.architecture, parameters as f64 / 1e6, bytes(in_all));
    let mixture = experts.map_or(String::new(), |e| format!(" in {} experts, {} of them a token", e.n, e.used));
    println!(
        "{} layers of {}, feed-forward {}{mixture}, {} heads of {} on {}, vocabulary {}, context {}",
        config.n_layers,
        config.d_model,
        config.d_ff,
        config.n_heads,
        config.head_dim,
        config.n_kv_heads,
        config.n_vocab,
        config.context_len
    );
    match &tokenizer {
        Some(tokenizer) => {
            println!("tokenizer: {} tokens", tokenizer.vocab_size());
            tokenizer.notes().iter().for_each(|note| println!("  note: {note}"));
        }
        None => println!("tokenizer: none in the files"),
    }
    println!("chat template: {}", if chat { "yes" } else { "no" });
    let row = |cells: [String; 3]| cells.to_vec();
    let mut rows = vec![row(["type".into(), "tensors".into(), "bytes".into()])];
    rows.extend(by_type.iter().map(|(name, (n, len))| row([name.to_string(), n.to_string(), bytes(*len)])));
    println!("\n{}", table(&rows));
    let mut rows = vec![row([
        "context".into(),
        if states > 0 { "keys, values, states" } else { "keys and values" }.into(),
        "with the weights".into(),
    ])];
    rows.extend(contexts.iter().map(|n| row([n.to_string(), bytes(cache(*n)), bytes(in_all + cache(*n))])));
    print!("{}", table(&rows));
    if with_tensors {
        let tensor = |t: &nanolm::format::TensorInfo| {
            vec![t.name.clone(), t.dtype.to_string(), format!("{:?}", t.shape), bytes(t.data.len())]
        };
        print!("\n{}", table(&file.tensors.iter().map(tensor).collect::<Vec<_>>()));
    }
    if with_plan {
        print!("\n{plan}");
    }
    Ok(())
}

/// Tensors and bytes of each type.
fn by_type(file: &ModelFile) -> BTreeMap<&'static str, (usize, usize)> {
    let mut all = BTreeMap::new();
    for tensor in &file.tensors {
        let (n, bytes) = all.entry(tensor.dtype.name()).or_insert((0, 0));
        *n += 1;
        *bytes += tensor.data.len();
    }
    all
}

/// Bytes of keys and values that a position takes on the CPU: asked of a cache with one more than another.
fn position_bytes(file: &ModelFile) -> Result<usize> {
    let config = arch::config(file)?;
    let plan = std::sync::Arc::new(plan::build(&config));
    let backend = Backend::cpu(plan.clone(), std::sync::Arc::new(weights::load(&plan, file)?))?;
    // Rows come in groups.
    let (few, more) = (64.min(config.context_len / 2).max(1), 128.min(config.context_len));
    let size = |n: usize| pollster::block_on(backend.new_cache(n)).map(|cache| cache.bytes());
    Ok((size(more)? - size(few)?) / (more - few).max(1))
}

pub fn has_template(file: &ModelFile) -> bool {
    let text = |key: &str| file.metadata.get(key).and_then(Value::as_str);
    text(CHAT_TEMPLATE).is_some() || text(TOKENIZER_CONFIG).is_some_and(|config| config.contains("\"chat_template\""))
}
