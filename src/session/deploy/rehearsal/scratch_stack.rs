//! The data of a rehearsal: the newest proven backup set, restored as a drill does it.

use std::collections::BTreeMap;

use crate::backup::schema::copy_roles;
use crate::backup::{
    BackupError, HeldLock, Inside, LoadedSet, LockKind, Manifest, PartKind, Repository, SetState, postgres,
};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::content::ServiceContent;
use crate::session::backup::{
    BackupSettings, RestoreRunner, Sandbox, ServicePart, data_parts, drill_part, lock_owner, open_to_read,
};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The newest proven set, in its open repository.
pub(super) struct ProvenSet {
    pub(super) settings: BackupSettings,
    repository: Repository,
    pub(super) set: LoadedSet,
    pub(super) manifest: Manifest,
    _lock: Option<HeldLock>,
}

impl ProvenSet {
    /// Finds it; none where no set is proven.
    pub(super) async fn find(context: &Context, loaded: &LoadedStack, stack: &Stack) -> Result<Option<Self>> {
        let settings = BackupSettings::load(context, &loaded.project, Some(stack)).await?;
        settings.check_place(context, &loaded.project)?;
        let repository = match open_to_read(&settings.location).await {
            Err(error) if matches!(error.downcast_ref(), Some(BackupError::NoRepository { .. })) => return Ok(None),
            opened => opened?,
        };
        let lock = match context.options.dry_run {
            true => None,
            false => Some(repository.lock(lock_owner(context), LockKind::Shared).await?),
        };
        let sets = repository.sets(Some(&loaded.name)).await?.sets;
        let proven = sets.into_iter().rfind(|set| set.is_default() && set.state() == SetState::Proven);
        let Some((set, manifest)) = proven.and_then(|set| Some((set.clone(), set.manifest?))) else { return Ok(None) };
        Ok(Some(Self { settings, repository, set, manifest, _lock: lock }))
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.set.found.id.set
    }

    /// Fails where some of its data is lost.
    pub(super) async fn check(&self) -> Result<()> {
        let names = data_parts(&self.manifest).map(|part| part.name.clone()).collect();
        Ok(self.repository.check_needed(&self.set, names).await?.check(self.id())?)
    }
}

/// Services with data that are to be restored, and the image of each.
pub(super) type Stores = Vec<(ServicePart, String)>;

/// What data is restored from, and into.
pub(super) struct RestoredFrom<'r> {
    pub(super) stack: &'r Stack,
    pub(super) contents: &'r BTreeMap<String, ServiceContent>,
    pub(super) proven: &'r ProvenSet,
    pub(super) stores: &'r Stores,
}

/// The restored services.
pub(super) struct ScratchStack<'s> {
    pub(super) target: &'s dyn Target,
    pub(super) sandbox: &'s Sandbox<'s>,
    parts: Vec<ServicePart>,
}

impl<'s> ScratchStack<'s> {
    /// Starts the services and restores the set.
    pub(super) async fn restore(
        target: &'s dyn Target,
        sandbox: &'s Sandbox<'s>,
        from: &RestoredFrom<'_>,
    ) -> Result<Self> {
        let RestoredFrom { stack, contents, proven, stores } = *from;
        let none = ServiceContent::default();
        let mut parts = Vec::new();
        for (part, image) in stores {
            let content = contents.get(&part.service).unwrap_or(&none);
            parts.push(sandbox.start((stack, content), (part, image)).await?);
        }
        let runner = RestoreRunner {
            target,
            repository: proven.repository.clone(),
            file: None,
            set: proven.set.clone(),
            project: sandbox.project().to_owned(),
            parts: parts.clone(),
            observed: sandbox.observe().await?,
        };
        for part in data_parts(&proven.manifest) {
            let Some(service) = parts.iter().find(|service| service.service == part.name) else { continue };
            let findings = drill_part(&runner, (part, service)).await?;
            if let Some((service, problem)) = findings.into_iter().find_map(|f| Some((f.service, f.problem?))) {
                let reason = format!("restoring {service}: {problem}");
                return Err(BackupError::BadSet { set: proven.id().to_owned(), reason }.into());
            }
        }
        Ok(Self { target, sandbox, parts })
    }

    /// Gives the roles of each PostgreSQL server their passwords, which are in no backup: with them the services log in.
    /// Returns the servers whose roles could not be read.
    pub(super) async fn copy_roles(&self, stores: &Stores) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for part in self.parts.iter().filter(|part| part.kind == PartKind::Postgres) {
            let live = stores.iter().find(|(live, _)| live.service == part.service);
            let live = live.and_then(|(live, _)| Some((live, live.container.as_ref().filter(|c| c.state.is_up())?)));
            match (live, self.inside(part)) {
                (Some((live, container)), Some(inside)) => {
                    copy_roles(&live.inside(self.target, &container.id), &inside).await?;
                    postgres::await_ready(&inside).await?;
                }
                _ => left.push(part.service.clone()),
            }
        }
        Ok(left)
    }

    fn inside(&self, part: &ServicePart) -> Option<Inside<'s>> {
        part.container.as_ref().map(|container| part.inside(self.target, &container.id))
    }

    /// The PostgreSQL server of a service.
    pub(super) fn postgres(&self, service: &str) -> Result<Inside<'s>> {
        let is_it = |part: &&ServicePart| part.service == service && part.kind == PartKind::Postgres;
        let found = self.parts.iter().find(is_it).and_then(|part| self.inside(part));
        found.ok_or_else(|| {
            let message = format!("a migration changes `{service}`, whose data is not in the backup set");
            let hint = Some(format!("add `{service}` to `backup.include`, then run `aictl backup create`"));
            WorkflowError::Configuration { message, hint }.into()
        })
    }

    /// The service with data of this name.
    pub(super) fn part(&self, service: &str) -> Option<&ServicePart> {
        self.parts.iter().find(|part| part.service == service)
    }
}
