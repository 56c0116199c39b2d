//! Three connections of ten break, and everything arrives all the same: there and back, against registries in
//! memory and real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::net::SocketAddr;

use airlift_oci::{Digest, Selector, media_type};
use airlift_registry::{Access, Options, Transport};
use airlift_testkit::real::{RealRegistry, RegistryBuilder};
use futures::StreamExt as _;
use support::line::{Line, Share};
use support::script::Request;
use support::shop::{Cut, Orders, Shop};
use support::{Bytes, Log, Memory, content, descriptor, options, repository, transport};

/// Blobs from nothing to several pieces.
fn blobs() -> Vec<Vec<u8>> {
    [0, 1, 1000, 65_536, 262_144, 262_145, 700_000, 1_048_576, 1_500_000, 2_000_000, 3_000_001, 4_000_000]
        .into_iter()
        .map(content)
        .collect()
}

/// Manifests that name a blob each, with odd white space.
fn manifests() -> Vec<bytes::Bytes> {
    let described = |bytes: &Vec<u8>| {
        let digest = Digest::sha256(bytes);
        format!(
            "{{ \"schemaVersion\": 2,\n\t\"mediaType\": \"{}\", \"config\":  {{\"mediaType\":\"{}\",\"digest\":\"{digest}\",\"size\":{}}}, \"layers\": [] }}\n",
            media_type::OCI_MANIFEST,
            media_type::OCI_CONFIG,
            bytes.len()
        )
    };
    blobs().iter().map(|blob| described(blob).into()).collect()
}

fn persistent() -> (Transport, std::sync::Arc<Log>) {
    transport(Options { retries: 12, ..options() })
}

/// Sends all of it, four at a time.
async fn send(address: SocketAddr) -> std::sync::Arc<Log> {
    let (transport, log) = persistent();
    let target = repository(address, "a/b");
    let put = |blob: Vec<u8>| {
        let (transport, target) = (&transport, &target);
        async move {
            let (digest, size) = (Digest::sha256(&blob), blob.len() as u64);
            transport.put_blob(target, &digest, size, &Bytes(blob)).await.unwrap();
        }
    };
    futures::stream::iter(blobs()).map(put).buffer_unordered(4).collect::<Vec<()>>().await;
    for manifest in manifests() {
        let selector = Selector::Digest(Digest::sha256(&manifest));
        let put = transport.put_manifest(&target, &selector, media_type::OCI_MANIFEST, manifest);
        put.await.unwrap();
    }
    let sum: usize = blobs().iter().map(Vec::len).sum();
    assert_eq!(log.progress(), sum as u64);
    log
}

/// Fetches all of it, four at a time, and compares.
async fn fetch(address: SocketAddr) -> std::sync::Arc<Log> {
    let (transport, log) = persistent();
    let from = repository(address, "a/b");
    let get = |blob: Vec<u8>| {
        let (transport, from) = (&transport, &from);
        async move {
            let mut sink = Memory::default();
            transport.fetch_blob(from, &descriptor(&blob), &mut sink).await.unwrap();
            assert!(sink.bytes == blob, "{} bytes", blob.len());
        }
    };
    futures::stream::iter(blobs()).map(get).buffer_unordered(4).collect::<Vec<()>>().await;
    for manifest in manifests() {
        let selector = Selector::Digest(Digest::sha256(&manifest));
        let fetched = transport.get_manifest(&from, &selector, Access::Pull).await.unwrap().unwrap();
        assert_eq!(fetched.bytes, manifest);
    }
    log
}

#[tokio::test]
async fn all_arrives_over_a_line_that_flaps() {
    let cut = |request: &Request, number: usize| {
        let size = request.header("content-length").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        match (number % 10, number / 10 % 3) {
            (2 | 5 | 8, 0) => Cut::AtOnce,
            (2 | 5 | 8, 1) => Cut::Unanswered,
            (2 | 5 | 8, _) if size > 0 => Cut::Up(size / 2),
            (2 | 5 | 8, _) => Cut::Down(1000),
            _ => Cut::Never,
        }
    };
    let shop = Shop::open(Orders { cut: Box::new(cut), ..Orders::default() }).await;
    let sent = send(shop.address).await;
    assert!(blobs().iter().all(|blob| shop.holds(blob)));
    let fetched = fetch(shop.address).await;
    let retries = (sent.retries().len(), fetched.retries().len());
    assert!(retries.0 >= 10 && retries.1 >= 5, "{retries:?}");
}

/// The same against a real registry, whose connections live as long as they hold.
async fn real(builder: RegistryBuilder) {
    let Some(registry) = builder.start() else { return };
    let share = |number: usize| match number % 10 {
        0 => Share { up: 600_000, ..Share::ALL },
        3 => Share::NOTHING,
        6 => Share { down: 700_000, ..Share::ALL },
        // All others end as well, so that there are many.
        _ => Share { up: 6_000_000, down: 6_000_000 },
    };
    let line = Line::to(registry.authority().parse().unwrap(), share).await;
    let (sent, fetched) = (send(line.address).await, fetch(line.address).await);
    let broken = sent.retries().len() + fetched.retries().len();
    assert!(broken >= 1, "nothing had to be repeated");
    // How many connections it takes depends on which of them were free for reuse; seven are every kind of
    // break.
    assert!(line.connections() >= 7, "{}", line.connections());
    // And over a line that holds: what is there is what was sent.
    let log = fetch(registry.authority().parse().unwrap()).await;
    assert!(log.retries().is_empty());
}

#[tokio::test]
async fn all_arrives_at_distribution_2() {
    real(RealRegistry::debian()).await;
}

#[tokio::test]
async fn all_arrives_at_distribution_3() {
    real(RealRegistry::distribution_v3()).await;
}
