//! Which credentials a request came with, for the message of a refusal.

/// The credentials of a request, for the message of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// With credentials from a file or helper.
    Known { from: String },
    /// With nothing, since nothing was found.
    Anonymous { host: String, looked: String },
    /// With a user and a password that are tried before they are stored.
    Given { user: String },
}

impl Login {
    /// In words, beside a refusal with `status`.
    pub(crate) fn explanation(&self, status: u16) -> String {
        match self {
            Login::Known { from } if status == 403 => format!("the credentials of {from} don't allow this"),
            Login::Known { from } => format!("wrong credentials? those of {from} were used"),
            Login::Given { user } => {
                format!("the user {} with this password is not let in", user.escape_debug())
            }
            Login::Anonymous { host, looked } => {
                format!("no credentials for {host} were found (looked in {looked})")
            }
        }
    }
}
