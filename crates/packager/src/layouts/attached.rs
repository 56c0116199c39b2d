//! What is attached to an image of a layout: signatures, SBOMs and the like.

use airlift_oci::{Digest, Root, reference};

use super::error::LayoutError;
use super::find::FoundImage;
use super::names::name_of_attached;
use super::open::Layouts;
use crate::location::{LayoutLocation, LayoutPath};

impl Layouts {
    /// What is attached to a manifest of an image, in all layouts. It gets a name in the repository of the
    /// image.
    ///
    /// # Errors
    /// For the first of it that is damaged.
    pub(crate) fn attached_to(
        &self,
        location: &LayoutLocation,
        subject: &Digest,
    ) -> Result<Vec<FoundImage>, LayoutError> {
        let belongs = |root: &&Root| {
            let repository = root.reference.as_deref().and_then(reference::repository_of);
            root.subject == Some(*subject)
                && (repository.is_none() || repository == location.original.as_deref())
        };
        let mut found = Vec::new();
        for layout in self.iter() {
            let Some(graph) = layout.graph() else { continue };
            for root in graph.roots.iter().filter(belongs).filter(|root| !graph.is_list_of_referrers(root)) {
                let name = name_of_attached(root, location.repository.as_deref());
                let location = LayoutLocation { layout: layout.layout.clone(), ..location.clone() };
                let image = layout.image(graph, root, name, location);
                let mut image = image.map_err(|errors| first_of(errors, layout.layout.clone()))?;
                image.root.subject = Some(*subject);
                found.push(image);
            }
        }
        Ok(found)
    }
}

fn first_of(errors: Vec<LayoutError>, layout: LayoutPath) -> LayoutError {
    errors.into_iter().next().unwrap_or(LayoutError::Empty { layout })
}
