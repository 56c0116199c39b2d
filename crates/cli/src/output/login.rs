//! What `airlift login` and `airlift logout` say. Nothing of it is secret.

use airlift_oci::Host;
use airlift_registry::{LoginPlace, LoginTrial};
use schemars::JsonSchema;
use serde::Serialize;

const LOGIN: &str = "airlift.login/v1";
const LOGOUT: &str = "airlift.logout/v1";

/// A login that was stored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginDocument {
    /// `airlift.login/v1`.
    #[schemars(extend("const" = LOGIN))]
    pub schema: &'static str,
    /// The registry.
    pub host: String,
    /// The user.
    pub user: String,
    /// Whether the registry let the user in. If not, it asks for no login, and the password was not tried.
    pub accepted: bool,
    /// Where the login was stored.
    pub stored: LoginKeeper,
}

/// What logouts erased.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogoutDocument {
    /// `airlift.logout/v1`.
    #[schemars(extend("const" = LOGOUT))]
    pub schema: &'static str,
    /// The registry.
    pub host: String,
    /// Where a login was, and is no longer. Empty if there was none.
    pub erased: Vec<LoginKeeper>,
}

/// What keeps a login.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LoginKeeper {
    /// A credential file, by its path.
    File(String),
    /// A credential helper, by the name of its program.
    Helper(String),
}

impl From<&LoginPlace> for LoginKeeper {
    fn from(place: &LoginPlace) -> Self {
        match place {
            LoginPlace::File(_) => LoginKeeper::File(place.to_string()),
            LoginPlace::Helper(_) => LoginKeeper::Helper(place.to_string()),
        }
    }
}

impl LoginDocument {
    pub(crate) fn new(host: &Host, user: &str, trial: LoginTrial, place: &LoginPlace) -> Self {
        let accepted = match trial {
            LoginTrial::Accepted => true,
            LoginTrial::NotAsked => false,
        };
        let (host, user) = (host.to_string(), user.to_owned());
        LoginDocument { schema: LOGIN, host, user, accepted, stored: place.into() }
    }
}

impl LogoutDocument {
    pub(crate) fn new(host: &Host, places: &[LoginPlace]) -> Self {
        let erased = places.iter().map(LoginKeeper::from).collect();
        LogoutDocument { schema: LOGOUT, host: host.to_string(), erased }
    }
}
