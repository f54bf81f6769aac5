//! Newer images, for people.

use std::collections::{BTreeMap, BTreeSet};

use super::Detail;
use super::english::{plural, shortened};
use super::page::{Line, Page};
use super::plan::Options;
use super::status::short_image;
use super::style::Label;
use super::table::{Cell, Column, table};
use super::verify::silent_nodes;
use crate::model::status::SilentNode;
use crate::model::updates::{
    ContainerOf, EditReport, ImageInUse, News, NoEdit, Remark, SkipReason, Unasked, UpdateReport,
};
use crate::model::version::Level;

const COLUMNS: [Column; 6] = [
    Column::Names("SERVICE"),
    Column::Names("CONTAINER"),
    Column::Names("IMAGE"),
    Column::Names("IN USE"),
    Column::Names("AVAILABLE"),
    Column::Whole("CHANGE"),
];

/// One line for each piece of news, then where to read about them, what could not be asked for, and a total.
pub fn updates(report: &UpdateReport, silent: &[SilentNode], options: &Options) -> String {
    let rows: Vec<[Cell; 6]> = report.images.iter().flat_map(rows).collect();
    let mut text = match rows.as_slice() {
        [] => String::new(),
        rows => table(COLUMNS, rows, options.palette, options.room),
    };
    let mut page = Page::default();
    page.extend(report.images.iter().filter_map(smaller));
    page.gap();
    page.extend(links(report));
    page.gap();
    page.extend(unasked(&report.unasked));
    page.extend(silent_nodes(silent));
    page.extend(unknown(report, silent));
    if options.detail == Detail::Full {
        page.gap();
        page.extend(report.images.iter().flat_map(remarks));
        page.extend(skipped(report));
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, total(report)));
    page.extend(pulls(report));
    if !text.is_empty() {
        text.push('\n');
    }
    text + &page.print(options.palette, options.width)
}

fn rows(image: &ImageInUse) -> Vec<[Cell; 6]> {
    let row = |name: String, in_use: &str, available: &str, label: Label, change: &str| {
        [
            Cell::plain(service(&image.container)),
            Cell::plain(&image.container.container),
            Cell::plain(name),
            Cell::plain(in_use),
            Cell::plain(available),
            Cell::new(label, change),
        ]
    };
    let tag = image.tag.as_deref().unwrap_or_default();
    let of = |news: &News| match news {
        News::Tag { to, level, .. } => row(image.name.clone(), tag, to, level_label(*level), level.as_str()),
        News::Content { from, to, digest } => match (from, to) {
            (Some(from), Some(to)) if from != to => {
                row(format!("{}:{tag}", image.name), from, to, Label::Plain, CONTENT)
            }
            // Where no version tells them apart, the digest does.
            _ => row(image.name.clone(), tag, short_digest(digest), Label::Plain, CONTENT),
        },
    };
    image.news.iter().map(of).collect()
}

const CONTENT: &str = "new content";

/// A digest that is as long as an id.
fn short_digest(digest: &str) -> &str {
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..12).unwrap_or(hex)
}

fn level_label(level: Level) -> Label {
    match level {
        Level::Major => Label::Warning,
        Level::Minor | Level::Patch => Label::Plain,
    }
}

/// The service's name with its node.
pub(super) fn service(container: &ContainerOf) -> String {
    format!("{}/{}", container.node, container.service)
}

/// The page of releases of each image that has news.
fn links(report: &UpdateReport) -> Vec<Line> {
    let with_news = report.images.iter().filter(|image| !image.news.is_empty());
    let links: BTreeMap<&str, &str> =
        with_news.filter_map(|image| Some((image.name.as_str(), image.releases.as_deref()?))).collect();
    let line =
        |(name, link): (&str, &str)| Line::at(0).whole(Label::Plain, format!("{name}: ")).whole(Label::Faint, link);
    links.into_iter().map(line).collect()
}

/// Each registry that was not asked, with its images; alike ones in one line.
fn unasked(all: &[Unasked]) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in all.chunk_by(|a, b| (&a.why, &a.hint) == (&b.why, &b.hint)) {
        let images: BTreeSet<&str> = group.iter().map(|one| one.image.as_str()).collect();
        let images: Vec<&str> = images.into_iter().collect();
        let line = Line::at(0).whole(Label::Warning, "? ").text(Label::Title, images.join(", "));
        lines.push(line.text(Label::Plain, format!(": {}", group[0].why)));
        if !group[0].hint.is_empty() {
            lines.push(Line::at(4).text(Label::Faint, group[0].hint.as_str()));
        }
    }
    lines
}

/// The services of which nothing is known, where their node is not the reason.
fn unknown(report: &UpdateReport, silent: &[SilentNode]) -> Vec<Line> {
    let is_silent = |node| silent.iter().any(|one| &one.node == node);
    let others = report.unknown.iter().filter(|service| !is_silent(&service.node));
    let line = |one: &crate::model::updates::UnknownService| {
        let name = format!("{}/{}", one.node, one.service);
        let line = Line::at(0).whole(Label::Warning, "! ").whole(Label::Title, name);
        line.text(Label::Plain, format!(" is not known: {}", one.why))
    };
    others.map(line).collect()
}

/// Why something is not proposed.
fn remarks(image: &ImageInUse) -> Vec<Line> {
    let name = format!("{} {}", service(&image.container), image.container.container);
    let texts = image.remarks.iter().map(remark);
    let line = |text: String| Line::at(0).whole(Label::Plain, format!("{name}: ")).text(Label::Faint, text);
    texts.map(line).collect()
}

/// The newer tags that change less than the newest one, for those who are not ready for that.
fn smaller(image: &ImageInUse) -> Option<Line> {
    let all = image.news.iter().flat_map(|news| match news {
        News::Tag { smaller, .. } => smaller.as_slice(),
        News::Content { .. } => &[],
    });
    let texts: Vec<String> = all.map(|newer| format!("{} is the newest {}", newer.tag, newer.level)).collect();
    let name = format!("{} {}: ", service(&image.container), image.container.container);
    (!texts.is_empty()).then(|| Line::at(0).whole(Label::Plain, name).text(Label::Plain, texts.join(", ")))
}

/// A remark in words.
pub(super) fn remark(remark: &Remark) -> String {
    match remark {
        Remark::LacksPlatform { tag, platform } => format!("{tag} has no image for {platform}"),
        Remark::NotAllowed { tag, level } => format!("{tag} is a {level} change, which `update.allow` does not allow"),
        Remark::NotOnNode => "the image is not on the node, so only its tag was compared".to_owned(),
        Remark::NotPulled => {
            "the image on the node was not pulled from a registry, so only its tag was compared".to_owned()
        }
        Remark::WithoutTag => "it is pinned to a digest without a tag, so nothing is known to be newer".to_owned(),
        Remark::TooManyTags => "the registry has more tags than were looked at".to_owned(),
    }
}

fn skipped(report: &UpdateReport) -> Vec<Line> {
    let line = |one: &crate::model::updates::Skipped| {
        let name = format!("{} {}: ", service(&one.container), one.container.container);
        let text = format!("{} {}, so no registry was asked", one.image, skip_reason(one.why));
        Line::at(0).whole(Label::Plain, name).text(Label::Faint, text)
    };
    report.skipped.iter().map(line).collect()
}

/// Why no registry is asked, in words.
pub(super) fn skip_reason(why: SkipReason) -> &'static str {
    match why {
        SkipReason::Built => "is built from the repository",
        SkipReason::NeverPulled => "is never pulled (`pull_policy`)",
        SkipReason::Id => "is the id of an image",
    }
}

/// All in one line.
fn total(report: &UpdateReport) -> String {
    let with_news = report.images.iter().filter(|image| !image.news.is_empty()).count();
    let count =
        |is: &dyn Fn(&News) -> bool| report.images.iter().flat_map(|image| &image.news).filter(|n| is(n)).count();
    let of_level = |wanted: Level| count(&|news| matches!(news, News::Tag { level, .. } if *level == wanted));
    let counts = [
        (of_level(Level::Major), "major"),
        (of_level(Level::Minor), "minor"),
        (of_level(Level::Patch), "patch"),
        (count(&|news| matches!(news, News::Content { .. })), "with new content"),
    ];
    let kinds: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
    let unasked: BTreeSet<&str> = report.unasked.iter().map(|one| one.image.as_str()).collect();
    let mut parts = Vec::new();
    match (with_news, report.images.len()) {
        (0, 0) if unasked.is_empty() => parts.push("No registry was asked".to_owned()),
        (0, 0) => {}
        (0, 1) => parts.push("The container has the newest image".to_owned()),
        (0, all) => parts.push(format!("All {all} containers have the newest images")),
        (some, all) => {
            let (all, kinds) = (plural(all, "container"), shortened(&kinds, counts.len()));
            let verb = if some == 1 { "has" } else { "have" };
            parts.push(format!("{some} of {all} {verb} a newer image: {kinds}"));
        }
    }
    if !unasked.is_empty() {
        parts.push(format!("{} could not be asked for", plural(unasked.len(), "image")));
    }
    parts.join("; ") + "."
}

/// How new content gets to a node, which no file tells.
fn pulls(report: &UpdateReport) -> Option<Line> {
    let is_content = |news: &News| matches!(news, News::Content { .. });
    let only_content = |image: &&ImageInUse| !image.news.is_empty() && image.news.iter().all(is_content);
    report.images.iter().any(|image| only_content(&image)).then(|| {
        let text = "New content of a tag comes with `docker pull` on the node, or by itself with `pull_policy: daily`; \
                    then `hl plan` shows it.";
        Line::at(0).text(Label::Plain, text)
    })
}

/// The edits, and the images that were left.
pub fn edits(report: &EditReport, options: &Options) -> String {
    let mut page = Page::default();
    for edited in &report.written {
        let place = format!("{}:{}", edited.file, edited.line);
        let users: Vec<String> =
            edited.containers.iter().map(|of| format!("{} {}", service(of), of.container)).collect();
        let change = format!("  {} → {}", short_image(&edited.from), short_image(&edited.to));
        let line = Line::at(0).whole(Label::Good, "written: ").whole(Label::Title, place).text(Label::Plain, change);
        page.push(line.text(Label::Faint, format!(" for {}", shortened(&users, 3))));
    }
    for left in &report.left {
        let (why, way_out) = no_edit(&left.why, &left.image);
        let name = format!("{} {}", service(&left.container), left.container.container);
        let line = Line::at(0).whole(Label::Warning, "! ").whole(Label::Title, name);
        page.push(line.text(Label::Plain, format!(" was not changed: {why}")));
        page.push(Line::at(4).text(Label::Faint, way_out));
    }
    if report.written.is_empty() && report.left.is_empty() {
        page.push(Line::at(0).text(Label::Plain, "There is nothing to write."));
    }
    page.print(options.palette, options.width)
}

/// Why a reference is not edited, and what to do.
pub(super) fn no_edit(why: &NoEdit, image: &str) -> (String, String) {
    let by_hand = |place: &str| format!("write `{image}` there by hand: {place}");
    match why {
        NoEdit::OnNode { variable, path } => {
            let way_out = format!("set it there, so that the image is `{image}`; then `hl plan`");
            (format!("`{variable}` has its value in {path}, which hl leaves to you"), way_out)
        }
        NoEdit::Given { variable } => {
            (format!("`{variable}` was given with `--env`"), format!("give it so that the image is `{image}`"))
        }
        NoEdit::Composed { variable } => (
            format!("`{variable}` is not a text that stands in one place of the repository"),
            format!("change it by hand, so that the image is `{image}`"),
        ),
        NoEdit::Shared { place, with } => (
            format!("{place} is also where {with} is defined"),
            format!("give the image a line of its own, or write `{image}` by hand"),
        ),
        NoEdit::Unusual { place } => ("the image is written in a way that hl does not edit".to_owned(), by_hand(place)),
        NoEdit::Disagreement { place } => {
            ("containers for which different tags are the newest have one definition".to_owned(), by_hand(place))
        }
        NoEdit::Failed { file, why } => {
            (format!("{file} cannot be written: {why}"), "check the file's permissions".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures::updates as fixtures;
    use crate::render::table::Room;

    #[test]
    fn each_piece_of_news_has_a_line_and_all_of_it_fits() {
        let on = Options { room: Room::Columns(80), ..Options::default() };
        let text = updates(&fixtures::report(), &fixtures::silent(), &on);
        insta::assert_snapshot!(text);
        assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains("https://")), "{text}");
        let full = updates(&fixtures::report(), &[], &Options { detail: Detail::Full, ..on });
        insta::assert_snapshot!("full", full);
        assert_eq!(updates(&UpdateReport::default(), &[], &Options::default()), "No registry was asked.\n");
    }

    #[test]
    fn each_edit_and_each_reason_has_its_words() {
        insta::assert_snapshot!(edits(&fixtures::edits(), &Options::default()));
        assert_eq!(edits(&EditReport::default(), &Options::default()), "There is nothing to write.\n");
    }
}
