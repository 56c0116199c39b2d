//! Which product a registry is, as far as its name, its challenge or its answers show it.

use airlift_oci::Host;

use crate::auth::challenge::Challenge;
use crate::error::refusal::Refusal;

/// Products and services that need something before a repository can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Harbor: projects must exist.
    Harbor,
    /// Amazon ECR: repositories must exist.
    Ecr,
    /// Quay: organisations must exist.
    Quay,
    /// GitLab: projects must exist, and a name has few levels.
    GitLab,
    /// Docker Hub: a name has two parts.
    DockerHub,
}

impl Product {
    /// The service that has this name.
    pub(super) fn of_host(host: &Host) -> Option<Product> {
        match host.to_string().as_str() {
            "docker.io" => Some(Product::DockerHub),
            "quay.io" => Some(Product::Quay),
            "registry.gitlab.com" => Some(Product::GitLab),
            host if host.contains(".dkr.ecr.") && host.contains(".amazonaws.com") => Some(Product::Ecr),
            _ => None,
        }
    }

    /// The product that asks for a login like this: each has a token service at its own path, and a name for
    /// itself.
    pub(super) fn of_challenge(challenge: &Challenge) -> Option<Product> {
        let Challenge::Bearer { realm, service, .. } = challenge else { return None };
        match (realm.path(), service.as_deref()) {
            (_, Some("harbor-registry")) => Some(Product::Harbor),
            ("/jwt/auth", Some("container_registry")) => Some(Product::GitLab),
            ("/v2/auth", _) => Some(Product::Quay),
            _ => None,
        }
    }

    /// The product that refuses in these words. ECR asks for a password as many do, and may have any name in
    /// front of it.
    pub fn of_refusal(refusal: &Refusal) -> Option<Product> {
        let is_ecr = refusal.errors.iter().any(|error| {
            error.code == "RepositoryNotFoundException" || error.message.contains("in the registry with id '")
        });
        is_ecr.then_some(Product::Ecr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::refusal::refusal_of;

    #[test]
    fn products_show_themselves() {
        let of_host = |name: &str| Product::of_host(&name.parse().unwrap());
        assert_eq!(of_host("123.dkr.ecr.eu-west-1.amazonaws.com"), Some(Product::Ecr));
        assert_eq!(of_host("r.example"), None);
        let of = |realm: &str, service: &str| {
            Product::of_challenge(&Challenge::Bearer {
                realm: realm.parse().unwrap(),
                service: Some(service.to_owned()),
                scopes: Vec::new(),
            })
        };
        assert_eq!(of("https://h.example/service/token", "harbor-registry"), Some(Product::Harbor));
        assert_eq!(of("https://g.example/jwt/auth", "container_registry"), Some(Product::GitLab));
        assert_eq!(of("https://q.example/v2/auth", "q.example"), Some(Product::Quay));
        assert_eq!(of("https://r.example/token", "r.example"), None);
        let words = "The repository with name 'a' does not exist in the registry with id '123'";
        let body = format!(r#"{{"errors":[{{"code":"NAME_UNKNOWN","message":"{words}"}}]}}"#);
        assert_eq!(Product::of_refusal(&refusal_of(body.as_bytes())), Some(Product::Ecr));
        let other =
            br#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}"#;
        assert_eq!(Product::of_refusal(&refusal_of(other)), None);
    }
}
