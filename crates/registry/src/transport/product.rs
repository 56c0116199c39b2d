//! Which product a registry is, as far as its name or its challenge shows it.

use airlift_oci::Host;

use crate::auth::challenge::Challenge;
use crate::transport::Transport;

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

impl Transport {
    /// The product that answers at a host, if it is one of these and shows itself.
    pub async fn product(&self, host: &Host) -> Option<Product> {
        let registry = self.inner.registry(host).await.ok()?;
        of_name(&host.to_string()).or_else(|| registry.challenge().as_ref().and_then(of_challenge))
    }
}

fn of_name(host: &str) -> Option<Product> {
    match host {
        "docker.io" => Some(Product::DockerHub),
        "quay.io" => Some(Product::Quay),
        "registry.gitlab.com" => Some(Product::GitLab),
        host if host.contains(".dkr.ecr.") && host.contains(".amazonaws.com") => Some(Product::Ecr),
        _ => None,
    }
}

/// Each has a token service at its own path, and a name for itself.
fn of_challenge(challenge: &Challenge) -> Option<Product> {
    let Challenge::Bearer { realm, service, .. } = challenge else { return None };
    match (realm.path(), service.as_deref()) {
        (_, Some("harbor-registry")) => Some(Product::Harbor),
        ("/jwt/auth", Some("container_registry")) => Some(Product::GitLab),
        ("/v2/auth", _) => Some(Product::Quay),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_show_themselves() {
        assert_eq!(of_name("123.dkr.ecr.eu-west-1.amazonaws.com"), Some(Product::Ecr));
        assert_eq!(of_name("r.example"), None);
        let of = |realm: &str, service: &str| {
            of_challenge(&Challenge::Bearer {
                realm: realm.parse().unwrap(),
                service: Some(service.to_owned()),
                scopes: Vec::new(),
            })
        };
        assert_eq!(of("https://h.example/service/token", "harbor-registry"), Some(Product::Harbor));
        assert_eq!(of("https://g.example/jwt/auth", "container_registry"), Some(Product::GitLab));
        assert_eq!(of("https://q.example/v2/auth", "q.example"), Some(Product::Quay));
        assert_eq!(of("https://r.example/token", "r.example"), None);
    }
}
