//! Creates the projects that a push lacks, where the options allow that.

use airlift_oci::Event;
use airlift_registry::ProjectCreation;

use crate::error::PushError;
use crate::preflight::write_refusal::WriteRefusal;
use crate::request::Request;

/// Creates what is missing, one request for each project. A project that another client creates at the same
/// time is as good. Returns the projects that are there now, as the registry says.
///
/// # Errors
/// [`PushError::NotCreated`]. Those that were created before stay.
pub(crate) async fn create_projects(
    request: &Request<'_>,
    refusal: Box<WriteRefusal>,
) -> Result<Vec<String>, PushError> {
    let (mut created, mut there, mut failed) = (Vec::new(), Vec::new(), None);
    for (project, repository) in refusal.projects() {
        let project = project.to_owned();
        match request.transport.create_project(repository, &project).await {
            Ok(ProjectCreation::Created) => {
                let (host, name) = (refusal.host.clone(), project.clone());
                request.observer.notice(Event::ProjectCreated { host, project: name });
                created.push(project.clone());
                there.push(project);
            }
            Ok(ProjectCreation::Existed) => there.push(project),
            Err(source) => {
                failed = Some((project, source));
                break;
            }
        }
    }
    match failed {
        None => Ok(there),
        Some((project, source)) => Err(PushError::NotCreated { refusal, project, created, source }),
    }
}

/// What a check says after the registry has said that the projects `there` exist: one that is missing all the
/// same is not one that is yet to be created.
pub(crate) fn still_missing(error: PushError, there: &[String]) -> PushError {
    let PushError::NotWritable(refusal) = error else { return error };
    let is_there = |project: &&str| there.iter().any(|known| known == project);
    let missing = refusal.projects().into_iter().map(|(project, _)| project).filter(is_there);
    let projects: Vec<String> = missing.map(str::to_owned).collect();
    match projects.is_empty() {
        true => PushError::NotWritable(refusal),
        false => PushError::StillMissing { refusal, projects },
    }
}
