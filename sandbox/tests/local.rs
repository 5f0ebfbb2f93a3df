//! `token-sandbox local` as `make local` starts it, with the stand-in for the function: what it
//! prints can be pasted into a shell in any folder.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that unwraps fails where it should"
)]

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

struct Local {
    program: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Local {
    /// By a signal that it can hear: killed, it would leave the function.
    fn drop(&mut self) {
        if !matches!(self.program.try_wait(), Ok(Some(_))) {
            let pid = self.program.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
        }
        let _ = self.program.wait();
    }
}

impl Local {
    /// On any three ports in a row that are free.
    fn start(more: &[&str]) -> Self {
        (0..20)
            .find_map(|_| Self::try_start(any_port(), more))
            .unwrap()
    }

    fn try_start(port: u16, more: &[&str]) -> Option<Self> {
        let profile = env::current_exe().unwrap();
        let profile = profile.parent().unwrap().parent().unwrap();
        let stand_in = format!("stand_in{}", env::consts::EXE_SUFFIX);
        let folder = TempDir::new().unwrap();
        let program = Command::new(env!("CARGO_BIN_EXE_token-sandbox"))
            .args(["local", "--env-file", "it's.env", "--port"])
            .arg(port.to_string())
            .args(more)
            .env("TOKEN_SERVICE_BIN", profile.join("examples").join(stand_in))
            .current_dir(folder.path())
            .stdout(fs::File::create(folder.path().join("out")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut local = Self {
            program,
            folder,
            port,
        };
        for _ in 0..500 {
            if local.said().contains("log follows") {
                return Some(local);
            }
            if local.program.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not start: {}", local.said());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("out")).unwrap()
    }

    /// What a shell in another folder prints, once it has pasted the line and `then`.
    fn pasted(&self, then: &str) -> String {
        let said = self.said();
        let line = said.lines().find(|line| line.starts_with("source "));
        let elsewhere = TempDir::new().unwrap();
        let script = format!("{}\n{then}", line.unwrap());
        let ended = Command::new("bash")
            .args(["-euc", &script])
            .current_dir(elsewhere.path())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{script}\n{ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    }
}

fn any_port() -> u16 {
    let any = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port().min(65_533)
}

#[test]
fn what_is_pasted_works_in_any_folder_and_on_the_same_ports() {
    let local = Local::start(&[]);
    let port = local.port;
    let variables =
        "echo $TOKENCTL_URL $AWS_ENDPOINT_URL_DYNAMODB $AWS_ENDPOINT_URL_SECRETS_MANAGER";
    let urls = [port, port + 1, port + 2].map(|port| format!("http://127.0.0.1:{port}"));
    assert_eq!(local.pasted(variables).trim(), urls.join(" "));
    let read = local.pasted("cat \"$TOKENCTL_CREDENTIALS\" \"$TOKENCTL_RESOURCE_SERVER\"");
    assert!(
        read.contains("\"acme\"") && read.contains("\"wallet\""),
        "{read}"
    );
    let program = local.pasted("command -v token-sandbox");
    assert_eq!(
        Path::new(program.trim()),
        Path::new(env!("CARGO_BIN_EXE_token-sandbox"))
    );
    let said = local.said();
    assert!(
        said.contains(&format!("| {} open", program.trim())),
        "{said}"
    );
}

#[test]
fn empty_secrets_have_no_value() {
    let local = Local::start(&["--empty"]);
    let get = r#"curl -s "$AWS_ENDPOINT_URL_SECRETS_MANAGER" -H "X-Amz-Target: secretsmanager.GetSecretValue" \
        -H "Content-Type: application/x-amz-json-1.1" -d "{\"SecretId\":\"$SERVER_KEYS_SECRET_ID\"}""#;
    let answer = local.pasted(get);
    assert!(answer.contains("ResourceNotFoundException"), "{answer}");
    let said = local.said();
    assert!(said.contains("\ntokenctl keys init\n"), "{said}");
    assert!(!said.contains("X-API-KEY"), "{said}");
    assert_eq!(
        local.pasted("echo ${TOKENCTL_CREDENTIALS-none}").trim(),
        "none"
    );
}
