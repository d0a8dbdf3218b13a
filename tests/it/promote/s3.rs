//! The same on S3: against a server that is started if `moto_server` is installed, else left out.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dqc::hir::Write;
use dqc::storage::Storage;

use crate::promote::lake::{Lake, by_month};

struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let process = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let server = Self { process, port };
        for _ in 0..150 {
            if server.request("PUT /lake HTTP/1.1").is_some_and(|answer| answer.contains(" 200 ")) {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }

    fn request(&self, line: &str) -> Option<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let head = format!("{line}\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", self.port);
        connection.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn storage(&self) -> Storage {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let settings = [
            ("region", "us-east-1"),
            ("endpoint", endpoint.as_str()),
            ("allow_http", "true"),
            ("access_key_id", "any"),
            ("secret_access_key", "any"),
        ];
        Storage::new(settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect::<BTreeMap<_, _>>())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bucket_is_a_lake_like_any_other() {
    let Some(server) = Server::start() else {
        println!("left out: moto_server is not installed");
        return;
    };
    let lake = Lake::at("s3://lake/one", server.storage());
    lake.put("bronze/orders/month=1/a.parquet", &[1, -2]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3, 5000]).await;
    let (_, summary) = lake.run(&by_month(Write::Replace)).await;
    assert_eq!((summary.published, summary.blocked), (1, 1), "{:?}", summary.faults);
    lake.put("bronze/orders/month=1/b.parquet", &[7, -8]).await;
    lake.put("bronze/orders/month=2/a.parquet", &[3]).await;
    let (_, summary) = lake.run(&by_month(Write::Replace)).await;
    assert_eq!((summary.published, summary.exit_code()), (2, 0), "{:?}", summary.faults);
    assert_eq!(lake.rows("silver/orders").await, [1, 3, 7]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-8, -2]);
    assert!(lake.run(&by_month(Write::Replace)).await.1.is_idle());

    let lake = Lake::at("s3://lake/two", server.storage());
    for month in 1..=4 {
        lake.put(&format!("bronze/orders/month={month}/a.parquet"), &[month, -month]).await;
    }
    let task = by_month(Write::Append);
    let runs = futures::future::join_all((0..3).map(|_| lake.run(&task))).await;
    for (_, summary) in &runs {
        assert!(matches!(summary.exit_code(), 0 | 21), "{:?}", summary.faults);
    }
    assert_eq!(lake.run(&task).await.1.exit_code(), 0);
    assert_eq!(lake.rows("silver/orders").await, [1, 2, 3, 4]);
    assert_eq!(lake.rows("quarantine/silver/orders").await, [-4, -3, -2, -1]);
    assert_eq!(lake.ledger("batches", "published = true").await, 4);
}
