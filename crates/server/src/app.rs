//! One request in, one response out: counting, routing by path and method, and what all responses share.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{Request, StatusCode};

use crate::api;
use crate::body::Incoming;
use crate::failure::{Code, Failure};
use crate::options::{Options, Referrers};
use crate::request::RequestHead;
use crate::requests::{Counters, Requests};
use crate::response::{Response, empty};
use crate::route::Route;
use crate::storage::{ContentStore, Folder};

/// What all requests share.
pub(crate) struct App {
    pub(crate) content: Arc<dyn ContentStore>,
    /// The same content where it can be written to; `None` makes the registry read-only.
    pub(crate) writable: Option<Arc<Folder>>,
    pub(crate) options: Options,
    counters: Counters,
}

impl App {
    pub(crate) fn new(
        content: Arc<dyn ContentStore>,
        writable: Option<Arc<Folder>>,
        options: Options,
    ) -> Self {
        App { content, writable, options, counters: Counters::default() }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.counters.read()
    }

    /// Responds to a request. Every request gets a response, whatever it holds.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        self.counters.count(&parts.method);
        let mut body = Incoming::new(body, self.options.timeout);
        let head = RequestHead { method: &parts.method, headers: &parts.headers, query: parts.uri.query() };
        let outcome = self.route(parts.uri.path(), &head, &mut body).await;
        let mut response = outcome.unwrap_or_else(Failure::into_response);
        let is_refused = response.status().is_client_error() || response.status().is_server_error();
        // A client that asks before it sends (Expect) is not sending yet.
        if is_refused && !parts.headers.contains_key(header::EXPECT) {
            body.drain().await;
        }
        let headers = response.headers_mut();
        headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn route(
        &self,
        path: &str,
        head: &RequestHead<'_>,
        body: &mut Incoming,
    ) -> Result<Response, Failure> {
        let method = head.method.as_str();
        match (Route::parse(path)?, method) {
            (Route::Base, "GET" | "HEAD") => Ok(empty(StatusCode::OK)),
            (Route::Manifest(repository, reference), "GET" | "HEAD") => {
                api::manifests::get(&self.content, repository, reference).await
            }
            (Route::Blob(repository, digest), "GET" | "HEAD") => {
                api::blobs::get(&self.content, head, repository, digest).await
            }
            (Route::Tags(repository), "GET" | "HEAD") => api::tags::list(&*self.content, head, &repository),
            (Route::Referrers(..), "GET" | "HEAD") if self.options.referrers == Referrers::Absent => {
                Err(api::referrers::no_api())
            }
            (Route::Referrers(repository, digest), "GET" | "HEAD") => {
                api::referrers::list(&*self.content, head, &repository, &digest)
            }
            (route, method) => match &self.writable {
                Some(folder) => self.write(folder, route, head, body).await,
                None => Err(not_allowed(&route, method, Writes::Refused)),
            },
        }
    }

    async fn write(
        &self,
        folder: &Arc<Folder>,
        route: Route<'_>,
        head: &RequestHead<'_>,
        body: &mut Incoming,
    ) -> Result<Response, Failure> {
        match (route, head.method.as_str()) {
            (Route::Manifest(repository, reference), "PUT") => {
                api::manifests::put(
                    folder,
                    &self.options,
                    api::manifests::Put { head, repository, reference, body },
                )
                .await
            }
            (Route::Manifest(repository, reference), "DELETE") => {
                api::manifests::delete(folder, &repository, reference)
            }
            (Route::Blob(repository, digest), "DELETE") => api::blobs::delete(folder, &repository, &digest),
            (Route::Uploads(repository), "POST") => api::uploads::begin(folder, head, repository, body).await,
            (Route::Upload(repository, id), "GET" | "HEAD") => {
                api::uploads::Upload::find(folder, repository, id)?.status().await
            }
            (Route::Upload(repository, id), "PATCH") => {
                api::uploads::Upload::find(folder, repository, id)?.append(head, body).await
            }
            (Route::Upload(repository, id), "PUT") => {
                api::uploads::Upload::find(folder, repository, id)?.finish(head, body).await
            }
            (Route::Upload(repository, id), "DELETE") => {
                api::uploads::Upload::find(folder, repository, id)?.cancel()
            }
            (route, method) => Err(not_allowed(&route, method, Writes::Allowed)),
        }
    }
}

/// Whether the registry can be written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Allowed,
    Refused,
}

fn not_allowed(route: &Route<'_>, method: &str, writes: Writes) -> Failure {
    let allow = match (route, writes) {
        (Route::Base | Route::Tags(_) | Route::Referrers(..), _) => "GET, HEAD",
        (Route::Manifest(..), Writes::Allowed) => "GET, HEAD, PUT, DELETE",
        (Route::Blob(..), Writes::Allowed) => "GET, HEAD, DELETE",
        (Route::Uploads(_), Writes::Allowed) => "POST",
        (Route::Upload(..), Writes::Allowed) => "GET, HEAD, PATCH, PUT, DELETE",
        (Route::Manifest(..) | Route::Blob(..), Writes::Refused) => "GET, HEAD",
        (Route::Uploads(_) | Route::Upload(..), Writes::Refused) => "",
    };
    let message = match writes {
        Writes::Allowed => format!("{} is not possible here", method.escape_debug()),
        Writes::Refused => format!("{} is not possible: this registry is read-only", method.escape_debug()),
    };
    Failure::new(Code::Unsupported, message).header(header::ALLOW, allow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[tokio::test]
    async fn without_a_place_to_write_it_is_read_only() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(scratch.path()).unwrap());
        crate::seed::seed(&folder, crate::options::Indexes::Complete, &samples::all()).await.unwrap();
        let app = App::new(folder, None, Options::default());
        let ask = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let response = app.respond(request).await;
            (response.status(), response.headers().get(header::ALLOW).cloned())
        };
        assert_eq!(ask("GET", "/v2/team/web/manifests/1.27").await.0, StatusCode::OK);
        let digest = airlift_oci::Digest::sha256(b"{}");
        let blob = format!("/v2/charts/app/blobs/{digest}");
        assert_eq!(ask("HEAD", &blob).await.0, StatusCode::OK);
        for (method, path, allow) in [
            ("PUT", "/v2/team/web/manifests/1.27", "GET, HEAD"),
            ("DELETE", "/v2/team/web/manifests/1.27", "GET, HEAD"),
            ("DELETE", &blob, "GET, HEAD"),
            ("POST", "/v2/team/web/blobs/uploads/", ""),
            ("GET", "/v2/team/web/blobs/uploads/x", ""),
        ] {
            let allow = HeaderValue::from_static(allow);
            assert_eq!(
                ask(method, path).await,
                (StatusCode::METHOD_NOT_ALLOWED, Some(allow)),
                "{method} {path}"
            );
        }
    }
}
