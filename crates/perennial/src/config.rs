//! The configuration file. Secrets come from the environment.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use perennial_app::{
    DEFAULT_CONNECTIONS, DEFAULT_MAILS_PER_MINUTE, DEFAULT_RECHECK_DAYS, FeedConfig, MailConfig, Network, Security,
    VatCheckConfig, VatCheckTimes, WebhookConfig, WebhookTimes,
};
use perennial_web::{Limits, MAX_GUESSES, RateLimit};
use serde::{Deserialize, Serialize};

use crate::exit::UsageError;

/// The commented default file: it is the documentation.
pub const DEFAULT_FILE: &str = include_str!("perennial.default.toml");

/// Everything that can be configured.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Config {
    pub database: Database,
    pub server: Server,
    pub log: Log,
    pub feeds: BTreeMap<String, Feed>,
    pub vat_checks: VatChecks,
    pub mail: Mail,
    pub webhooks: Webhooks,
    /// Where the file lies; relative paths in it start there.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    pub url: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    pub listen: SocketAddr,
    pub rate_limit_per_minute: u32,
    pub address_limit_per_minute: u32,
    pub trusted_proxies: Vec<String>,
    pub guess_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Feed {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_url: Option<String>,
    #[serde(default = "default_cache_seconds")]
    pub cache_seconds: u64,
    #[serde(default)]
    pub stale_seconds: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct VatChecks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub recheck_days: u16,
}

impl Default for VatChecks {
    fn default() -> Self {
        Self { url: None, recheck_days: DEFAULT_RECHECK_DAYS }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Mail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    pub security: MailSecurity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello: Option<String>,
    pub connections: u16,
    pub per_minute: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounces_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Webhooks {
    pub private_networks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    Starttls,
    Tls,
    None,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            security: MailSecurity::Starttls,
            user: None,
            certificates: None,
            hello: None,
            connections: DEFAULT_CONNECTIONS,
            per_minute: DEFAULT_MAILS_PER_MINUTE,
            bounces_to: None,
            redirect_to: None,
        }
    }
}

fn default_cache_seconds() -> u64 {
    300
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:perennial.db".to_owned() }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            rate_limit_per_minute: 6000,
            address_limit_per_minute: 12_000,
            trusted_proxies: Vec::new(),
            guess_limit: MAX_GUESSES,
            public_url: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

impl Config {
    /// The file that is looked for when none is named.
    pub const DEFAULT_NAME: &str = "perennial.toml";

    /// Reads the file; defaults if the one that nobody named is missing.
    pub fn load(path: &Path) -> Result<Self, UsageError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path == Path::new(Self::DEFAULT_NAME) => {
                String::new()
            }
            Err(error) => return Err(UsageError(format!("cannot read {}: {error}", path.display()))),
        };
        let mut config =
            Self::parse(&text).map_err(|UsageError(reason)| UsageError(format!("{}: {reason}", path.display())))?;
        config.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, UsageError> {
        let mut unknown = Vec::new();
        let parsed = toml::Deserializer::parse(text)
            .and_then(|source| serde_ignored::deserialize(source, |path| unknown.push(path.to_string())));
        let config: Self = parsed.map_err(|error| UsageError(error.to_string().trim_end().to_owned()))?;
        match unknown.first() {
            Some(key) => Err(UsageError(unknown_key(key))),
            None => Ok(config),
        }
    }

    /// The database to use: `DATABASE_URL` from the environment, or the file's.
    pub fn database_url(&self) -> String {
        let url = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        url.unwrap_or_else(|| self.in_folder(&self.database.url))
    }

    /// A relative SQLite path starts where the configuration lies.
    fn in_folder(&self, url: &str) -> String {
        match url.strip_prefix("sqlite:") {
            Some(path) if Path::new(path).is_relative() => format!("sqlite:{}", self.folder.join(path).display()),
            _ => url.to_owned(),
        }
    }

    /// How often a key and an address may call, and which proxies are believed; 0 in the file means that calls are not
    /// limited.
    pub fn limits(&self) -> Result<Limits, UsageError> {
        let limit = |per_minute: u32| RateLimit(Some(per_minute).filter(|limit| *limit > 0));
        let proxy = |text: &String| {
            let read = text.parse::<Network>();
            read.map_err(|error| UsageError(format!("[server] trusted_proxies cannot be used: {error}")))
        };
        Ok(Limits {
            per_key: limit(self.server.rate_limit_per_minute),
            per_address: limit(self.server.address_limit_per_minute),
            trusted_proxies: self.server.trusted_proxies.iter().map(proxy).collect::<Result<_, _>>()?,
            guesses: limit(self.server.guess_limit),
        })
    }

    /// Where the server is found from outside, if that is said: without a slash at its end.
    pub fn public_url(&self) -> Result<Option<String>, UsageError> {
        let Some(url) = self.server.public_url.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "?#@\"'<>\\".contains(c);
        if host.trim_matches('/').is_empty() || host.starts_with('/') || host.contains(is_odd) {
            let complaint = format!(
                "[server] public_url cannot be used: {url:?} is no address such as https://billing.example.net"
            );
            return Err(UsageError(complaint));
        }
        Ok(Some(url.trim_end_matches('/').to_owned()))
    }

    /// How VAT numbers are checked, if they are.
    pub fn vat_checks(&self) -> Option<VatCheckConfig> {
        let url = self.vat_checks.url.clone().filter(|url| !url.is_empty())?;
        Some(VatCheckConfig { url, recheck_days: self.vat_checks.recheck_days, times: VatCheckTimes::default() })
    }

    /// How mail is sent, if it is; the password comes from the environment.
    pub fn mail(&self) -> Result<Option<MailConfig>, UsageError> {
        let mail = self.mail.clone();
        let Some(host) = mail.host.filter(|host| !host.is_empty()) else { return Ok(None) };
        let read = |path: PathBuf| {
            let path = self.folder.join(path);
            fs::read(&path).map_err(|error| UsageError(format!("[mail] cannot be used: {}: {error}", path.display())))
        };
        Ok(Some(MailConfig {
            port: mail.port,
            security: match mail.security {
                MailSecurity::Starttls => Security::StartTls,
                MailSecurity::Tls => Security::Tls,
                MailSecurity::None => Security::None,
            },
            user: mail.user.filter(|user| !user.is_empty()),
            password: env::var("PERENNIAL_MAIL_PASSWORD").ok().filter(|password| !password.is_empty()),
            certificates: mail.certificates.map(read).transpose()?,
            hello: mail.hello,
            connections: mail.connections,
            per_minute: mail.per_minute,
            bounces_to: mail.bounces_to.filter(|address| !address.is_empty()),
            redirect_to: mail.redirect_to.filter(|address| !address.is_empty()),
            ..MailConfig::of_host(&host)
        }))
    }

    /// How webhooks are sent.
    pub fn webhooks(&self) -> Result<WebhookConfig, UsageError> {
        let refused = |reason: String| UsageError(format!("[webhooks] cannot be used: {reason}"));
        let network =
            |text: &String| text.parse::<Network>().map_err(|error| refused(format!("its private_networks: {error}")));
        let read = |path: &PathBuf| {
            let path = self.folder.join(path);
            fs::read(&path).map_err(|error| refused(format!("{}: {error}", path.display())))
        };
        Ok(WebhookConfig {
            private_networks: self.webhooks.private_networks.iter().map(network).collect::<Result<_, _>>()?,
            certificates: self.webhooks.certificates.as_ref().map(read).transpose()?,
            times: WebhookTimes::default(),
        })
    }

    /// The price feeds, with their tokens from the environment.
    pub fn feeds(&self) -> BTreeMap<String, FeedConfig> {
        let feed = |(name, feed): (&String, &Feed)| {
            let variable = format!("PERENNIAL_FEED_{}_TOKEN", name.to_uppercase().replace('-', "_"));
            let config = FeedConfig {
                url: feed.url.clone(),
                bulk_url: feed.bulk_url.clone(),
                cache_for: Duration::from_secs(feed.cache_seconds),
                stale_for: Duration::from_secs(feed.stale_seconds),
                token: env::var(variable).ok().filter(|token| !token.is_empty()),
            };
            (name.clone(), config)
        };
        self.feeds.iter().map(feed).collect()
    }
}

/// Names of the same section, to suggest the nearest.
fn unknown_key(key: &str) -> String {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let known: &[&str] = match section {
        "" => &["database", "server", "log", "feeds", "vat_checks", "mail", "webhooks"],
        "database" => &["url"],
        "server" => &[
            "listen",
            "rate_limit_per_minute",
            "address_limit_per_minute",
            "trusted_proxies",
            "guess_limit",
            "public_url",
        ],
        "log" => &["format", "level"],
        "vat_checks" => &["url", "recheck_days"],
        "webhooks" => &["private_networks", "certificates"],
        "mail" => &[
            "host",
            "port",
            "security",
            "user",
            "certificates",
            "hello",
            "connections",
            "per_minute",
            "bounces_to",
            "redirect_to",
        ],
        _ => &["url", "bulk_url", "cache_seconds", "stale_seconds"],
    };
    let likeness = |candidate: &&&str| strsim::jaro_winkler(candidate, name);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    format!("unknown key `{name}`{place}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_the_program_does_without_it() {
        let from_file = Config::parse(DEFAULT_FILE).unwrap();
        let built_in = Config::default();
        assert_eq!(toml::to_string(&from_file).unwrap(), toml::to_string(&built_in).unwrap());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        for (text, complaint) in [
            ("[server]\nlisen = 1", "unknown key `lisen` in [server]; did you mean `listen`?"),
            ("[server]\nrate_limit = 5", "unknown key `rate_limit` in [server]; did you mean `rate_limit_per_minute`?"),
            ("[vat_checks]\nrecheck = 5", "unknown key `recheck` in [vat_checks]; did you mean `recheck_days`?"),
            ("[mail]\nhots = \"x\"", "unknown key `hots` in [mail]; did you mean `host`?"),
            ("[servr]", "unknown key `servr`; did you mean `server`?"),
            (
                "[feeds.nic]\nurl = \"x\"\ncache_second = 3",
                "unknown key `cache_second` in [feeds.nic]; did you mean `cache_seconds`?",
            ),
        ] {
            assert_eq!(Config::parse(text).unwrap_err().0, complaint);
        }
        assert!(Config::parse("[server]\nlisten = \"nowhere\"").unwrap_err().0.contains("line 2"));
    }

    #[test]
    fn a_limit_of_zero_is_none_and_a_proxy_is_an_address_or_a_network() {
        let limits = |text: &str| Config::parse(text).unwrap().limits();
        let built_in = limits("").unwrap();
        assert_eq!((built_in.per_key, built_in.per_address), (RateLimit(Some(6000)), RateLimit(Some(12_000))));
        let off = limits("[server]\nrate_limit_per_minute = 0\naddress_limit_per_minute = 0").unwrap();
        assert_eq!((off.per_key, off.per_address), (RateLimit(None), RateLimit(None)));
        assert_eq!(
            limits("[server]\ntrusted_proxies = [\"127.0.0.1\", \"fd00::/8\"]").unwrap().trusted_proxies.len(),
            2
        );
        let error = limits("[server]\ntrusted_proxies = [\"proxy\"]").unwrap_err();
        assert!(error.0.contains("`proxy` is neither an address nor a network"), "{}", error.0);
    }

    #[test]
    fn a_public_url_is_an_address_and_nothing_more() {
        let read = |url: &str| Config::parse(&format!("[server]\npublic_url = \"{url}\"")).unwrap().public_url();
        assert_eq!(Config::default().public_url().unwrap(), None);
        assert_eq!(read("").unwrap(), None);
        for url in [
            "https://billing.example.net",
            "https://billing.example.net/",
            "http://[::1]:8080",
            "https://x.example/pay",
        ] {
            assert_eq!(read(url).unwrap().as_deref(), Some(url.trim_end_matches('/')));
        }
        for url in
            ["billing.example.net", "ftp://x", "https://", "https:///x", "https://x y", "https://x?y", "https://me@x"]
        {
            let error = read(url).unwrap_err().0;
            assert!(error.starts_with("[server] public_url cannot be used: "), "{error}");
        }
    }
}
