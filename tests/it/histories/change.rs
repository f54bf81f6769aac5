//! The kinds of change that a history is made of.

use super::declared::{Container, Declared, FOLDERS, How, KEYS, NAMES, Network, OPTIONS, RESTARTS, VOLUMES, Volume};
use crate::support::random::Random;

/// A kind of change of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A variable or the image of a container.
    Content,
    /// The content of a mounted file, or whether there is one.
    File,
    /// A key that comes or goes, a health check, or another restart policy.
    Option,
    /// A name, a port, an address, a subnet or a named volume that somebody gets or loses.
    Claim,
    /// One that goes from who has it to another one.
    HandOver,
    /// Two that have one each change it.
    Swap,
    /// A folder gets another name.
    RenameFolder,
    /// The project gets a name or loses it.
    RenameProject,
    /// A container goes to another service.
    MoveContainer,
    /// A container is called otherwise in its file.
    RenameContainer,
    /// A container comes or goes.
    Containers,
    /// A service comes or goes.
    Services,
    /// Networks and namespaces.
    Network,
    /// Dependencies.
    Needs,
    /// A service is stopped or runs again.
    State,
    /// A container gets a version that does not work.
    Sick,
    /// The script of a service fails.
    Script,
}

impl Kind {
    pub const ALL: [Kind; 17] = [
        Kind::Content,
        Kind::File,
        Kind::Option,
        Kind::Claim,
        Kind::HandOver,
        Kind::Swap,
        Kind::RenameFolder,
        Kind::RenameProject,
        Kind::MoveContainer,
        Kind::RenameContainer,
        Kind::Containers,
        Kind::Services,
        Kind::Network,
        Kind::Needs,
        Kind::State,
        Kind::Sick,
        Kind::Script,
    ];
}

/// Where a container is declared.
type Place = (String, String);

/// Makes a change of this kind, if it leaves a sound repository.
pub fn make(kind: Kind, declared: &Declared, random: &mut Random) -> Option<Declared> {
    let mut next = declared.clone();
    let place = random.pick(places(declared).iter())?;
    match kind {
        Kind::Content => {
            let container = next.container(&place);
            match random.below(2) {
                0 => container.variable += 1,
                _ => container.tag = 3 - container.tag,
            }
        }
        Kind::File => {
            let file = &mut next.container(&place).file;
            *file = match (*file, random.below(3)) {
                (None, _) => Some(1),
                (Some(_), 0) => None,
                (Some(content), _) => Some(content + 1),
            };
        }
        Kind::Option => {
            let container = next.container(&place);
            match random.below(OPTIONS.len() + 2).checked_sub(2) {
                None if random.below(2) == 0 => container.unchecked = !container.unchecked,
                None => container.restart = random.one_of(&RESTARTS).filter(|_| random.below(3) > 0),
                Some(number) => {
                    let option = OPTIONS[number].0;
                    if !container.options.remove(option) {
                        container.options.insert(option);
                    }
                }
            }
        }
        Kind::Claim => {
            let claim = random.below(5);
            give(&mut next, claim, random);
        }
        Kind::HandOver => {
            let to = random.pick(places(declared).iter())?;
            let claim = random.below(5);
            exchange(&mut next, &place, &to, claim, Exchange::Give)?;
        }
        Kind::Swap => {
            let to = random.pick(places(declared).iter())?;
            let claim = random.below(5);
            exchange(&mut next, &place, &to, claim, Exchange::Swap)?;
        }
        Kind::RenameFolder => {
            let new = random.pick(FOLDERS.iter().filter(|folder| !declared.services.contains_key(**folder)))?;
            let service = next.services.remove(&place.0)?;
            next.services.insert(new.to_owned(), service);
            for other in next.services.values_mut() {
                if other.needs.remove(&place.0) {
                    other.needs.insert(new.to_owned());
                }
            }
        }
        Kind::RenameProject => {
            let number = random.below(3);
            let service = next.services.get_mut(&place.0)?;
            let new = (number > 0).then(|| format!("sample-lab-other{number}"));
            if service.name == new {
                return None;
            }
            service.name = new;
        }
        Kind::MoveContainer => {
            let to = random.pick(declared.services.keys())?;
            let container = next.services.get_mut(&place.0)?.containers.remove(&place.1)?;
            let before = next.services.get_mut(&to)?.containers.insert(place.1.clone(), container);
            if before.is_some() {
                return None;
            }
        }
        Kind::RenameContainer => {
            let key = random.pick(KEYS.iter())?;
            let service = next.services.get_mut(&place.0)?;
            let container = service.containers.remove(&place.1)?;
            if service.containers.insert(key.to_owned(), container).is_some() {
                return None;
            }
        }
        Kind::Containers => {
            let service = next.services.get_mut(&place.0)?;
            let key = random.pick(KEYS.iter())?;
            if service.containers.remove(key).is_none() {
                service.containers.insert(key.to_owned(), Container { tag: 1, ..Container::default() });
            }
        }
        Kind::Services => {
            let folder = random.pick(FOLDERS.iter())?;
            if next.services.remove(folder).is_none() {
                let new = Declared::random(random).services.into_values().next()?;
                let mut new = super::declared::Service { needs: Default::default(), subnet: None, name: None, ..new };
                for container in new.containers.values_mut() {
                    (container.name, container.port, container.address) = (None, None, None);
                    container.volume = Volume::None;
                }
                next.services.insert(folder.to_owned(), new);
            }
            for service in next.services.values_mut() {
                service.needs.remove(folder);
            }
        }
        Kind::Network => {
            let names: Vec<&'static str> = declared.containers().filter_map(|(_, _, c)| c.name).collect();
            let siblings: Vec<String> = declared.services[&place.0].containers.keys().cloned().collect();
            let container = next.container(&place);
            container.network = match random.below(5) {
                0 => Network::Default,
                1 => Network::Lan,
                2 => Network::Both,
                3 => Network::Service(random.pick(siblings.iter())?),
                _ => Network::Container(random.pick(names.iter())?),
            };
            container.address = None;
        }
        Kind::Needs => match random.below(2) {
            0 => {
                let needed = random.pick(declared.services[&place.0].containers.keys())?;
                let how = [How::Started, How::Healthy, How::Follows][random.below(3)];
                let needs = &mut next.container(&place).needs;
                if needs.remove(&needed).is_none() {
                    needs.insert(needed, how);
                }
            }
            _ => {
                let needed = random.pick(declared.services.keys())?;
                let needs = &mut next.services.get_mut(&place.0)?.needs;
                if !needs.remove(&needed) {
                    needs.insert(needed);
                }
            }
        },
        Kind::State => {
            let service = next.services.get_mut(&place.0)?;
            service.stopped = !service.stopped;
        }
        Kind::Sick => {
            let container = next.container(&place);
            container.sick = true;
            container.variable += 1;
        }
        Kind::Script => {
            let service = next.services.get_mut(&place.0)?;
            service.script = match service.script {
                None => Some(1),
                Some(_) => None,
            };
            next.container(&place).variable += 1;
        }
    }
    (next != *declared && next.is_sound()).then_some(next)
}

fn places(declared: &Declared) -> Vec<Place> {
    declared.containers().map(|(folder, key, _)| (folder.clone(), key.clone())).collect()
}

/// Gives somebody what nobody has, or takes it away.
pub fn give(declared: &mut Declared, claim: usize, random: &mut Random) {
    let Some(place) = random.pick(places(declared).iter()) else { return };
    let before = declared.clone();
    let number = random.below(3);
    match claim {
        0 => {
            let name = &mut declared.container(&place).name;
            *name = if name.is_some() { None } else { Some(NAMES[number]) };
        }
        1 => {
            let port = &mut declared.container(&place).port;
            *port = if port.is_some() { None } else { Some(18900 + number as u16) };
        }
        2 => {
            let subnet = &mut declared.services.get_mut(&place.0).expect("it is there").subnet;
            *subnet = if subnet.is_some() { None } else { Some(number as u8) };
        }
        3 => {
            let container = declared.container(&place);
            container.network = Network::Lan;
            container.address = if container.address.is_some() { None } else { Some(2 + number as u8) };
        }
        _ => {
            let volume = &mut declared.container(&place).volume;
            *volume = if *volume == Volume::None { Volume::Named(VOLUMES[number % 2]) } else { Volume::None };
        }
    }
    if !declared.is_sound() {
        *declared = before;
    }
}

/// The way of something from who has it to who is to get it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Give,
    Swap,
}

fn exchange(declared: &mut Declared, from: &Place, to: &Place, claim: usize, how: Exchange) -> Option<()> {
    if from == to {
        return None;
    }
    if claim == 2 {
        let mine = declared.services.get(&from.0)?.subnet?;
        let theirs = declared.services.get_mut(&to.0)?.subnet.replace(mine);
        declared.services.get_mut(&from.0)?.subnet = if how == Exchange::Swap { Some(theirs?) } else { None };
        return Some(());
    }
    let (mut one, mut other) = (declared.container(from).clone(), declared.container(to).clone());
    match claim {
        0 => swap(&mut one.name, &mut other.name, how)?,
        1 => swap(&mut one.port, &mut other.port, how)?,
        3 => swap(&mut one.address, &mut other.address, how)?,
        _ => {
            let Volume::Named(_) = one.volume else { return None };
            std::mem::swap(&mut one.volume, &mut other.volume);
        }
    }
    if claim == 3 {
        other.network = Network::Lan;
    }
    *declared.container(from) = one;
    *declared.container(to) = other;
    Some(())
}

fn swap<T>(one: &mut Option<T>, other: &mut Option<T>, how: Exchange) -> Option<()> {
    if one.is_none() || how == Exchange::Swap && other.is_none() {
        return None;
    }
    std::mem::swap(one, other);
    if how == Exchange::Give {
        *one = None;
    }
    Some(())
}
