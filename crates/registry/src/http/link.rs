//! `Link`: where the next page of a list is. RFC 8288, section 3.
//!
//! If a page is overlooked, a signature is lost without notice, so the grammar is read as it is (commas
//! and semicolons within addresses and quotes, several relations, several headers), and leniently where
//! registries bend it. A wrong address shows when it is asked.

use reqwest::Url;

use crate::error::Error;
use crate::error::call::redacted;
use crate::http::redirect_policy::same_origin;
use crate::http::response::Response;

/// How a link says what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// To the next page, perhaps among other things.
    Next,
    /// It doesn't say. It counts as the link to the next page if no other link is.
    Unsaid,
    /// To something else.
    Other,
}

/// Where the `Link` headers lead, if one leads to the next page. It must stay at the registry.
pub(crate) fn next_page(response: &Response) -> Result<Option<Url>, Error> {
    let headers = response.headers().get_all("link").iter();
    let texts: Vec<_> = headers.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let leads = |wanted| texts.iter().find_map(|text| target_of(text, wanted));
    let Some(target) = leads(Relation::Next).or_else(|| leads(Relation::Unsaid)) else { return Ok(None) };
    let unusable = |target: String, reason| Error::Redirect { call: response.call.clone(), target, reason };
    match response.url.join(target) {
        Ok(url) if same_origin(&response.url, &url) => Ok(Some(url)),
        Ok(url) => Err(unusable(redacted(&url), "the next page is at another host")),
        Err(_) => Err(unusable("an unreadable address".to_owned(), "the next page has no usable address")),
    }
}

/// The address of the first link in a header that has this relation.
fn target_of(header: &str, wanted: Relation) -> Option<&str> {
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let (target, after) = target(rest);
        let (parameters, others) = until(after, ',');
        if relation(parameters) == wanted {
            return Some(target);
        }
        rest = others;
    }
}

/// The address at the start of a link, and what follows it. Some leave out the angle brackets.
fn target(link: &str) -> (&str, &str) {
    let bare = link.strip_prefix('<').unwrap_or(link);
    let bracketed = link.strip_prefix('<').and_then(|link| link.split_once('>'));
    bracketed.unwrap_or_else(|| {
        let (target, after) = bare.split_at(bare.find(';').unwrap_or(bare.len()));
        (target.trim(), after)
    })
}

/// What the parameters of a link say of where it leads.
fn relation(parameters: &str) -> Relation {
    let (mut rest, mut relation) = (parameters, Relation::Unsaid);
    while !rest.is_empty() {
        let (parameter, others) = until(rest, ';');
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        if name.trim().eq_ignore_ascii_case("rel") {
            let mut relations = value.trim().trim_matches('"').split_whitespace();
            if relations.any(|relation| relation.eq_ignore_ascii_case("next")) {
                return Relation::Next;
            }
            relation = Relation::Other;
        }
        rest = others;
    }
    relation
}

/// What stands before the first `end` that is in no quotes, and what follows that.
fn until(text: &str, end: char) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == end && !quoted => return (&text[..at], &text[at + c.len_utf8()..]),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::{Relation, target_of};

    fn next_target(header: &str) -> Option<&str> {
        target_of(header, Relation::Next).or_else(|| target_of(header, Relation::Unsaid))
    }

    #[test]
    fn finds_the_next_page() {
        for (header, target) in [
            (r#"</v2/x?n=1&last=a>; rel="next""#, "/v2/x?n=1&last=a"),
            ("</a>; rel=prev, </b>; title=x; REL=next", "/b"),
            (r#"</a?last=b,c;d>; rel="next""#, "/a?last=b,c;d"),
            (r#"</a>; rel="last next""#, "/a"),
            (r#"</a>; rel = "Next" "#, "/a"),
            (r#"</a>; title="x, </y>; rel=prev; \", z"; rel=next"#, "/a"),
            (r#"</a>; rel="first"; title="b, <c", </d>;rel=next"#, "/d"),
            (r#", </a>; rel=next"#, "/a"),
            // Not as it should be, and better asked for than overlooked.
            (r#"/a?last=b,c; rel="next""#, "/a?last=b,c"),
            ("<a; rel=next", "a"),
            ("</a>", "/a"),
            ("</a?rel=next>; title=x", "/a?rel=next"),
            ("</a>, </b>; rel=next", "/b"),
            ("</a>; title=\"; rel=prev\"", "/a"),
        ] {
            assert_eq!(next_target(header), Some(target), "{header}");
        }
        for other in ["", "</a>; rel=prev", "</a>; rel=nextdoor", "</a?rel=next>; rel=prev"] {
            assert_eq!(next_target(other), None, "{other}");
        }
    }
}
