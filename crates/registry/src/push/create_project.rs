//! Projects of Harbor, created by Harbor's own API: no repository can be written to before its project is
//! there.

use airlift_oci::Repository;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::request::{Payload, Request};
use crate::transport::Transport;
use crate::transport::urls::join;

/// What came of the request for a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectCreation {
    /// It is there now.
    Created,
    /// It was there already.
    Existed,
}

impl Transport {
    /// Creates a project at Harbor, private. It gets the user and the password that the user has for
    /// `repository`, which is one of the project.
    ///
    /// # Errors
    /// If Harbor refuses it, redirects the request to another host, or answers in another way than its API
    /// does.
    pub async fn create_project(
        &self,
        repository: &Repository,
        project: &str,
    ) -> Result<ProjectCreation, Error> {
        let scope = Scope::new(repository, Access::Push);
        let wanted =
            serde_json::json!({"project_name": project, "metadata": {"public": "false"}}).to_string();
        let make = |base: &_| {
            let mut request = Request::new(Method::POST, join(base, "api/v2.0/projects")?)
                .with(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.payload = Payload::Bytes(wanted.clone().into());
            Ok(request)
        };
        let attempt = || async {
            let response = self.inner.send_with_password(&scope, make).await?;
            match response.status() {
                StatusCode::CREATED => Ok(ProjectCreation::Created),
                StatusCode::CONFLICT => Ok(ProjectCreation::Existed),
                _ => Err(self.inner.refused(response).await.into()),
            }
        };
        let what = format!("project {project} at {}", repository.host());
        let creation = self.inner.retry(what).run(attempt).await?;
        // Tokens that were issued before don't allow anything in it.
        self.inner.forget_authorizations(|one| {
            let below = one.path().strip_prefix(project).is_some_and(|rest| rest.starts_with('/'));
            below && one.host() == repository.host()
        });
        Ok(creation)
    }
}
