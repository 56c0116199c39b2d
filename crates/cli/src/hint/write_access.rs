//! The next step where repositories can't be written to: what each product wants first.

use airlift_pusher::{MissingProjects, RefusalReason, RefusedRepository, WriteRefusal};
use airlift_registry::{Error, Product};

use super::registry;

/// The commands and places that help, for all repositories at once.
pub(super) fn of_refusal(refusal: &WriteRefusal) -> String {
    let mut steps = Vec::new();
    let of = |reason| refusal.repositories.iter().filter(move |refused| refused.reason == reason);
    let missing: Vec<&RefusedRepository> = of(RefusalReason::Missing).collect();
    if !missing.is_empty() {
        steps.push(of_missing(refusal, &missing));
        steps.extend(of_creation_option(refusal).map(str::to_owned));
    }
    let denied: Vec<&RefusedRepository> = of(RefusalReason::Denied).collect();
    if !denied.is_empty() {
        steps.extend(of_depth(refusal).map(str::to_owned));
        if refusal.product == Some(Product::Quay) {
            steps.push(of_quay(refusal, &denied));
        }
        steps.push(
            "log in as a user who may push there (airlift login HOST, or --auth-file), or have the right granted"
                .to_owned(),
        );
    } else if of(RefusalReason::BadName).next().is_some() {
        let other = "give other names with --map";
        steps.push(of_depth(refusal).unwrap_or(other).to_owned());
    }
    steps.push("--no-probe pushes without asking first".to_owned());
    steps.join("; ")
}

/// The next step where a project can't be created.
pub(super) fn of_creation(refusal: &WriteRefusal, project: &str, error: &Error) -> String {
    if error.refusal().is_none()
        && let Some(hint) = registry::of_error(error)
    {
        return hint;
    }
    let projects = refusal.projects();
    let left = projects.iter().map(|(name, _)| *name).skip_while(|name| *name != project);
    let left = left.collect::<Vec<_>>().join(", ");
    let by_hand = format!("have them created at https://{}/harbor/projects: {left}", refusal.host);
    match error {
        Error::Unauthorised(_) | Error::Denied(_) => format!(
            "log in as a user or system-level robot that may create projects (airlift login HOST, or --auth-file), or {by_hand}"
        ),
        _ => format!("{by_hand}; --map gives another name to a project that Harbor doesn't take"),
    }
}

/// The next step where a project is missing though the registry said that it is there.
pub(super) fn of_missing_still(refusal: &WriteRefusal, projects: &[String]) -> String {
    format!(
        "look at https://{}/harbor/projects if they are there: {}; if so, the login may lack the right to push to them, or a replica is late: push again later",
        refusal.host,
        projects.join(", ")
    )
}

/// What --create-repos can do where something is missing.
fn of_creation_option(refusal: &WriteRefusal) -> Option<&'static str> {
    match (refusal.missing_projects, refusal.product) {
        (MissingProjects::Refuse, Some(Product::Harbor)) => Some("or let --create-repos create them"),
        (MissingProjects::Refuse, _) => None,
        (MissingProjects::Create, Some(Product::Harbor)) if refusal.is_creatable() => None,
        (MissingProjects::Create, Some(Product::Harbor)) => {
            Some("--create-repos creates projects only if nothing else is in the way")
        }
        (MissingProjects::Create, _) => Some("--create-repos can create projects of Harbor only"),
    }
}

/// Quay answers in the same way whether an organisation is closed or doesn't exist.
fn of_quay(refusal: &WriteRefusal, refused: &[&RefusedRepository]) -> String {
    let (host, names) = (&refusal.host, first_parts(refused));
    format!(
        "Quay refuses organisations that don't exist like this, too; create them at https://{host}/organizations/new/, with the right to create repositories: {names}"
    )
}

fn of_missing(refusal: &WriteRefusal, missing: &[&RefusedRepository]) -> String {
    let host = &refusal.host;
    match refusal.product {
        Some(Product::Ecr) => "create the repositories by the commands above".to_owned(),
        Some(Product::Harbor) => {
            let create =
                format!("create the projects at https://{host}/harbor/projects: {}", first_parts(missing));
            of_depth(refusal).map_or(create, str::to_owned)
        }
        Some(Product::Quay) => format!(
            "create the organisations at https://{host}/organizations/new/, with the right to create repositories: {}",
            first_parts(missing)
        ),
        Some(Product::GitLab) => {
            "create the projects; a repository there is GROUP/PROJECT, or at most two parts below a project"
                .to_owned()
        }
        Some(Product::DockerHub) => of_depth(refusal)
            .unwrap_or("create the repositories at https://hub.docker.com/, or log in as their owner")
            .to_owned(),
        None => format!("create the projects or repositories first: {}", first_parts(missing)),
    }
}

/// The commands that create what is missing, where the product has some. They are no part of a hint, which is
/// one line.
pub(crate) fn commands(refusal: &WriteRefusal) -> Vec<String> {
    if refusal.product != Some(Product::Ecr) {
        return Vec::new();
    }
    let host = refusal.host.to_string();
    let missing = refusal.repositories.iter().filter(|refused| refused.reason == RefusalReason::Missing);
    missing.map(|refused| ecr_command(&host, refused)).collect()
}

/// The command that creates a repository at ECR. The region stands in the registry's name.
fn ecr_command(host: &str, refused: &RefusedRepository) -> String {
    let region = host.split_once(".dkr.ecr.").and_then(|(_, rest)| rest.split('.').next());
    let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
    format!("aws ecr create-repository --repository-name {}{region}", refused.repository.path())
}

/// The projects or organisations, each once.
fn first_parts(missing: &[&RefusedRepository]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for one in missing {
        let part = one.repository.path().split('/').next().unwrap_or_default();
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(", ")
}

/// Names that are too long or too short for the product.
fn of_depth(refusal: &WriteRefusal) -> Option<&'static str> {
    let parts = |one: &RefusedRepository| one.repository.path().split('/').count();
    match refusal.product {
        Some(Product::DockerHub) if refusal.repositories.iter().any(|one| parts(one) != 2) => {
            Some("a name at Docker Hub has two parts, NAMESPACE/NAME: make them with --map")
        }
        Some(Product::Harbor) if refusal.repositories.iter().any(|one| parts(one) < 2) => Some(
            "a name at Harbor is that of a project and at least one part below it: make it with --map, or add the project to DEST",
        ),
        Some(Product::GitLab) if refusal.repositories.iter().any(|one| parts(one) > 4 || parts(one) < 2) => {
            Some("a name at GitLab is that of a project, or at most two parts below it: make it with --map")
        }
        _ => None,
    }
}
