//! One datagram socket: packets in and out by the batch, and the network's word that nobody took one.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, recvmsg,
};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use sip_transaction::{Flow, Transport};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::outbox::{Ledger, Outbox, Pile, Report};
use crate::sockets;

/// A bound datagram socket of this shard.
pub(crate) struct DatagramSocket {
    socket: AsyncFd<UdpSocket>,
    shard: u8,
    listener: u16,
    arriving: MultiHeaders<SockaddrStorage>,
    addresses: Vec<SocketAddrAny>,
    control: Vec<u8>,
    /// An error may have cut a batch short: read again although the runtime saw nothing new.
    read_again: bool,
}

/// Memory into which packets are received, one slot for each packet of a batch; shared by all sockets of a shard.
pub(crate) struct Slots(Box<[u8]>);

impl Slots {
    pub(crate) fn new() -> Self {
        Self(vec![0; BATCH * SLOT_STRIDE].into_boxed_slice())
    }
}

/// What one receive call brought.
pub(crate) struct Received {
    /// Packets handed over.
    pub(crate) packets: usize,
    /// Whether the socket may hold more.
    pub(crate) more: bool,
}

impl DatagramSocket {
    pub(crate) fn bind(shard: u8, listener: u16, address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: sockets::watch_readable(sockets::datagram(address)?)?,
            shard,
            listener,
            arriving: MultiHeaders::preallocate(BATCH, None),
            addresses: Vec::with_capacity(BATCH),
            control: nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6),
            read_again: false,
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    pub(crate) fn listener(&self) -> u16 {
        self.listener
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.read_again {
            return Poll::Ready(());
        }
        self.socket.poll_read_ready(context).map(drop)
    }

    /// Receives at most `max` packets with one system call.
    ///
    /// A batch that was not filled emptied the socket, so the runtime's readiness is cleared without asking the
    /// system a second time.
    pub(crate) fn receive(
        &mut self,
        slots: &mut Slots,
        max: usize,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(SocketAddr, &[u8], &mut Outbox),
    ) -> Received {
        let Self {
            socket,
            arriving,
            read_again,
            ..
        } = self;
        let wanted = max.min(BATCH);
        let mut received = Received {
            packets: 0,
            more: false,
        };
        let mut failed = false;
        let mut attempt = |socket: &UdpSocket| {
            let mut free = slots.0.chunks_exact_mut(SLOT_STRIDE);
            let mut batch: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
                [IoSliceMut::new(
                    free.next().map_or(&mut [][..], |slot| &mut slot[..SLOT_BYTES]),
                )]
            });
            let fd = socket.as_raw_fd();
            match recvmmsg(
                fd,
                arriving,
                batch[..wanted].iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            ) {
                Ok(packets) => {
                    for packet in packets {
                        received.packets += 1;
                        if let Some(source) = source_of(&packet) {
                            each(source, packet.iovs().next().unwrap_or(&[]), outbox);
                        }
                    }
                    received.more = received.packets == wanted;
                }
                Err(Errno::EAGAIN) => {}
                Err(Errno::EINTR) => received.more = true,
                Err(_) => failed = true,
            }
            if received.more || failed {
                Ok(())
            } else {
                Err(io::Error::from(ErrorKind::WouldBlock))
            }
        };
        if std::mem::take(read_again) {
            // The outcome is in `received`; readiness stays as it is, which at worst costs one more call.
            let _readiness = attempt(socket.get_ref());
        } else {
            let _readiness = socket.try_io(Interest::READABLE, attempt);
        }
        if failed {
            received.more = self.take_failures(&mut outbox.ledger);
        }
        received
    }

    /// Sends the pile with as few system calls as possible. What a full socket does not take stays, in order.
    pub(crate) fn send(&mut self, pile: &mut Pile<SocketAddr>, ledger: &mut Ledger) {
        let mut sent = 0;
        let mut retried = None;
        while sent < pile.len() {
            match self.send_batch(pile, sent) {
                Ok(count) => {
                    for (_, message) in pile.iter_from(sent).take(count) {
                        ledger.stats.datagrams_out += 1;
                        ledger.stats.datagram_bytes_out += message.len() as u64;
                    }
                    sent += count;
                }
                Err(error) if is_full(&error) => break,
                // The error may belong to an earlier packet whose failure the network has reported since: take
                // the reports, then try once more.
                Err(_) if retried != Some(sent) => {
                    self.take_failures(ledger);
                    retried = Some(sent);
                }
                Err(_) => {
                    if let Some((remote, _)) = pile.iter_from(sent).next() {
                        ledger.stats.datagrams_failed += 1;
                        ledger.report(Report::SendFailed(self.flow(*remote)));
                    }
                    sent += 1;
                }
            }
        }
        pile.forget(sent);
    }

    fn send_batch(&mut self, pile: &Pile<SocketAddr>, first: usize) -> io::Result<usize> {
        let socket = self.socket.get_ref();
        if pile.len() - first == 1
            && let Some((remote, message)) = pile.iter_from(first).next()
        {
            return socket.send_to(message, remote).map(|_bytes| 1);
        }
        self.addresses.clear();
        self.addresses.extend(
            pile.iter_from(first)
                .take(BATCH)
                .map(|(remote, _)| SocketAddrAny::from(*remote)),
        );
        let mut messages = pile.iter_from(first);
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            [IoSlice::new(
                messages.next().map_or(&[][..], |(_, message)| message),
            )]
        });
        let mut controls: [SendAncillaryBuffer<'_, '_, '_>; BATCH] =
            std::array::from_fn(|_| SendAncillaryBuffer::default());
        let mut number = 0..BATCH;
        let mut headers = controls.each_mut().map(|control| {
            let n = number.next().unwrap_or(BATCH - 1);
            match self.addresses.get(n) {
                Some(address) => MMsgHdr::new_with_addr(address, &slices[n], control),
                // Beyond the end of the batch, never sent.
                None => MMsgHdr::new(&slices[n], control),
            }
        });
        let count = self.addresses.len();
        Ok(sendmmsg(socket, &mut headers[..count], SendFlags::empty())?)
    }

    /// Takes what the network reported about packets that left (ICMP, RFC 1122 §4.1.3.3); says whether there was
    /// anything. A forged report costs its sender little, so callers treat it as a hint about one destination.
    pub(crate) fn take_failures(&mut self, ledger: &mut Ledger) -> bool {
        self.read_again = true;
        let mut any = false;
        for _ in 0..FAILURES_PER_TURN {
            let mut quoted = [0; 64];
            let mut slices = [IoSliceMut::new(&mut quoted)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let fd = self.socket.as_raw_fd();
            let Ok(report) = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut self.control), flags)
            else {
                break;
            };
            any = true;
            if let Some(remote) = source_of(&report)
                && undeliverable(&report)
            {
                ledger.stats.datagrams_failed += 1;
                ledger.report(Report::SendFailed(self.flow(remote)));
            }
        }
        any
    }

    /// The flow of packets between this socket and `remote`.
    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Udp,
            shard: self.shard,
            listener: self.listener,
            connection: 0,
            remote,
        }
    }
}

/// Whether a packet is only there to keep a NAT binding open: nothing but line ends and zeros.
pub(crate) fn is_keepalive(packet: &[u8]) -> bool {
    packet.len() <= KEEPALIVE_BYTES_MAX && packet.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

fn source_of(packet: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<SocketAddr> {
    let address = packet.address?;
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into())
}

/// Whether a socket, or the device below it, takes no more for the moment.
fn is_full(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(Errno::ENOBUFS as i32)
}

/// Whether a report says that a packet did not arrive, rather than that a smaller one would have.
fn undeliverable(report: &RecvMsg<'_, '_, SockaddrStorage>) -> bool {
    let Ok(controls) = report.cmsgs() else {
        return false;
    };
    for control in controls {
        if let ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) =
            control
        {
            let from_network = matches!(
                error.ee_origin,
                libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6
            );
            return from_network && error.ee_errno != libc::EMSGSIZE as u32;
        }
    }
    false
}

/// Packets per system call.
pub(crate) const BATCH: usize = 32;
/// The largest UDP payload is 65,507 bytes (IPv4), so no packet is ever cut.
const SLOT_BYTES: usize = 65_535;
/// Slots begin in different cache sets: not a multiple of the page size.
const SLOT_STRIDE: usize = 65_536 + 320;
const KEEPALIVE_BYTES_MAX: usize = 8;
const FAILURES_PER_TURN: usize = 64;
