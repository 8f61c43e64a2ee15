//! What of a deploy a rehearsal is valid for, and the verdict that is kept in the project's state until the next one.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::compose::model::Stack;
use crate::error::{Error, Result};
use crate::plan::{ImageOperation, Observed, Operation, Plan};
use crate::release::StateDocument;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The newest format this binary writes and reads.
const FORMAT: u32 = 1;

/// What was found, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A migration failed on the data.
    MigrationFailed,
    /// Checks of the release that serves fail after the migrations.
    OldCodeFailed,
    /// Checks of the new release fail.
    NewCodeFailed,
    /// A migration kept all other clients from a table for longer than the limit.
    LongLock,
    /// Nothing was wrong.
    Passed,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MigrationFailed => "a migration fails on the data",
            Self::OldCodeFailed => "the release that serves fails after the migrations",
            Self::NewCodeFailed => "the new release fails",
            Self::LongLock => "a migration locks a table for too long",
            Self::Passed => "passed",
        }
    }
}

/// The verdict on a plan, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVerdict {
    format: u32,
    /// Digest of the plan.
    #[serde(rename = "plan")]
    digest: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The backup set it was rehearsed on.
    pub set: String,
    /// When, RFC 3339.
    pub time: String,
}

impl StoredVerdict {
    /// The verdict on a plan.
    pub fn new(digest: String, (verdict, set): (Verdict, &str), time: String) -> Self {
        Self { format: FORMAT, digest, verdict, set: set.to_owned(), time }
    }

    /// In words.
    pub fn line(&self) -> String {
        format!("rehearsed on backup set {}, {}: {}", self.set, self.time, self.verdict.words())
    }
}

/// A deploy that a rehearsal may be valid for.
#[derive(Debug, Clone)]
pub struct RehearsedPlan {
    /// Digests of configuration, tasks and checks.
    pub configuration: String,
    /// The release that serves.
    pub release: Option<u32>,
    /// Whether migrations are allowed that this release cannot survive.
    pub allow_incompatible: bool,
    /// The newest verdict.
    pub stored: Option<StoredVerdict>,
    /// Whether a deploy without a verdict is refused.
    pub required: bool,
}

impl RehearsedPlan {
    /// A digest of everything that a rehearsal looks at but the backup set, which changes every night.
    pub fn digest(&self, (stack, observed): (&Stack, &Observed)) -> String {
        let image = |(name, service): (&String, &crate::compose::Service)| {
            let image = service.image_or_default(&stack.name, name);
            let id = observed.image_id(&image);
            format!("{name} {image} {id:?}")
        };
        let images: Vec<String> = stack.services.iter().map(image).collect();
        let whole = (&self.configuration, self.release, self.allow_incompatible, images);
        hex::encode(Sha256::digest(format!("{whole:?}")))
    }

    /// The verdict on this very plan, if there is one.
    pub fn verdict(&self, (stack, observed): (&Stack, &Observed)) -> Option<&StoredVerdict> {
        let digest = self.digest((stack, observed));
        self.stored.as_ref().filter(|stored| stored.digest == digest)
    }

    /// Refuses a deploy that needs a verdict and has none that is good.
    pub fn check(&self, plan: &Plan, (stack, observed): (&Stack, &Observed)) -> Result<()> {
        if !self.required || plan.only_waits() {
            return Ok(());
        }
        if let Some(image) = made_image(plan, stack) {
            return Err(refused(format!("this deploy was not rehearsed: it builds, pulls or sends image {image}")));
        }
        match self.verdict((stack, observed)) {
            Some(stored) if stored.verdict == Verdict::Passed => Ok(()),
            Some(stored) => Err(refused(format!("the rehearsal of this deploy failed: {}", stored.verdict.words()))),
            None => Err(refused("this deploy was not rehearsed, and `deploy.rehearse` is `required`".to_owned())),
        }
    }
}

fn refused(message: String) -> Error {
    WorkflowError::NotRehearsed { message }.into()
}

/// An image of the stack that a plan puts on the engine or replaces there.
pub(super) fn made_image<'p>(plan: &'p Plan, stack: &Stack) -> Option<&'p str> {
    let is_of_stack = |image: &str| stack.services.iter().any(|(n, s)| s.image_or_default(&stack.name, n) == image);
    let made = plan.steps.iter().flat_map(|step| match &step.operation {
        Operation::Image(operation) => made_by(operation),
        _ => Vec::new(),
    });
    made.into_iter().find(|image| is_of_stack(image))
}

fn made_by(operation: &ImageOperation) -> Vec<&str> {
    match operation {
        ImageOperation::Pull { image, .. } | ImageOperation::Build { image, .. } => vec![image],
        ImageOperation::BuildRecipe(build) => vec![&build.image],
        ImageOperation::Load { images, .. } => images.iter().map(|image| image.reference.as_str()).collect(),
        ImageOperation::Transfer(transfer) => vec![&transfer.image],
        ImageOperation::Tag { .. } | ImageOperation::Push { .. } | ImageOperation::Remove { .. } => Vec::new(),
    }
}

/// The newest verdict. One that cannot be read counts as none.
pub async fn load_verdict(target: &dyn Target, project: &str) -> Result<Option<StoredVerdict>> {
    let bytes = target.load_document(project, StateDocument::Rehearsal).await?;
    let stored = bytes.and_then(|bytes| serde_json::from_slice::<StoredVerdict>(&bytes).ok());
    Ok(stored.filter(|stored| stored.format <= FORMAT))
}

/// Keeps a verdict in the project's state, in place of the one before.
pub async fn store_verdict(
    context: &Context,
    (target, project): (&dyn Target, &str),
    verdict: &StoredVerdict,
) -> Result<()> {
    let bytes = serde_json::to_vec(verdict).map_err(|error| WorkflowError::Refused {
        message: format!("the verdict cannot be stored: {error}"),
        hint: None,
    })?;
    let lease = target.acquire(project, &context.owner_of("deploy --rehearse")).await?;
    let stored = target.store_document(&lease, StateDocument::Rehearsal, &bytes).await;
    let released = target.release(lease).await;
    stored?;
    Ok(released?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;
    use crate::plan::{ObservedImage, Phase};

    fn stack() -> Stack {
        let service = Service { image: "api:1".into(), ..Service::default() };
        Stack { name: "shop".into(), services: [("api".to_owned(), service)].into(), ..Stack::default() }
    }

    fn observed(id: &str) -> Observed {
        let image = ObservedImage { id: id.into(), ..ObservedImage::default() };
        Observed { images: [("api:1".to_owned(), image)].into(), ..Observed::default() }
    }

    fn plan() -> RehearsedPlan {
        let configuration = "digest".to_owned();
        RehearsedPlan { configuration, release: Some(3), allow_incompatible: false, stored: None, required: true }
    }

    fn changing() -> Plan {
        let mut plan = Plan::default();
        let remove = ImageOperation::Remove { image: "old:1".into() };
        plan.push(Phase::Prepare, Operation::Image(remove), "test", &[]);
        plan
    }

    #[test]
    fn a_verdict_is_valid_for_the_very_plan_it_was_given_on() {
        let (stack, observed_one) = (stack(), observed("sha256:1"));
        let check = |plan: &RehearsedPlan, observed: &Observed| {
            plan.check(&changing(), (&stack, observed)).map_err(|error| error.to_string())
        };
        let verdict = |found| StoredVerdict::new(plan().digest((&stack, &observed_one)), (found, "set"), String::new());
        assert!(check(&plan(), &observed_one).unwrap_err().contains("was not rehearsed"));
        let passed = RehearsedPlan { stored: Some(verdict(Verdict::Passed)), ..plan() };
        assert_eq!(check(&passed, &observed_one), Ok(()));
        for other in [
            RehearsedPlan { configuration: "other".into(), ..passed.clone() },
            RehearsedPlan { release: Some(4), ..passed.clone() },
            RehearsedPlan { allow_incompatible: true, ..passed.clone() },
        ] {
            assert!(check(&other, &observed_one).is_err(), "{other:?}");
        }
        assert!(check(&passed, &observed("sha256:2")).is_err(), "another image");
        let failed = RehearsedPlan { stored: Some(verdict(Verdict::LongLock)), ..plan() };
        assert!(check(&failed, &observed_one).unwrap_err().contains("locks a table for too long"));
        assert_eq!(check(&RehearsedPlan { required: false, ..plan() }, &observed_one), Ok(()));
        assert_eq!(plan().check(&Plan::default(), (&stack, &observed_one)).map_err(|e| e.to_string()), Ok(()));
    }
}
