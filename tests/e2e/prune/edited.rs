//! Plans of which lines were taken out.

use airlift_oci::Digest;
use serde_json::Value;

use super::{Stage, at_both, digests};
use crate::made::{put, signature, tag_of};

impl Stage {
    fn edit(&self, edit: impl Fn(&mut Vec<Value>)) {
        let mut plan: Value = serde_json::from_slice(&self.airlift.read("plan.json")).unwrap();
        edit(plan["delete"].as_array_mut().unwrap());
        std::fs::write(self.airlift.path("plan.json"), plan.to_string()).unwrap();
    }

    /// Takes out the line of the first image's old index, for which no tag stands.
    fn take_the_index_out(&self) {
        self.edit(|lines| lines.retain(|line| line["digest"] != self.old[0].root.digest.to_string()));
    }

    /// Leaves the members that each plan has.
    fn forget_what_lists_them(&self) {
        self.edit(|lines| {
            for line in lines {
                line.as_object_mut().unwrap().retain(|name, _| name != "listedBy" && name != "attachedTo");
            }
        });
    }
}

#[test]
fn an_index_that_was_taken_out_keeps_its_platforms() {
    at_both(|stage| {
        let plan = stage.plan("new.lock");
        assert_eq!(plan["delete"][0]["listedBy"], serde_json::json!([]));
        assert_eq!(plan["delete"][1]["listedBy"][0], stage.old[0].root.digest.to_string());
        stage.take_the_index_out();
        assert_eq!(stage.left(1), [(stage.platform(0, 0).to_string(), "named".to_owned())]);
        assert!(stage.has("team/a", &stage.old[0].root.digest));
        assert!(stage.old[0].manifests.iter().all(|image| stage.has("team/a", &image.digest)));
        assert!(!stage.has("team/b", &stage.old[1].root.digest));
    });
}

#[test]
fn what_is_attached_to_a_line_that_was_taken_out_stays() {
    at_both(|stage| {
        let subject = stage.old[0].root.digest;
        let attached = signature("by tag");
        put(&stage.target, "team/a", &attached, Some(&tag_of(&subject, ".sig")));
        stage.plan("new.lock");
        stage.take_the_index_out();
        let left: Vec<String> = stage.left(1).into_iter().map(|(digest, _)| digest).collect();
        assert!(left.contains(&attached.manifest.digest.to_string()), "{left:?}");
        assert!(stage.has("team/a", &attached.manifest.digest));
    });
}

#[test]
fn a_plan_that_does_not_say_what_lists_a_manifest_needs_its_index() {
    at_both(|stage| {
        stage.plan("new.lock");
        stage.forget_what_lists_them();
        stage.take_the_index_out();
        assert_eq!(stage.left(1), [(stage.platform(0, 0).to_string(), "named".to_owned())]);
        assert!(stage.has("team/a", &stage.old[0].root.digest));
        assert!(stage.old[0].manifests.iter().all(|image| stage.has("team/a", &image.digest)));
        assert!(!stage.has("team/b", &stage.old[1].root.digest));
        // With the index, all of it goes.
        stage.plan("new.lock");
        stage.forget_what_lists_them();
        stage.apply(0);
        assert!(!stage.has("team/a", &stage.platform(0, 0)));
    });
}

#[test]
fn an_index_goes_first_in_whichever_order_the_lines_are() {
    at_both(|stage| {
        let planned = digests(&stage.plan("new.lock"));
        stage.edit(|lines| lines.reverse());
        let result = stage.apply(0).json("airlift.prune-result/v1");
        let gone: Vec<_> =
            result["deleted"].as_array().unwrap().iter().map(|one| one["digest"].clone()).collect();
        let place = |digest: &Digest| gone.iter().position(|one| *one == digest.to_string()).unwrap();
        assert_eq!(gone.len(), planned.len());
        assert!(place(&stage.old[0].root.digest) < place(&stage.platform(0, 0)), "{gone:?}");
    });
}
