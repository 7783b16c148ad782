//! The test environment: engine, lease, catalog and settings that everything is made with.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::catalog::{Arch, Catalog, System};
use crate::error::Result;
use crate::image::{Base, BaseSources, Progress, Stock};
use crate::lease::Lease;
use crate::vps::{Vps, VpsInfo, VpsRequest};
use crate::workspace::Workspace;
use crate::{Engine, provision};

/// What a test environment is opened with.
#[derive(Clone)]
pub struct Settings {
    /// Where base images may come from.
    pub sources: BaseSources,
    /// Where state is kept.
    pub workspace: Workspace,
    /// Is told how far long work is.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Engine, lease, catalog and settings: everything is made with one of these, and goes when it is closed.
///
/// Errors are [`Error::Machine`](crate::Error::Machine) where no engine is reached, with what mends it.
///
/// ```no_run
/// # async fn example() -> harness::Result<()> {
/// use std::sync::Arc;
///
/// use harness::{Settings, TestEnv, Workspace};
///
/// // what the environment variables say, but for the state folder and who is told how far the work is
/// let workspace = Workspace::at("/tmp/mine".as_ref())?;
/// let settings = Settings { workspace, progress: Arc::new(|line| println!("{line}")), ..Settings::from_env()? };
/// let env = TestEnv::open_with(settings).await?;
/// let vps = env.vps("debian", "latest")?.start(&env).await?;
/// // one that is not closed goes with the environment
/// drop(vps);
/// env.close().await
/// # }
/// ```
pub struct TestEnv {
    engine: Engine,
    lease: Lease,
    catalog: Catalog,
    settings: Settings,
    stock: OnceCell<Stock>,
    filled: [OnceCell<()>; Arch::ALL.len()],
}

impl Settings {
    /// What the environment variables say, the nearest workspace, and progress into the log.
    pub fn from_env() -> Result<Self> {
        Ok(Self {
            sources: BaseSources::from_env()?,
            workspace: Workspace::find()?,
            progress: Arc::new(|line| tracing::info!("{line}")),
        })
    }
}

impl TestEnv {
    /// Opens a test environment with what the environment variables say.
    pub async fn open() -> Result<Self> {
        Self::open_with(Settings::from_env()?).await
    }

    /// Opens a test environment. VPSes of its workspace whose time is up are removed first.
    pub async fn open_with(settings: Settings) -> Result<Self> {
        settings.sources.check()?;
        let engine = provision::engine(settings.sources.may_install, &*settings.progress).await?;
        let lease = Lease::acquire(&engine).await?;
        for vps in settings.workspace.remove_expired(&engine).await? {
            (settings.progress)(&format!("{} is gone: its time was up", vps.subject()));
        }
        Ok(Self {
            engine,
            lease,
            catalog: Catalog::built_in(),
            settings,
            stock: OnceCell::new(),
            filled: Default::default(),
        })
    }

    /// A request for a VPS of the system that a person means by `os` and `version`.
    pub fn vps(&self, os: &str, version: &str) -> Result<VpsRequest> {
        Ok(VpsRequest::new(self.system(os, version)?))
    }

    /// The system that a person means by `os` and `version`.
    pub fn system(&self, os: &str, version: &str) -> Result<&System> {
        Ok(self.catalog.find(os, version)?)
    }

    /// A VPS that an earlier command made and the workspace keeps.
    pub fn attach(&self, info: VpsInfo) -> Result<Vps> {
        Vps::attach(info, self.engine.clone(), self.workspace())
    }

    /// Removes a VPS that the workspace keeps, with its disk and its state.
    pub async fn remove(&self, info: &VpsInfo) -> Result<()> {
        info.check_engine(&self.engine)?;
        info.remove_from(&self.engine).await?;
        self.workspace().forget(&info.name)
    }

    /// The architecture of a VPS for which none is asked.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.sources().arch(&self.engine)
    }

    /// The stock, which is started at the first call, and filled with what native VPSes need.
    pub async fn stock(&self) -> Result<&Stock> {
        self.stock_for(self.engine.arch()).await
    }

    /// The stock, filled with what VPSes of an architecture need.
    pub async fn stock_for(&self, arch: Arch) -> Result<&Stock> {
        let stock = self.begun_stock().await?;
        let fill = async || {
            let base = self.tools_base(arch).await?;
            stock.fill(&self.engine, &self.lease, &base, self.progress()).await
        };
        self.filled[arch as usize].get_or_try_init(fill).await?;
        Ok(stock)
    }

    /// What images for VPSes of an architecture are made of.
    pub(crate) async fn tools_base(&self, arch: Arch) -> Result<Base> {
        let stock = self.begun_stock().await?;
        if arch == stock.tools_base().arch {
            return Ok(stock.tools_base().clone());
        }
        let sources = self.sources().for_tools(arch);
        sources.obtain(&self.engine, &self.lease, Stock::tools_system(&self.catalog)?, self.progress()).await
    }

    /// The stock, started and perhaps not filled yet: enough to know its address.
    pub(crate) async fn begun_stock(&self) -> Result<&Stock> {
        let begin = || Stock::begin(&self.engine, &self.lease, &self.catalog, self.sources(), self.progress());
        self.stock.get_or_try_init(begin).await
    }

    /// The container engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The hold on everything that is made.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The systems there are.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where base images may come from.
    #[must_use]
    pub fn sources(&self) -> &BaseSources {
        &self.settings.sources
    }

    /// Where state is kept.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.settings.workspace
    }

    /// Is told how far long work is.
    pub fn progress(&self) -> Progress<'_> {
        &*self.settings.progress
    }

    /// Removes everything that was made and not kept, and waits until it is gone.
    pub async fn close(self) -> Result<()> {
        self.lease.close().await
    }
}
