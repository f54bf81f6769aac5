//! Registries that want to know who asks, and whom they are told.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{lab, service};
use crate::support::authority::Authority;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::registry::{Access, Registry};
use crate::support::stock::Stock;
use crate::support::trial::{Trial, trial};
use crate::support::web::{Reply, Web};

pub const TRIALS: &[Trial] = &[
    trial!(a_password_opens_a_registry, needs Engine, Registry),
    trial!(a_helper_is_asked_for_the_password, needs Engine, Registry),
    trial!(a_token_opens_a_registry, needs Engine, Registry),
    trial!(a_registry_behind_tls_must_be_vouched_for, needs Engine, Registry),
    trial!(credentials_go_nowhere_else),
];

const PASSWORD: &str = "s3cret-of-nobody";

/// Gives the user of hl a configuration of the Docker client.
fn configure(lab: &Homelab, config: &Value) {
    let folder = lab.home().join(".docker");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::write(folder.join("config.json"), config.to_string()).expect("a file can be written");
}

fn auth(user: &str, password: &str) -> Value {
    json!({ "auth": STANDARD.encode(format!("{user}:{password}")) })
}

/// A registry with two versions of an image, that lets in as `access` has it.
fn stocked(lab: &Homelab, access: Access<'_>) -> Registry {
    let folder = lab.scratch("registry");
    let open = Registry::start(&folder, Access::Open);
    for (image, tag) in [("hl-test/app:1", "1.0.0"), ("hl-test/app:2", "1.1.0")] {
        open.publish(&Engine::connect(), image, "app", tag);
    }
    drop(open);
    Registry::start(&folder, access)
}

fn a_password_opens_a_registry() {
    let lab = lab();
    let registry = stocked(&lab, Access::Locked);
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    let refused = lab.hl(&["update"]);
    refused.code(3).says_in_words("there are no credentials for it").says("docker login");
    configure(&lab, &json!({ "auths": { registry.host(): auth("me", PASSWORD) } }));
    let refused = lab.hl(&["update", "-v"]);
    refused.code(3).says_in_words("does not take the credentials").never_says(PASSWORD);
    refused.never_says(&STANDARD.encode(format!("me:{PASSWORD}")));
    configure(&lab, &json!({ "auths": { registry.host(): auth("me", "pw") } }));
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.0.0").says("1.1.0");
}

fn a_helper_is_asked_for_the_password() {
    let lab = lab();
    let registry = stocked(&lab, Access::Locked);
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    let heard = lab.scratch("heard");
    lab.program(
        "docker-credential-test",
        &format!("{{ echo \"$@\"; cat; }} > {}\necho '{{\"Username\":\"me\",\"Secret\":\"pw\"}}'\n", heard.display()),
    );
    for config in [json!({ "credsStore": "test" }), json!({ "credHelpers": { registry.host(): "test" } })] {
        configure(&lab, &config);
        lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.1.0");
        let heard = std::fs::read_to_string(&heard).expect("it was asked");
        assert_eq!(heard, format!("get\n{}", registry.host()));
    }
    configure(&lab, &json!({ "credsStore": "absent" }));
    lab.hl(&["update"]).code(3).says_in_words("there are no credentials for it");
}

/// A key, and the certificate that a registry trusts, to sign tokens.
struct Signer {
    folder: PathBuf,
}

impl Signer {
    fn new(folder: &Path) -> Signer {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let arguments = "req -x509 -days 2 -subj /CN=tests -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem";
        openssl(folder, &arguments.split(' ').collect::<Vec<_>>());
        Signer { folder: folder.to_owned() }
    }

    /// A token that lets its bearer pull `app`.
    fn token(&self) -> String {
        let pem = std::fs::read_to_string(self.folder.join("cert.pem")).expect("it was made");
        let der: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let now = jiff::Timestamp::now().as_second();
        let head = json!({ "typ": "JWT", "alg": "RS256", "x5c": [der] });
        let claims = json!({
            "iss": "tests", "sub": "me", "aud": "test", "exp": now + 300, "nbf": now - 300, "iat": now, "jti": "1",
            "access": [{ "type": "repository", "name": "app", "actions": ["pull"] }],
        });
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", encode(&head), encode(&claims));
        let unsigned = tempfile::NamedTempFile::new_in(&self.folder).expect("a file can be made");
        std::fs::write(unsigned.path(), &text).expect("a file can be written");
        let path = unsigned.path().display().to_string();
        let signature = openssl(&self.folder, &["dgst", "-sha256", "-sign", "key.pem", path.as_str()]);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[track_caller]
fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn a_token_opens_a_registry() {
    let lab = lab();
    let signer = Signer::new(&lab.scratch("signer"));
    let certificate = lab.scratch("signer").join("cert.pem");
    let proof = format!("Basic {}", STANDARD.encode(format!("me:{PASSWORD}")));
    let token = signer.token();
    let given = token.clone();
    let refreshed = format!("refresh_token={PASSWORD}");
    let tokens = Web::start(move |request| {
        let is_known = request.headers.get("authorization").is_some_and(|header| *header == proof);
        match (request.method.as_str(), is_known, request.body.ends_with(&refreshed)) {
            ("GET", true, _) => Reply::new(200, json!({ "token": given }).to_string()),
            ("POST", false, true) => Reply::new(200, json!({ "access_token": given }).to_string()),
            _ => Reply::new(401, "{}"),
        }
    });
    let realm = format!("http://{}/token", tokens.host());
    let registry = stocked(&lab, Access::Token { realm: &realm, certificate: &certificate });
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    lab.hl(&["update"]).code(3).says_in_words("there are no credentials for it");
    configure(&lab, &json!({ "auths": { registry.host(): auth("me", "wrong") } }));
    lab.hl(&["update"]).code(3).says_in_words("does not take the credentials");
    configure(&lab, &json!({ "auths": { registry.host(): auth("me", PASSWORD) } }));
    let ended = lab.hl(&["update", "--detailed-exitcode", "-v"]);
    ended.code(2).says("1.1.0").never_says(PASSWORD).never_says(&token);
    let last = tokens.asked().pop().expect("it was asked");
    assert_eq!(last.path, "/token?scope=repository:app:pull&service=test");
    // A token that lasts is changed for one that does not.
    configure(&lab, &json!({ "auths": { registry.host(): { "identitytoken": PASSWORD } } }));
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.1.0");
    assert_eq!(tokens.asked().pop().map(|request| request.path).as_deref(), Some("/token"));
}

fn a_registry_behind_tls_must_be_vouched_for() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    drop(stocked(&lab, Access::Open));
    // The address of this machine in a network of its engine: one that is no loopback.
    let address = "10.213.77.1".to_owned();
    let pools = json!([{ "Subnet": "10.213.77.0/24", "Gateway": address }]);
    let network = json!({ "Name": lab.name("sample-lab-net"), "IPAM": { "Config": pools } });
    engine.post("/networks/create", &network);
    let authority = Authority::new(&lab.scratch("authority"));
    let certificates = authority.sign("registry", &format!("subjectAltName=IP:{address}"));
    let registry = Registry::start_encrypted(&lab.scratch("registry"), &address, &certificates);
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    let hl = |certificates: &Path| {
        let mut command = lab.command(&["update", "--detailed-exitcode"]);
        let output = command.env("SSL_CERT_FILE", certificates).output().expect("hl runs");
        Outcome::new("hl update".to_owned(), &output, |text| lab.stand_in(text))
    };
    hl(&certificates.join("ca.pem")).code(2).says("1.1.0");
    let plain = TcpListener::bind((address.as_str(), 0)).expect("a port is free");
    let port = plain.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().map_while(Result::ok) {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    service(&lab, "web", &format!("{address}:{port}/app:1.0.0"));
    hl(&certificates.join("ca.pem")).code(3).says_in_words("it does not speak TLS");
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    let stranger = Authority::new(&lab.scratch("stranger")).sign("stranger", "subjectAltName=IP:127.0.0.1");
    hl(&stranger.join("ca.pem")).code(3).says_in_words("cannot be reached: invalid peer certificate");
}

/// A password for one host is told to no other, whoever sends on.
fn credentials_go_nowhere_else() {
    let lab = lab();
    let stock = Stock::default().image("1.0.0", "linux/amd64", &json!({})).image("1.1.0", "linux/amd64", &json!({}));
    let behind = stock.clone();
    let elsewhere = Web::start(move |request| behind.reply(request));
    let to = elsewhere.host().to_owned();
    let registry = Web::start(move |request| {
        match (request.headers.contains_key("authorization"), request.path.contains("/blobs/")) {
            (false, _) => Reply::new(401, "{}").with("WWW-Authenticate", "Basic realm=\"x\""),
            (true, true) => Reply::new(307, "").with("Location", &format!("http://{to}{}", request.path)),
            (true, false) => stock.reply(request),
        }
    });
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    configure(&lab, &json!({ "auths": { registry.host(): auth("me", PASSWORD) } }));
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.1.0");
    let asked = elsewhere.asked();
    assert!(!asked.is_empty() && asked.iter().all(|r| !r.headers.contains_key("authorization")), "{asked:#?}");
    // A realm of a foreign host is told nothing that is meant for the registry, and one that is not encrypted is not asked.
    let strangers = Web::start(|_| {
        Reply::new(401, "{}").with("WWW-Authenticate", "Bearer realm=\"http://stranger.example/token\",service=\"x\"")
    });
    service(&lab, "web", &format!("{}/app:1.0.0", strangers.host()));
    configure(&lab, &json!({ "auths": { strangers.host(): auth("me", PASSWORD) } }));
    let ended = lab.hl(&["update"]);
    ended.code(3).says_in_words("stranger.example for a token, which is not followed").never_says(PASSWORD);
}
