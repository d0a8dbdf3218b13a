//! Every way to credentials for S3, with the real binary: those that work, and those that are half there, which say what is missing
//! before long.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::books::shop_with;
use crate::people::shop::{GOOD, Shop, said, walk};
use crate::promote::lake::Lake;
use crate::promote::server::{Server, certify, python};

/// A shop whose layers lie in the bucket below `base`, and which knows nothing of who it is.
fn shop_at(base: &str, endpoint: &str) -> Shop {
    let mut shop = shop_with("");
    let toml = shop.read("dqc.toml").replace("\"lake/", &format!("\"s3://lake/{base}/"));
    shop.write("dqc.toml", &toml);
    for (name, value) in [("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "us-east-1")] {
        set(&mut shop, name, value);
    }
    shop
}

fn set(shop: &mut Shop, name: &str, value: &str) {
    shop.env.push((name.to_owned(), value.to_owned()));
}

fn fails(shop: &Shop, words: &[&str]) {
    let begun = Instant::now();
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(30), "{}", said(&output));
    for words in words {
        assert!(said(&output).contains(words), "`{words}` is missing in:\n{}", said(&output));
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn half_of_a_way_is_named_with_the_half_that_is_missing() {
    let here = |name: &str| format!("`{name}` is there");
    let missing = |name: &str| format!("`{name}` is not");
    for (there, not) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ] {
        let mut shop = shop_at("half", "http://127.0.0.1:1");
        set(&mut shop, there, "canary-half");
        // A pipeline unsets what it inherits by an empty value.
        set(&mut shop, not, "");
        fails(&shop, &["half set", &here(there), &missing(not)]);
        assert!(!said(&shop.dqc(&["run"])).contains("canary"));
    }
    let mut shop = shop_at("half", "http://127.0.0.1:1");
    shop.write("dqc.toml", &format!("{}\n[storage.s3]\naccess_key_id = \"env:KEY\"\n", shop.read("dqc.toml")));
    set(&mut shop, "KEY", "canary-half");
    // Not filled up with those of somebody else.
    set(&mut shop, "AWS_SECRET_ACCESS_KEY", "canary-other");
    fails(&shop, &["half set", "`access_key_id` in `[storage.s3]` is there", "`secret_access_key` is not"]);
}

#[test]
fn a_token_that_cannot_be_read_is_named() {
    let mut shop = shop_at("token", "http://127.0.0.1:1");
    let nowhere = shop.path("nowhere").display().to_string();
    set(&mut shop, "AWS_WEB_IDENTITY_TOKEN_FILE", &nowhere);
    set(&mut shop, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/dqc");
    fails(&shop, &["named by `AWS_WEB_IDENTITY_TOKEN_FILE`, cannot be read"]);
    shop.write("nowhere", "\n");
    fails(&shop, &["named by `AWS_WEB_IDENTITY_TOKEN_FILE`, is empty"]);
}

/// Some networks take every connection and answer none.
#[test]
fn a_service_that_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut shop = shop_at("silent", "http://127.0.0.1:1");
    set(&mut shop, "AWS_METADATA_ENDPOINT", &format!("http://{}", silent.local_addr().expect("an address")));
    fails(&shop, &["there are no credentials for the bucket `lake`", "the service of cloud machines"]);
}

/// The service of cloud machines and that of pods: a token, the name of a role, its credentials.
fn cloud() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if first.is_empty() {
                    first.clone_from(&line);
                }
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let path = first.split(' ').nth(1).unwrap_or_default();
            let body = match path {
                "/latest/api/token" => "a-token".to_owned(),
                "/latest/meta-data/iam/security-credentials/" => "dqc".to_owned(),
                "/latest/meta-data/iam/security-credentials/dqc" | "/pod" => serde_json::json!({
                    "Code": "Success", "AccessKeyId": "dqc-test", "SecretAccessKey": "any", "Token": "a-session",
                    "Expiration": "2099-01-01T00:00:00Z",
                })
                .to_string(),
                _ => String::new(),
            };
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    url
}

/// What was laid out locally is promoted by a shop that found its credentials.
async fn promotes(shop: &Shop, server: &Server, base: &str) {
    shop.day("2026-11-20", GOOD);
    let lake = Lake::at(&format!("s3://lake/{base}"), server.storage());
    for file in walk(&shop.path("lake/bronze")) {
        let below = file.strip_prefix(shop.path("lake")).expect("a file of the lake").to_string_lossy().into_owned();
        lake.write(&below, &std::fs::read(&file).expect("a file")).await;
    }
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(lake.rows("silver/orders").await, [5, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_and_pods_of_a_cloud_are_known_by_their_services() {
    let Some(server) = Server::moto() else { return };
    let cloud = cloud();
    let mut machine = shop_at("machine", &server.endpoint());
    set(&mut machine, "AWS_METADATA_ENDPOINT", &cloud);
    promotes(&machine, server, "machine").await;
    let mut pod = shop_at("pod", &server.endpoint());
    pod.write("token", "a-token");
    let token = pod.path("token").display().to_string();
    set(&mut pod, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{cloud}/pod"));
    set(&mut pod, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
    promotes(&pod, server, "pod").await;
}

/// Changes every token for credentials, over TLS, with a certificate of `authority.py`.
const STS: &str = "import http.server, ssl, sys\n\
     folder = sys.argv[1]\n\
     ANSWER = ('<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>dqc-test</AccessKeyId>'\n\
     \t'<SecretAccessKey>any</SecretAccessKey><SessionToken>a-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>'\n\
     \t'</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>').encode()\n\
     class Sts(http.server.BaseHTTPRequestHandler):\n\
     \tdef do_POST(self):\n\
     \t\tself.rfile.read(int(self.headers.get('Content-Length') or 0))\n\
     \t\tgood = 'AssumeRoleWithWebIdentity' in self.path and 'a-token-of-the-pipeline' in self.path\n\
     \t\tself.send_response(200 if good else 403)\n\
     \t\tself.send_header('Content-Length', str(len(ANSWER)))\n\
     \t\tself.end_headers()\n\
     \t\tself.wfile.write(ANSWER)\n\
     \tdef log_message(self, *a): pass\n\
     server = http.server.HTTPServer(('127.0.0.1', 0), Sts)\n\
     tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
     tls.load_cert_chain(folder + '/own.pem', folder + '/own.key')\n\
     server.socket = tls.wrap_socket(server.socket, server_side=True)\n\
     print(server.server_port, flush=True)\n\
     server.serve_forever()\n";

/// Ended with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As pipelines have it: a token in a file, changed for credentials over TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipelines_token_is_changed_for_credentials() {
    let Some(server) = Server::moto() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(certify(folder.path()), "moto brings what certificates are made with");
    let mut sts = Command::new(python());
    let sts = sts.args(["-c", STS]).arg(folder.path()).stdout(Stdio::piped()).spawn().expect("Python starts");
    let mut sts = Ending(sts);
    let mut port = String::new();
    BufReader::new(sts.0.stdout.take().expect("a pipe")).read_line(&mut port).expect("a port");
    let mut shop = shop_at("pipeline", &server.endpoint());
    shop.write("token", "a-token-of-the-pipeline");
    let (token, authority) = (shop.path("token"), folder.path().join("authority.pem"));
    set(&mut shop, "AWS_WEB_IDENTITY_TOKEN_FILE", &token.display().to_string());
    set(&mut shop, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/dqc");
    set(&mut shop, "AWS_ENDPOINT_URL_STS", &format!("https://127.0.0.1:{}", port.trim()));
    set(&mut shop, "SSL_CERT_FILE", &authority.display().to_string());
    promotes(&shop, server, "pipeline").await;
}
