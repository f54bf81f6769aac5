//! Newer images as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use crate::model::status::SilentNode;
use crate::model::updates::{
    ContainerOf, EditReport, ImageInUse, News, NoEdit, Remark, SkipReason, Skipped, Unasked, UnknownService,
    UpdateReport,
};

/// The images that are newer.
pub fn updates(report: &UpdateReport, silent: &[SilentNode]) -> Json {
    let node = |silent: &SilentNode| json!({ "node": silent.node.as_str(), "why": silent.why, "hint": silent.hint });
    json!({
        "format_version": FORMAT_VERSION,
        "images": report.images.iter().map(image).collect::<Vec<_>>(),
        "unasked": report.unasked.iter().map(unasked).collect::<Vec<_>>(),
        "skipped": report.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "unknown": report.unknown.iter().map(unknown).collect::<Vec<_>>(),
        "silent_nodes": silent.iter().map(node).collect::<Vec<_>>(),
    })
}

/// The edits because of them.
pub fn edits(report: &EditReport) -> Json {
    let written = report.written.iter().map(|edited| {
        let containers: Vec<Json> = edited.containers.iter().map(container).collect();
        json!({
            "file": edited.file, "line": edited.line, "from": edited.from, "to": edited.to, "containers": containers,
        })
    });
    let left = report.left.iter().map(|left| {
        let mut line = container(&left.container);
        line["image"] = json!(left.image);
        line["why"] = why(&left.why);
        line
    });
    json!({ "written": written.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>() })
}

fn container(of: &ContainerOf) -> Json {
    json!({ "node": of.node.as_str(), "service": of.service.as_str(), "container": of.container })
}

fn image(image: &ImageInUse) -> Json {
    let mut line = container(&image.container);
    line["image"] = json!(image.name);
    line["tag"] = json!(image.tag);
    line["news"] = image.news.iter().map(news).collect();
    line["releases"] = json!(image.releases);
    line["remarks"] = image.remarks.iter().map(remark).collect();
    line
}

fn news(news: &News) -> Json {
    match news {
        News::Tag { to, level, digest, smaller } => {
            let smaller: Vec<Json> =
                smaller.iter().map(|newer| json!({ "tag": newer.tag, "change": newer.level.as_str() })).collect();
            json!({ "kind": "tag", "tag": to, "change": level.as_str(), "digest": digest, "smaller": smaller })
        }
        News::Content { digest, from, to } => {
            json!({ "kind": "content", "digest": digest, "from": from, "to": to })
        }
    }
}

fn remark(remark: &Remark) -> Json {
    match remark {
        Remark::LacksPlatform { tag, platform } => {
            json!({ "kind": "lacks_platform", "tag": tag, "platform": platform })
        }
        Remark::NotAllowed { tag, level } => {
            json!({ "kind": "not_allowed", "tag": tag, "change": level.as_str() })
        }
        Remark::NotOnNode => json!({ "kind": "not_on_node" }),
        Remark::NotPulled => json!({ "kind": "not_pulled" }),
        Remark::WithoutTag => json!({ "kind": "without_tag" }),
        Remark::TooManyTags => json!({ "kind": "too_many_tags" }),
    }
}

fn unasked(one: &Unasked) -> Json {
    let containers: Vec<Json> = one.containers.iter().map(container).collect();
    json!({ "image": one.image, "containers": containers, "why": one.why, "hint": one.hint })
}

fn skipped(one: &Skipped) -> Json {
    let mut line = container(&one.container);
    line["image"] = json!(one.image);
    line["why"] = json!(match one.why {
        SkipReason::Built => "built",
        SkipReason::NeverPulled => "never_pulled",
        SkipReason::Id => "id",
    });
    line
}

fn unknown(one: &UnknownService) -> Json {
    json!({ "node": one.node.as_str(), "service": one.service.as_str(), "why": one.why })
}

fn why(why: &NoEdit) -> Json {
    match why {
        NoEdit::OnNode { variable, path } => json!({ "kind": "on_node", "variable": variable, "path": path }),
        NoEdit::Given { variable } => json!({ "kind": "given", "variable": variable }),
        NoEdit::Composed { variable } => json!({ "kind": "composed", "variable": variable }),
        NoEdit::Shared { place, with } => json!({ "kind": "shared", "place": place, "with": with }),
        NoEdit::Unusual { place } => json!({ "kind": "unusual", "place": place }),
        NoEdit::Disagreement { place } => json!({ "kind": "disagreement", "place": place }),
        NoEdit::Failed { file, why } => json!({ "kind": "failed", "file": file, "why": why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures::updates as fixtures;
    use crate::render::json::violations::violations;

    #[test]
    fn the_output_follows_its_published_schema() {
        let schema: Json = serde_json::from_str(include_str!("../../../schema/update.schema.json")).unwrap();
        let mut json = updates(&fixtures::report(), &fixtures::silent());
        json["edits"] = edits(&fixtures::edits());
        json["plan"] = json!({});
        assert_eq!(violations(&schema, &json), Vec::<String>::new());
        json["images"][0]["news"][0]["change"] = json!("huge");
        json["edits"]["written"][0]["line"] = json!(0);
        assert_eq!(violations(&schema, &json).len(), 2);
    }
}
