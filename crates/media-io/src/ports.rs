//! The two sockets of a side.

use media::OpenFault;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use std::io;
use std::net::SocketAddr;

/// RTP on an even port, RTCP on the one above.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
}

impl Ports {
    /// Binds both ports and watches them under the tokens given.
    pub(crate) fn open(
        registry: &Registry,
        local: SocketAddr,
        rtp_token: Token,
        rtcp_token: Token,
    ) -> Result<Ports, OpenFault> {
        let above = local.port().checked_add(1).ok_or(OpenFault::Refused)?;
        let mut rtp = UdpSocket::bind(local).map_err(fault)?;
        let mut rtcp = UdpSocket::bind(SocketAddr::new(local.ip(), above)).map_err(fault)?;
        registry
            .register(&mut rtp, rtp_token, Interest::READABLE)
            .map_err(fault)?;
        registry
            .register(&mut rtcp, rtcp_token, Interest::READABLE)
            .map_err(fault)?;
        Ok(Ports { rtp, rtcp })
    }
}

fn fault(error: io::Error) -> OpenFault {
    if error.kind() == io::ErrorKind::AddrInUse {
        OpenFault::PortTaken
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        OpenFault::AddressNotOurs
    } else {
        OpenFault::Refused
    }
}
