//! The files of a new service: what each says, and why; and what was written.

use std::fmt::Write;

use crate::model::ServiceName;
use crate::model::draft::{Begun, DraftContent, DraftPort, OwnerIsSaid, Registered, ServiceDraft, VariableNeed};

/// Ports in containers at which programs answer HTTP by custom.
const HTTP_PORTS: [u16; 14] = [80, 2283, 3000, 3001, 5000, 8000, 8001, 8080, 8081, 8096, 8123, 9000, 9090, 9091];

/// The texts of the files.
pub struct Texts {
    /// The Compose file.
    pub compose: Vec<u8>,
    /// The file of what Compose cannot say.
    pub service: String,
    /// For people.
    pub readme: String,
    /// The variables that it needs.
    pub example: String,
    /// The proof that it works.
    pub health: String,
}

/// The files of a service; `plain` says whether a text can stand in YAML without quotes.
pub fn texts(draft: &ServiceDraft, plain: fn(&str) -> bool) -> Texts {
    let quoted = |text: &str| if plain(text) { text.to_owned() } else { format!("\"{text}\"") };
    Texts {
        compose: match &draft.content {
            DraftContent::Compose(bytes) => bytes.clone(),
            DraftContent::Image(image) => {
                compose(&quoted(draft.name.as_str()), &quoted(image), &draft.data_dir).into_bytes()
            }
        },
        service: service(draft, quoted),
        readme: readme(draft),
        example: example(draft),
        health: health(draft),
    }
}

/// The files that were written, and what comes next.
pub fn begun(begun: &Begun, service: &ServiceName) -> String {
    let mut text = String::new();
    for file in &begun.files {
        let _ = writeln!(text, "wrote {}", file.display());
    }
    match &begun.registered {
        Registered::NotNeeded => {}
        Registered::Entry { path, line } => {
            let _ = writeln!(text, "added to {}: `{line}`", path.display());
        }
        Registered::ByHand { path, line } => {
            let _ = writeln!(text, "\n{} is left as it is. Add below its `services:`:\n\n  {line}", path.display());
        }
    }
    let _ = writeln!(text, "\nnext: edit them, `hl validate`, `hl plan --target {service}`");
    text
}

fn compose(name: &str, image: &str, data_dir: &str) -> String {
    format!(
        "services:
  {name}:
    image: {image}
    restart: unless-stopped
    # ports:
    #   - \"127.0.0.1:8080:80\"          # address and port of the node : port of the container
    # environment:
    #   PASSWORD: ${{PASSWORD:?set it in the .env of this service}}
    # volumes:
    #   - {data_dir}:/data
"
    )
}

/// The variables without which the service is not started.
fn required(draft: &ServiceDraft) -> impl Iterator<Item = &str> {
    let required = draft.variables.iter().filter(|variable| variable.need == VariableNeed::Required);
    required.map(|variable| variable.name.as_str())
}

fn service(draft: &ServiceDraft, quoted: impl Fn(&str) -> String) -> String {
    let schema = draft.schema.as_ref().map(|schema| format!("# yaml-language-server: $schema={schema}\n"));
    let owner = match draft.owner {
        OwnerIsSaid::InItsFile => format!("owner_node: {}\n", quoted(draft.node.as_str())),
        OwnerIsSaid::Elsewhere => String::new(),
    };
    let required = required(draft).map(&quoted).collect::<Vec<_>>().join(", ");
    let env = match required.as_str() {
        "" => "# Variables that must have a value, and those that hl makes up once:\n\
               # env:\n\
               #   required: [PASSWORD]\n\
               #   generate: { PASSWORD: { length: 32 } }\n"
            .to_owned(),
        names => format!(
            "# Variables that must have a value before anything is started, and those that hl makes up once:\n\
             env:\n  required: [{names}]\n  # generate: {{ PASSWORD: {{ length: 32 }} }}\n"
        ),
    };
    let (name, health) = (quoted(draft.name.as_str()), &draft.files.health);
    format!(
        "{}# What Compose cannot say of this service. Every key is optional.
description: {name}
{owner}# Services, on any node, that work before this one starts:
# depends_on: [postgres]
{env}# The script that proves after each change that the service works:
health:
  script: {health}
  # retries: 12
  # interval: 5s
# hl never removes it, not even when this folder is gone:
# lifecycle: {{ protect: true }}
",
        schema.unwrap_or_default()
    )
}

fn readme(draft: &ServiceDraft) -> String {
    let name = draft.name.as_str();
    let mut rows = String::new();
    for DraftPort { address, published, .. } in &draft.ports {
        rows.push_str(&format!("| port {published} of its node | `{address}:{published}` |\n"));
    }
    for variable in required(draft) {
        rows.push_str(&format!("| `{variable}` | the service's `.env` on the node |\n"));
    }
    format!(
        "# {name}\n\nWhat it is for, who uses it, and where its data is.\n\n| what | where |\n|---|---|\n| data | |\n{rows}"
    )
}

fn example(draft: &ServiceDraft) -> String {
    let mut text =
        "# The variables that this service needs. Passwords get no value here: hl makes the `.env` on the node\n\
                    # from this file, and values that are set there stay.\n"
            .to_owned();
    for variable in &draft.variables {
        match variable.need {
            VariableNeed::Required => text.push_str(&format!("{}=\n", variable.name)),
            VariableNeed::Optional => text.push_str(&format!("# {}=\n", variable.name)),
        }
    }
    text
}

fn health(draft: &ServiceDraft) -> String {
    let name = draft.name.as_str();
    if draft.ports.is_empty() {
        return format!(
            "#!/bin/sh
# Every container of {name} runs. It publishes no port to ask; put a question to the program itself here,
# such as `docker exec CONTAINER COMMAND`.
set -u

# Without docker here nothing is left to ask: hl has seen by itself that the containers run.
command -v docker >/dev/null || exit 0
containers=$(docker ps --all --filter label=com.docker.compose.project={project} --format '{{{{.Names}}}} {{{{.State}}}} {{{{.Status}}}}')
if [ -z \"$containers\" ]; then
  echo \"{name} has no container\"
  exit 1
fi
# A job that has ended well counts.
echo \"$containers\" | while read -r container state status; do
  case \"$state $status\" in
    running*|*'Exited (0)'*) ;;
    *) echo \"$container is $state: $status\"; exit 1 ;;
  esac
done
",
            project = draft.project,
        );
    }
    let mut text = format!(
        "#!/bin/sh
# {name} answers at each port that it publishes.
set -u
"
    );
    let is_http = |port: &&DraftPort| HTTP_PORTS.contains(&port.target);
    if draft.ports.iter().any(|port| is_http(&port)) {
        text.push_str(
            "
# Any answer to HTTP will do, an error as well: ask for a page that shows that it works, with `curl -f`.
http() {
  if command -v curl >/dev/null; then
    curl -sS -m 5 -o /dev/null \"$1\" 2>&1
  else
    said=$(timeout 5 wget -S -O /dev/null \"$1\" 2>&1) || case $said in *HTTP/*) ;; *) echo \"$said\"; false ;; esac
  fi
}
",
        );
    }
    if draft.ports.iter().any(|port| !is_http(&port)) {
        text.push_str(
            "
# That a port is open proves little: put a question to the program itself here. Without nc nobody can ask.
tcp() { ! command -v nc >/dev/null || nc -z -w 5 \"$1\" \"$2\"; }
",
        );
    }
    for port in &draft.ports {
        let DraftPort { address, published, .. } = port;
        let (ask, shown) = match is_http(&port) {
            true => (format!("http http://{address}:{published}/"), format!("http://{address}:{published}/")),
            false => (format!("tcp {} {published}", address.trim_matches(['[', ']'])), format!("at port {published}")),
        };
        text.push_str(&format!("\n{ask} || {{ echo \"{name} does not answer {shown}\"; exit 1; }}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;
    use crate::model::draft::{DraftFiles, DraftVariable};

    fn draft() -> ServiceDraft {
        let name = |text: &str| text.to_owned();
        ServiceDraft {
            name: ServiceName::new("web").unwrap(),
            node: NodeName::new("nas").unwrap(),
            project: name("web"),
            owner: OwnerIsSaid::Elsewhere,
            files: DraftFiles {
                compose: name("docker-compose.yml"),
                service: name("service.yaml"),
                readme: name("README.md"),
                example: name("env.example"),
                health: name("healthcheck.sh"),
            },
            content: DraftContent::Image(name("nginx:1.27")),
            ports: Vec::new(),
            variables: Vec::new(),
            data_dir: name("/opt/homelab/data/web"),
            schema: Some(name("../../schema/service.schema.json")),
        }
    }

    fn all(draft: &ServiceDraft) -> String {
        let Texts { compose, service, readme, example, health } = texts(draft, |text| text != "1");
        let parts = [String::from_utf8(compose).unwrap(), service, readme, example, health];
        let names = ["compose", "service.yaml", "README.md", "env.example", "healthcheck.sh"];
        names.iter().zip(parts).map(|(name, text)| format!("--- {name}\n{text}")).collect()
    }

    #[test]
    fn a_service_of_an_image_has_five_files() {
        insta::assert_snapshot!(all(&draft()));
    }

    #[test]
    fn a_service_of_a_compose_file_is_asked_by_its_ports() {
        let port = |published, target| DraftPort { address: "127.0.0.1".to_owned(), published, target };
        let variable = |name: &str, need| DraftVariable { name: name.to_owned(), need };
        insta::assert_snapshot!(all(&ServiceDraft {
            content: DraftContent::Compose(b"services: {}\n".to_vec()),
            owner: OwnerIsSaid::InItsFile,
            ports: vec![port(5432, 5432), port(8080, 80)],
            variables: vec![variable("PASSWORD", VariableNeed::Required), variable("TZ", VariableNeed::Optional)],
            schema: None,
            ..draft()
        }));
    }

    #[test]
    fn what_was_written_is_told_with_what_comes_next() {
        let with = |registered| Begun { files: vec!["services/web/service.yaml".into()], registered };
        let (path, line) = ("inventory/topology.yaml".into(), "web: { owner_node: nas }".to_owned());
        let text = begun(&with(Registered::ByHand { path, line }), &ServiceName::new("web").unwrap());
        insta::assert_snapshot!(text, @r"
        wrote services/web/service.yaml

        inventory/topology.yaml is left as it is. Add below its `services:`:

          web: { owner_node: nas }

        next: edit them, `hl validate`, `hl plan --target web`
        ");
    }
}
