//! A second reader, for comparison: of JSON, one that sees what any decoder may see; of archives, one made of
//! the `tar` crate, `serde_json` and `sha2` that knows nothing but the OCI specification.

use std::collections::{BTreeMap, HashMap};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::Digest as _;

/// JSON with all that is in it, repeated members too, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` and `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// All values of members that some reader takes for `name`: Go's matches letters without regard for case,
    /// by simple folding.
    pub fn all(&self, name: &str) -> Vec<&Json> {
        let Json::Object(members) = self else { return Vec::new() };
        let same = |other: &str| other.chars().map(folded).eq(name.chars().map(folded));
        members.iter().filter(|(key, _)| same(key)).map(|(_, value)| value).collect()
    }

    /// The one value that every reader sees; `None` where it is absent or null.
    ///
    /// # Panics
    /// Where readers may see different ones.
    pub fn one(&self, name: &str) -> Option<&Json> {
        let all = self.all(name);
        assert!(all.len() < 2, "'{name}' is there {} times, and was accepted", all.len());
        if let (Json::Object(members), [_]) = (self, all.as_slice()) {
            assert!(members.iter().any(|(key, _)| key == name), "'{name}' is there in another case");
        }
        all.first().copied().filter(|value| **value != Json::Null)
    }

    /// The text that it is.
    pub fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The unsigned number that it is.
    pub fn number(&self) -> Option<u64> {
        if let Json::Number(number) = self { number.as_u64() } else { None }
    }

    /// The list that it is.
    pub fn list(&self) -> Option<&[Json]> {
        if let Json::List(list) = self { Some(list) } else { None }
    }
}

fn folded(c: char) -> char {
    let mut upper = c.to_uppercase();
    let upper = if upper.len() == 1 { upper.next().unwrap_or(c) } else { c };
    let mut lower = upper.to_lowercase();
    if lower.len() == 1 { lower.next().unwrap_or(upper) } else { upper }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

/// The regular files of a tar, in order: name, place of the content, its length. A hard link has those of the
/// file that it leads to.
///
/// # Errors
/// What the `tar` crate says where it can't go on.
pub fn tar_files(bytes: &[u8]) -> std::io::Result<Vec<(Vec<u8>, u64, u64)>> {
    let mut archive = tar::Archive::new(bytes);
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if kind.is_file() {
            files.push((name, entry.raw_file_position(), entry.size()));
        } else if kind.is_hard_link() {
            let target = entry.link_name_bytes().map(|target| plain(&target).to_vec());
            let found = files.iter().find(|(name, ..)| Some(plain(name)) == target.as_deref());
            let place = found.map(|(_, start, size)| (*start, *size));
            files.extend(place.map(|(start, size)| (name, start, size)));
        }
    }
    Ok(files)
}

fn plain(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"./").unwrap_or(name)
}

/// The content of a tar's files, by name. Like most readers it lets the last of two with one name count.
fn contents(bytes: &[u8]) -> Result<BTreeMap<String, &[u8]>, String> {
    let mut contents = BTreeMap::new();
    for (name, offset, size) in tar_files(bytes).map_err(|error| error.to_string())? {
        let name = String::from_utf8(name).map_err(|error| error.to_string())?;
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let (start, size) = (offset as usize, size as usize);
        let content = bytes.get(start..start + size).ok_or(format!("{name} lies outside of the file"))?;
        contents.insert(name, content);
    }
    Ok(contents)
}

/// The digest of `content` by the algorithm that `digest` names; `None` for an unknown one.
fn digest_like(digest: &str, content: &[u8]) -> Option<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match digest.split_once(':')?.0 {
        "sha256" => Some(format!("sha256:{}", hex(&sha2::Sha256::digest(content)))),
        "sha384" => Some(format!("sha384:{}", hex(&sha2::Sha384::digest(content)))),
        "sha512" => Some(format!("sha512:{}", hex(&sha2::Sha512::digest(content)))),
        _ => None,
    }
}

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// What `verify` reports of a layout that it accepts, beside that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reported {
    /// Something that the layout leads to is not there.
    pub is_partial: bool,
    /// `oci-layout` is not there.
    pub lacks_mark: bool,
}

/// Whether everything that `index.json` leads to is in the archive, with its digest and size, but for what
/// was reported as missing. For blobs, archives that say what they leave out are believed.
///
/// # Errors
/// The first thing that is wrong.
pub fn is_whole(bytes: &[u8], reported: Reported) -> Result<(), String> {
    let files = contents(bytes)?;
    let json = |content: &[u8]| -> Result<Json, String> {
        serde_json::from_slice(content).map_err(|error| error.to_string())
    };
    if files.contains_key("oci-layout") == reported.lacks_mark {
        return Err("oci-layout is not as it was reported".to_owned());
    }
    let index = json(files.get("index.json").ok_or("no index.json")?)?;
    let roots = index.one("manifests").and_then(Json::list).unwrap_or_default();
    let leaves_out = |root: &Json| {
        let named = |annotations: &Json| {
            ["io.airlift.platforms", "io.airlift.external", "io.airlift.absent"]
                .iter()
                .any(|key| !annotations.all(key).is_empty())
        };
        root.one("annotations").is_some_and(named)
    };
    let partial = roots.iter().any(leaves_out);
    let mut queue: Vec<Json> = roots.to_vec();
    let mut seen: HashMap<String, u64> = HashMap::new();
    while let Some(descriptor) = queue.pop() {
        let digest = descriptor.one("digest").and_then(Json::text).ok_or("no digest")?.to_owned();
        let size = descriptor.one("size").and_then(Json::number).ok_or("no size")?;
        if let Some(known) = seen.insert(digest.clone(), size) {
            if known != size {
                return Err(format!("{digest} has two sizes"));
            }
            continue;
        }
        let media_type = descriptor.one("mediaType").and_then(Json::text).unwrap_or_default();
        let is_manifest = INDEXES.contains(&media_type) || MANIFESTS.contains(&media_type);
        let Some(content) = files.get(&format!("blobs/{}", digest.replace(':', "/"))) else {
            if reported.is_partial || partial && !is_manifest {
                continue;
            }
            return Err(format!("{digest} is missing"));
        };
        if content.len() as u64 != size || digest_like(&digest, content).as_ref() != Some(&digest) {
            return Err(format!("{digest} is another content"));
        }
        if is_manifest {
            let document = json(content)?;
            let children = ["manifests", "layers"]
                .map(|name| document.one(name).and_then(Json::list).unwrap_or_default());
            queue.extend(children.into_iter().flatten().chain(document.one("config")).cloned());
        }
    }
    Ok(())
}
