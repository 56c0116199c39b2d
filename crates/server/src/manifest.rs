//! A read view of the manifests that are pushed: what they name, and whether a client could misread them.
//!
//! The view is dropped after the checks. What is stored and served is the bytes as they came.

use airlift_oci::{Digest, DigestError, media_type};
use serde_json::{Map, Value};

/// The largest manifest taken, in bytes: the size that clients may rely on (distribution-spec 1.1).
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Whether the document lists manifests or blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Index,
    Manifest,
}

/// Why a document is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("media type '{}' is not a manifest or index that this registry takes", .0.escape_debug())]
    MediaType(String),
    #[error("the manifest is not JSON: {0}")]
    Json(String),
    #[error("the manifest is not a JSON object")]
    NoObject,
    #[error("the manifest's schemaVersion is not 2")]
    SchemaVersion,
    #[error("the manifest says it is '{}', the request says '{}'", body.escape_debug(), header.escape_debug())]
    Disagreement { header: String, body: String },
    #[error("the manifest has members of both an index and an image manifest")]
    Ambiguous,
    #[error("the manifest's member {0} is missing or is not what the specification says")]
    Member(&'static str),
    #[error("the manifest's member {member} names no digest: {source}")]
    Digest { member: &'static str, source: DigestError },
}

/// What a manifest names.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) kind: Kind,
    /// The media type that the request and the body agree on.
    pub(crate) media_type: String,
    /// What must be in the repository before this manifest: children, or its blobs without `urls`.
    pub(crate) required: Vec<Digest>,
    pub(crate) subject: Option<Digest>,
    /// `artifactType`, or else the config's media type: what the referrers API filters on.
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Option<Value>,
}

impl View {
    /// Reads `bytes`, sent under the Content-Type `header` (without parameters), if there was one.
    pub(crate) fn parse(bytes: &[u8], header: Option<&str>) -> Result<Self, ManifestError> {
        let value = serde_json::from_slice(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        let Value::Object(mut document) = value else {
            return Err(ManifestError::NoObject);
        };
        let media_type = media_type(&document, header)?;
        // Artifact manifests have none.
        let is_artifact = media_type == media_type::OCI_ARTIFACT;
        if !is_artifact && document.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err(ManifestError::SchemaVersion);
        }
        let kind = match media_type::kind(&media_type) {
            media_type::Kind::Index => Kind::Index,
            media_type::Kind::Manifest => Kind::Manifest,
            _ => return Err(ManifestError::MediaType(media_type)),
        };
        let mut required = Vec::new();
        let mut config_type = None;
        match kind {
            Kind::Index => {
                refuse_any(&document, &["config", "layers", "fsLayers"])?;
                list(&document, "manifests", &mut required)?;
            }
            Kind::Manifest if is_artifact => {
                refuse_any(&document, &["manifests", "config", "layers", "fsLayers"])?;
                list(&document, "blobs", &mut required)?;
            }
            Kind::Manifest => {
                refuse_any(&document, &["manifests", "fsLayers"])?;
                let config = document.get("config").ok_or(ManifestError::Member("config"))?;
                required.push(descriptor_digest(config, "config")?);
                config_type = config.get("mediaType").and_then(Value::as_str).map(str::to_owned);
                list(&document, "layers", &mut required)?;
            }
        }
        let subject = match document.get("subject") {
            None | Some(Value::Null) => None,
            Some(subject) => Some(descriptor_digest(subject, "subject")?),
        };
        let artifact_type =
            document.get("artifactType").and_then(Value::as_str).filter(|text| !text.is_empty());
        let artifact_type = artifact_type.map(str::to_owned).or(config_type);
        let annotations = document.remove("annotations").filter(Value::is_object);
        Ok(View { kind, media_type, required, subject, artifact_type, annotations })
    }
}

fn media_type(document: &Map<String, Value>, header: Option<&str>) -> Result<String, ManifestError> {
    let body = match document.get("mediaType") {
        None => None,
        Some(Value::String(text)) => Some(text.as_str()),
        Some(_) => return Err(ManifestError::Member("mediaType")),
    };
    match (header, body) {
        (Some(header), Some(body)) if header != body => {
            Err(ManifestError::Disagreement { header: header.to_owned(), body: body.to_owned() })
        }
        (Some(agreed), _) | (None, Some(agreed)) => Ok(agreed.to_owned()),
        (None, None) => Err(ManifestError::MediaType(String::new())),
    }
}

/// One document that is an index to one reader and a manifest to another is an attack (CVE-2021-41190).
fn refuse_any(document: &Map<String, Value>, members: &[&str]) -> Result<(), ManifestError> {
    let ambiguous = members.iter().any(|member| document.contains_key(*member));
    if ambiguous { Err(ManifestError::Ambiguous) } else { Ok(()) }
}

fn list(
    document: &Map<String, Value>,
    member: &'static str,
    required: &mut Vec<Digest>,
) -> Result<(), ManifestError> {
    let descriptors = document.get(member).and_then(Value::as_array).ok_or(ManifestError::Member(member))?;
    for descriptor in descriptors {
        let digest = descriptor_digest(descriptor, member)?;
        // A foreign layer is fetched from its URLs; registries need not have it.
        let is_foreign =
            descriptor.get("urls").and_then(Value::as_array).is_some_and(|urls| !urls.is_empty());
        if !is_foreign {
            required.push(digest);
        }
    }
    Ok(())
}

fn descriptor_digest(descriptor: &Value, member: &'static str) -> Result<Digest, ManifestError> {
    let has_shape = descriptor.get("mediaType").is_some_and(Value::is_string)
        && descriptor.get("size").is_some_and(Value::is_u64);
    let digest = descriptor.get("digest").and_then(Value::as_str).filter(|_| has_shape);
    let digest = digest.ok_or(ManifestError::Member(member))?;
    digest.parse().map_err(|source| ManifestError::Digest { member, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = r#"{"mediaType":"x/y","size":0,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#;

    fn parse(text: &str, header: &str) -> Result<View, ManifestError> {
        View::parse(text.as_bytes(), Some(header))
    }

    #[test]
    fn lists_what_must_be_there() {
        let foreign = EMPTY.replace("\"size\"", "\"urls\":[\"https://example.com/x\"],\"size\"");
        let text = format!(
            r#"{{"schemaVersion":2,"config":{EMPTY},"layers":[{foreign},{EMPTY}],"subject":{EMPTY}}}"#
        );
        let view = parse(&text, media_type::OCI_MANIFEST).unwrap();
        assert_eq!(view.required, [Digest::sha256(b""); 2]);
        assert_eq!(view.subject, Some(Digest::sha256(b"")));
        assert_eq!(view.artifact_type.as_deref(), Some("x/y"));
    }

    #[test]
    fn takes_the_type_from_the_body_when_the_request_has_none() {
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
        assert_eq!(View::parse(text.as_bytes(), None).unwrap().kind, Kind::Index);
        assert!(matches!(parse(&text, media_type::DOCKER_LIST), Err(ManifestError::Disagreement { .. })));
    }

    #[test]
    fn refuses_what_clients_could_misread() {
        let index = |rest: &str| format!(r#"{{"schemaVersion":2,"manifests":[]{rest}}}"#);
        let cases = [
            (index(r#","layers":[]"#), ManifestError::Ambiguous),
            (index(r#","config":{}"#), ManifestError::Ambiguous),
            (index(r#","mediaType":7"#), ManifestError::Member("mediaType")),
            (index(r#","subject":{}"#), ManifestError::Member("subject")),
            (r#"{"schemaVersion":2}"#.to_owned(), ManifestError::Member("manifests")),
            (r#"{"schemaVersion":1,"manifests":[]}"#.to_owned(), ManifestError::SchemaVersion),
            (r#"{"schemaVersion":2,"manifests":[{}]}"#.to_owned(), ManifestError::Member("manifests")),
            ("[]".to_owned(), ManifestError::NoObject),
        ];
        for (text, error) in cases {
            assert_eq!(parse(&text, media_type::OCI_INDEX).unwrap_err(), error, "{text}");
        }
        for text in ["", "\u{feff}{}", "{} {}", &"[".repeat(100_000)] {
            assert!(matches!(parse(text, media_type::OCI_INDEX), Err(ManifestError::Json(_))));
        }
        assert!(matches!(parse(&index(""), media_type::DOCKER_SCHEMA1), Err(ManifestError::MediaType(_))));
        assert!(matches!(parse(&index(""), "text/html"), Err(ManifestError::MediaType(_))));
    }
}
