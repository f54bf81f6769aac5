//! The least that any program must do: the engine's API, a few connections that are kept, and no JSON read but ids.

use std::io::Result;
use std::path::Path;
use std::sync::Mutex;

use crate::homelab::{self, Shape};
use crate::http::Connection;

/// Requests at once. More gain nothing on two processors.
const AT_ONCE: usize = 4;

/// Which networks and volumes are made beside the containers.
#[derive(Clone, Copy)]
pub enum Beside {
    /// One network for all, which is there already.
    Nothing,
    /// Those of each project.
    Own,
}

/// Reads all that a plan rests on: the list, every container, networks, volumes, images. Gives how many containers.
pub fn read(socket: &Path) -> Result<usize> {
    std::thread::scope(|scope| {
        let rest = scope.spawn(|| {
            let mut connection = Connection::open(socket)?;
            connection.get("/networks")?;
            connection.get("/volumes")?;
            connection.get("/images/json")?;
            connection.get(&format!("/images/{}/json", homelab::IMAGE))
        });
        let ids = ids(&Connection::open(socket)?.get("/containers/json?all=1")?);
        each(socket, &ids, |connection, id| connection.get(&format!("/containers/{id}/json")).map(drop))?;
        rest.join().expect("a thread that reads does not panic")?;
        Ok(ids.len())
    })
}

/// Makes and starts the containers of all projects.
pub fn up(socket: &Path, shape: Shape, beside: Beside) -> Result<()> {
    let projects: Vec<usize> = (0..shape.projects).collect();
    let network = |project: usize| match beside {
        Beside::Nothing => "raw_default".to_owned(),
        Beside::Own => format!("{}_default", homelab::name(project)),
    };
    let make = |connection: &mut Connection, project: usize| {
        let body = homelab::network_body(&network(project), project);
        connection.call("POST", "/networks/create", &body).map(drop)
    };
    match beside {
        Beside::Nothing => make(&mut Connection::open(socket)?, 0)?,
        Beside::Own => each(socket, &projects, |connection, project| {
            make(connection, *project)?;
            let body = homelab::volume_body(*project);
            connection.call("POST", "/volumes/create", &body).map(drop)
        })?,
    }
    let containers: Vec<(usize, usize)> =
        projects.iter().flat_map(|project| (0..shape.services).map(|service| (*project, service))).collect();
    each(socket, &containers, |connection, (project, service)| {
        let name = format!("{}-s{service}-1", homelab::name(*project));
        let body = homelab::container_body(*project, *service, &network(*project));
        connection.call("POST", &format!("/containers/create?name={name}"), &body)?;
        connection.call("POST", &format!("/containers/{name}/start"), "").map(drop)
    })
}

/// Removes everything that the engine has but its images.
pub fn down(socket: &Path) -> Result<()> {
    let mut connection = Connection::open(socket)?;
    let containers = ids(&connection.get("/containers/json?all=1")?);
    each(socket, &containers, |c, id| c.call("DELETE", &format!("/containers/{id}?force=1&v=1"), "").map(drop))?;
    // A network that is there from the start cannot be removed.
    let networks = values(&connection.get("/networks")?, "Name");
    let made: Vec<String> = networks.into_iter().filter(|n| n.ends_with("_default")).collect();
    each(socket, &made, remove_network)?;
    let volumes = values(&connection.get("/volumes")?, "Name");
    each(socket, &volumes, |c, name| c.call("DELETE", &format!("/volumes/{name}?force=1"), "").map(drop))
}

/// Removes a network. The engine may take a moment to see that the containers on it are gone.
fn remove_network(connection: &mut Connection, name: &String) -> Result<()> {
    let mut tries = 0;
    loop {
        match connection.call("DELETE", &format!("/networks/{name}"), "") {
            Err(_) if tries < 50 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            answer => return answer.map(drop),
        }
    }
}

/// Does something with each item, a few at a time, each over a connection of its own.
fn each<T: Sync>(socket: &Path, items: &[T], work: impl Fn(&mut Connection, &T) -> Result<()> + Sync) -> Result<()> {
    let queue = Mutex::new(items.iter());
    let next = || queue.lock().expect("no holder of this lock panics").next();
    std::thread::scope(|scope| {
        let worker = || {
            let mut connection = Connection::open(socket)?;
            while let Some(item) = next() {
                work(&mut connection, item)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..AT_ONCE.min(items.len())).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a thread that works does not panic"))
    })
}

fn ids(list: &[u8]) -> Vec<String> {
    values(list, "Id")
}

/// The texts that stand behind a key, wherever it is.
fn values(json: &[u8], key: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(json);
    let key = format!("\"{key}\":\"");
    let parts = text.split(&key).skip(1);
    parts.filter_map(|part| Some(part.split_once('"')?.0.to_owned())).collect()
}
