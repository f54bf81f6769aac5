//! Lines of logs, each behind the name of its container, and what is said beside them.

use std::collections::BTreeMap;

use console::{Color, Style};

use super::english::shortened;
use super::page::columns;
use super::printable::{Printable, visible};
use super::style::Palette;
use crate::event::{ContainerLine, LogNotice};
use crate::model::{Addr, NodeName, ServiceName};

/// Whether lines have the name of their container in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// They have.
    Shown,
    /// They have not.
    Hidden,
}

/// Whether lines have their time in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// They have.
    Shown,
    /// They have not.
    Hidden,
}

/// Colours that can be told apart, on a dark and on a light ground.
const COLOURS: [(Color, bool); 10] = [
    (Color::Cyan, false),
    (Color::Yellow, false),
    (Color::Green, false),
    (Color::Magenta, false),
    (Color::Blue, false),
    (Color::Cyan, true),
    (Color::Yellow, true),
    (Color::Green, true),
    (Color::Magenta, true),
    (Color::Blue, true),
];

/// Makes text of lines. It knows the containers that were told.
#[derive(Debug)]
pub struct LogText {
    palette: Palette,
    names: Names,
    times: Times,
    containers: Vec<Addr>,
    /// The text before the lines of each container.
    prefixes: Vec<String>,
}

impl LogText {
    /// One that knows no container yet.
    pub fn new(palette: Palette, names: Names, times: Times) -> LogText {
        LogText { palette, names, times, containers: Vec::new(), prefixes: Vec::new() }
    }

    /// Adds containers.
    pub fn add(&mut self, containers: Vec<Addr>) {
        self.containers.extend(containers);
        let names: Vec<String> = short_names(&self.containers).iter().map(|name| visible(name)).collect();
        let width = names.iter().map(|name| columns(name)).max().unwrap_or_default();
        let prefix = |(addr, name): (&Addr, &String)| {
            let padding = " ".repeat(width - columns(name));
            let text = format!("{name}{padding} |");
            match self.palette {
                Palette::Plain => format!("{text} "),
                Palette::Coloured => format!("{} ", style(addr).apply_to(text)),
            }
        };
        self.prefixes = self.containers.iter().zip(&names).map(prefix).collect();
    }

    /// Some lines, each with its end.
    pub fn lines(&self, lines: &[ContainerLine]) -> Printable {
        let mut text = Printable::default();
        for ContainerLine { container, line } in lines {
            if self.names == Names::Shown {
                text.add_lines(&self.prefixes[*container], self.palette);
            }
            if self.times == Times::Shown {
                text.add_lines(&format!("{:.9} ", line.at), self.palette);
            }
            // A terminal ends its lines with two characters.
            text.add_output(line.text.strip_suffix(b"\r").unwrap_or(&line.text), self.palette);
        }
        text
    }
}

/// The colour of a container: the same each time, whatever else is shown.
fn style(addr: &Addr) -> Style {
    // FNV-1a, which never changes.
    let hash = addr
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let colour = usize::try_from(hash % COLOURS.len() as u64).expect("it is a small number");
    let (colour, is_bright) = COLOURS[colour];
    let style = Style::new().force_styling(true).fg(colour);
    if is_bright { style.bright() } else { style }
}

/// The names of containers beside one another, without what they have in common or what is alone: the node, where a service is
/// on one; the service, where there is one; the container, where the service has one.
fn short_names(all: &[Addr]) -> Vec<String> {
    let mut nodes: BTreeMap<&ServiceName, Vec<&NodeName>> = BTreeMap::new();
    let mut containers: BTreeMap<(&NodeName, &ServiceName), usize> = BTreeMap::new();
    for addr in all {
        let on = nodes.entry(&addr.service).or_default();
        if !on.contains(&&addr.node) {
            on.push(&addr.node);
        }
        *containers.entry((&addr.node, &addr.service)).or_default() += 1;
    }
    let name = |addr: &Addr| {
        let node = (nodes[&addr.service].len() > 1).then_some(addr.node.as_str());
        let service = (nodes.len() > 1).then_some(addr.service.as_str());
        let is_alone = containers[&(&addr.node, &addr.service)] == 1 && (node.is_some() || service.is_some());
        let container = (!is_alone).then_some(addr.name.as_str());
        node.into_iter().chain(service).chain(container).collect::<Vec<_>>().join("/")
    };
    all.iter().map(name).collect()
}

/// The most services that are named in one line.
const MOST_NAMES: usize = 8;

/// A notice in one line, and what to do about it.
pub fn notice(notice: &LogNotice) -> (String, Option<String>) {
    match notice {
        LogNotice::Silent(silent) => {
            let hint = Some(silent.hint.clone()).filter(|hint| !hint.is_empty());
            (format!("{}: could not be asked: {}", silent.node, silent.why), hint)
        }
        LogNotice::Maintenance(node) => (format!("{node}: is in maintenance and was not asked"), None),
        LogNotice::NoLogs(node) => (format!("{node}: has no logs, nothing really runs there"), None),
        LogNotice::Lost { node, why } if why.is_empty() => (format!("{node}: connection lost; connecting again"), None),
        LogNotice::Lost { node, why } => (format!("{node}: connection lost, {why}; connecting again"), None),
        LogNotice::Connected(node) => (format!("{node}: connected again"), None),
        LogNotice::Unreadable { container, why } => (format!("{container}: its log cannot be read: {why}"), None),
        LogNotice::NoContainers(services) => {
            let names: Vec<String> = services.iter().map(|(node, service)| format!("{node}/{service}")).collect();
            let verb = if names.len() == 1 { "has" } else { "have" };
            (format!("{} {verb} no container", shortened(&names, MOST_NAMES)), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log::LogLine;
    use crate::model::status::SilentNode;

    fn addrs(texts: &[&str]) -> Vec<Addr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn names_are_as_short_as_they_can_be_told_apart() {
        for (all, short) in [
            (&["nas/shop/container:web"][..], &["web"][..]),
            (&["nas/shop/container:web", "nas/shop/container:db"], &["web", "db"]),
            (
                &["nas/shop/container:web", "nas/shop/container:db", "pi/proxy/container:traefik"],
                &["shop/web", "shop/db", "proxy"],
            ),
            (&["nas/dozzle/container:dozzle", "pi/dozzle/container:dozzle"], &["nas", "pi"]),
            (
                &["nas/dozzle/container:dozzle", "pi/dozzle/container:dozzle", "pi/proxy/container:traefik"],
                &["nas/dozzle", "pi/dozzle", "proxy"],
            ),
        ] {
            assert_eq!(short_names(&addrs(all)), short);
        }
    }

    #[test]
    fn lines_stand_in_columns_behind_the_names_of_their_containers() {
        let line = |container: usize, text: &str| ContainerLine {
            container,
            line: LogLine { at: "2026-01-02T03:04:05.00000006Z".parse().unwrap(), text: text.as_bytes().to_vec() },
        };
        let lines = [line(0, "GET /\r"), line(1, "\x1b[31mred\x07"), line(0, "")];
        let text = |palette, names, times| {
            let mut text = LogText::new(palette, names, times);
            text.add(addrs(&["nas/shop/container:web", "nas/shop/container:database"]));
            text.lines(&lines).as_str().to_owned()
        };
        insta::assert_snapshot!(text(Palette::Plain, Names::Shown, Times::Hidden), @r"
        web      | GET /
        database | \x1b[31mred\x07
        web      | 
        ");
        insta::assert_snapshot!(text(Palette::Plain, Names::Hidden, Times::Shown), @r"
        2026-01-02T03:04:05.000000060Z GET /
        2026-01-02T03:04:05.000000060Z \x1b[31mred\x07
        2026-01-02T03:04:05.000000060Z 
        ");
        let coloured = text(Palette::Coloured, Names::Shown, Times::Hidden);
        assert!(coloured.contains("\x1b[31mred\\x07\x1b[0m\n"), "{coloured:?}");
        assert!(coloured.starts_with("\x1b["), "{coloured:?}");
    }

    #[test]
    fn each_notice_has_its_words() {
        let node = NodeName::new("nas").unwrap();
        let silent = SilentNode { node: node.clone(), why: "no route to host".into(), hint: "is it on?".into() };
        let service = |name: &str| (node.clone(), ServiceName::new(name).unwrap());
        let container = "nas/shop/container:web".parse().unwrap();
        let all = [
            LogNotice::Silent(silent),
            LogNotice::Maintenance(node.clone()),
            LogNotice::NoLogs(node.clone()),
            LogNotice::Lost { node: node.clone(), why: "read its events: no answer".into() },
            LogNotice::Lost { node: node.clone(), why: String::new() },
            LogNotice::Connected(node.clone()),
            LogNotice::Unreadable { container, why: "the driver `none` keeps nothing".into() },
            LogNotice::NoContainers(vec![service("a")]),
            LogNotice::NoContainers(vec![service("a"), service("b")]),
        ];
        let lines: Vec<String> = all.iter().map(|one| notice(one).0).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        nas: could not be asked: no route to host
        nas: is in maintenance and was not asked
        nas: has no logs, nothing really runs there
        nas: connection lost, read its events: no answer; connecting again
        nas: connection lost; connecting again
        nas: connected again
        nas/shop/container:web: its log cannot be read: the driver `none` keeps nothing
        nas/a has no container
        nas/a and nas/b have no container
        ");
    }
}
