//! The one thing because of which a service has no resources to plan, and the way out of it.

use crate::model::homelab::{Access, Node};

/// Why a service has no resources although all that it depends on is known.
#[derive(Debug)]
pub(super) enum Hindrance {
    /// Its files have errors.
    Broken,
    /// Variables that it requires have no value on its node.
    NoValue(Vec<String>),
    /// hl may not read this path on its node, for that reason.
    Unreadable { path: String, why: String },
    /// hl may not or cannot write this path on its node.
    NotWritable { path: String },
    /// hl cannot run this script on its node.
    NotRunnable { script: String },
}

impl Hindrance {
    /// The hindrance in words, to be followed by the node.
    pub(super) fn words(&self, node: &Node) -> String {
        match self {
            Hindrance::Broken => "its files have errors".to_owned(),
            Hindrance::NoValue(names) => format!("{} has no value", names.join(", ")),
            Hindrance::Unreadable { path, why } => format!("hl may not read {path}: {why}"),
            Hindrance::NotWritable { path } if node.address.access() != Access::EngineOnly => {
                format!("hl may not write {path}")
            }
            Hindrance::NotWritable { path } => format!("hl cannot write {path}"),
            Hindrance::NotRunnable { script } => format!("hl cannot run {script}"),
        }
    }

    /// The way to end it.
    pub(super) fn way_out(&self, node: &Node, env_file: &str) -> String {
        let access = node.address.access();
        match self {
            Hindrance::Broken => "`hl validate` says which".to_owned(),
            Hindrance::NoValue(_) => {
                format!("set it in {env_file} on `{}`, or list it in `env.generate`", node.name)
            }
            Hindrance::Unreadable { path, .. } => match access {
                Access::RemoteShell => format!(
                    "give it to hl's user there: `sudo chown USER {path}`, or let that user become root without a password (sudo)"
                ),
                Access::ThisMachine | Access::Memory | Access::EngineOnly => {
                    format!("give it to the user who runs hl: `sudo chown USER {path}`")
                }
            },
            Hindrance::NotWritable { .. } | Hindrance::NotRunnable { .. } => {
                let folder = format!("give it the folder there: `sudo install -d -o USER {}`", node.root);
                match access {
                    Access::RemoteShell => {
                        format!("let that user become root without a password (sudo), or {folder}")
                    }
                    Access::EngineOnly => {
                        "tcp:// reaches only its engine; an `address` of ssh:// reaches its files and runs scripts"
                            .to_owned()
                    }
                    Access::ThisMachine | Access::Memory => folder,
                }
            }
        }
    }

    /// Both in one sentence.
    pub(super) fn why(&self, node: &Node, env_file: &str) -> String {
        format!("{}; {}", self.words(node), self.way_out(node, env_file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;
    use crate::model::homelab::{Maintenance, NodeAddress, Undeclared};

    /// The place of a kind among all, which the compiler holds to be complete.
    fn place(hindrance: &Hindrance) -> usize {
        match hindrance {
            Hindrance::Broken => 0,
            Hindrance::NoValue(_) => 1,
            Hindrance::Unreadable { .. } => 2,
            Hindrance::NotWritable { .. } => 3,
            Hindrance::NotRunnable { .. } => 4,
        }
    }

    #[test]
    fn each_has_a_way_out() {
        let all = [
            Hindrance::Broken,
            Hindrance::NoValue(vec!["PW".to_owned()]),
            Hindrance::Unreadable { path: "/a".to_owned(), why: "permission denied".to_owned() },
            Hindrance::NotWritable { path: "/a".to_owned() },
            Hindrance::NotRunnable { script: "healthcheck.sh".to_owned() },
        ];
        assert_eq!(all.iter().map(place).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let ssh = NodeAddress::Ssh { user: None, host: "nas.lan".to_owned(), port: None };
        let tcp = NodeAddress::Tcp { host: "nas.lan".to_owned(), port: 2376 };
        for address in [NodeAddress::Local, ssh, tcp, NodeAddress::Simulated] {
            let node = Node {
                name: NodeName::new("nas").unwrap(),
                address,
                root: "/opt/homelab".to_owned(),
                labels: Default::default(),
                parallelism: 1,
                maintenance: Maintenance::Off,
                connect_timeout_ms: 1,
                undeclared: Undeclared::Report,
                contact: Default::default(),
            };
            for hindrance in &all {
                let way_out = hindrance.way_out(&node, "/opt/homelab/config/web/.env");
                assert!(way_out.matches('`').count() >= 2, "{hindrance:?}: {way_out}");
            }
        }
    }
}
