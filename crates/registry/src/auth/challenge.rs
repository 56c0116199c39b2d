//! `WWW-Authenticate`: how a registry wants to be spoken to. RFC 9110, section 11.6.1; Distribution's "Token
//! Authentication".
//!
//! Registries and the proxies before them bend the grammar: values without quotes that are no tokens
//! (`realm=https://a/t`), spaces in the place of commas, challenges of schemes that mean nothing to us beside
//! the one that counts. So the grammar is read leniently here. What isn't forgiven is a quote that stays
//! open: a realm that was cut off may name another host.

use airlift_oci::text::bounded;
use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// The most scopes that are kept of one challenge.
const MAX_SCOPES: usize = 32;
/// What a scope allows. Where a scope stands without quotes, its commas split the list of challenges.
const ACTIONS: [&str; 4] = ["pull", "push", "delete", "*"];

/// What a registry asks for, as it says it: nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    Basic,
    Bearer { realm: String, service: Option<String>, scopes: Vec<String> },
}

/// What a registry asks for, and its realm may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token from a service.
    Bearer {
        /// Where the service is.
        realm: Url,
        /// What the service calls the registry.
        service: Option<String>,
        /// What the token must be good for, in the registry's own words.
        scopes: Vec<String>,
    },
}

impl Challenge {
    /// What holds for all repositories of the registry. A repository that a challenge names was the one that
    /// was asked for, or, in the answer to a ping, an example.
    pub(crate) fn of_registry(&self) -> Self {
        let mut general = self.clone();
        if let Challenge::Bearer { scopes, .. } = &mut general {
            scopes.retain(|scope| !scope.starts_with("repository:"));
        }
        general
    }

    /// Whether a scope is named that none of `asked` covers.
    pub(crate) fn names_more_than(&self, asked: &[String]) -> bool {
        match self {
            Challenge::Basic => false,
            Challenge::Bearer { scopes, .. } => {
                scopes.iter().any(|scope| !asked.iter().any(|own| covers(own, scope)))
            }
        }
    }
}

/// Our scopes, and what `named` has beyond them: a scope that says more takes the place of ours.
pub(crate) fn merged(mut ours: Vec<String>, named: &[String]) -> Vec<String> {
    for scope in named {
        if !ours.iter().any(|own| covers(own, scope)) {
            ours.retain(|own| !covers(scope, own));
            ours.push(scope.clone());
        }
    }
    ours
}

/// Whether a token for `wide` is good for `narrow`: the same resource, and each of its actions.
fn covers(wide: &str, narrow: &str) -> bool {
    match (wide.rsplit_once(':'), narrow.rsplit_once(':')) {
        (Some((resource, actions)), Some((same, wanted))) if resource == same => {
            wanted.split(',').all(|action| actions.split(',').any(|own| own == action || own == "*"))
        }
        _ => wide == narrow,
    }
}

/// What an answer offers, in the order in which it is tried: tokens before passwords.
pub(crate) fn offers(headers: &HeaderMap) -> Vec<Offer> {
    let challenges: Vec<Parsed> = texts(headers).flat_map(|text| parse(&text)).collect();
    let bearers = challenges.iter().filter(|challenge| challenge.is("bearer"));
    let mut offers: Vec<Offer> = bearers.filter_map(bearer).collect();
    if challenges.iter().any(|challenge| challenge.is("basic")) {
        offers.push(Offer::Basic);
    }
    offers
}

/// The challenges of an answer that offers no login that we can make. `None`: it offers one, or says nothing.
pub(crate) fn unusable(headers: &HeaderMap) -> Option<String> {
    let texts: Vec<String> = texts(headers).collect();
    (!texts.is_empty() && offers(headers).is_empty()).then(|| bounded(&texts.join(", ")))
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn bearer(challenge: &Parsed) -> Option<Offer> {
    let realm = challenge.parameter("realm").filter(|realm| !realm.is_empty())?.to_owned();
    let scopes = challenge.parameter("scope").unwrap_or_default().split_whitespace();
    let scopes = scopes.take(MAX_SCOPES).map(str::to_owned).collect();
    Some(Offer::Bearer { realm, service: challenge.parameter("service").map(str::to_owned), scopes })
}

/// One challenge: its scheme and parameters.
struct Parsed {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Parsed {
    fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The first parameter of that name.
    fn parameter(&self, wanted: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }
}

/// The challenges in one header. A word before `=` is a parameter of the challenge before it, any other word
/// is a scheme. (A `token68`, which Negotiate and NTLM have, becomes one or the other, and means nothing
/// either way.) What can't be read ends the list, and the challenge that it stands in doesn't count.
fn parse(text: &str) -> Vec<Parsed> {
    let mut found: Vec<Parsed> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (name, after) = word(rest);
        if name.is_empty() {
            if !rest.is_empty() {
                found.pop();
            }
            return found;
        }
        let Some(value) = assigned(after) else {
            scheme(&mut found, name);
            rest = after;
            continue;
        };
        let Some((value, after)) = value_of(value) else {
            found.pop();
            return found;
        };
        if let Some(challenge) = found.last_mut() {
            challenge.parameters.push((name.to_owned(), value));
        }
        rest = after;
    }
}

/// Takes a word that is no parameter: a scheme, or what a comma in an unquoted scope cut off.
fn scheme(found: &mut Vec<Parsed>, word: &str) {
    let last = found.last_mut().and_then(|challenge| challenge.parameters.last_mut());
    match last {
        Some((name, scope)) if name.eq_ignore_ascii_case("scope") && ACTIONS.contains(&word) => {
            scope.push(',');
            scope.push_str(word);
        }
        _ => found.push(Parsed { scheme: word.to_owned(), parameters: Vec::new() }),
    }
}

/// The word at the start of `text`, and what follows it.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find([' ', '\t', ',', '=', '"']).unwrap_or(text.len()))
}

/// What follows `=`, if that is next.
fn assigned(text: &str) -> Option<&str> {
    let blank = [' ', '\t'];
    text.trim_start_matches(blank).strip_prefix('=').map(|value| value.trim_start_matches(blank))
}

/// The value at the start of `text`, and what follows it; `None` for a quote that stays open.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(unquoted(text));
        return Some((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    None
}

/// How long a value without quotes is: to the next comma, or to a blank behind which another parameter
/// stands.
fn unquoted(text: &str) -> usize {
    let end = text.find(',').unwrap_or(text.len());
    let value = &text[..end];
    let blanks = value.match_indices([' ', '\t']).map(|(at, _)| at);
    let ends = |at: &usize| {
        let (name, after) = word(value[*at..].trim_start());
        !name.is_empty() && assigned(after).is_some()
    };
    blanks.into_iter().find(ends).unwrap_or(end)
}

#[cfg(test)]
#[path = "challenge_tests.rs"]
mod tests;
