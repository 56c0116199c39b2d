//! A user and a password as somebody gives them, to be tried and stored.

use oci_client::secrets::RegistryAuth;

use crate::auth::credential::Credential;
use crate::auth::secret::Secret;

/// Why a user and a password can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserLoginError {
    /// There is no user.
    #[error("the user name is empty")]
    NoUser,
    /// A login is sent as `user:password`.
    #[error("a user name has no colon and no control characters")]
    User,
    /// Files and helpers mark identity tokens by this name.
    #[error("the user <token> stands for an identity token, which is not a login")]
    Token,
    /// There is no password.
    #[error("the password is empty")]
    NoPassword,
    /// It is not text that a terminal or a file has in one line.
    #[error("the password has a line break or another control character")]
    Password,
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLogin {
    user: String,
    password: Secret,
}

impl UserLogin {
    /// Takes both as they are.
    ///
    /// # Errors
    /// If one of them is empty or can't be stored.
    pub fn new(user: &str, password: &str) -> Result<Self, UserLoginError> {
        match (user, password) {
            ("", _) => return Err(UserLoginError::NoUser),
            ("<token>", _) => return Err(UserLoginError::Token),
            (user, _) if user.contains(|c: char| c == ':' || c.is_control()) => {
                return Err(UserLoginError::User);
            }
            (_, "") => return Err(UserLoginError::NoPassword),
            (_, password) if password.contains(char::is_control) => return Err(UserLoginError::Password),
            _ => {}
        }
        Ok(UserLogin { user: user.to_owned(), password: Secret(password.to_owned()) })
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &str {
        &self.password.0
    }

    pub(super) fn credential(&self) -> Credential {
        Credential::Login(RegistryAuth::Basic(self.user.clone(), self.password.0.clone()))
    }
}
