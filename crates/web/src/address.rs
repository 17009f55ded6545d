//! From where a request comes, and how many may come from there.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};

use crate::limit::RateLimits;
use crate::{ApiError, Web};

/// What proxies add the address to that they got a request from.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What tells whether the program lives and works is not limited: a balancer asks often.
const NOT_LIMITED: [&str; 2] = ["/healthz", "/readyz"];

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// From where a request comes: the peer, or whom a trusted proxy got it from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub IpAddr);

/// Finds out from where a request comes, and refuses it if too many come from there.
pub(crate) fn limit(web: &Web, request: &mut Request) -> Result<(), ApiError> {
    // Without a connection, as in a test of a router alone, there is no address and nothing to count.
    let Some(Peer(peer)) = request.extensions().get().copied() else { return Ok(()) };
    let address = origin(peer, request.headers(), &web.limits);
    request.extensions_mut().insert(ClientAddress(address));
    if !NOT_LIMITED.contains(&request.uri().path())
        && let Some(seconds) = web.limits.count_address(address, web.app.clock.now())
    {
        return Err(ApiError::too_many(seconds));
    }
    Ok(())
}

/// The last hop that is no trusted proxy: what stands before it could have been written by anybody.
fn origin(peer: IpAddr, headers: &HeaderMap, limits: &RateLimits) -> IpAddr {
    let mut address = peer.to_canonical();
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        let Ok(hops) = value.to_str() else { return address };
        for hop in hops.rsplit(',') {
            if !limits.trusts(address) {
                return address;
            }
            let Some(before) = hop_address(hop.trim()) else { return address };
            address = before;
        }
    }
    address
}

/// An address, perhaps with a port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    address.or_else(bare).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Limits;

    #[test]
    fn only_a_trusted_proxy_tells_whom_it_got_a_request_from() {
        let networks = ["10.0.0.0/8", "::1"].map(|text| text.parse().unwrap());
        let limits = RateLimits::new(Limits { trusted_proxies: networks.to_vec(), ..Limits::default() });
        for (peer, forwarded, expected) in [
            ("192.0.2.7", &[][..], "192.0.2.7"),
            ("192.0.2.7", &["198.51.100.1"], "192.0.2.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1", "10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("::1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("::1", &["[2001:db8::7]"], "2001:db8::7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let found = origin(peer.parse().unwrap(), &headers, &limits);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }
}
