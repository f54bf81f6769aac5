//! The beginning of a homelab: the file that declares it, and what is left for a person.

use super::english::{plural, shortened};
use super::page::{Line, Page};
use super::plan::Options;
use super::style::Label;
use crate::model::beginning::{Beginning, BegunService, Left};

/// So many names are listed; what is more is counted.
const MOST_NAMES: usize = 8;

/// `inventory/topology.yaml`.
pub fn topology(beginning: &Beginning) -> String {
    let mut text = "# yaml-language-server: $schema=../schema/topology.schema.json\n\
                    # The machines of this homelab, and where its services are.\n\
                    version: 1\n"
        .to_owned();
    text += &format!("name: {}\n", scalar(&beginning.name));
    if !beginning.services_dir.is_empty() {
        text += "\n# Folders whose folders are services, and patterns of services.\n";
        text += &format!("services_dir: {}\n", one_or_list(&beginning.services_dir));
    }
    text += "\n# Public values for ${…} in every compose file. Secrets stay in each service's .env.\n\
             # vars: { TZ: Europe/Berlin }\n\
             \nnodes:\n";
    for (name, address) in &beginning.nodes {
        text += &format!("  {}: {{ address: {} }}\n", scalar(name.as_str()), scalar(address));
    }
    let mut services = String::new();
    for (name, service) in &beginning.services {
        let keys = keys(service);
        if !keys.is_empty() {
            services += &format!("  {}: {{ {} }}\n", scalar(name), keys.join(", "));
        }
    }
    if !services.is_empty() {
        text += "\n# What the files of services do not say themselves: whose they are, and as what they run.\n";
        text += &format!("services:\n{services}");
    }
    text
}

/// The keys of a service in the topology.
fn keys(service: &BegunService) -> Vec<String> {
    let nodes: Vec<String> = service.nodes.iter().map(ToString::to_string).collect();
    let owner = match nodes.as_slice() {
        [] => None,
        [one] => Some(format!("owner_node: {one}")),
        _ => Some(format!("nodes: [{}]", nodes.join(", "))),
    };
    let listed = |key: &str, all: &[String]| (!all.is_empty()).then(|| format!("{key}: {}", list(all)));
    let said = |key: &str, value: Option<&str>| value.map(|value| format!("{key}: {}", scalar(value)));
    let keys = [
        said("path", service.path.as_deref()),
        listed("files", &service.files),
        listed("env_files", &service.env_files),
        owner,
        said("project", service.project.as_ref().map(|project| project.as_str())),
        said("project_dir", service.project_dir.as_deref()),
    ];
    keys.into_iter().flatten().collect()
}

fn one_or_list(all: &[String]) -> String {
    match all {
        [one] => scalar(one),
        all => list(all),
    }
}

fn list(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|one| scalar(one)).collect();
    format!("[{}]", all.join(", "))
}

/// A text as YAML has it: in quotes, unless it is a plain word in any place.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// The sum of what was found, and what is left for a person to decide or to look at.
pub fn found(beginning: &Beginning, options: &Options) -> String {
    let mut page = Page::default();
    let (services, nodes) = (beginning.services.len(), beginning.nodes.len());
    let running = services - beginning.left.not_running.len().min(services);
    let words = format!("{} found, {running} of them running; {}.", plural(services, "service"), plural(nodes, "node"));
    page.push(Line::at(0).text(Label::Plain, words));
    for words in left(&beginning.left) {
        page.push(Line::at(0).hang(2).whole(Label::Plain, "- ").text(Label::Plain, words));
    }
    page.print(options.palette, options.width)
}

fn left(left: &Left) -> Vec<String> {
    let mut all = Vec::new();
    for (node, why) in &left.silent {
        all.push(format!(
            "{node} does not answer: {why}. What runs there is not known; run `hl init` again when it does."
        ));
    }
    if !left.not_running.is_empty() {
        let names: Vec<&String> = left.not_running.iter().collect();
        let verb = if names.len() == 1 { "does" } else { "do" };
        all.push(format!(
            "{} {verb} not run anywhere: the plan would make {}. Take out what is not wanted, or write \
             `state: stopped`.",
            shortened(&names, MOST_NAMES),
            if names.len() == 1 { "it" } else { "them" }
        ));
    }
    for ((node, project), folder) in &left.elsewhere {
        let from = if folder.is_empty() { String::new() } else { format!(", started from {folder}") };
        all.push(format!("{project} runs on {node}{from}, and its files are not here: hl leaves it alone."));
    }
    for (node, names) in &left.bare {
        let names: Vec<&String> = names.iter().collect();
        all.push(format!(
            "{} on {node} {} made by no compose file: {}. hl leaves {} alone.",
            plural(names.len(), "container"),
            if names.len() == 1 { "was" } else { "were" },
            shortened(&names, MOST_NAMES),
            if names.len() == 1 { "it" } else { "them" }
        ));
    }
    for (service, names) in &left.passwords {
        let names: Vec<&String> = names.iter().collect();
        all.push(format!(
            "Passwords stand in the compose file of {service}: {}. Move them to its .env, and write `${{NAME}}` there.",
            shortened(&names, MOST_NAMES)
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{NodeName, ProjectName};

    fn node(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    fn beginning() -> Beginning {
        let web = BegunService {
            nodes: BTreeSet::from([node("nas")]),
            project: Some(ProjectName::new("shop").unwrap()),
            project_dir: Some("/opt/stacks/web".to_owned()),
            env_files: vec!["../.env".to_owned(), "stack.env".to_owned()],
            ..BegunService::default()
        };
        let agent = BegunService { nodes: BTreeSet::from([node("nas"), node("pi")]), ..BegunService::default() };
        let root = BegunService { path: Some(".".to_owned()), ..BegunService::default() };
        let left = Left {
            silent: [(node("pi"), "no route to host".to_owned())].into(),
            not_running: BTreeSet::from(["root".to_owned()]),
            elsewhere: [((node("nas"), ProjectName::new("old").unwrap()), "/root/old".to_owned())].into(),
            bare: [(node("nas"), BTreeSet::from(["plex".to_owned()]))].into(),
            passwords: [("web".to_owned(), BTreeSet::from(["DB_PASSWORD".to_owned()]))].into(),
            env_in_git: true,
        };
        Beginning {
            name: "my lab".to_owned(),
            services_dir: vec!["apps".to_owned(), "infra/*".to_owned()],
            nodes: [(node("nas"), "local".to_owned()), (node("pi"), "ssh://pi@pi.lan".to_owned())].into(),
            services: [("web".to_owned(), web), ("agent".to_owned(), agent), ("root".to_owned(), root)].into(),
            left,
        }
    }

    #[test]
    fn the_file_says_what_is_needed_and_no_more() {
        insta::assert_snapshot!(topology(&beginning()));
        let plain = Beginning {
            name: "home".to_owned(),
            nodes: [(node("nas"), "local".to_owned())].into(),
            ..Beginning::default()
        };
        assert!(!topology(&plain).contains("services:") && !topology(&plain).contains("services_dir"));
    }

    #[test]
    fn what_is_left_is_said() {
        insta::assert_snapshot!(found(&beginning(), &Options::default()));
    }
}
