//! Sockets made the way every shard wants them: shared port, large buffers, never blocking.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::{io, net};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A bound datagram socket that also collects the network's reports of failure (ICMP).
pub(crate) fn datagram(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    share_port(&socket, address)?;
    enlarge_buffers(&socket);
    if address.is_ipv4() {
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A listening stream socket.
pub(crate) fn listener(address: SocketAddr) -> io::Result<mio::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    share_port(&socket, address)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(mio::net::TcpListener::from_std(net::TcpListener::from(socket)))
}

/// A stream socket on its way to `remote`, from the address on which we listen.
pub(crate) fn stream(from: SocketAddr, remote: SocketAddr) -> io::Result<mio::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if !from.ip().is_unspecified() {
        socket.bind(&SockAddr::from(SocketAddr::new(from.ip(), 0)))?;
    }
    match socket.connect(&remote.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    Ok(mio::net::TcpStream::from_std(net::TcpStream::from(socket)))
}

/// Lets the runtime wake us when `source` becomes readable, and for nothing else: a datagram socket that is
/// also watched for writing wakes its owner after every packet that leaves.
#[expect(
    deprecated,
    reason = "its successor is unsafe to call; both sources here own their descriptor for as long as they live"
)]
pub(crate) fn watch_readable<S: AsRawFd>(source: S) -> io::Result<AsyncFd<S>> {
    AsyncFd::with_interest(source, Interest::READABLE)
}

fn share_port(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        // The IPv4 side of the same port is a listener of its own.
        socket.set_only_v6(true)?;
    }
    Ok(())
}

/// Asks for large buffers; the system may give less, which only means less patience in a burst.
fn enlarge_buffers(socket: &Socket) {
    let _given_less = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _given_less = socket.set_send_buffer_size(BUFFER_BYTES);
}

const BUFFER_BYTES: usize = 4 * 1024 * 1024;
const BACKLOG: i32 = 1024;
