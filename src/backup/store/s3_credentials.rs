//! What requests to S3 servers are signed with.

use crate::secret::Secret;

/// What requests are signed with.
#[derive(Debug, Clone)]
pub struct S3Credentials {
    /// AWS_ACCESS_KEY_ID.
    pub key_id: String,
    /// AWS_SECRET_ACCESS_KEY.
    pub secret: Secret,
    /// AWS_SESSION_TOKEN.
    pub token: Option<Secret>,
    /// AWS_DEFAULT_REGION.
    pub region: String,
}
