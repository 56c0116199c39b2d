//! What an authorization is for: a repository, and what is done there.

use airlift_oci::Repository;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read.
    Pull,
    /// Read and write.
    Push,
}

/// What an authorization is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) repository: Repository,
    pub(crate) access: Access,
    /// Another repository of the same registry that is read from: a mount.
    pub(crate) mount_from: Option<String>,
}

impl Scope {
    pub(crate) fn new(repository: &Repository, access: Access) -> Self {
        Scope { repository: repository.clone(), access, mount_from: None }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let mut texts = vec![format!("repository:{}:{actions}", self.repository.path())];
        texts.extend(self.mount_from.iter().map(|path| format!("repository:{path}:pull")));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let repository: Repository = "localhost:5000/a/b".parse().unwrap();
        assert_eq!(Scope::new(&repository, Access::Pull).texts(), ["repository:a/b:pull"]);
        let mount = Scope { mount_from: Some("c".to_owned()), ..Scope::new(&repository, Access::Push) };
        assert_eq!(mount.texts(), ["repository:a/b:pull,push", "repository:c:pull"]);
    }
}
