//! Servers of S3 on this machine, from `DQC_TEST_S3` or the path; a test without one is left out and says so.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use dqc::storage::Storage;

/// A server with the bucket `lake`.
pub struct Server {
    process: Option<Child>,
    pub port: u16,
    secret: &'static str,
    /// What it keeps on the disk, its sockets included.
    _folder: Option<tempfile::TempDir>,
    sockets: Vec<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        for socket in &self.sockets {
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// Moto, which ends with the process that holds its input.
const MOTO: &str = "import os, sys, threading\n\
     from moto.server import main\n\
     threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()\n\
     main(sys.argv[1:])\n";

const KEY: &str = "dqc-test";

fn program(name: &str) -> PathBuf {
    std::env::var_os("DQC_TEST_S3").map_or_else(|| name.into(), |folder| PathBuf::from(folder).join(name))
}

/// Ports that were free a moment ago.
fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    std::array::from_fn(|i| held[i].local_addr().expect("an address").port())
}

pub fn python() -> PathBuf {
    program(if std::env::var_os("DQC_TEST_S3").is_some() { "python" } else { "python3" })
}

/// Writes `authority.pem`, and this machine's certificate by it, into the folder; `false` where there is no Python that can.
pub fn certify(folder: &Path) -> bool {
    let made = Command::new(python()).arg(crate::root().join("tests/it/authority.py")).arg(folder).output();
    made.is_ok_and(|made| made.status.success())
}

fn left_out(name: &str) {
    // Past the harness, which keeps what a test that passes prints.
    let _ = writeln!(std::io::stderr(), "skipped: S3 as {name} (tests/run installs it)");
}

impl Server {
    /// The quick one, which takes any signature: one for all tests of this process, each in places of its own.
    pub fn moto() -> Option<&'static Self> {
        static MOTO_SERVER: OnceLock<Option<Server>> = OnceLock::new();
        MOTO_SERVER.get_or_init(|| Self::start_moto()).as_ref()
    }

    fn start_moto() -> Option<Self> {
        let [port] = ports();
        let mut command = Command::new(python());
        command.args(["-c", MOTO, "-H", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::piped());
        Self::start("moto", command, Self::at(port, "any"))
    }

    fn at(port: u16, secret: &'static str) -> Self {
        Self { process: None, port, secret, _folder: None, sockets: Vec::new() }
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
        // Servers beside the one that is asked for: two of them would meet at the ports that these have by default.
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
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
        // Its logs go to the folder too; sockets it makes where only their names tell whose they are.
        command.env("TMPDIR", folder.path());
        let sockets = [port, s3, master, master_rpc, volume, volume_rpc, filer, filer_rpc].into_iter();
        let sockets = sockets.flat_map(|p| ["filer", "filer-grpc", "master-grpc", "s3", "s3-grpc", "volume-grpc"].map(|of| PathBuf::from("/").join("tmp").join(format!("seaweedfs-{of}-{p}.sock")))).collect();
        let mut server = Self::at(port, "signed");
        server._folder = Some(folder);
        server.sockets = sockets;
        Self::start("seaweedfs", command, server)
    }

    fn start(name: &str, mut command: Command, mut server: Self) -> Option<Self> {
        let Ok(process) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            left_out(name);
            return None;
        };
        server.process = Some(process);
        for _ in 0..300 {
            if TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let made = "import sys, time, boto3, botocore.config as c\n\
             s = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id=sys.argv[2],\n\
             \taws_secret_access_key=sys.argv[3], config=c.Config(retries={'max_attempts': 1}))\n\
             for i in range(300):\n\
             \ttry:\n\t\ts.create_bucket(Bucket='lake'); break\n\
             \texcept Exception as e:\n\t\tlast = e; time.sleep(0.1)\n\
             else: raise last\n";
        let done = Command::new(python()).args(["-c", made, &server.endpoint(), KEY, server.secret]).output();
        match done {
            Ok(done) if done.status.success() => Some(server),
            // A Python without the packages.
            Ok(done) if server.process.as_mut().is_none_or(|p| matches!(p.try_wait(), Ok(Some(_)))) && std::env::var_os("DQC_TEST_S3").is_none() => {
                drop(done);
                left_out(name);
                None
            }
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
