//! From nothing to an authenticated connection, through everything that a server does while it starts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::client::{self, AuthResult};
use russh::keys::{Algorithm, PublicKey};
use russh::{MethodSet, kex};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::session::Session;
use super::target::{HostKey, Learned, Target};
use super::verify::{Broken, Peer, Verifier};
use super::wire::{Greeting, Wire};
use crate::error::{Error, Failure, Result, chain};

/// The longest that one step of one try may take; the next try may find another server.
const TCP: Duration = Duration::from_secs(2);
const HANDSHAKE: Duration = Duration::from_secs(15);
const LOGIN: Duration = Duration::from_secs(30);

/// The pause between two tries is this part of the time waited so far, within these bounds: what the last pause costs
/// stays a fiftieth of the whole, and a server that takes minutes is not hammered.
const PACE: (u32, Duration, Duration) = (50, Duration::from_millis(5), Duration::from_millis(100));

/// How long a refused key rests before it is tried again; after the last pause a refusal is final. A server that is still
/// being set up may get its authorized keys a moment late, but OpenSSH 9.8 and later shuts out an address for a while
/// once its failed logins add up to more than 15 seconds of penalty, 5 for each: three within two seconds stay below.
const REFUSED: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1500)];

/// How many messages of a channel wait for their reader before the whole connection does.
const CHANNEL_BUFFER: usize = 1024;

/// An open connection and what its server said.
pub(super) type Connected = (client::Handle<Verifier>, Arc<Peer>);

impl Session {
    /// Tries from the first refused connection on until the login succeeds or the deadline has passed.
    ///
    /// A wrong host key ends it at once; a key that the server refuses is tried three times within two seconds.
    pub async fn connect(target: &Target, deadline: Duration) -> Result<Self> {
        let (handle, peer) = Tries::new(target, true).until(deadline).await?;
        Ok(Self::new(target.clone(), handle, peer))
    }
}

/// The public key line that the server at this address shows, as soon as it shows one. Nobody vouches for it.
pub async fn scan_host_key(subject: &str, host: &str, port: u16, deadline: Duration) -> Result<String> {
    let key = super::key::KeyPair::generate()?;
    let target = Target::new(host, port, key, HostKey::Learn(Learned::default())).named(subject);
    let mut tries = Tries::new(&target, false);
    let (_, peer) = tries.until(deadline).await?;
    peer.host_key().ok_or_else(|| Error::Connect(tries.failure().saw("the server showed no host key")))
}

/// Why a try did not end in a connection.
enum Miss {
    /// No transport: try again.
    Transport(String),
    /// The connection was cut during the login: try again.
    Cut(String),
    /// The server answered that it does not take the key: try again a few times.
    Refused(String),
    /// Trying again cannot help.
    Final(Error),
}

/// The tries so far, for one target.
struct Tries<'a> {
    target: &'a Target,
    login: bool,
    start: Instant,
    doing: &'static str,
    last: Option<Miss>,
    refusals: usize,
}

impl<'a> Tries<'a> {
    fn new(target: &'a Target, login: bool) -> Self {
        Self { target, login, start: Instant::now(), doing: "the first try", last: None, refusals: 0 }
    }

    async fn until(&mut self, deadline: Duration) -> Result<Connected> {
        match timeout(deadline, self.repeat()).await {
            Ok(result) => result,
            Err(_) => Err(self.given_up()),
        }
    }

    async fn repeat(&mut self) -> Result<Connected> {
        // Not wait_until: its pauses grow to a quarter of a second, and here each one is part of the start-up time.
        let mut clock = interval(PACE.1);
        loop {
            match self.once().await {
                Ok(connected) => return Ok(connected),
                Err(Miss::Final(error)) => return Err(error),
                Err(miss) => self.last = Some(miss),
            }
            let Some(pause) = self.pause() else { return Err(self.given_up()) };
            clock.reset_after(pause);
            clock.tick().await;
        }
    }

    /// How long to wait before the next try; none when there should not be one.
    fn pause(&mut self) -> Option<Duration> {
        if matches!(self.last, Some(Miss::Refused(_))) {
            self.refusals += 1;
            return REFUSED.get(self.refusals - 1).copied();
        }
        Some((self.start.elapsed() / PACE.0).clamp(PACE.1, PACE.2))
    }

    async fn once(&mut self) -> Result<Connected, Miss> {
        let (mut handle, peer) = self.handshake().await?;
        if self.login {
            self.authenticate(&mut handle, &peer).await?;
        }
        Ok((handle, peer))
    }

    async fn handshake(&mut self) -> Result<Connected, Miss> {
        self.doing = "the TCP connection";
        let Target { host, port, keepalive, .. } = self.target;
        let stream = match timeout(TCP, TcpStream::connect((host.as_str(), *port))).await {
            Ok(stream) => stream.map_err(|e| Miss::Transport(e.to_string()))?,
            Err(_) => return Err(Miss::Transport(format!("no answer to a TCP connection within {TCP:?}"))),
        };
        // Failing costs speed, not the connection.
        let _ = stream.set_nodelay(true);
        self.doing = "the SSH handshake";
        let (peer, greeting) = (Arc::new(Peer::default()), Greeting::default());
        let verifier = Verifier::new(&self.target.host_key, Arc::clone(&peer))
            .map_err(|words| Miss::Final(Error::Authenticate(self.failure().saw(words))))?;
        let config = config(self.target, verifier.expected());
        let wire = Wire::new(stream, *keepalive * 4, greeting.clone());
        match timeout(HANDSHAKE, client::connect_stream(config, wire, verifier)).await {
            Ok(Ok(handle)) => Ok((handle, peer)),
            Ok(Err(broken)) => Err(self.no_handshake(broken, &greeting)),
            Err(_) => Err(Miss::Transport(format!("no SSH handshake within {HANDSHAKE:?}"))),
        }
    }

    fn no_handshake(&self, broken: Broken, greeting: &Greeting) -> Miss {
        match broken {
            Broken::HostKey { .. } => Miss::Final(Error::Authenticate(self.failure().saw(&broken).hint(
                "another machine has this address now, or somebody sits in the middle; \
                 pin the new key only if you know that the machine was made anew",
            ))),
            Broken::Ssh(e @ russh::Error::NoCommonAlgo { .. }) => {
                Miss::Final(Error::Connect(self.failure().saw(chain(&e))))
            }
            Broken::Ssh(e) => Miss::Transport(match (greeting.refusal(), e) {
                (Some(words), _) => format!("the server said {words:?} and closed the connection"),
                (None, russh::Error::Disconnect | russh::Error::HUP) => {
                    "the server closed the connection before SSH began".to_owned()
                }
                (None, e) => chain(&e),
            }),
        }
    }

    async fn authenticate(&mut self, handle: &mut client::Handle<Verifier>, peer: &Peer) -> Result<(), Miss> {
        self.doing = "the answer to the key";
        let key = self.target.key.signing();
        match timeout(LOGIN, handle.authenticate_publickey(&self.target.user, key)).await {
            Ok(Ok(AuthResult::Success)) => Ok(()),
            // No methods at all is how russh says that the connection ended before the answer.
            Ok(Ok(AuthResult::Failure { remaining_methods, .. })) if !remaining_methods.is_empty() => {
                Err(Miss::Refused(format!("the server refuses the key and offers {}", names(&remaining_methods))))
            }
            Ok(other) => Err(Miss::Cut(match (peer.notice(), peer.farewell(), other) {
                (Some(notice), _, _) => format!("the server said {notice:?} and closed the connection"),
                (None, Some(farewell), _) => format!("{farewell} (during the login)"),
                (None, None, Err(e)) => chain(&e),
                (None, None, Ok(_)) => "the server closed the connection during the login".to_owned(),
            })),
            Err(_) => Err(Miss::Cut(format!("no answer to the key within {LOGIN:?}"))),
        }
    }

    fn failure(&self) -> Failure {
        let Target { subject, host, port, user, .. } = self.target;
        let action = if self.login {
            format!("log in as {user} at {host}:{port}")
        } else {
            format!("read the host key at {host}:{port}")
        };
        Failure::new(subject.clone(), action).after(self.start.elapsed())
    }

    fn given_up(&self) -> Error {
        let failure = self.failure();
        match &self.last {
            Some(Miss::Refused(seen)) => Error::Authenticate(failure.saw(seen).hint(format!(
                "is this line in the authorized_keys of {}, and is that file the user's own?\n{}",
                self.target.user,
                self.target.key.public_line()
            ))),
            Some(Miss::Cut(seen)) => Error::Authenticate(failure.saw(seen)),
            Some(Miss::Transport(seen)) => Error::Connect(failure.saw(seen)),
            Some(Miss::Final(_)) | None => Error::Connect(failure.saw(format!("still waiting for {}", self.doing))),
        }
    }
}

fn names(methods: &MethodSet) -> String {
    methods.iter().map(String::from).collect::<Vec<_>>().join(", ")
}

fn config(target: &Target, expected: Option<&PublicKey>) -> Arc<client::Config> {
    let mut config = client::Config {
        keepalive_interval: Some(target.keepalive),
        keepalive_max: 3,
        channel_buffer_size: CHANNEL_BUFFER,
        ..client::Config::default()
    };
    // Test machines have no secret worth the time that a post-quantum exchange takes.
    config.preferred.kex.to_mut().sort_by_key(|name| *name != kex::CURVE25519);
    if let Some(expected) = expected {
        // A server with several host keys shows the first kind that the client names.
        let expected = expected.algorithm();
        let rsa = |key: &Algorithm| matches!(key, Algorithm::Rsa { .. });
        let same = |key: &Algorithm| *key == expected || (rsa(key) && rsa(&expected));
        config.preferred.key.to_mut().sort_by_key(|key: &Algorithm| !same(key));
    }
    Arc::new(config)
}
