//! Words in variable names that `kind` classifies by.

/// Last words of names whose value is a secret.
pub(super) const LAST: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "SECRET",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "KEY",
    "TOKEN",
    "AUTH",
    "SALT",
    "PEPPER",
    "WEBHOOK",
    "PAT",
];

/// Suffixes of last words without a separator.
#[rustfmt::skip]
pub(super) const JOINED: &[&str] = &[
    "PASSWORD", "PASSWD", "PASSPHRASE", "DBPASS", "SMTPPASS", "MAILPASS", "USERPASS", "ROOTPASS", "SECRET", "APIKEY",
    "AUTHKEY", "SECRETKEY", "ENCRYPTIONKEY", "PRIVATEKEY", "ACCESSKEY", "MASTERKEY", "AUTHTOKEN", "ACCESSTOKEN",
    "REQUIREPASS", "MASTERAUTH",
];

/// Last words of names of settings about a secret: its location, length or issuer.
#[rustfmt::skip]
pub(super) const ABOUT: &[&str] = &[
    "ACTIVE", "AGE", "ALG", "ALGORITHM", "ALLOWED", "ATTEMPTS", "AUDIENCE", "BACKEND", "BITS", "BYTES", "CLASS", "COST",
    "COUNT", "DAYS", "DIR", "DIRECTORY", "DISABLED", "DRIVER", "DURATION", "ENABLED", "ENCODING", "ENDPOINT", "EXPIRATION",
    "EXPIRE", "EXPIRES", "EXPIRY", "FIELD", "FILE", "FILENAME", "FOLDER", "FORMAT", "GRACE", "HEADER", "HINT", "HINTS",
    "HOST", "HOURS", "ID", "IDS", "IN", "INTERVAL", "ISSUER", "ITERATIONS", "KIND", "LANGUAGE", "LAYOUT", "LENGTH",
    "LIFETIME", "LIMIT", "LOCATION", "LOGIN", "MAX", "METHOD", "MIN", "MINUTES", "MODE", "MS", "NAME", "NAMES",
    "NAMESPACE", "OPTIONS", "PATH", "PERIOD", "POLICY", "PORT", "PREFIX", "PROVIDER", "RATE", "REALM", "REGION",
    "REQUIRED", "RETRIES", "ROLE", "ROTATION", "ROUNDS", "SCHEME", "SCOPE", "SCOPES", "SECONDS", "SID", "SIZE", "STORE",
    "STRATEGY", "STRICT", "STYLE", "SUFFIX", "TIMEOUT", "TTL", "TYPE", "URI", "URL", "URLS", "USER", "USERNAME",
    "VALIDITY", "VERSION", "WINDOW",
];

/// Words that mark a switch or a public value at any position.
#[rustfmt::skip]
pub(super) const OPEN: &[&str] = &[
    "ALLOW", "DISABLE", "ENABLE", "FORCE", "NUM", "PUBLIC", "PUBLISHABLE", "REQUIRE", "SHOW", "SKIP",
];

/// Words before `KEY` that mark the key of a record or widget.
pub(super) const KEYS_OF_RECORDS: &[&str] =
    &["CACHE", "FOREIGN", "IDEMPOTENCY", "OBJECT", "PARTITION", "ROUTING", "SHARD", "SITE", "SORT", "UNIQUE"];

/// Providers: a secret with one of these words in its name is issued by them.
#[rustfmt::skip]
pub(super) const PROVIDERS: &[&str] = &[
    "ADYEN", "AIRTABLE", "ALGOLIA", "ALIBABA", "ALIYUN", "ANTHROPIC", "APNS", "APPLE", "ARK", "ASANA", "ASSEMBLYAI",
    "ATLASSIAN", "AUTH0", "AWS", "AZURE", "BACKBLAZE", "BAIDU", "BAICHUAN", "BING", "BITBUCKET", "BRAINTREE", "BRAVE",
    "BREVO", "BUGSNAG", "CF", "CLAUDE", "CLERK", "CLOUDFLARE", "CLOUDINARY", "COHERE", "COMET", "CONFLUENCE", "DASHSCOPE",
    "DATADOG", "DD", "DEEPGRAM", "DEEPL", "DEEPSEEK", "DIGITALOCEAN", "DINGTALK", "DISCORD", "DO", "DOCKERHUB",
    "DROPBOX", "DUCKDNS", "ELEVENLABS", "EXA", "FACEBOOK", "FB", "FCM", "FEISHU", "FIREBASE", "FIRECRAWL", "FIREWORKS",
    "FLICKR", "FLY", "GCLOUD", "GCP", "GCS", "GEMINI", "GH", "GHCR", "GITEE", "GITHUB", "GODADDY", "GOOGLE", "GROK",
    "GROQ", "HCAPTCHA", "HEROKU", "HETZNER", "HF", "HIBP", "HONEYCOMB", "HUAWEI", "HUGGINGFACE", "HUNYUAN", "INSTAGRAM",
    "INTERCOM", "JINA", "JIRA", "KAGGLE", "KAGI", "KLAVIYO", "LANGCHAIN", "LANGSMITH", "LARK", "LEMONSQUEEZY", "LINEAR",
    "LINKEDIN", "LINODE", "LLAMAPARSE", "LOGTAIL", "MAILCHIMP", "MAILGUN", "MAILJET", "MANDRILL", "MAPBOX", "MAXMIND",
    "MICROSOFT", "MINIMAX", "MISTRAL", "MIXPANEL", "MOONSHOT", "NAMECHEAP", "NETLIFY", "NEWRELIC", "NGROK", "NOTION",
    "NPM", "NVIDIA", "OKTA", "OPENAI", "OPENROUTER", "OVH", "PADDLE", "PAGERDUTY", "PAYPAL", "PERPLEXITY", "PINECONE",
    "PLAID", "PLEX", "PORKBUN", "POSTHOG", "POSTMARK", "PUSHER", "PUSHOVER", "PYPI", "QINIU", "R2", "RECAPTCHA",
    "REDDIT", "RELIC", "REPLICATE", "RESEND", "ROLLBAR", "ROUTE53", "SCALEWAY", "SEARCHAPI", "SEGMENT", "SENDGRID",
    "SENDINBLUE", "SENTRY", "SERPAPI", "SERPER", "SES", "SHOPIFY", "SILICONFLOW", "SLACK", "SNYK", "SONAR", "SPOTIFY",
    "SQUARE", "STABILITY", "STRIPE", "TAILSCALE", "TAVILY", "TELEGRAM", "TENCENT", "TIKTOK", "TOGETHER", "TOGETHERAI",
    "TRELLO", "TS", "TUNNEL", "TURNSTILE", "TWILIO", "TWITCH", "TWITTER", "UNSPLASH", "UNSTRUCTURED", "VAPID", "VERCEL",
    "VERTEX", "VERTEXAI", "VOLC", "VOLCENGINE", "VONAGE", "VOYAGE", "VULTR", "WANDB", "WASABI", "WATSONX", "WECHAT",
    "WHATSAPP", "XAI", "YANDEX", "YOUTUBE", "YUBICO", "ZENDESK", "ZHIPU", "ZHIPUAI", "ZOOM",
];

/// Other systems of the operator. A secret with one of these words is issued there unless its purpose is named.
#[rustfmt::skip]
pub(super) const ELSEWHERE: &[&str] = &[
    "ACCESS", "BIND", "CI", "CLIENT", "CONSUMER", "CREDENTIAL", "CREDENTIALS", "DOCKER", "EMAIL", "IMAP", "LICENSE", "LICENCE", "MAIL",
    "MAILER", "OAUTH", "OAUTH2", "OIDC", "OPENID", "OPENVPN", "POP3", "REGISTRY", "S3", "SAML", "SMS", "SMTP", "SSH",
    "SSL", "SSO", "TLS", "VPN", "WEBHOOK", "WIREGUARD", "WG",
];

/// Words of secrets that the stack issues itself; they take precedence over `ELSEWHERE`.
#[rustfmt::skip]
pub(super) const SELF_ISSUED: &[&str] = &[
    "COOKIE", "CRYPTO", "CSRF", "ENC", "ENCRYPTION", "HMAC", "JWT", "MINIO", "REFRESH", "SESSION", "SIGNING",
];

/// Words that mark a `KEY` the operator may choose; all others are issued by a provider.
#[rustfmt::skip]
pub(super) const OWN_KEYS: &[&str] = &[
    "APP", "APPLICATION", "AUTH", "COOKIE", "CREDS", "CRYPTO", "CSRF", "DAEMON", "DERIVATION", "DETERMINISTIC", "ENC",
    "ENCRYPT", "ENCRYPTION", "FERNET", "HASH", "HMAC", "INTERNAL", "JWT", "MASTER", "MINIO", "OTP", "PLUGIN", "SALT",
    "SECRET", "SECRETKEY", "SECURITY", "SESSION", "SIGN", "SIGNATURE", "SIGNING", "TOTP", "VAULT",
];

/// Words that mark a `TOKEN` or `API_KEY` used between the stack's own services.
#[rustfmt::skip]
pub(super) const OWN_TOKENS: &[&str] = &[
    "ADMIN", "AUTH", "BOOTSTRAP", "CHROMA", "CODE", "EXECUTION", "INFLUX", "INFLUXDB", "INNER", "INTERNAL", "LIVEKIT",
    "MASTER", "MEILI", "MEILISEARCH", "METRICS", "MILVUS", "PLUGIN", "PRIVATE", "QDRANT", "ROOT", "SANDBOX", "SERVICE",
    "TYPESENSE", "WEAVIATE",
];

/// Words of secrets that may be empty, which disables authentication or the creation of a first user.
#[rustfmt::skip]
pub(super) const OFF_WHEN_EMPTY: &[&str] = &[
    "ADMIN", "BASIC", "BASICAUTH", "BOOTSTRAP", "CHROMA", "DEFAULT", "ES", "INBOUND", "INIT", "INITIAL", "KEYDB",
    "MEMCACHED", "METRICS", "MILVUS", "MQTT", "PROXY", "QDRANT", "REDIS", "SENTINEL", "VALKEY", "VERIFY", "WEAVIATE",
];

/// Prefixes of values issued by providers.
#[rustfmt::skip]
pub(super) const ISSUED_VALUES: &[&str] = &[
    "sk-proj-", "sk-ant-", "sk-or-", "sk_test", "sk_live", "pk_test", "pk_live", "rk_test", "rk_live", "whsec_", "ghp_", "gho_",
    "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "hf_", "gsk_", "SG.",
    "tvly-", "phc_", "tskey-", "r8_", "nvapi-", "pplx-", "xai-", "dop_v1_", "npm_", "pypi-", "shpat_", "lin_api_",
    "ntn_", "secret_", "user_provided", "-----BEGIN",
];
