//! Blobs down, from one of the `urls` of a foreign layer.

use airlift_oci::text::bounded;
use airlift_oci::{Descriptor, Repository};
use reqwest::{Method, Url};

use crate::error::Error;
use crate::error::call::{Call, redacted};
use crate::pull::blob_sink::BlobSink;
use crate::pull::download::{Download, FetchedBlob};
use crate::pull::location::BlobLocation;
use crate::transport::Transport;

impl Transport {
    /// Fetches a blob from one of the `urls` of a foreign layer, which an image of `repository` names: by
    /// https only, without credentials.
    ///
    /// # Errors
    /// As [`fetch_blob`](Self::fetch_blob); also if the address is none that a registry may send us to.
    pub async fn fetch_external(
        &self,
        repository: &Repository,
        url: &str,
        descriptor: &Descriptor,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        let registry = self.inner.registry(repository.host()).await?;
        let call = Call::new(&Method::GET, &registry.base);
        let refuse = |target: String, reason| Error::Redirect { call: call.clone(), target, reason };
        let target = Url::parse(url).map_err(|_| refuse(bounded(url), "it is no address"))?;
        let shown = || redacted(&target);
        if target.scheme() != "https" {
            return Err(refuse(shown(), "layers from outside are fetched by https only"));
        }
        let allowed = self.inner.http.policy.check(&registry.base, &target);
        allowed.map_err(|reason| refuse(shown(), reason))?;
        let retry = self.inner.retry(shown());
        Download::new(&self.inner, BlobLocation::External(&target), descriptor, sink).run(retry).await
    }
}
