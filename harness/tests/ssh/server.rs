//! An SSH server on a free port whose commands, failures and moods the tests choose.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::ssh::{HostKey, KeyPair, Session, Target};
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Handle, Msg, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelOpenFailure, MethodKind, MethodSet, Sig};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// The longest that a test waits for anything.
pub const SOON: Duration = Duration::from_secs(20);

/// What happens to the connections of a server.
#[derive(Clone, Copy, PartialEq)]
pub enum Line {
    Up,
    /// Closed at once, without a goodbye.
    Cut,
    /// Still open, but nothing gets through.
    Dead,
}

/// How a server behaves.
pub struct Mood {
    /// So many connections are accepted and closed before the first one is served.
    pub close_first: usize,
    /// What those are told first.
    pub words: &'static str,
    /// So many logins are cut off before the first one is answered.
    pub cut_logins: usize,
    /// So many logins with the right key are refused before the first one succeeds.
    pub refuse_first: usize,
    /// How many session channels one connection may have at once.
    pub max_sessions: usize,
    /// Where its SFTP is rooted.
    pub files: Option<std::path::PathBuf>,
}

impl Default for Mood {
    fn default() -> Self {
        Self { close_first: 0, words: "", cut_logins: 0, refuse_first: 0, max_sessions: 10, files: None }
    }
}

/// What tests and the server's tasks share.
pub struct Shared {
    pub mood: Mood,
    pub connections: AtomicUsize,
    pub logins: AtomicUsize,
    /// How commands were ended that did not end by themselves.
    pub signals: watch::Sender<Vec<String>>,
    /// Lets the command `ask` go on.
    pub go: Notify,
    allowed: PublicKey,
}

/// A running server; dropping it ends all its connections.
pub struct Server {
    pub port: u16,
    pub host_key: String,
    pub key: KeyPair,
    pub line: watch::Sender<Line>,
    pub shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(listener, mood)
    }

    pub fn on(listener: TcpListener, mood: Mood) -> Self {
        let port = listener.local_addr().expect("bound").port();
        let host_key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).expect("a key");
        let key = KeyPair::generate().expect("a key");
        let shared = Arc::new(Shared {
            mood,
            connections: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            signals: watch::Sender::new(Vec::new()),
            go: Notify::new(),
            allowed: PublicKey::from_openssh(&key.public_line()).expect("a public key"),
        });
        let line = watch::Sender::new(Line::Up);
        let public = host_key.public_key().to_openssh().expect("a public key");
        let config = server::Config {
            keys: vec![host_key],
            methods: MethodSet::from(&[MethodKind::PublicKey][..]),
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..server::Config::default()
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(config), Arc::clone(&shared), line.subscribe()));
        Self { port, host_key: public, key, line, shared, _tasks: tasks }
    }

    /// Where it is, with its right keys.
    pub fn target(&self) -> Target {
        Target::new("127.0.0.1", self.port, self.key.clone(), HostKey::Pinned(self.host_key.clone())).named("mock (a)")
    }

    pub async fn connect(&self) -> Session {
        Session::connect(&self.target(), SOON).await.expect("the server is up")
    }
}

async fn accept(listener: TcpListener, config: Arc<server::Config>, shared: Arc<Shared>, line: watch::Receiver<Line>) {
    let mut connections = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        if shared.connections.fetch_add(1, Ordering::SeqCst) < shared.mood.close_first {
            let _ = stream.write_all(shared.mood.words.as_bytes()).await;
            continue;
        }
        let visitor = Visitor { shared: Arc::clone(&shared), channels: HashMap::new(), open: 0, size: None };
        let (near, far) = tokio::io::duplex(64 * 1024);
        connections.spawn(relay(stream, near, line.clone()));
        let config = Arc::clone(&config);
        connections.spawn(async move {
            if let Ok(session) = server::run_stream(config, far, visitor).await {
                let _ = session.await;
            }
        });
    }
}

async fn relay(mut stream: TcpStream, mut near: tokio::io::DuplexStream, mut line: watch::Receiver<Line>) {
    let state = tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut near) => Line::Cut,
        state = line.wait_for(|state| *state != Line::Up) => state.map_or(Line::Cut, |state| *state),
    };
    if state == Line::Dead {
        std::future::pending::<()>().await;
    }
    let _ = stream.set_zero_linger();
}

struct Visitor {
    shared: Arc<Shared>,
    channels: HashMap<ChannelId, Channel<Msg>>,
    open: usize,
    size: Option<(u32, u32)>,
}

impl server::Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let before = self.shared.logins.fetch_add(1, Ordering::SeqCst);
        if before < self.shared.mood.cut_logins {
            return Err(russh::Error::Disconnect);
        }
        let right = user == "root" && key.public_key.key_data() == self.shared.allowed.key_data();
        Ok(if right && before >= self.shared.mood.refuse_first { Auth::Accept } else { Auth::reject() })
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        let early = self.shared.logins.load(Ordering::SeqCst) < self.shared.mood.cut_logins;
        Ok(early.then(|| "System is booting up.".to_owned()))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        if self.open == self.shared.mood.max_sessions {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        self.open += 1;
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut server::Session) -> Result<(), Self::Error> {
        self.open = self.open.saturating_sub(1);
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let address = format!("{host}:{port}");
        tokio::spawn(async move {
            match TcpStream::connect(address).await {
                Ok(mut stream) => {
                    reply.accept().await;
                    let _ = copy_bidirectional(&mut stream, &mut channel.into_stream()).await;
                }
                Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            }
        });
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        self.size = Some((columns, rows));
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        session.data(channel, format!("now {columns}x{rows}\n"))
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut server::Session) -> Result<(), Self::Error> {
        let size = self.size.map_or_else(|| "no terminal".to_owned(), |(columns, rows)| format!("{columns}x{rows}"));
        self.exec_request(id, format!("shell {size}").as_bytes(), session).await
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command);
        // What a deadline puts before its command.
        let marked = command.strip_prefix("export TESTVPS_COMMAND=").and_then(|rest| rest.split_once("; "));
        let command = marked.map_or(&*command, |(_, command)| command).to_owned();
        let (Some(channel), false) = (self.channels.remove(&id), command == "refused") else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        tokio::spawn(run(command, channel, session.handle(), Arc::clone(&self.shared)));
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        if let (Some(channel), Some(root), "sftp") = (self.channels.remove(&id), &self.shared.mood.files, name) {
            session.channel_success(id)?;
            russh_sftp::server::run(channel.into_stream(), crate::sftp_server::Files::below(root)).await;
            return Ok(());
        }
        session.channel_failure(id)?;
        session.close(id)
    }

    async fn signal(&mut self, _: ChannelId, signal: Sig, _: &mut server::Session) -> Result<(), Self::Error> {
        self.shared.signals.send_modify(|signals| signals.push(format!("{signal:?}")));
        Ok(())
    }
}

/// The commands of this server.
async fn run(command: String, mut channel: Channel<Msg>, handle: Handle, shared: Arc<Shared>) {
    let (name, argument) = command.split_once(' ').unwrap_or((&command, ""));
    let id = channel.id();
    match name {
        "signal" => _ = handle.exit_signal_request(id, Sig::TERM, false, String::new(), String::new()).await,
        "vanish" => {}
        "hang" => {
            let _ = channel.data_bytes("hanging\n").await;
            while channel.wait().await.is_some() {}
        }
        _ => {
            let status = talk(name, argument, &command, &mut channel, &shared).await;
            let _ = handle.exit_status_request(id, status).await;
            let _ = channel.eof().await;
        }
    }
    let _ = channel.close().await;
}

/// Those that end with a status.
async fn talk(name: &str, argument: &str, command: &str, channel: &mut Channel<Msg>, shared: &Shared) -> u32 {
    let number = || argument.parse().expect("a number");
    match name {
        "both" => {
            let _ = channel.data_bytes("to stdout\n").await;
            let _ = channel.extended_data_bytes(1, "to stderr\n").await;
        }
        "status" => {
            let _ = channel.extended_data_bytes(1, "it went wrong\n").await;
            return number();
        }
        "big" => {
            for piece in pattern(number() as usize).chunks(100_000) {
                let _ = channel.data_bytes(piece.to_vec()).await;
                let _ = channel.extended_data_bytes(1, piece.to_vec()).await;
            }
        }
        "cat" => echo(channel, None).await,
        "shell" => {
            let _ = channel.data_bytes(format!("{argument}\n")).await;
            echo(channel, Some("exit")).await;
            return 7;
        }
        "ask" => {
            let _ = channel.data_bytes("first\n").await;
            shared.go.notified().await;
            let _ = channel.data_bytes("second\n").await;
        }
        "own=$(sed" => shared.signals.send_modify(|signals| signals.push("kill script".to_owned())),
        "export" => _ = channel.data_bytes(command.to_owned()).await,
        other => panic!("no such command here: {other}"),
    }
    0
}

async fn echo(channel: &mut Channel<Msg>, until: Option<&str>) {
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if until.is_some_and(|end| data.starts_with(end.as_bytes())) => return,
            ChannelMsg::Data { data } => {
                let _ = channel.data_bytes(data).await;
            }
            ChannelMsg::Eof => return,
            _ => {}
        }
    }
}

/// Bytes in which a lost or doubled piece shows.
pub fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|n| u8::try_from(n % 251).expect("below 256")).collect()
}
