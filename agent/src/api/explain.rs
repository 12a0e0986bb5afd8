//! Answering [`Request::Explain`](super::Request::Explain).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Response;
use crate::{
    Error,
    agent::Agent,
    inspect::explain::{explain, question::Question},
};

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The record with this id, under what was in force then.
    Record(u64),
    /// A packet, under what is in force.
    Packet(Question),
}

pub(super) fn answer(agent: &Agent, about: &About) -> Result<Response, Error> {
    let (candidate, epoch) = agent.in_force();
    let in_force = Arc::clone(&candidate.meaning);
    let explanation = match about {
        About::Packet(question) => explain(question, &in_force, epoch, None),
        About::Record(id) => {
            let record = agent.history().record(*id);
            let record = record.ok_or_else(|| Error::NoAnswer {
                message: format!("there is no record {id}"),
                help: "`polc-agent flows` shows each record behind its number; the agent keeps \
                       the latest 8,192 since it was started"
                    .to_owned(),
            })?;
            let question = Question::of(&record)?;
            let (meaning, epoch) = match agent.epochs().get(record.epoch) {
                Some(then) => (then, record.epoch),
                None => (in_force, epoch),
            };
            explain(&question, &meaning, epoch, Some(record))
        }
    };
    Ok(Response::Explanation(Box::new(explanation?)))
}
