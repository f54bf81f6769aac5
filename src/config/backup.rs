//! `backup:` of a service and of the topology.

use super::section::{self, Context};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::backup::{BackupPolicy, BackupRepository, Keep};

/// The `backup:` block of a service.
pub(super) fn policy(node: &Node, path: &str, context: &mut Context<'_>) -> Option<BackupPolicy> {
    let keys = ["before", "after", "paths", "exclude", "keep", "max_age"];
    let section = section::open(node, path, &keys, context)?;
    let paths = section.texts("paths", context);
    let mut inside = Vec::new();
    for wanted in paths.unwrap_or_default() {
        if wanted.value.starts_with('/') || wanted.value.split('/').any(|part| part == "..") {
            let words = format!("`{}` is not below the service's data", wanted.value);
            let hint = "write a path relative to `data/<service>`, without `..`";
            context.out.push(Diagnostic::error(Code::InvalidValue, words).at(wanted.span, "").hint(hint));
            continue;
        }
        inside.push(wanted.value);
    }
    if inside.is_empty() {
        inside.push(".".to_owned());
    }
    let exclude = section.texts("exclude", context).unwrap_or_default();
    Some(BackupPolicy {
        before: section.text("before", context).map(|t| t.value),
        after: section.text("after", context).map(|t| t.value),
        paths: inside,
        exclude: exclude.into_iter().map(|t| t.value).collect(),
        keep: section.get("keep").map(|n| keep(n, &section.path_of("keep"), context)).unwrap_or_default(),
        max_age_ms: section.duration("max_age", context).map(|d| d.value),
    })
}

fn keep(node: &Node, path: &str, context: &mut Context<'_>) -> Keep {
    let keys = ["last", "hourly", "daily", "weekly", "monthly", "yearly"];
    let Some(section) = section::open(node, path, &keys, context) else { return Keep::default() };
    let mut number = |key: &str| section.number(key, 1, u32::MAX, context).map(|n| n.value);
    Keep {
        last: number("last"),
        hourly: number("hourly"),
        daily: number("daily"),
        weekly: number("weekly"),
        monthly: number("monthly"),
        yearly: number("yearly"),
    }
}

/// The `backup:` block of the topology.
pub(super) fn repository(node: &Node, context: &mut Context<'_>) -> Option<BackupRepository> {
    let section = section::open(node, "backup", &["repository", "password_file"], context)?;
    let mut needed = |key: &str, example: &str| {
        if section.get(key).is_none() {
            let words = format!("`backup` has no `{key}`");
            let hint = format!("add `{key}: {example}`");
            context.out.push(Diagnostic::error(Code::MissingKey, words).at(section.place(), "").hint(hint));
        }
        section.text(key, context).map(|t| t.value)
    };
    let repository = needed("repository", "\"sftp:backup@nas.lan:/srv/restic\"");
    let password_file = needed("password_file", "/etc/homelab/restic.pass");
    Some(BackupRepository { repository: repository?, password_file: password_file? })
}
