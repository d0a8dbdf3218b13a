//! Servers of S3 on this machine, from `DQC_TEST_S3` or the path; a test without one is left out and says so.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dqc::storage::Storage;

/// A server with the empty bucket `lake`.
pub struct Server {
    process: Child,
    pub port: u16,
    secret: &'static str,
    /// What it keeps on the disk.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const KEY: &str = "dqc-test";

fn program(name: &str) -> PathBuf {
    std::env::var_os("DQC_TEST_S3").map_or_else(|| name.into(), |folder| PathBuf::from(folder).join(name))
}

/// Ports that were free a moment ago.
fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    std::array::from_fn(|i| held[i].local_addr().expect("an address").port())
}

fn left_out(name: &str) {
    // Past the harness, which keeps what a test that passes prints.
    let _ = writeln!(std::io::stderr(), "skipped: S3 as {name} (tests/run installs it)");
}

impl Server {
    /// The quick one, which takes any signature.
    pub fn moto() -> Option<Self> {
        let [port] = ports();
        let mut command = Command::new(program("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Self::start("moto", command, port, "any", None)
    }

    /// The one that checks signatures.
    pub fn seaweedfs() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [port, s3, master, master_rpc, volume, volume_rpc, filer, filer_rpc] = ports();
        let identities = serde_json::json!({"identities": [{
            "name": "test", "credentials": [{"accessKey": KEY, "secretKey": "signed"}], "actions": ["Admin"],
        }]});
        let config = folder.path().join("identities.json");
        std::fs::write(&config, identities.to_string()).expect("a file");
        let mut command = Command::new(program("weed"));
        command.arg("server").arg(format!("-dir={}", folder.path().display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-master.telemetry=false"]);
        command.args(["-master.volumeSizeLimitMB=64", "-volume.max=20"]).arg(format!("-s3.config={}", config.display()));
        for (name, number) in [
            ("s3.port", port),
            ("s3.port.grpc", s3),
            ("master.port", master),
            ("master.port.grpc", master_rpc),
            ("volume.port", volume),
            ("volume.port.grpc", volume_rpc),
            ("filer.port", filer),
            ("filer.port.grpc", filer_rpc),
        ] {
            command.arg(format!("-{name}={number}"));
        }
        Self::start("seaweedfs", command, port, "signed", Some(folder))
    }

    fn start(
        name: &str,
        mut command: Command,
        port: u16,
        secret: &'static str,
        folder: Option<tempfile::TempDir>,
    ) -> Option<Self> {
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(process) = started else {
            left_out(name);
            return None;
        };
        let server = Self { process, port, secret, _folder: folder };
        let made = "import sys, time, boto3, botocore.config as c\n\
             s = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id=sys.argv[2],\n\
             \taws_secret_access_key=sys.argv[3], config=c.Config(retries={'max_attempts': 1}))\n\
             for i in range(300):\n\
             \ttry:\n\t\ts.create_bucket(Bucket='lake'); break\n\
             \texcept Exception as e:\n\t\tlast = e; time.sleep(0.1)\n\
             else: raise last\n";
        for _ in 0..300 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let python = program(if std::env::var_os("DQC_TEST_S3").is_some() { "python" } else { "python3" });
        let done = Command::new(python).args(["-c", made, &server.endpoint(), KEY, secret]).output();
        match done {
            Ok(done) if done.status.success() => Some(server),
            Ok(done) => panic!("{name} did not start: {}", String::from_utf8_lossy(&done.stderr)),
            Err(_) => {
                left_out(name);
                None
            }
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn storage(&self) -> Storage {
        self.storage_at(&self.endpoint())
    }

    /// The server as it is reached at another address.
    pub fn storage_at(&self, endpoint: &str) -> Storage {
        let settings = [
            ("region", "us-east-1"),
            ("endpoint", endpoint),
            ("allow_http", "true"),
            ("access_key_id", KEY),
            ("secret_access_key", self.secret),
        ];
        Storage::new(settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect::<BTreeMap<_, _>>())
    }

    /// The environment of a program that uses the server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let set = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.to_owned()),
        ];
        set.map(|(k, v)| (k.to_owned(), v)).to_vec()
    }
}
