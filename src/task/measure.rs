//! What is known of every sentence of a text: what the training pipeline fits the weights of `nanolm.tasks` on.

use std::rc::Rc;

use super::article::Article;
use super::format::TaskFormat;
use super::judge::Judge;
use super::salience::{SalienceSection, Wanted};
use super::summarize::SummaryKind;
use crate::error::Result;
use crate::run::{Context, Ended, Event, Job, Measured, Model};

impl Model {
    /// Gives what is known of every sentence of a text, as [`Event::Measured`].
    ///
    /// # Errors
    /// As [`Model::summarize`].
    pub fn measure(self: &Rc<Self>, text: &str) -> Result<Job> {
        let format = TaskFormat::of(self, "measure")?.clone();
        let article = Article::with_sentences(text)?;
        Ok(Job::new(self, |context| run(context, article, format)))
    }
}

async fn run(context: Rc<Context>, article: Article, format: TaskFormat) -> Result<Ended> {
    let mut judge = Judge::new(&context, article, format, Wanted { model: true, mark: true }, false);
    judge.judge().await?;
    context.prefilled();
    judge.weigh(SalienceSection::of(context.model(), SummaryKind::KeyPoints));
    let features = judge.features();
    for (sentence, features) in judge.article.sentences.iter().zip(features) {
        let measured = Measured {
            place: judge.article.place(sentence.bytes.clone()),
            model: sentence.readings.model.unwrap_or(0.0),
            mark: sentence.readings.mark.unwrap_or(0.0),
            features: features.to_vec(),
            salience: sentence.salience,
        };
        context.emit(Event::Measured(measured)).await;
    }
    Ok(Ended::given())
}
