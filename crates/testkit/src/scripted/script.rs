//! What a scripted registry does: rules, and what comes after them.

use airlift_server::samples::Sample;

use super::answer::Answer;
use super::content;
use super::request::Request;
use crate::http::Endpoint;

pub(super) type Rule = Box<dyn Fn(&Request) -> Option<Answer> + Send + Sync>;

/// What a scripted registry is to do.
pub struct Script {
    pub(super) before_body: Vec<Rule>,
    pub(super) rules: Vec<Rule>,
    pub(super) fallback: Rule,
}

impl Script {
    /// Answers 404 to everything that no rule answers.
    pub fn empty() -> Self {
        Self::over(|request| Some(content::not_found(request)))
    }

    /// Serves samples to readers, ranges and all. Writes are answered with 405.
    pub fn serving(samples: Vec<Sample>) -> Self {
        let served = content::Served::new(&samples);
        Self::over(move |request| Some(served.answer(request)))
    }

    /// Passes requests on to the registry at `authority`, and its answers back, for reading and writing.
    pub fn forwarding(authority: &str) -> Self {
        let upstream = Endpoint::new(authority);
        Self::over(move |request| Some(content::forward(&upstream, request)))
    }

    fn over(fallback: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Script { before_body: Vec::new(), rules: Vec::new(), fallback: Box::new(fallback) }
    }

    /// Adds a rule behind those there are. `None` passes the request on.
    pub fn rule(mut self, rule: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Adds a rule that is asked when the headers are there and the body is not: for uploads that are refused
    /// or broken off. The connection ends after its answer.
    pub fn rule_before_body(
        mut self,
        rule: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        self.before_body.push(Box::new(rule));
        self
    }

    /// A rule for one method and exactly one path.
    pub fn on(
        self,
        method: &str,
        path: &str,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.rule(move |request| {
            (request.method == method && request.path() == path).then(|| answer(request))
        })
    }
}
