//! What a scripted registry answers when it behaves: samples of its own, or the answers of another registry.

use std::collections::HashMap;

use airlift_server::samples::{Content, Sample};

use super::answer::Answer;
use super::request::Request;
use crate::http::Endpoint;

/// Samples by the paths under which a registry serves them.
pub(super) struct Served(HashMap<String, Content>);

impl Served {
    pub(super) fn new(samples: &[Sample]) -> Self {
        let mut contents = HashMap::new();
        for sample in samples {
            let base = format!("/v2/{}", sample.repository);
            for blob in &sample.blobs {
                contents.insert(format!("{base}/blobs/{}", blob.digest), blob.clone());
            }
            for manifest in sample.manifests.iter().chain([&sample.root]) {
                contents.insert(format!("{base}/manifests/{}", manifest.digest), manifest.clone());
            }
            contents.insert(format!("{base}/manifests/{}", sample.tag), sample.root.clone());
        }
        Served(contents)
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Answer::error(405, "UNSUPPORTED", "this registry is read-only");
        }
        if request.path() == "/v2/" {
            return Answer::ok("application/json", "{}");
        }
        let Some(content) = self.0.get(request.path()) else { return not_found(request) };
        let is_blob = request.path().contains("/blobs/");
        let media_type = if is_blob { "application/octet-stream" } else { content.media_type.as_str() };
        let size = content.bytes.len() as u64;
        match request.range().filter(|_| is_blob) {
            None => Answer::ok(media_type, content.bytes.to_vec()),
            Some((first, last)) if first < size && first <= last => {
                let last = last.min(size - 1);
                let piece = &content.bytes[first as usize..=last as usize];
                Answer::status(206)
                    .header("Content-Type", media_type)
                    .header("Content-Range", format!("bytes {first}-{last}/{size}"))
                    .body(piece)
            }
            Some(_) => Answer::status(416).header("Content-Range", format!("bytes */{size}")),
        }
        .header("Docker-Content-Digest", content.digest.to_string())
    }
}

pub(super) fn not_found(request: &Request) -> Answer {
    let code = if request.path().contains("/manifests/") { "MANIFEST_UNKNOWN" } else { "BLOB_UNKNOWN" };
    Answer::error(404, code, "not in the script")
}

/// Asks `upstream` the same, with the same `Host`, so that what it says about itself leads back here.
pub(super) fn forward(upstream: &Endpoint, request: &Request) -> Answer {
    let framing = ["connection", "content-length", "transfer-encoding", "expect", "host"];
    let headers = request.headers.iter().filter(|(name, _)| !framing.contains(&name.as_str()));
    let mut headers: Vec<(&str, &str)> =
        headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Registries that read it name this one in a Location; in the answers of the others it is replaced below.
    headers.push(("X-Forwarded-Host", request.header("host").unwrap_or_default()));
    let asked = upstream.try_request(&request.method, &request.target, &headers, &request.body);
    let mut response = match asked {
        Ok(response) => response,
        Err(error) => return Answer::error(502, "UNKNOWN", &error.to_string()),
    };
    for (name, value) in &mut response.headers {
        if name == "location" {
            *value = value.replace(upstream.authority(), request.header("host").unwrap_or_default());
        }
    }
    Answer::of(response)
}
