//! One request in, one answer out: counting, routing by path and method, and what all answers have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::body::Incoming;
use crate::failure::{Code, Failure};
use crate::route::Route;
use crate::storage::{Content, Folder};
use crate::{Options, Requests, api};

/// The digest of what is sent or was taken.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// An answer, good or bad.
pub(crate) type Answer = Result<Response<Body>, Failure>;

/// What all requests share.
pub(crate) struct App {
    pub(crate) content: Arc<dyn Content>,
    /// The same content where it can be written to; `None` makes the registry read-only.
    pub(crate) writable: Option<Arc<Folder>>,
    pub(crate) options: Options,
    counters: Counters,
}

/// A request without its body.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Option<&'a str>,
}

impl App {
    pub(crate) fn new(content: Arc<dyn Content>, writable: Option<Arc<Folder>>, options: Options) -> Self {
        App { content, writable, options, counters: Counters::default() }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.counters.read()
    }

    /// Answers a request. Whatever it holds, there is an answer.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        self.counters.count(&parts.method);
        let mut body = Incoming::new(body, self.options.patience);
        let asked = Asked { method: &parts.method, headers: &parts.headers, query: parts.uri.query() };
        let answer = self.route(parts.uri.path(), &asked, &mut body).await;
        let mut response = answer.unwrap_or_else(Failure::into_response);
        let is_refused = response.status().is_client_error() || response.status().is_server_error();
        // Who asks before sending (Expect) is not sending yet.
        if is_refused && !parts.headers.contains_key(header::EXPECT) {
            body.drain().await;
        }
        let headers = response.headers_mut();
        headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn route(&self, path: &str, asked: &Asked<'_>, body: &mut Incoming) -> Answer {
        let method = asked.method.as_str();
        match (Route::parse(path)?, method) {
            (Route::Base, "GET" | "HEAD") => Ok(empty(StatusCode::OK)),
            (Route::Manifest(repository, reference), "GET" | "HEAD") => {
                api::manifests::get(self, repository, reference).await
            }
            (Route::Blob(repository, digest), "GET" | "HEAD") => {
                api::blobs::get(self, asked, repository, digest).await
            }
            (Route::Tags(repository), "GET" | "HEAD") => api::tags::list(self, asked, &repository),
            (Route::Referrers(repository, digest), "GET" | "HEAD") => {
                api::referrers::list(self, asked, &repository, &digest)
            }
            (route, method) => match &self.writable {
                Some(folder) => self.write(folder, route, asked, body).await,
                None => Err(not_allowed(&route, method, Writes::Refused)),
            },
        }
    }

    async fn write(
        &self,
        folder: &Arc<Folder>,
        route: Route<'_>,
        asked: &Asked<'_>,
        body: &mut Incoming,
    ) -> Answer {
        match (route, asked.method.as_str()) {
            (Route::Manifest(repository, reference), "PUT") => {
                api::manifests::put(self, folder, api::manifests::Put { asked, repository, reference, body })
                    .await
            }
            (Route::Manifest(repository, reference), "DELETE") => {
                api::manifests::delete(folder, &repository, reference)
            }
            (Route::Blob(repository, digest), "DELETE") => api::blobs::delete(folder, &repository, &digest),
            (Route::Uploads(repository), "POST") => {
                api::uploads::begin(folder, asked, repository, body).await
            }
            (Route::Upload(repository, id), "GET" | "HEAD") => {
                api::uploads::Upload::find(folder, repository, id)?.status().await
            }
            (Route::Upload(repository, id), "PATCH") => {
                api::uploads::Upload::find(folder, repository, id)?.append(asked, body).await
            }
            (Route::Upload(repository, id), "PUT") => {
                api::uploads::Upload::find(folder, repository, id)?.finish(asked, body).await
            }
            (Route::Upload(repository, id), "DELETE") => {
                api::uploads::Upload::find(folder, repository, id)?.cancel()
            }
            (route, method) => Err(not_allowed(&route, method, Writes::Taken)),
        }
    }
}

/// Whether the registry can be written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Taken,
    Refused,
}

fn not_allowed(route: &Route<'_>, method: &str, writes: Writes) -> Failure {
    let allow = match (route, writes) {
        (Route::Base | Route::Tags(_) | Route::Referrers(..), _) => "GET, HEAD",
        (Route::Manifest(..), Writes::Taken) => "GET, HEAD, PUT, DELETE",
        (Route::Blob(..), Writes::Taken) => "GET, HEAD, DELETE",
        (Route::Uploads(_), Writes::Taken) => "POST",
        (Route::Upload(..), Writes::Taken) => "GET, HEAD, PATCH, PUT, DELETE",
        (Route::Manifest(..) | Route::Blob(..), Writes::Refused) => "GET, HEAD",
        (Route::Uploads(_) | Route::Upload(..), Writes::Refused) => "",
    };
    let message = match writes {
        Writes::Taken => format!("{} is not possible here", method.escape_debug()),
        Writes::Refused => format!("{} is not possible: this registry is read-only", method.escape_debug()),
    };
    Failure::new(Code::Unsupported, message).header(header::ALLOW, allow)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Sets a header, if the value can be one; all values set here are made of checked names, digests and
/// numbers.
pub(crate) fn set(response: &mut Response<Body>, name: HeaderName, value: impl TryInto<HeaderValue>) {
    if let Ok(value) = value.try_into() {
        response.headers_mut().insert(name, value);
    }
}

#[derive(Debug, Default)]
struct Counters {
    get: AtomicU64,
    head: AtomicU64,
    post: AtomicU64,
    patch: AtomicU64,
    put: AtomicU64,
    delete: AtomicU64,
    other: AtomicU64,
}

impl Counters {
    fn count(&self, method: &Method) {
        let counter = match *method {
            Method::GET => &self.get,
            Method::HEAD => &self.head,
            Method::POST => &self.post,
            Method::PATCH => &self.patch,
            Method::PUT => &self.put,
            Method::DELETE => &self.delete,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Requests {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Requests {
            get: read(&self.get),
            head: read(&self.head),
            post: read(&self.post),
            patch: read(&self.patch),
            put: read(&self.put),
            delete: read(&self.delete),
            other: read(&self.other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[tokio::test]
    async fn without_a_place_to_write_it_is_read_only() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(scratch.path()).unwrap());
        crate::seed::seed(&folder, crate::Indexes::Complete, &samples::all()).await.unwrap();
        let app = App::new(folder, None, Options::default());
        let ask = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = app.answer(request).await;
            (answer.status(), answer.headers().get(header::ALLOW).cloned())
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
