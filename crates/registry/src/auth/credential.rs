//! What a user has to log in with.

use oci_client::secrets::RegistryAuth;

use crate::auth::secret::Secret;

/// The user name that means that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// What to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A user and a password.
    Login(RegistryAuth),
    /// An identity token, to be changed into access tokens.
    Identity(Secret),
}

impl Credential {
    /// Of a user name and the secret that is kept with it.
    pub(crate) fn new(user: String, secret: String) -> Self {
        match user.as_str() {
            TOKEN_USER => Credential::Identity(Secret(secret)),
            _ => Credential::Login(RegistryAuth::Basic(user, secret)),
        }
    }
}
