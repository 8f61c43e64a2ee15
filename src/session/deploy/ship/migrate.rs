//! The migrations of a shipment: judged before it begins, and run as its tasks.

use super::{ShipPlanning, Shipment, Shipping};
use crate::error::Result;
use crate::plan::Observed;
use crate::session::deploy::backup::needed;
use crate::session::deploy::migrations::{Judging, MigrationRunner, Migrations, TrialSource};
use crate::session::one_off::DeployTasks;

impl Shipping<'_> {
    /// Finds out what the migrations do to the release before.
    pub(super) async fn judge(
        &self,
        shipment: &Shipment,
        (planning, before): (&mut ShipPlanning<'_>, &Observed),
    ) -> Result<()> {
        if shipment.tasks.is_empty() {
            return Ok(());
        }
        let source = self.trial_source(shipment);
        let judging = Judging {
            source: &source,
            tasks: &shipment.tasks,
            current: self.releases.current(),
            key: &shipment.configuration.key,
            allowed: shipment.allow_incompatible,
        };
        planning.migrations = Migrations::judge(&judging, (before, &planning.plan(before)?)).await?;
        planning.draft.migrations = planning.migrations.records();
        if planning.migrations.has_no_way_back() && planning.backup.is_none() {
            let reason = "a migration that the release before cannot survive needs a backup first, and aictl.yaml has no `backup`";
            planning.backup = Some(needed(&self.loaded.project, reason)?);
        }
        Ok(())
    }

    fn trial_source<'s>(&'s self, shipment: &'s Shipment) -> TrialSource<'s> {
        let (stack, contents) = (&shipment.configuration.stack, &shipment.configuration.contents);
        TrialSource { context: self.context, target: self.target.clone(), stack, contents }
    }

    /// What runs the tasks.
    pub(super) fn tasks<'s>(&'s self, shipment: &'s Shipment, planning: &'s ShipPlanning<'_>) -> MigrationRunner<'s> {
        MigrationRunner {
            tasks: DeployTasks { context: self.context, target: self.target.clone() },
            migrations: &planning.migrations,
            source: self.trial_source(shipment),
            releases: &self.releases.list,
            has_tasks: !shipment.tasks.is_empty(),
            ran: Default::default(),
        }
    }
}
