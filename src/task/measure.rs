//! What is known of every sentence of a text: what the training pipeline fits the weights of `nanolm.tasks` on.

use super::event::{Event, FinishReason, Measured};
use super::judge::Judge;
use super::model::Model;
use super::options::SummaryKind;
use super::salience::Wanted;
use super::stopwatch::Stopwatch;
use crate::error::Result;

pub struct Measure {
    judge: Judge,
    watch: Stopwatch,
    /// Results still to be given, the last first; none before the sentences are judged.
    results: Option<Vec<Measured>>,
}

impl Measure {
    pub fn new(model: &Model, text: &str) -> Result<Self> {
        let judge = Judge::new(text, model.require_tasks("measure")?, Wanted { model: true, mark: true })?;
        Ok(Measure { judge, watch: Stopwatch::new(model.clock()), results: None })
    }

    pub async fn next(&mut self, model: &Model) -> Result<Event> {
        self.watch.start();
        if self.results.is_none() {
            if let Some(event) = self.judge.next(model).await? {
                return Ok(event);
            }
            self.watch.prefilled();
            let features = self.judge.features();
            self.judge.weigh(model.require_tasks("measure")?.salience.of(SummaryKind::KeyPoints));
            let article = &self.judge.article;
            let results = article.sentences.iter().zip(features).rev().map(|(sentence, features)| Measured {
                place: article.place(sentence.bytes.clone()),
                model: sentence.readings.model.unwrap_or(0.0),
                mark: sentence.readings.mark.unwrap_or(0.0),
                features: features.to_vec(),
                salience: sentence.salience,
            });
            self.results = Some(results.collect());
        }
        if let Some(result) = self.results.as_mut().and_then(Vec::pop) {
            self.watch.first();
            return Ok(Event::Measured(result));
        }
        let usage = self.judge.usage;
        Ok(Event::Done { finish_reason: FinishReason::Stop, text: String::new(), usage, timings: self.watch.finish() })
    }

    /// The job is over. `sound`: nothing failed.
    pub fn end(self, model: &Model, sound: bool) {
        self.judge.end(model, sound);
    }
}
