//! A trained model of 260 thousand parameters: greedy text, token by token as from `transformers`.

use nanolm::run::Prompt;

use super::run::{generate, greedy, load, on_each_device, read, shared};

struct Golden {
    ids: Vec<u32>,
    text: String,
}

fn golden(folder: &std::path::Path) -> Golden {
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("golden_greedy.json")).unwrap()).unwrap();
    let ids = |key: &str| -> Vec<u32> {
        json[key].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    assert_eq!(ids("prompt_ids"), [1]);
    let ids = ids("greedy_ids");
    assert_eq!((ids.len(), ids[0]), (201, 1));
    // The file shows the byte token of a line break by its name.
    Golden { ids, text: json["text"].as_str().unwrap().replace("<0x0A>", "\n") }
}

#[test]
fn the_gguf_file_tells_the_story_word_for_word() {
    let Some(folder) = shared("stories", "stories260K") else { return };
    let golden = golden(&folder);
    let models = on_each_device("stories", |device| load(read(&folder, &["stories260K-f32.gguf"]), device));
    for model in models {
        // 260,032, and the embedding table once more: this file repeats it as the output head.
        assert_eq!(model.info().parameters, 260_032 + 512 * 64);
        // From the begin-of-text token alone: an empty prompt.
        let output = generate(&model, Prompt::Text(""), &greedy(200));
        let device = model.info().device.kind.name();
        assert_eq!(output.tokens(), golden.ids[1..], "{device}");
        // The space that the tokenizer puts before each text is taken away again.
        let text = golden.text.strip_prefix(' ').unwrap_or(&golden.text);
        assert_eq!(output.joined(), text, "{device}");
        assert_eq!(output.text, text, "{device}");
        assert_eq!((output.usage.prompt_tokens, output.usage.completion_tokens), (1, 200));
        assert!(output.pieces.iter().all(|p| p.logprob <= 0.0 && p.logprob > -5.0), "greedy tokens are likely ones");
    }
}

#[test]
fn a_prompt_continues_with_its_space() {
    let Some(folder) = shared("stories", "stories260K") else { return };
    let golden = golden(&folder);
    let model = load(read(&folder, &["stories260K-f32.gguf"]), nanolm::backend::DeviceChoice::Cpu).unwrap();
    let text = golden.text.trim_start();
    let start = "Once upon a time, there was";
    assert!(text.starts_with(start));
    let output = generate(&model, Prompt::Text(start), &greedy(20));
    assert!(text[start.len()..].starts_with(&output.text), "{:?}", output.text);
    assert!(output.text.starts_with(' '));
}

#[test]
fn the_hugging_face_folder_gives_the_same_ids() {
    let Some(folder) = shared("stories", "stories260K") else { return };
    let golden = golden(&folder);
    let models = on_each_device("stories", |device| load(read(&folder, &["config.json", "model.safetensors"]), device));
    for model in models {
        let output = generate(&model, Prompt::Tokens(&[1]), &greedy(200));
        assert_eq!(output.tokens(), golden.ids[1..], "{}", model.info().device.kind.name());
        assert_eq!(output.joined(), "", "there is no tokenizer in this folder");
        let error = model.generate(Prompt::Text("Once"), &greedy(1)).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "text/tokenizer");
        assert!(error.to_string().contains("tokenizer.json"), "{error}");
    }
}
