//! Variables in values, and the types of the values they leave.
//!
//! Only strings that are values are substituted, after the YAML was read; then a string that stands
//! where Compose wants a number or a boolean is cast, whether it had a variable in it or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::budget::{Budget, Weight};
use super::syntax::scalar;
use super::tree_path::{Patterns, TreePath};
use super::variables::Variables;
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, SourceMap, Span, Visibility, did_you_mean};
use crate::envfile::template::{self, Seen, TemplateError};

/// Findings in the files about variables.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The names of all that were asked for.
    pub used: BTreeSet<String>,
    /// Paths of the host that begin with an empty variable, each with the variable.
    pub rootless: BTreeMap<Span, String>,
}

/// Where a path of the host stands that containers get to see.
static PATHS: LazyLock<Patterns<()>> = LazyLock::new(|| {
    Patterns::new([
        ("services.*.volumes.[]", ()),
        ("services.*.volumes.[].source", ()),
        ("services.*.devices.[]", ()),
        ("services.*.devices.[].source", ()),
        ("services.*.build", ()),
        ("services.*.build.context", ()),
        ("secrets.*.file", ()),
        ("configs.*.file", ()),
        ("volumes.*.driver_opts.device", ()),
    ])
});

/// Where it goes what is found.
pub(super) struct Findings<'d> {
    pub asked: &'d mut Asked,
    pub budget: &'d mut Budget,
    pub diagnostics: &'d mut Diagnostics,
}

/// Substitutes and casts all values below `root`, as far as the limits allow.
pub(super) fn interpolate(root: &mut Node, variables: &Variables, sources: &SourceMap, findings: Findings<'_>) {
    let Findings { asked, budget, diagnostics } = findings;
    Walk { variables, sources, asked, budget, diagnostics }.node(root, TreePath::ROOT);
}

/// The type that Compose casts a string to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cast {
    Int,
    Float,
    Bool,
}

/// The values that compose-go's loader casts after interpolation.
static CASTS: LazyLock<Patterns<Cast>> = LazyLock::new(|| {
    Patterns::new([
        ("services.*.configs.[].mode", Cast::Int),
        ("services.*.cpu_count", Cast::Int),
        ("services.*.cpu_percent", Cast::Float),
        ("services.*.cpu_period", Cast::Int),
        ("services.*.cpu_quota", Cast::Int),
        ("services.*.cpu_rt_period", Cast::Int),
        ("services.*.cpu_rt_runtime", Cast::Int),
        ("services.*.cpus", Cast::Float),
        ("services.*.cpu_shares", Cast::Int),
        ("services.*.init", Cast::Bool),
        // Compose from 5.0 on; before, only booleans were taken.
        ("services.*.depends_on.*.required", Cast::Bool),
        ("services.*.depends_on.*.restart", Cast::Bool),
        ("services.*.deploy.replicas", Cast::Int),
        ("services.*.deploy.update_config.parallelism", Cast::Int),
        ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
        ("services.*.deploy.rollback_config.parallelism", Cast::Int),
        ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
        ("services.*.deploy.restart_policy.max_attempts", Cast::Int),
        ("services.*.deploy.placement.max_replicas_per_node", Cast::Int),
        // Compose casts this one later, with the same outcome.
        ("services.*.env_file.[].required", Cast::Bool),
        ("services.*.healthcheck.retries", Cast::Int),
        ("services.*.healthcheck.disable", Cast::Bool),
        ("services.*.oom_kill_disable", Cast::Bool),
        ("services.*.oom_score_adj", Cast::Int),
        ("services.*.pids_limit", Cast::Int),
        ("services.*.ports.[].target", Cast::Int),
        ("services.*.privileged", Cast::Bool),
        ("services.*.read_only", Cast::Bool),
        ("services.*.scale", Cast::Int),
        ("services.*.secrets.[].mode", Cast::Int),
        ("services.*.stdin_open", Cast::Bool),
        ("services.*.tty", Cast::Bool),
        ("services.*.ulimits.*", Cast::Int),
        ("services.*.ulimits.*.hard", Cast::Int),
        ("services.*.ulimits.*.soft", Cast::Int),
        ("services.*.volumes.[].read_only", Cast::Bool),
        ("services.*.volumes.[].volume.nocopy", Cast::Bool),
        ("networks.*.external", Cast::Bool),
        ("networks.*.internal", Cast::Bool),
        ("networks.*.attachable", Cast::Bool),
        ("networks.*.enable_ipv4", Cast::Bool),
        ("networks.*.enable_ipv6", Cast::Bool),
        ("volumes.*.external", Cast::Bool),
        ("secrets.*.external", Cast::Bool),
        ("configs.*.external", Cast::Bool),
    ])
});

struct Walk<'a, 'd> {
    variables: &'a Variables,
    sources: &'a SourceMap,
    asked: &'d mut Asked,
    budget: &'d mut Budget,
    diagnostics: &'d mut Diagnostics,
}

impl Walk<'_, '_> {
    fn node(&mut self, node: &mut Node, at: TreePath<'_>) {
        match &mut node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    self.node(&mut entry.node, at.key(key));
                }
            }
            Value::List(items) => items.iter_mut().enumerate().for_each(|(i, item)| self.node(item, at.item(i))),
            Value::Text(text) => {
                if text.contains('$') && !self.budget.is_spent() {
                    self.text(node, at);
                }
                self.cast(node, at);
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        }
    }

    fn text(&mut self, node: &mut Node, at: TreePath<'_>) {
        let Value::Text(text) = &mut node.value else { return };
        let mut seen = Seen::default();
        let result = template::substitute(text, self.variables, &mut seen);
        if PATHS.at(&at).is_some()
            && let Some(name) = template::rootless(text, self.variables, &|name| self.variables.is_rootless(name))
        {
            self.asked.rootless.insert(node.span, name.to_owned());
        }
        for name in seen.unset {
            self.unset(&name, node.span);
        }
        self.asked.used.extend(seen.asked);
        match result {
            Ok(substituted) => {
                let more = Weight { nodes: 0, bytes: substituted.text.len() };
                if self.budget.spend(more, Some(node.span), self.diagnostics).is_none() {
                    return;
                }
                *text = substituted.text;
                node.taint = node.taint.max(substituted.taint);
            }
            Err(error) => {
                // An attempt in vain took its time, too.
                let bytes = if error == TemplateError::TooLong { template::MOST_BYTES } else { 0 };
                let _ = self.budget.spend(Weight { nodes: 0, bytes }, Some(node.span), self.diagnostics);
                self.failed(error, node.span, at);
            }
        }
    }

    fn failed(&mut self, error: TemplateError, span: Span, at: TreePath<'_>) {
        let diagnostic = match &error {
            TemplateError::Invalid(_) => {
                let words = format!("a variable expression in `{at}` cannot be read");
                Diagnostic::error(Code::InterpolationSyntax, words)
                    .at(self.place(span, "${"), "")
                    .hint("write `$$` for a dollar sign; expressions are `${NAME}`, `${NAME:-default}`, `${NAME:?error}`, `${NAME:+other}`")
            }
            TemplateError::Required { name, .. } => Diagnostic::error(Code::VariableRequired, error.to_string())
                .at(self.place(span, &format!("${{{name}")), "")
                .hint(format!("set it in an env file, or with `--env {name}=…`")),
            TemplateError::TooLong => Diagnostic::error(Code::TooDeep, format!("`{at}` is too long: {error}"))
                .at(span, "")
                .hint("use shorter variables"),
            TemplateError::TooDeep => Diagnostic::error(Code::TooDeep, format!("`{at}`: {error}"))
                .at(span, "")
                .hint("put the inner ones into variables of their own"),
        };
        self.diagnostics.push(diagnostic);
    }

    fn unset(&mut self, name: &str, span: Span) {
        if !self.diagnostics.take(Severity::Warning) {
            return;
        }
        let braced = self.place(span, &format!("${{{name}"));
        let span = if braced == span { self.place(span, &format!("${name}")) } else { braced };
        // A variable that is always set is hardly the one that was meant.
        let set = self.variables.names().filter(|set| !matches!(*set, "HOME" | "PWD" | "COMPOSE_PROJECT_NAME"));
        let hint = match did_you_mean(name, set) {
            Some(near) => {
                format!("did you mean `{near}`? Else set it, or write `${{{name}:-}}` where nothing is meant")
            }
            None => format!("set it in an env file or in `vars`, or write `${{{name}:-}}` where nothing is meant"),
        };
        let words = format!("variable `{name}` is not set: nothing stands in its place");
        self.diagnostics.push(Diagnostic::warning(Code::VariableUnset, words).at(span, "").hint(hint));
    }

    /// The place of an expression within its scalar, as written; the whole scalar where that is unclear.
    fn place(&self, span: Span, expression: &str) -> Span {
        let source = self.sources.get(span.file);
        if source.visibility == Visibility::Secret {
            return span;
        }
        let raw = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let Some(at) = raw.find(expression) else { return span };
        let rest = &raw[at + expression.len()..];
        let end = match (expression.starts_with("${"), rest.find(['}', '\n'])) {
            (true, Some(close)) if rest[close..].starts_with('}') => at + expression.len() + close + 1,
            _ => at + expression.len(),
        };
        let start = span.start as usize;
        Span::new(span.file, start + at, start + end)
    }

    fn cast(&mut self, node: &mut Node, at: TreePath<'_>) {
        let Some(cast) = CASTS.at(&at) else { return };
        let Value::Text(text) = &node.value else { return };
        let value = match cast {
            Cast::Int => scalar::parse_int(text).map(|n| Value::Int(n.into())),
            Cast::Float => scalar::parse_float(text).map(Value::Float),
            Cast::Bool => scalar::parse_bool(text).map(Value::Bool),
        };
        let span = node.span;
        match value {
            Some(value) => {
                if cast == Cast::Bool && scalar::is_old_bool(text) {
                    let words = format!("`{text}` is no boolean of YAML 1.2");
                    self.diagnostics.push(
                        Diagnostic::warning(Code::SurprisingValue, words).at(span, "").hint("write `true` or `false`"),
                    );
                }
                node.value = value;
            }
            None => {
                let wanted = match cast {
                    Cast::Int => "an integer",
                    Cast::Float => "a number",
                    Cast::Bool => "`true` or `false`",
                };
                let words = format!("`{at}` takes {wanted}");
                let mut diagnostic = Diagnostic::error(Code::InvalidValue, words).at(span, "");
                if text.is_empty() {
                    diagnostic = diagnostic.hint("a variable may be unset: give it a default, `${NAME:-…}`");
                }
                self.diagnostics.push(diagnostic);
            }
        }
    }
}
