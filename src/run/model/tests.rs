use super::*;
use crate::backend::DeviceChoice;
use crate::run::{Event, GenerateOptions, Prompt};
use crate::tensor::Bytes;

/// While the device works for one call, another is told so, and can go on afterwards.
#[test]
#[expect(clippy::await_holding_refcell_ref, reason = "stands for a call that has the device")]
fn a_second_call_inside_the_model_is_busy() {
    let bytes = include_bytes!("../../../tests/golden/tiny-llama/model-q8_0.gguf").to_vec();
    let files = vec![("model-q8_0.gguf".to_string(), Bytes::new(bytes))];
    pollster::block_on(async {
        let model = Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {}).await.unwrap();
        let options = GenerateOptions { max_new_tokens: Some(3), ..GenerateOptions::default() };
        let mut alone = Vec::new();
        let mut job = model.generate(Prompt::Tokens(&[5, 6]), &options).unwrap();
        while !matches!(alone.last(), Some(Event::Done { .. })) {
            alone.push(job.next().await.unwrap());
        }
        let mut job = model.generate(Prompt::Tokens(&[5, 6]), &options).unwrap();
        for expected in &alone {
            if !matches!(expected, Event::Done { .. }) {
                let other = model.backend.borrow_mut();
                // Only steps that need the device are refused.
                match job.next().await {
                    Err(error) => assert_eq!(error, Error::Busy),
                    Ok(event) => {
                        assert_eq!(&event, expected);
                        continue;
                    }
                }
                drop(other);
            }
            match (job.next().await.unwrap(), expected) {
                // The second call need not read the prompt again.
                (Event::Done { text, .. }, Event::Done { text: expected, .. }) => assert_eq!(&text, expected),
                (found, expected) => assert_eq!(&found, expected),
            }
        }
    });
}
