//! The check of all images, side by side.

use std::collections::HashMap;
use std::sync::Arc;

use airlift_oci::{Digest, Host, Observer, Phase, RawManifest, Repository};
use airlift_registry::{Concurrency, Transport};
use futures::{StreamExt, stream};

use crate::blobs::Blobs;
use crate::checked_image::{CheckedImage, State};
use crate::error::CheckError;
use crate::hosts::Hosts;
use crate::manifests::{FoundManifest, Manifests};
use crate::options::{CheckOptions, Depth};
use crate::tags::{self, FoundTag};
use crate::walk::{Below, Walked, Walker};
use crate::wanted::Wanted;

/// Asks for each image whether it is there, with all that is below it. The answers have the order of
/// `wanted`. Each digest is asked for once in each repository. If blobs are read, `observer` is informed of
/// the bytes.
pub async fn check(
    transport: &Transport,
    wanted: &[Wanted],
    options: CheckOptions,
    observer: Arc<dyn Observer>,
) -> Vec<CheckedImage> {
    let tasks = Concurrency::new(options.jobs).tasks;
    let _phase = (options.depth == Depth::Bytes).then(|| Phase::Check.start(&*observer, 0));
    let walker = Walker {
        hosts: Hosts::new(transport.clone()),
        manifests: Manifests::default(),
        blobs: Blobs::new(&options, Arc::clone(&observer)),
        options,
        requests: tasks,
    };
    let mut checked: Vec<(usize, CheckedImage)> = walker.all(wanted).await;
    checked.sort_by_key(|(position, _)| *position);
    checked.into_iter().map(|(_, image)| image).collect()
}

impl Walker {
    /// All images with their positions, in any order. Those of one host don't wait for another one.
    async fn all(&self, wanted: &[Wanted]) -> Vec<(usize, CheckedImage)> {
        let mut by_host: HashMap<Option<&Host>, Vec<usize>> = HashMap::new();
        for (position, image) in wanted.iter().enumerate() {
            by_host.entry(image.places.first().map(Repository::host)).or_default().push(position);
        }
        let hosts_at_a_time = if self.requests == 1 { 1 } else { by_host.len().max(1) };
        let images = stream::iter(by_host.into_values()).map(|positions| {
            let images = positions
                .into_iter()
                .map(|position| async move { (position, self.image(&wanted[position]).await) });
            stream::iter(images).buffer_unordered(self.requests).collect::<Vec<_>>()
        });
        images.buffer_unordered(hosts_at_a_time).concat().await
    }

    /// One image: in the first of its places, and in the next one if it is not whole there.
    async fn image(&self, wanted: &Wanted) -> CheckedImage {
        let mut checked = CheckedImage::unknown(wanted.digest, State::Unreachable, Some(CheckError::Nowhere));
        for place in &wanted.places {
            // On the heap: it is much, and there are many at a time.
            checked = Box::pin(self.image_at(wanted, place)).await;
            checked.asked = Some(place.clone());
            if checked.state == State::Ok {
                break;
            }
        }
        checked
    }

    async fn image_at(&self, wanted: &Wanted, place: &Repository) -> CheckedImage {
        let is_asked = |tag_place: &&Repository| *tag_place == place;
        let tag_place = wanted.tag_places.iter().find(is_asked).or(wanted.tag_places.last());
        let tag = wanted.tag.as_ref().zip(tag_place);
        match (wanted.digest, tag) {
            (Some(digest), tag) => {
                let tag = async {
                    match tag {
                        Some((tag, place)) => {
                            tags::look_up((&self.hosts, &self.manifests), place, tag, digest).await.map(Some)
                        }
                        None => Ok(None),
                    }
                };
                let (tag, content) = futures::join!(tag, self.content(wanted, place, digest));
                content.judge(digest, tag)
            }
            (None, Some((tag, tag_place))) => {
                match tags::resolve((&self.hosts, &self.manifests), tag_place, tag).await {
                    Ok(Some((digest, raw))) => {
                        let content = Content::There(Box::new(self.below(wanted, place, raw).await));
                        content.judge(digest, Ok(None))
                    }
                    Ok(None) => CheckedImage::unknown(None, State::Lost, None),
                    Err(error @ CheckError::Manifest(_)) => {
                        CheckedImage::unknown(None, State::Incomplete, Some(error))
                    }
                    Err(error) => CheckedImage::unknown(None, State::Unreachable, Some(error)),
                }
            }
            (None, None) => CheckedImage::unknown(None, State::Unreachable, Some(CheckError::Nowhere)),
        }
    }

    async fn content(&self, wanted: &Wanted, place: &Repository, digest: Digest) -> Content {
        match self.manifests.get(&self.hosts, place, digest).await {
            Ok(FoundManifest::There(raw)) => Content::There(Box::new(self.below(wanted, place, raw).await)),
            Ok(FoundManifest::Absent) => Content::Lost(None),
            Ok(FoundManifest::Other(error @ CheckError::Manifest(_))) => {
                Content::There(Box::new(Walked { refused: Some(error), ..Walked::default() }))
            }
            Ok(FoundManifest::Other(error)) => Content::Lost(Some(error)),
            Err(error) => Content::Unknown(error),
        }
    }

    async fn below(&self, wanted: &Wanted, repository: &Repository, image: RawManifest) -> Walked {
        let Wanted { attached, attached_tags, scope, .. } = wanted;
        self.walk(Below { repository, image, attached, attached_tags, scope }).await
    }
}

/// What became of an image's digest.
enum Content {
    /// Its manifest is there; and this is below it.
    There(Box<Walked>),
    /// It is gone, or something else is there.
    Lost(Option<CheckError>),
    Unknown(CheckError),
}

impl Content {
    /// The state of the image. What is known for certain counts more than what could not be found out.
    fn judge(self, digest: Digest, tag: Result<Option<FoundTag>, CheckError>) -> CheckedImage {
        let (tag, tag_unknown) = tag.map_or_else(|error| (None, Some(error)), |tag| (tag, None));
        let tag_digest = match tag {
            Some(FoundTag::Stands(now)) if now != digest => Some(now),
            _ => None,
        };
        let is_gone = matches!(tag, Some(FoundTag::Gone));
        let walked = match self {
            Content::There(walked) => walked,
            Content::Lost(error) => {
                return CheckedImage {
                    tag_digest,
                    ..CheckedImage::unknown(Some(digest), State::Lost, error)
                };
            }
            Content::Unknown(error) => {
                let image = CheckedImage::unknown(Some(digest), State::Unreachable, Some(error));
                return CheckedImage { tag_digest, ..image };
            }
        };
        let Walked { missing, damaged, refused, unknown, platforms, size } = *walked;
        let unknown = unknown.or(tag_unknown);
        let state = if !damaged.is_empty() {
            State::Damaged
        } else if !missing.is_empty() || refused.is_some() {
            State::Incomplete
        } else if tag_digest.is_some() || is_gone {
            State::Drift
        } else if unknown.is_some() {
            State::Unreachable
        } else {
            State::Ok
        };
        let (digest, error) = (Some(digest), refused.or(unknown));
        CheckedImage { state, digest, tag_digest, missing, damaged, error, asked: None, platforms, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checked_image::Part;

    fn judge(walked: Walked, tag: Result<Option<FoundTag>, CheckError>) -> State {
        Content::There(Box::new(walked)).judge(digest("image"), tag).state
    }

    fn digest(text: &str) -> Digest {
        Digest::sha256(text.as_bytes())
    }

    fn holes() -> Walked {
        let part = Part { digest: digest("layer"), place: "layer 1".to_owned() };
        Walked { missing: vec![part], ..Walked::default() }
    }

    fn unknown() -> Walked {
        Walked { unknown: Some(CheckError::Nowhere), ..Walked::default() }
    }

    #[test]
    fn what_is_known_counts_more_than_what_is_not() {
        let moved = || Ok(Some(FoundTag::Stands(digest("other"))));
        let stands = || Ok(Some(FoundTag::Stands(digest("image"))));
        assert_eq!(judge(Walked::default(), stands()), State::Ok);
        assert_eq!(judge(Walked::default(), Ok(None)), State::Ok);
        assert_eq!(judge(Walked::default(), Ok(Some(FoundTag::Unnamed))), State::Ok);
        assert_eq!(judge(Walked::default(), moved()), State::Drift);
        assert_eq!(judge(Walked::default(), Ok(Some(FoundTag::Gone))), State::Drift);
        assert_eq!(judge(Walked::default(), Err(CheckError::Nowhere)), State::Unreachable);
        assert_eq!(judge(holes(), moved()), State::Incomplete);
        assert_eq!(judge(holes(), Err(CheckError::Nowhere)), State::Incomplete);
        assert_eq!(judge(unknown(), stands()), State::Unreachable);
        assert_eq!(judge(unknown(), moved()), State::Drift);
        let refused = Walked { refused: Some(CheckError::Nowhere), ..Walked::default() };
        assert_eq!(judge(refused, stands()), State::Incomplete);
        let damaged = Walked { damaged: holes().missing, ..holes() };
        assert_eq!(judge(damaged, stands()), State::Damaged);
    }

    #[test]
    fn a_digest_that_is_gone_is_lost_whatever_its_tag_says() {
        let tag = || Ok(Some(FoundTag::Stands(digest("other"))));
        let lost = Content::Lost(None).judge(digest("image"), tag());
        assert_eq!((lost.state, lost.tag_digest), (State::Lost, Some(digest("other"))));
        let unknown = Content::Unknown(CheckError::Nowhere).judge(digest("image"), tag());
        assert_eq!((unknown.state, unknown.tag_digest), (State::Unreachable, Some(digest("other"))));
    }
}
