//! The requests of an upload: POST opens a session, PUT sends all at once, PATCH sends a piece.

use std::io;

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::{Payload, Request};
use crate::http::response::Response;
use crate::limits::request_gate::RequestSize;
use crate::push::acknowledged_range::reached;
use crate::push::blob_source::UploadPermit;
use crate::push::body::BlobReader;
use crate::push::read_loop::UploadRange;
use crate::push::session::UploadSession;
use crate::push::upload::Upload;
use crate::transport::urls::repository_url;

/// How often a registry may take less of a piece than it was sent.
const MAX_SHORT: u32 = 8;

/// A part of the blob that one request carries.
struct BodyRange {
    offset: u64,
    length: u64,
    /// Held until all of it is sent.
    permit: UploadPermit,
}

impl Upload<'_> {
    /// Opens a session.
    pub(super) async fn open(&mut self) -> Result<UploadSession, Error> {
        let scope = Scope::new(self.repository, Access::Push);
        let make = |base: &_| {
            Ok(Request::new(Method::POST, repository_url(base, self.repository, "blobs/uploads/")?))
        };
        let response = self.transport.inner.send(&scope, make).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.transport.inner.refused(response).await);
        }
        self.least = response
            .header("oci-chunk-min-length")
            .and_then(|least| least.trim().parse().ok())
            .unwrap_or_default();
        UploadSession::opened(&self.transport.inner.http, &response)
    }

    /// All of the blob in one request.
    pub(super) async fn at_once(&mut self, session: UploadSession) -> Result<(), Error> {
        let request = session.request(Method::PUT, Some(&self.digest));
        let (permit, _until_answered) = self.source.permit().await.split();
        let reader = self.reader(0).await?;
        let body = BodyRange { offset: 0, length: self.size, permit };
        let (response, sent) = self.send(&session, request, &reader, body).await?;
        let result = self.acknowledged(session.noted(response)).await;
        self.keep(session, sent, result)
    }

    /// The blob from `offset` on in pieces of at most `piece` bytes, then the end. A registry that notices a
    /// wrong place does so at the first of them. The source is read once for all of them.
    pub(super) async fn by_pieces(
        &mut self,
        mut session: UploadSession,
        offset: u64,
        piece: u64,
    ) -> Result<(), Error> {
        let piece = piece.max(self.least);
        let mut shorts = 0;
        self.offset = offset;
        // The next piece may follow as soon as this one is acknowledged, so the permit is kept meanwhile.
        let _permit = self.source.permit().await;
        let mut reader = self.reader(offset).await?;
        while self.offset < self.size {
            let end = self.offset.saturating_add(piece).min(self.size);
            let (next, taken) = self.piece(session, &reader, end).await?;
            session = next;
            self.offset = taken;
            if taken < end {
                shorts += 1;
                self.take_back_to(taken);
                reader = self.reader(taken).await?;
            }
            if shorts > MAX_SHORT {
                let request = session.request(Method::PATCH, None);
                return Err(Error::content(
                    &self.transport.inner.http.call(&request),
                    ContentFault::UploadOffset,
                ));
            }
        }
        let http = &self.transport.inner.http;
        let request = session.request(Method::PUT, Some(&self.digest));
        self.body = 0;
        // The registry may hash all of the blob before it answers.
        let result = match http.send(request, Some(http.limits.answer)).await {
            Ok(response) => self.acknowledged(session.noted(response)).await,
            Err(error) => Err(error),
        };
        self.keep(session, self.size, result)
    }

    /// One piece, from what the registry has up to `end`. Gives the session as it goes on, and what the
    /// registry has then.
    async fn piece(
        &mut self,
        session: UploadSession,
        reader: &BlobReader,
        end: u64,
    ) -> Result<(UploadSession, u64), Error> {
        let start = self.offset;
        let mut request = session.request(Method::PATCH, None);
        if let Ok(range) = HeaderValue::from_str(&format!("{start}-{}", end.saturating_sub(1))) {
            request = request.with(CONTENT_RANGE, range);
        }
        let body = BodyRange { offset: start, length: end - start, permit: UploadPermit::UNCOUNTED };
        let (response, sent) = self.send(&session, request, reader, body).await?;
        let response = session.noted(response);
        if !matches!(response.status().as_u16(), 200 | 201 | 202 | 204) {
            let refused = self.transport.inner.refused(response).await;
            return self.keep(session, sent, Err(refused));
        }
        let Some(taken) = reached(&response, start, end) else {
            return Err(Error::content(&response.call, ContentFault::UploadOffset));
        };
        Ok((session.after(end).moved(&self.transport.inner.http, &response)?, taken))
    }

    /// The source, read from `offset` on.
    async fn reader(&self, offset: u64) -> Result<BlobReader, Error> {
        let range = UploadRange { digest: self.digest, offset, size: self.size };
        let reader = BlobReader::open(&self.transport.inner, range, self.source).await;
        reader.map_err(|error| self.unread(error))
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Source { digest: self.digest, source }
    }

    /// Sends the next bytes, which are `body`, with `request`, and watches over it. Gives the answer, and
    /// where in the blob sending ended.
    async fn send(
        &mut self,
        session: &UploadSession,
        mut request: Request,
        reader: &BlobReader,
        BodyRange { offset, length, permit }: BodyRange,
    ) -> Result<(Response, u64), Error> {
        let gate = self.transport.inner.gates.of(self.repository.host());
        let gate_permit = gate.enter(RequestSize::of(length)).await;
        let (body, timer) = reader.body(length, permit);
        let http = &self.transport.inner.http;
        let call = http.call(&request);
        request = request.with(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.payload = Payload::Stream { body, size: length };
        self.body = length;
        let result = tokio::select! {
            result = http.send(request, None) => result,
            (waiting_for, after) = timer.stalled(http.limits) => {
                Err(Error::timed_out(&call, waiting_for, after))
            }
        };
        if let Ok(response) = &result {
            gate_permit.answered(response.status());
        }
        let sent = timer.sent();
        self.uploaded += sent;
        self.reported += sent;
        // What the source says comes first: the broken request is only its consequence.
        if let Some(error) = reader.failure() {
            return Err(self.unread(error));
        }
        match result {
            // The source has proven itself only with its last byte.
            Ok(response) if response.status().is_success() && sent < length => {
                Err(Error::content(&response.call, ContentFault::EarlyAnswer))
            }
            Ok(response) => Ok((response, offset + sent)),
            Err(error) => self.keep(session.clone(), offset + sent, Err(error)),
        }
    }

    /// Keeps the session of a failure, to be resumed.
    fn keep<T>(&mut self, session: UploadSession, sent: u64, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() {
            self.broken = Some(session.after(sent));
        }
        result
    }

    /// Whether the registry acknowledges the whole blob.
    async fn acknowledged(&self, response: Response) -> Result<(), Error> {
        if !matches!(response.status(), StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT) {
            return Err(self.transport.inner.refused(response).await);
        }
        if response.is_html() {
            return Err(Error::content(&response.call, ContentFault::Html));
        }
        // Registries answer with the algorithm of their own liking; only the same one can be compared.
        let header = response.digest();
        match header.filter(|header| header.algorithm() == self.digest.algorithm() && *header != self.digest)
        {
            None => Ok(()),
            Some(header) => {
                Err(Error::content(&response.call, ContentFault::Header { header, actual: self.digest }))
            }
        }
    }
}
