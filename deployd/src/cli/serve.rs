//! `deployd serve`: puts the daemon together and runs it until it is asked to end.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;

use super::args::{PORT, Serve};
use crate::api::{self, App};
use crate::auth::{Tokens, Users};
use crate::control::Control;
use crate::deployment::{Context, Deployer};
use crate::engine::Engine;
use crate::error::{Failure, Kind, Result};
use crate::settings::{DataDir, VERSION};
use crate::store::Store;
use crate::{files, net, tls};

/// How long requests may go on after the daemon was asked to end; the engine kills it after ten seconds.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the daemon until `terminated` ends.
pub(super) async fn serve(args: Serve, terminated: impl Future<Output = ()>) -> Result<()> {
    let data = DataDir::new(args.data.data_dir);
    files::private_dir(data.path())?;
    files::private_dir(&data.edge())?;
    let store = Arc::new(Store::open(&data)?);
    tls::ensure(&data, &args.hosts)?;
    let tls = RustlsConfig::from_config(tls::server_config(&data)?);
    let tokens = Arc::new(Tokens::open(&data, store.clone())?);
    let users = Arc::new(Users::new(store.clone(), tokens.clone()));
    store.webhook_secret()?;
    let listener = listen(args.listen)?;
    let address = listener.local_addr().map_err(|error| Failure::new(Kind::Internal, "listen").saw(error))?;
    let mut context = Context::new(data.clone(), store.clone(), Engine::new(args.engine_socket), args.image);
    context.builder_image = args.builder_image;
    let deployer = Deployer::new(context);
    let control = Control { data, store, tokens: tokens.clone() };
    let app = App { tokens, users, deployer: deployer.clone() };
    let handle = Handle::new();
    let server = axum_server::from_tcp_rustls(listener, tls)
        .map_err(|error| Failure::new(Kind::Internal, "listen").saw(error))?
        .handle(handle.clone())
        .serve(api::router(app).into_make_service_with_connect_info::<SocketAddr>());
    tokio::spawn(deployer.clone().work());
    tokio::spawn(deployer.clone().watch_memory());
    let (server, control) = (tokio::spawn(server), tokio::spawn(control.serve()));
    tracing::info!(version = VERSION, %address, "deployd serves");
    let server = until(terminated, server, control, &handle, &deployer).await?;
    server.map_err(|error| Failure::new(Kind::Internal, "serve HTTPS").saw(error))
}

type Task<T> = tokio::task::JoinHandle<T>;

/// Waits for the end of any of them, then lets requests finish.
async fn until(
    terminated: impl Future<Output = ()>,
    mut server: Task<std::io::Result<()>>,
    control: Task<Result<()>>,
    handle: &Handle<SocketAddr>,
    deployer: &Deployer,
) -> Result<std::io::Result<()>> {
    let panicked = |error| Failure::new(Kind::Internal, "serve").saw(error);
    tokio::select! {
        () = terminated => {}
        ended = &mut server => return ended.map_err(panicked),
        ended = control => ended.map_err(panicked)??,
    }
    tracing::info!("ending; the application goes on");
    deployer.stop("the daemon is stopping");
    handle.graceful_shutdown(Some(GRACE));
    server.await.map_err(panicked)
}

fn listen(asked: Option<SocketAddr>) -> Result<TcpListener> {
    let listening = match asked {
        Some(address) => net::listen_on(address),
        None => net::listen(PORT),
    };
    listening.map_err(|error| {
        let address = asked.map_or_else(|| format!("port {PORT}"), |address| address.to_string());
        let failure = Failure::new(Kind::Internal, format!("listen on {address}")).saw(error);
        failure.hint("what listens there? ss -tlnp")
    })
}
