//! The next step where repositories can't be written to: what each product wants first.

use airlift_pusher::{RefusalReason, RefusedRepository, WriteRefusal};
use airlift_registry::Product;

/// The commands and places that help, for all repositories at once.
pub(super) fn of_refusal(refusal: &WriteRefusal) -> String {
    let mut steps = Vec::new();
    let of = |reason| refusal.repositories.iter().filter(move |refused| refused.reason == reason);
    let missing: Vec<&RefusedRepository> = of(RefusalReason::Missing).collect();
    if !missing.is_empty() {
        steps.push(of_missing(refusal, &missing));
    }
    if of(RefusalReason::Denied).next().is_some() {
        steps.extend(of_depth(refusal).map(str::to_owned));
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

fn of_missing(refusal: &WriteRefusal, missing: &[&RefusedRepository]) -> String {
    let host = &refusal.host;
    match refusal.product {
        Some(Product::Ecr) => {
            let commands = missing.iter().map(|one| ecr_command(&host.to_string(), one));
            format!("create the repositories:\n  {}", commands.collect::<Vec<_>>().join("\n  "))
        }
        Some(Product::Harbor) => {
            format!("create the projects at https://{host}/harbor/projects: {}", first_parts(missing))
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
        Some(Product::GitLab) if refusal.repositories.iter().any(|one| parts(one) > 4 || parts(one) < 2) => {
            Some("a name at GitLab is that of a project, or at most two parts below it: make it with --map")
        }
        _ => None,
    }
}
