//! From where a key may be used: single addresses and networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses and networks of one key at most.
pub const MAX_KEY_ADDRESSES: usize = 50;

/// An address, or all addresses that begin alike (CIDR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Bits that are alike.
    prefix: u32,
}

/// The text is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseNetworkError {
    /// It cannot be read.
    #[error("`{0}` is neither an address nor a network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
    Unreadable(String),
    /// It has bits after those that count.
    #[error("`{0}` names an address within a network: write the network, {1}, or the address alone")]
    Within(String, Network),
}

impl Network {
    /// Whether an address lies in it. An IPv4 address that is written as IPv6 counts as what it is.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let (own, width) = bits(self.address);
        let (other, other_width) = bits(address.to_canonical());
        width == other_width && kept(own, width, self.prefix) == kept(other, width, self.prefix)
    }
}

/// The bits of an address, and how many there are.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// The first bits of so many.
fn kept(bits: u128, width: u32, prefix: u32) -> u128 {
    bits.checked_shr(width - prefix).unwrap_or(0)
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let unreadable = || ParseNetworkError::Unreadable(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| unreadable())?;
        let address = given.to_canonical();
        let (own, width) = bits(address);
        // What is written as IPv6 and is IPv4 has 96 bits before its own.
        let before = bits(given).1 - width;
        let prefix = match prefix {
            None => width,
            Some(prefix) if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(unreadable());
            }
            Some(prefix) => {
                let prefix = prefix.parse::<u32>().ok().and_then(|prefix| prefix.checked_sub(before));
                prefix.filter(|prefix| *prefix <= width).ok_or_else(unreadable)?
            }
        };
        let first = kept(own, width, prefix).checked_shl(width - prefix).unwrap_or(0);
        if first == own {
            return Ok(Self { address, prefix });
        }
        let address = match address {
            IpAddr::V4(_) => u32::try_from(first).map(|bits| IpAddr::V4(bits.into())).map_err(|_| unreadable())?,
            IpAddr::V6(_) => IpAddr::V6(first.into()),
        };
        Err(ParseNetworkError::Within(text.to_owned(), Self { address, prefix }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address).1 {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

/// From where a key may be used; an empty list is from anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressList(Vec<Network>);

impl AddressList {
    /// Reads what was given; the error is a fragment that says what is wrong.
    pub fn read<T: AsRef<str>>(given: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut networks = Vec::new();
        for text in given {
            let network = text.as_ref().trim().parse::<Network>().map_err(|error| error.to_string())?;
            if !networks.contains(&network) {
                networks.push(network);
            }
            if networks.len() > MAX_KEY_ADDRESSES {
                return Err(format!("are more than {MAX_KEY_ADDRESSES}: name networks instead"));
            }
        }
        Ok(Self(networks))
    }

    /// Whether a key with this list may be used from there. Nobody knows where a missing address is.
    pub fn allows(&self, address: Option<IpAddr>) -> bool {
        self.0.is_empty() || address.is_some_and(|address| self.0.iter().any(|network| network.contains(address)))
    }
}

impl fmt::Display for AddressList {
    /// With spaces between, as it is kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_what_begins_alike() {
        for (text, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.6/31", "192.0.2.7", "192.0.2.5"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::1", "1.2.3.4"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("192.0.2.0/24", "::ffff:192.0.2.9", "::ffff:192.0.3.9"),
            ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{outside} in {text}");
        }
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "::1", "0.0.0.0/0"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("192.0.2.7/32").to_string(), "192.0.2.7");
        for text in [
            "",
            "host",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "::/129",
            "192.0.2.0/8/8",
            "::ffff:1.2.3.4/95",
        ] {
            assert!(matches!(text.parse::<Network>(), Err(ParseNetworkError::Unreadable(_))), "{text}");
        }
        let error = "192.0.2.7/24".parse::<Network>().unwrap_err();
        assert!(error.to_string().contains("write the network, 192.0.2.0/24"), "{error}");
        let error = "2001:db8::1/0".parse::<Network>().unwrap_err();
        assert!(error.to_string().contains("::/0"), "{error}");
    }

    #[test]
    fn an_empty_list_is_anywhere_and_another_needs_an_address() {
        let none = AddressList::read::<&str>([]).unwrap();
        assert!(none.allows(None) && none.allows("192.0.2.7".parse().ok()));
        let list = AddressList::read(["192.0.2.0/24", "2001:db8::1", "192.0.2.0/24"]).unwrap();
        assert_eq!(list.to_string(), "192.0.2.0/24 2001:db8::1");
        assert!(!list.allows(None) && list.allows("192.0.2.7".parse().ok()) && !list.allows("::1".parse().ok()));
        let many = (0..=MAX_KEY_ADDRESSES).map(|n| format!("10.0.0.{n}"));
        assert!(AddressList::read(many).unwrap_err().contains("more than 50"));
    }
}
