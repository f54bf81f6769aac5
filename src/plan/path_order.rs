//! The order of what is done with paths: what goes makes room for what comes, and containers that mount a path are
//! started when it is what it is to be.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use super::graph::StepGraph;
use super::index::Index;
use super::operation::Operation;
use super::step::StepId;
use crate::model::NodeName;
use crate::model::spec::{ContainerSpec, MountKind};

/// Steps by the path that they act on.
type ByPath<'g> = BTreeMap<&'g str, Vec<StepId>>;

/// The steps of one node that act on paths.
#[derive(Default)]
struct PathSteps<'g> {
    /// They remove something.
    removing: ByPath<'g>,
    /// They make or change something.
    making: ByPath<'g>,
}

/// The pairs of steps of which the first goes before the second, the more important ones first.
pub(super) fn edges(graph: &StepGraph, index: &Index<'_>) -> Vec<(StepId, StepId)> {
    let mut nodes: BTreeMap<&NodeName, PathSteps<'_>> = BTreeMap::new();
    for step in graph.steps() {
        let (path, is_removed) = match &step.operation {
            Operation::RemoveFile { path } | Operation::RemoveVacantFolder { path } => (path, true),
            Operation::WriteFile(spec) => (&spec.path, false),
            Operation::EnsureDirectory(spec) => (&spec.path, false),
            _ => continue,
        };
        let of_node = nodes.entry(&step.node).or_default();
        let steps = if is_removed { &mut of_node.removing } else { &mut of_node.making };
        steps.entry(path).or_default().push(step.id);
    }
    if nodes.is_empty() {
        return Vec::new();
    }
    let mut edges: Vec<(StepId, StepId)> = nodes.values().flat_map(PathSteps::among_themselves).collect();
    edges.extend(mounts(graph, index, &nodes));
    edges
}

impl PathSteps<'_> {
    fn among_themselves(&self) -> Vec<(StepId, StepId)> {
        let mut edges = Vec::new();
        for (path, steps) in &self.removing {
            for going in steps {
                edges.extend(at_and_below(&self.making, path).map(|coming| (*going, coming)));
                edges.extend(below(&self.removing, path).map(|inner| (inner, *going)));
            }
        }
        edges
    }
}

fn at_and_below<'p>(steps: &'p ByPath<'_>, path: &'p str) -> impl Iterator<Item = StepId> + 'p {
    steps.get(path).into_iter().flatten().copied().chain(below(steps, path))
}

fn below<'p>(steps: &'p ByPath<'_>, path: &'p str) -> impl Iterator<Item = StepId> + 'p {
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let all = steps.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
    all.take_while(move |(place, _)| place.starts_with(&prefix)).flat_map(|(_, steps)| steps.iter().copied())
}

/// The order of mounted paths and containers: a path is as it is to be when a container starts, but a path that a container
/// of its own leaves with goes after it.
fn mounts(graph: &StepGraph, index: &Index<'_>, nodes: &BTreeMap<&NodeName, PathSteps<'_>>) -> Vec<(StepId, StepId)> {
    let (mut edges, mut last) = (Vec::new(), Vec::new());
    for step in graph.steps() {
        let Some(paths) = nodes.get(&step.node) else { continue };
        let live = |id: &String| Some(&index.node(&step.node)?.live.containers.get(id)?.spec);
        match &step.operation {
            Operation::CreateContainer { spec, .. } => edges.extend(before_start(spec, paths, step.id)),
            Operation::StartContainer { container } | Operation::RestartContainer { container } => {
                edges.extend(live(container).into_iter().flat_map(|spec| before_start(spec, paths, step.id)));
            }
            Operation::RemoveContainer { container, .. } => {
                let sources = live(container).into_iter().flat_map(sources);
                let single = sources.flat_map(|source| paths.removing.get(source).into_iter().flatten());
                last.extend(single.map(|going| (step.id, *going)));
            }
            _ => {}
        }
    }
    edges.extend(last);
    edges
}

fn before_start(spec: &ContainerSpec, paths: &PathSteps<'_>, start: StepId) -> Vec<(StepId, StepId)> {
    let of = |source: &str| {
        let made: Vec<StepId> = at_and_below(&paths.making, source).collect();
        made.into_iter().chain(below(&paths.removing, source)).map(|path| (path, start)).collect::<Vec<_>>()
    };
    sources(spec).flat_map(of).collect()
}

/// The paths of the machine that a container mounts.
pub(super) fn sources(spec: &ContainerSpec) -> impl Iterator<Item = &str> {
    spec.mounts.values().filter_map(|mount| match &mount.kind {
        MountKind::Bind { source, .. } if Path::new(source).is_absolute() => Some(source.as_str()),
        _ => None,
    })
}
