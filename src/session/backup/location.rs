//! Where a repository is and what its server is reached with: credentials come from the environment, else from the variables
//! of the project, under the names that restic reads.

use std::path::Path;

use crate::backup::{Access, Address, Location, S3Credentials};
use crate::error::Result;
use crate::secret::Secret;
use crate::session::{Context, WorkflowError};

/// The region of servers that have none.
const REGION: &str = "us-east-1";

/// The address that a text of aictl.yaml or of the command line is; a directory is below `base`.
pub fn address(base: &Path, text: &str, key: &str) -> Result<Address> {
    let wrong = |reason: String| WorkflowError::Configuration { message: format!("{key}: {reason}"), hint: None };
    Ok(Address::remote(text).map_err(wrong)?.unwrap_or_else(|| Address::Directory(base.join(text))))
}

/// The location of a repository. `variable` is what the project says where the environment says nothing.
pub fn location(
    context: &Context,
    (address, password): (Address, Secret),
    variable: impl Fn(&str) -> Option<String>,
) -> Location {
    let value = |name: &str| {
        let value = context.variables.get(name).cloned().or_else(|| variable(name));
        value.filter(|value| !value.is_empty())
    };
    let s3 = matches!(address, Address::S3(_)).then(|| credentials(&value)).flatten();
    let learned = s3.iter().flat_map(|s3| std::iter::once(&s3.secret).chain(&s3.token)).cloned().collect::<Vec<_>>();
    context.redactor.learn(&learned);
    let access = Access { s3, search_path: context.variables.get("PATH").cloned() };
    Location { address, password, access, random: context.random }
}

fn credentials(value: &dyn Fn(&str) -> Option<String>) -> Option<S3Credentials> {
    Some(S3Credentials {
        key_id: value("AWS_ACCESS_KEY_ID")?,
        secret: Secret::new(value("AWS_SECRET_ACCESS_KEY")?),
        token: value("AWS_SESSION_TOKEN").map(Secret::new),
        region: value("AWS_DEFAULT_REGION").or_else(|| value("AWS_REGION")).unwrap_or_else(|| REGION.to_owned()),
    })
}
