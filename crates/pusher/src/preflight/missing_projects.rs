//! Creates the projects that a push lacks, where the options allow that.

use airlift_oci::Event;
use airlift_registry::ProjectCreation;

use crate::error::PushError;
use crate::preflight::write_refusal::WriteRefusal;
use crate::request::Request;

/// Creates what is missing, one request for each project. A project that another client creates at the same
/// time is as good.
///
/// # Errors
/// [`PushError::NotCreated`]. Those that were created before stay.
pub(crate) async fn create_projects(
    request: &Request<'_>,
    refusal: Box<WriteRefusal>,
) -> Result<(), PushError> {
    let mut failed = None;
    for (project, repository) in refusal.projects() {
        match request.transport.create_project(repository, project).await {
            Ok(ProjectCreation::Created) => request
                .observer
                .notice(Event::ProjectCreated { host: refusal.host.clone(), project: project.to_owned() }),
            Ok(ProjectCreation::Existed) => {}
            Err(source) => {
                failed = Some((project.to_owned(), source));
                break;
            }
        }
    }
    match failed {
        None => Ok(()),
        Some((project, source)) => Err(PushError::NotCreated { refusal, project, source }),
    }
}
