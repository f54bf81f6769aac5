//! Images that are built: what they are built from is a part of their containers, by content.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::shop::expect_text;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_changes_a_built_image_replaces_what_runs_it, needs Engine),
    trial!(what_does_not_change_a_built_image_changes_nothing, needs Engine),
];

const COMPOSE: &str = "\
name: sample-lab-tool
services:
  tool:
    image: sample-lab-tool:1
    build: { context: ., dockerfile: image/Dockerfile, args: { GREETING: hello } }
    volumes: [\"./data:/data\"]
  beside:
    image: sample-lab-tool:1
  other:
    image: hl-test/app:1
";

const DOCKERFILE: &str = "\
FROM hl-test/app:1
ARG GREETING
ENV GREETING=$GREETING
COPY words.txt /words.txt
";

struct Tool {
    engine: Engine,
    lab: Homelab,
}

impl Tool {
    fn open() -> Tool {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        lab.write("services/tool/service.yaml", "owner_node: box\n");
        lab.write("services/tool/docker-compose.yml", COMPOSE);
        lab.write("services/tool/image/Dockerfile", DOCKERFILE);
        lab.write("services/tool/words.txt", "one\n");
        lab.write("services/tool/notes.md", "nobody builds this\n");
        lab.write("services/tool/.dockerignore", "*.md\n");
        lab.write("services/tool/data/written", "by the container\n");
        lab.track();
        let tool = Tool { engine, lab };
        tool.lab.hl(&["apply", "--yes"]).code(0);
        tool.expect_settled();
        tool
    }

    fn expect_settled(&self) {
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    }

    /// The plan names the field and what it does; the apply gives both users of the image a new container and leaves
    /// the third alone.
    fn expect_replaced(&self, field: &str, name: &str) {
        let before = self.ids();
        let plan: Value = serde_json::from_str(&self.lab.hl(&["plan", "--format", "json"]).stdout).expect("JSON");
        let changes = plan["changes"].as_array().expect("a list");
        let of = |kind: &str| changes.iter().filter(|c| c["kind"] == kind).collect::<Vec<_>>();
        assert_eq!((of("image").len(), of("container").len()), (1, 2), "{plan:#}");
        for change in of("container") {
            let fields: Vec<&str> =
                change["fields"].as_array().into_iter().flatten().filter_map(|f| f["field"].as_str()).collect();
            assert_eq!((change["action"].as_str(), fields), (Some("replace"), vec![field]));
        }
        expect_text(name, &self.lab.hl(&["plan"]).stdout);
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["apply", "--yes"]).code(0);
        let after = self.ids();
        let kept: Vec<&str> = after.iter().filter(|(n, id)| before.get(*n) == Some(*id)).map(|(n, _)| &**n).collect();
        assert_eq!((kept, after.len()), (vec!["other"], 3));
        self.expect_settled();
    }

    fn ids(&self) -> BTreeMap<String, String> {
        let id = |name: &str| {
            let name = self.lab.name(&format!("sample-lab-tool-{name}-1"));
            self.engine.inspect(&name)["Id"].as_str().unwrap_or_default().to_owned()
        };
        ["tool", "beside", "other"].into_iter().map(|name| (name.to_owned(), id(name))).collect()
    }

    fn says(&self, command: &[&str]) -> String {
        self.engine.exec(&self.lab.name("sample-lab-tool-beside-1"), command).1
    }

    fn plan(&self) -> Outcome {
        self.lab.hl(&["plan", "--detailed-exitcode"])
    }
}

fn what_changes_a_built_image_replaces_what_runs_it() {
    let tool = Tool::open();
    assert_eq!(tool.says(&["cat", "/words.txt"]), "one\n");
    tool.lab.write("services/tool/words.txt", "two\n");
    tool.expect_replaced("built_from.words.txt", "built-file");
    assert_eq!(tool.says(&["cat", "/words.txt"]), "two\n");
    tool.lab.write("services/tool/image/Dockerfile", &DOCKERFILE.replace("/words.txt\n", "/all-words.txt\n"));
    tool.expect_replaced("built_from.image/Dockerfile", "built-dockerfile");
    assert_eq!(tool.says(&["cat", "/all-words.txt"]), "two\n");
    tool.lab.write("services/tool/docker-compose.yml", &COMPOSE.replace("hello", "good morning"));
    tool.expect_replaced("build.args.GREETING", "built-argument");
    assert!(tool.says(&["env"]).contains("GREETING=good morning"));
    // A container more takes the image as it is built for the others.
    let compose = COMPOSE.replace("hello", "good night") + "  again:\n    image: sample-lab-tool:1\n";
    tool.lab.write("services/tool/docker-compose.yml", &compose);
    tool.plan().code(2).says("container:again");
    tool.lab.hl(&["apply", "--yes"]).code(0);
    let (_, env) = tool.engine.exec(&tool.lab.name("sample-lab-tool-again-1"), &["env"]);
    assert!(env.contains("GREETING=good night"), "{env}");
    tool.expect_settled();
}

fn what_does_not_change_a_built_image_changes_nothing() {
    let tool = Tool::open();
    tool.lab.write("services/tool/notes.md", "nor this\n");
    tool.lab.write("services/tool/data/written", "again\n");
    tool.lab.write("services/tool/docker-compose.yml", &format!("# What we build.\n{COMPOSE}"));
    tool.lab.write("services/tool/service.yaml", "owner_node: box\ndescription: words\n");
    tool.lab.write("services/tool/env.example", "# nothing yet\n");
    tool.expect_settled();
    // Without a record, what runs is taken to be built from what is there.
    std::fs::remove_dir_all(tool.lab.repository().join("state")).expect("there was a record");
    tool.lab.write("services/tool/words.txt", "three\n");
    tool.plan().code(0);
    tool.lab.hl(&["apply", "--yes"]).code(0);
    tool.lab.write("services/tool/words.txt", "four\n");
    tool.plan().code(2).says("built_from.words.txt");
}
