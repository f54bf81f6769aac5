//! Changing limits and the restart policy of a container while it runs.
//!
//! The engine answers 200 to changes that it ignores, so what it made of them is read back.

use serde_json::{Map, Value, json};

use super::container::warnings;
use super::create::restart_policy;
use super::engine::{CHANGE, Engine, escape};
use super::inspect::HostConfig;
use super::read::inspect_raw;
use crate::model::spec::ContainerSpec;
use crate::node::{ErrorKind, NodeError};

/// Makes what the engine can change of a live container as the spec has it. Limits that the spec
/// does not have stay, since the engine cannot take them away; only that of processes it can.
pub async fn update(engine: &Engine, container: &str, spec: &ContainerSpec) -> Result<(), NodeError> {
    let what = format!("update container {container}");
    let path = format!("/containers/{}/update", escape(container));
    let now = inspect_raw(engine, container).await?.host_config.unwrap_or_default();
    let mut said = Vec::new();
    for body in bodies(spec, &now) {
        let answer: Value = engine.post(&what, CHANGE, &path, &body).await?;
        said.extend(warnings(&answer));
    }
    let now = inspect_raw(engine, container).await?.host_config.unwrap_or_default();
    // A kernel that cannot limit swap limits the memory alone, and the engine warns of it.
    let without_swap = !said.is_empty() && now.memory == spec.mem_limit;
    let left = bodies(spec, &now);
    let left = left.iter().filter_map(Value::as_object).filter(|b| !without_swap || !b.contains_key("MemorySwap"));
    let left: Vec<String> = left.flat_map(Map::keys).cloned().collect();
    if left.is_empty() {
        return Ok(());
    }
    let mut message = format!("the engine said yes and did not change {}", left.join(", "));
    if !said.is_empty() {
        message.push_str(&format!(": {}", said.join("; ")));
    }
    Err(engine.fail(&what, ErrorKind::Engine { status: 200, message }))
}

/// The update calls that bring a container to its spec; none if it is there.
fn bodies(spec: &ContainerSpec, now: &HostConfig) -> Vec<Value> {
    let mut body = Map::new();
    let policy = restart_policy(&spec.restart);
    let live = now.restart_policy.as_ref();
    let live_name = live.and_then(|p| p.name.as_deref()).filter(|name| !name.is_empty()).unwrap_or("no");
    let live_count = live.and_then(|p| p.maximum_retry_count).unwrap_or_default();
    if policy["Name"] != live_name || policy["MaximumRetryCount"] != live_count {
        body.insert("RestartPolicy".to_owned(), policy);
    }
    for (key, wanted, live) in [
        ("MemoryReservation", spec.mem_reservation, now.memory_reservation),
        ("NanoCpus", spec.nano_cpus, now.nano_cpus),
        ("CpuShares", spec.cpu_shares, now.cpu_shares),
        ("CpuQuota", spec.cpu_quota, now.cpu_quota),
        ("CpuPeriod", spec.cpu_period, now.cpu_period),
        ("CpuRealtimePeriod", spec.cpu_rt_period, now.cpu_realtime_period),
        ("CpuRealtimeRuntime", spec.cpu_rt_runtime, now.cpu_realtime_runtime),
    ] {
        if wanted.unwrap_or(0) != 0 && wanted != live {
            body.insert(key.to_owned(), json!(wanted));
        }
    }
    if let Some(cpuset) = spec.cpuset.as_ref().filter(|c| !c.is_empty() && Some(*c) != now.cpuset_cpus.as_ref()) {
        body.insert("CpusetCpus".to_owned(), cpuset.as_str().into());
    }
    // Null, 0 and -1 are all "without limit"; only the last one clears a limit everywhere.
    let limit = |number: Option<i64>| number.filter(|n| *n > 0);
    if limit(spec.pids_limit) != limit(now.pids_limit) {
        body.insert("PidsLimit".to_owned(), limit(spec.pids_limit).unwrap_or(-1).into());
    }
    let mut bodies = memory(spec, now);
    if !body.is_empty() {
        bodies.push(body.into());
    }
    bodies
}

/// Memory and swap always go together: a limit above the current one of both is refused without it,
/// also where neither was limited before. Some kernels take a limit and "swap without end" only one
/// after the other.
fn memory(spec: &ContainerSpec, now: &HostConfig) -> Vec<Value> {
    let Some(memory) = spec.mem_limit.filter(|m| *m > 0) else { return Vec::new() };
    let default_swap = memory.saturating_mul(2);
    let swap = spec.memswap_limit.filter(|s| *s != 0);
    let live_swap = now.memory_swap.unwrap_or(0);
    let swap_is_right = match swap {
        Some(swap) => swap == live_swap,
        // Without an own setting it is twice the memory, or -1 where swap cannot be limited.
        None => live_swap == default_swap || live_swap == -1,
    };
    if now.memory == Some(memory) && swap_is_right {
        return Vec::new();
    }
    match swap {
        Some(-1) if now.memory != Some(memory) => {
            vec![json!({"Memory": memory, "MemorySwap": default_swap}), json!({"Memory": memory, "MemorySwap": -1})]
        }
        swap => vec![json!({"Memory": memory, "MemorySwap": swap.unwrap_or(default_swap)})],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::RestartPolicy;
    use crate::node::docker::api_types;

    #[test]
    fn only_what_differs_is_sent() {
        let spec = ContainerSpec { restart: RestartPolicy::Always, pids_limit: Some(50), ..Default::default() };
        let policy = api_types::RestartPolicy { name: Some("always".into()), maximum_retry_count: Some(0) };
        let mut now = HostConfig { restart_policy: Some(policy), pids_limit: Some(50), ..Default::default() };
        assert_eq!(bodies(&spec, &now), Vec::<Value>::new());
        now.pids_limit = Some(0);
        assert_eq!(bodies(&spec, &now), [json!({"PidsLimit": 50})]);
        let none = ContainerSpec::default();
        now.pids_limit = Some(50);
        let policy = json!({"Name": "no", "MaximumRetryCount": 0});
        assert_eq!(bodies(&none, &now), [json!({"RestartPolicy": policy, "PidsLimit": -1})]);
    }

    #[test]
    fn memory_and_swap_go_together() {
        let spec = |swap| ContainerSpec { mem_limit: Some(100), memswap_limit: swap, ..Default::default() };
        let now = |memory, swap| HostConfig { memory: Some(memory), memory_swap: Some(swap), ..Default::default() };
        assert_eq!(bodies(&spec(None), &now(0, 0)), [json!({"Memory": 100, "MemorySwap": 200})]);
        assert_eq!(bodies(&spec(None), &now(100, 200)), Vec::<Value>::new());
        assert_eq!(bodies(&spec(Some(100)), &now(100, 200)), [json!({"Memory": 100, "MemorySwap": 100})]);
        assert_eq!(bodies(&spec(Some(-1)), &now(50, 100)).len(), 2);
        assert_eq!(bodies(&spec(Some(-1)), &now(100, 200)), [json!({"Memory": 100, "MemorySwap": -1})]);
    }
}
