//! Routes over real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A container that answers each byte with its name.
async fn backend(name: u8) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                while stream.read_u8().await.is_ok() {
                    stream.write_u8(name).await.unwrap();
                }
            });
        }
    });
    address
}

fn free_port() -> u16 {
    net::listen(0).unwrap().local_addr().unwrap().port()
}

async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_u8(b'?').await?;
    stream.read_u8().await
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

#[tokio::test]
async fn new_connections_follow_the_route_and_old_ones_end_between_two_requests() {
    let (old, new, port) = (backend(1).await, backend(2).await, free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old)).unwrap();
    let mut busy = connect(port).await;
    assert_eq!(ask(&mut busy).await.unwrap(), 1);
    let routes = Routes::one(port, new);
    listeners.apply(&routes).unwrap();
    assert_eq!(ask(&mut connect(port).await).await.unwrap(), 2);
    assert_eq!(ask(&mut busy).await.unwrap(), 1, "a connection in use goes on");
    listeners.connections().drain(&backends(&routes)).await;
    assert!(ask(&mut busy).await.is_err(), "it was closed once it was quiet");
}

#[tokio::test]
async fn a_port_in_use_changes_nothing() {
    let (old, new, port) = (backend(1).await, backend(2).await, free_port());
    let taken = net::listen(0).unwrap();
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old)).unwrap();
    let mut routes = Routes::one(port, new);
    routes.ports.insert(taken.local_addr().unwrap().port(), new);
    assert_eq!(listeners.apply(&routes).unwrap_err().0, taken.local_addr().unwrap().port());
    assert_eq!(ask(&mut connect(port).await).await.unwrap(), 1);
    assert!(listeners.check(port).is_ok());
    assert!(listeners.check(taken.local_addr().unwrap().port()).is_err());
}

#[tokio::test]
async fn a_container_that_starts_late_is_waited_for() {
    let (late, port) = (SocketAddr::from(([127, 0, 0, 1], free_port())), free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, late)).unwrap();
    let asked = tokio::spawn(async move { ask(&mut connect(port).await).await });
    tokio::task::yield_now().await;
    let started = backend(3).await;
    listeners.apply(&Routes::one(port, started)).unwrap();
    assert_eq!(asked.await.unwrap().unwrap(), 3);
}

/// A container whose queue of connections is full: another one is neither taken nor refused.
async fn full() -> (tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    (listener, queued)
}

#[tokio::test]
async fn a_request_that_the_old_container_never_took_reaches_the_new_one() {
    let ((old, _queued), new, port) = (full().await, backend(2).await, free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old.local_addr().unwrap())).unwrap();
    let asked = tokio::spawn(async move { ask(&mut connect(port).await).await });
    let routes = Routes::one(port, new);
    let on_its_way = wait::until(Duration::from_secs(5), Duration::from_millis(10), || {
        let stale = listeners.connections().stale(&backends(&routes)).len();
        std::future::ready(if stale == 1 { Seen::Ready(()) } else { Seen::NotYet(stale.to_string()) })
    });
    on_its_way.await.unwrap();
    listeners.apply(&routes).unwrap();
    listeners.connections().drain(&backends(&routes)).await;
    assert_eq!(asked.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_connection_that_is_owed_an_answer_is_not_idle() {
    let (old, port) = (backend(1).await, free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old)).unwrap();
    let mut unused = connect(port).await;
    let connections = listeners.connections();
    let open = wait::until(Duration::from_secs(5), Duration::from_millis(10), || {
        let open = connections.stale(&HashSet::new());
        std::future::ready(if open.is_empty() { Seen::NotYet("none".into()) } else { Seen::Ready(open) })
    });
    assert!(!open.await.unwrap()[0].quiet_for(Duration::ZERO));
    assert_eq!(ask(&mut unused).await.unwrap(), 1);
}

#[tokio::test]
async fn a_route_that_goes_closes_its_port() {
    let (old, port) = (backend(1).await, free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old)).unwrap();
    listeners.apply(&Routes::default()).unwrap();
    let closed = wait::until(Duration::from_secs(2), Duration::from_millis(10), || async {
        if TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            Seen::Ready(())
        } else {
            Seen::NotYet("open".into())
        }
    });
    closed.await.unwrap();
}

#[tokio::test]
async fn a_request_to_a_held_port_waits_for_the_next_version() {
    let (old, new, port) = (backend(1).await, backend(2).await, free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::one(port, old)).unwrap();
    listeners.apply(&Routes::hold(port)).unwrap();
    assert!(listeners.check(port).is_ok(), "it is still ours");
    let mut waiting = connect(port).await;
    let early = timeout(Duration::from_millis(100), ask(&mut waiting)).await;
    assert!(early.is_err(), "it was answered while the port was held: {early:?}");
    listeners.apply(&Routes::one(port, new)).unwrap();
    assert_eq!(waiting.read_u8().await.unwrap(), 2);
}

/// A container with a short queue, which answers one connection after another.
fn short_queue() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(5).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if stream.read_u8().await.is_ok() {
                stream.write_u8(7).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn many_that_waited_all_reach_a_container_with_a_short_queue() {
    let (new, port) = (short_queue(), free_port());
    let mut listeners = Listeners::default();
    listeners.apply(&Routes::hold(port)).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let mut client = connect(port).await;
        client.write_u8(b'?').await.unwrap();
        waiting.push(client);
    }
    let early = timeout(Duration::from_millis(100), waiting[0].read_u8()).await;
    assert!(early.is_err(), "it was answered while the port was held: {early:?}");
    listeners.apply(&Routes::one(port, new)).unwrap();
    for mut client in waiting {
        // the kernel's own way out of a full queue takes minutes
        assert_eq!(timeout(Duration::from_secs(20), client.read_u8()).await.unwrap().unwrap(), 7);
    }
}
