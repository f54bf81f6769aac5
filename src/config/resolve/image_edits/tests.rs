//! The repository after an edit differs from the one before in the image that was meant, and in no other byte.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{ImageChange, ImageEdits, Resolving, image_edits};
use crate::config::tests::{node_facts, repository};
use crate::model::homelab::Homelab;
use crate::model::name::{NodeName, ServiceName};
use crate::model::spec::ImageRef;
use crate::model::updates::NoEdit;
use crate::model::view::{LiveNode, LiveView, NodeView};

fn view() -> LiveView {
    let node = NodeView::Known(Box::<LiveNode>::default());
    LiveView { nodes: BTreeMap::from([(NodeName::new("nas").unwrap(), node)]) }
}

fn change(service: &str, container: &str, from: &str, to: &str) -> ImageChange {
    ImageChange {
        service: ServiceName::new(service).unwrap(),
        container: container.to_owned(),
        from: ImageRef::new(from),
        to: ImageRef::new(to),
    }
}

fn edits(files: &[(&str, &str)], changes: &[ImageChange]) -> ImageEdits {
    let (repository, view) = (repository(files), view());
    let nodes = node_facts(&view);
    image_edits(&Resolving { repository: &repository, nodes: &nodes, variables: &[] }, changes)
}

/// The homelab that files declare.
fn homelab(files: &[(&str, &str)]) -> Homelab {
    let (repository, view) = (repository(files), view());
    let nodes = node_facts(&view);
    let resolving = Resolving { repository: &repository, nodes: &nodes, variables: &[] };
    resolving.resolve(&BTreeMap::new()).1.resolved.homelab
}

const TOPOLOGY: (&str, &str) = ("inventory/topology.yaml", "version: 1\nnodes: { nas: { address: simulated } }\n");

/// The one file that is changed, with its text.
fn changed(found: &ImageEdits) -> (String, String) {
    assert_eq!((&found.left, found.files.len()), (&BTreeMap::new(), 1), "{found:#?}");
    let (path, (_, text)) = found.files.iter().next().unwrap();
    (path.strip_prefix("/lab").unwrap().display().to_string(), text.clone())
}

#[test]
fn what_several_share_is_one_edit_and_others_are_not_taken_along() {
    let base = "services: { base: { image: a:1 } }\n";
    let user = "services: { app: { extends: { file: ../base/compose.yaml, service: base } } }\n";
    let files = [
        TOPOLOGY,
        ("services/base/compose.yaml", base),
        ("services/x/compose.yaml", user),
        ("services/y/compose.yaml", user),
    ];
    let all = [("base", "base"), ("x", "app"), ("y", "app")];
    let changes: Vec<ImageChange> = all.iter().map(|(s, c)| change(s, c, "a:1", "a:2")).collect();
    let found = edits(&files, &changes);
    assert_eq!(changed(&found), ("services/base/compose.yaml".to_owned(), base.replace("a:1", "a:2")));
    assert_eq!(found.edits.values().next().map(|numbers| numbers.len()), Some(3));
    // A change of one of them alone does not change the others.
    let found = edits(&files, &changes[1..2]);
    let expected =
        NoEdit::Shared { place: "services/base/compose.yaml:1".to_owned(), with: "nas/base base".to_owned() };
    assert_eq!((found.files.len(), found.left.get(&0)), (0, Some(&expected)));
    // Different wishes for one place are none.
    let found = edits(&files, &[changes[0].clone(), change("x", "app", "a:1", "a:3"), changes[2].clone()]);
    assert!(found.files.is_empty() && found.left.len() == 3, "{found:#?}");
}

#[test]
fn one_that_cannot_be_edited_holds_the_others_back_in_nothing() {
    let files = [
        TOPOLOGY,
        ("services/x/compose.yaml", "x-i: &i a:1\nservices: { app: { image: *i, hostname: *i } }\n"),
        ("services/y/compose.yaml", "services: { app: { image: a:1 } }\n"),
    ];
    let found = edits(&files, &[change("x", "app", "a:1", "a:2"), change("y", "app", "a:1", "a:2")]);
    assert!(matches!(found.left.get(&0), Some(NoEdit::Shared { with, .. }) if with == "nas/x app"), "{found:#?}");
    assert_eq!(found.files.keys().next().unwrap().to_str(), Some("/lab/services/y/compose.yaml"));
}

/// A place in which a tag can be defined.
#[derive(Clone, Copy, Debug)]
enum Place {
    Compose,
    Default,
    Env,
    Vars,
    NodeVars,
    Host,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_other_byte_changes(
        place in prop::sample::select(vec![
            Place::Compose, Place::Default, Place::Env, Place::Vars, Place::NodeVars, Place::Host,
        ]),
        quote in prop::sample::select(vec!["", "'", "\""]),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        comment in "(| # [a-zé'\" ]{0,6})",
        other in "[a-z]{1,4}",
        old in "[1-9]\\.[0-9]{1,2}(\\.[0-9])?(-alpine)?",
        new in "[1-9]\\.[0-9]{1,2}(\\.[0-9])?(-alpine)?",
    ) {
        let tag = match place {
            Place::Compose => old.clone(),
            Place::Default => format!("${{NONE:-{old}}}"),
            Place::Env | Place::Vars | Place::NodeVars | Place::Host => "${TAG}".to_owned(),
        };
        // A number in quotes stays one, and `1.10` stays what it is.
        let value = format!("{quote}{old}{quote}");
        let lines = |lines: &[String]| lines.concat().replace('\n', end);
        let compose = lines(&[
            format!("# {other}\nservices:\n  app:{comment}\n    image: {quote}h/a:{tag}{quote}{comment}\n"),
            format!("    environment: {{ X: '{other}' }}\n  db: {{ image: \"h/a:{old}\", command: [{other}] }}\n"),
        ]);
        let own = |wanted: bool| if wanted { format!("TAG: {value}{comment}") } else { format!("OTHER: {other}") };
        let topology = lines(&[
            format!("version: 1\nvars:\n  B: '{other}'\n  {}\n", own(matches!(place, Place::Vars))),
            format!("nodes:\n  nas:\n    address: simulated\n    vars:\n      {}\n", own(matches!(place, Place::NodeVars))),
        ]);
        let host = lines(&[format!("vars:\n  {}\n", own(matches!(place, Place::Host)).replace("OTHER", "HOST"))]);
        let env = match place {
            Place::Env => lines(&[format!("# {other}\nexport TAG={value}{comment}\nB={other}\n")]),
            _ => lines(&[format!("B={other}\n")]),
        };
        let files = [
            ("inventory/topology.yaml", topology.as_str()),
            ("inventory/hosts/nas.yaml", host.as_str()),
            ("services/x/compose.yaml", compose.as_str()),
            ("services/x/.env", env.as_str()),
        ];
        let (from, to) = (format!("h/a:{old}"), format!("h/a:{new}"));
        let mut expected = homelab(&files);
        // A generated text that declares no homelab is no case.
        prop_assume!(expected.services.values().any(|s| s.containers.get("app").is_some_and(|c| c.spec.image.as_str() == from)));
        let found = edits(&files, &[change("x", "app", &from, &to)]);
        prop_assert_eq!(&found.left, &BTreeMap::new());
        let (path, text) = changed(&found);
        let (_, before) = files.iter().find(|(file, _)| *file == path).unwrap();
        let (edit, _) = found.edits.iter().next().unwrap();
        prop_assert_eq!(&text[..edit.start], &before[..edit.start]);
        prop_assert_eq!(&text[edit.start + edit.to.len()..], &before[edit.start + edit.from.len()..]);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(file, old)| (*file, if *file == path { text.as_str() } else { *old })).collect();
        let mut after = homelab(&files);
        for (homelab, image) in [(&mut expected, &to), (&mut after, &to)] {
            for service in homelab.services.values_mut() {
                service.images.clear();
                service.files.clear();
                if let Some(app) = service.containers.get_mut("app") {
                    app.spec.image = ImageRef::new(image.as_str());
                    app.spec.hashed = None;
                }
            }
        }
        prop_assert_eq!(after, expected);
        prop_assert!(homelab(&files).services.values().all(|s| s.containers["app"].spec.image.as_str() == to));
    }
}
