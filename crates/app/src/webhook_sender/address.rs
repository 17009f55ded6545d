//! Where messages may go: addresses of the public Internet, and private ones only where the configuration says so. Names are
//! looked up here, and what is connected to is what was looked at: no name can change its mind in between.

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Network;

/// What is not reachable from everywhere, or is not one machine (IANA, special-purpose address registries for IPv4 and IPv6).
const SPECIAL: [&str; 20] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Protocols in which another address is hidden, and documentation.
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
];

/// Where global addresses of IPv6 lie (RFC 4291, section 2.4).
const GLOBAL_V6: &str = "2000::/3";

static SPECIAL_NETWORKS: LazyLock<Vec<Network>> =
    LazyLock::new(|| SPECIAL.iter().filter_map(|text| text.parse().ok()).collect());
static GLOBAL_V6_NETWORK: LazyLock<Option<Network>> = LazyLock::new(|| GLOBAL_V6.parse().ok());

/// Whether an address belongs to one machine that can be reached from everywhere.
fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_global = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(_) => GLOBAL_V6_NETWORK.is_some_and(|global| global.contains(address)),
    };
    is_global && !SPECIAL_NETWORKS.iter().any(|network| network.contains(address))
}

/// Which addresses a message may go to.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Private networks that it may go to.
    pub private: Arc<[Network]>,
    /// Whether it may go to the public Internet: not without TLS.
    pub is_open: bool,
}

impl Reach {
    /// Whether it may go to this one; the error says why not.
    pub fn check(&self, address: IpAddr) -> Result<(), String> {
        if self.private.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        match (is_public(address), self.is_open) {
            (true, true) => Ok(()),
            (true, false) => Err(format!("{address} is a public address: use https://")),
            (false, _) => Err(format!(
                "{address} is a private address: if messages may go there, name its network as private_networks in [webhooks]"
            )),
        }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut allowed, mut refused) = (Vec::new(), None);
            for address in found {
                match reach.check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(reason) => refused = Some(reason),
                }
            }
            match refused.filter(|_| allowed.is_empty()) {
                Some(reason) => Err(Box::<dyn Error + Send + Sync>::from(format!("{}: {reason}", name.as_str()))),
                None => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// The address, if messages may be sent to it, as far as that can be told without asking for its name; the error is a
/// fragment that says why not.
pub(crate) fn check_url(url: &str, private: &[Network]) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("is not an address: {error}"))?;
    let is_open = match url.scheme() {
        "https" => true,
        "http" if !private.is_empty() => false,
        "http" => {
            return Err("must begin with https:// (http:// is for private_networks in [webhooks] alone)".to_owned());
        }
        _ => return Err("must begin with https://".to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password: messages are signed, check that".to_owned());
    }
    let reach = Reach { private: private.into(), is_open };
    match literal(&url) {
        Some(address) => reach.check(address)?,
        None if url.host_str().is_none_or(str::is_empty) => return Err("names no host".to_owned()),
        None => {}
    }
    Ok(url)
}

/// The address itself, where it stands in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_reached_from_everywhere_is_public() {
        assert_eq!(SPECIAL_NETWORKS.len(), SPECIAL.len());
        for public in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "2a00::1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:1::1",
            "2001:db8::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn an_address_says_whether_it_may_be_used() {
        let local: [Network; 1] = ["127.0.0.0/8".parse().unwrap()];
        for good in [
            "https://hooks.example/in?x=1",
            "HTTPS://hooks.example/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:8443/",
        ] {
            assert!(check_url(good, &[]).is_ok(), "{good}");
        }
        assert!(check_url("http://127.0.0.1:8080/", &local).is_ok());
        assert!(check_url("https://127.9.9.9/", &local).is_ok());
        for bad in [
            "",
            "hooks.example",
            "ftp://hooks.example",
            "http://hooks.example",
            "https://",
            "https://user:word@hooks.example/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert!(check_url(bad, &[]).is_err(), "{bad}");
        }
        assert!(check_url("http://8.8.8.8/", &local).unwrap_err().contains("use https://"));
        assert!(check_url("https://10.0.0.1/", &local).unwrap_err().contains("private_networks"));
    }
}
