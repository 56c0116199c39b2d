//! Lists that are too long to be held: those of a hostile bundle have a million elements.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// Makes the elements of a list, one at a time.
type Elements<'a, T> = Box<dyn Iterator<Item = T> + 'a>;

/// A list of which each element is made when it is read, and dropped when it was written. In JSON and in
/// schemas it is a list like any other.
pub struct StreamedList<'a, T> {
    count: usize,
    elements: Box<dyn Fn() -> Elements<'a, T> + 'a>,
}

impl<'a, T: 'a> StreamedList<'a, T> {
    /// A list of `count` elements. `elements` makes as many.
    pub(crate) fn new<I: Iterator<Item = T> + 'a>(count: usize, elements: impl Fn() -> I + 'a) -> Self {
        StreamedList { count, elements: Box::new(move || Box::new(elements())) }
    }

    /// A list without elements.
    pub(crate) fn empty() -> Self {
        Self::new(0, std::iter::empty)
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no elements.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The elements, which are made again for each call.
    pub(crate) fn iter(&self) -> Elements<'a, T> {
        (self.elements)()
    }
}

impl<T> fmt::Debug for StreamedList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedList").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<T: Serialize> Serialize for StreamedList<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.elements)())
    }
}

impl<T: JsonSchema> JsonSchema for StreamedList<'_, T> {
    fn inline_schema() -> bool {
        Vec::<T>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Vec::<T>::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::StreamedList;

    #[test]
    fn a_streamed_list_is_written_like_any_other() {
        #[derive(Serialize)]
        struct Streamed<'a> {
            #[serde(skip_serializing_if = "StreamedList::is_empty")]
            none: StreamedList<'a, u8>,
            lists: StreamedList<'a, StreamedList<'a, u8>>,
        }
        #[derive(Serialize)]
        struct Held {
            lists: Vec<Vec<u8>>,
        }
        let lists = || (0..3).map(|count| StreamedList::new(count.into(), move || 0..count));
        let streamed = Streamed { none: StreamedList::empty(), lists: StreamedList::new(3, lists) };
        let held = Held { lists: (0..3).map(|count| (0..count).collect()).collect() };
        let held = serde_json::to_string_pretty(&held).unwrap();
        assert_eq!(serde_json::to_string_pretty(&streamed).unwrap(), held);
        assert_eq!(serde_json::to_string_pretty(&streamed).unwrap(), held, "a second time");
    }
}
