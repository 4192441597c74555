//! SIP messages as text: a reader of our own, so that the switch's is not asked whether it is right.

/// A message as it came.
#[derive(Clone)]
pub(crate) struct Message {
    text: String,
}

impl Message {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self {
            text: String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The request line or status line.
    pub(crate) fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The status of a response; absent for a request.
    pub(crate) fn status(&self) -> Option<u16> {
        self.first_line()
            .strip_prefix("SIP/2.0 ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    }

    /// The method of a request, or of the request that a response answers.
    pub(crate) fn method(&self) -> &str {
        match self.status() {
            Some(_) => self.header("CSeq").rsplit(' ').next().unwrap_or_default(),
            None => self.first_line().split(' ').next().unwrap_or_default(),
        }
    }

    /// The number in CSeq.
    pub(crate) fn cseq(&self) -> u32 {
        let number = self.header("CSeq").split(' ').next();
        number.and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// The first header of a name; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers(name).next().unwrap_or_default()
    }

    /// All headers of a name.
    pub(crate) fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.head().lines().skip(1).filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The tag in To.
    pub(crate) fn to_tag(&self) -> &str {
        tag(self.header("To"))
    }

    /// The URI in Contact.
    pub(crate) fn contact(&self) -> &str {
        let contact = self.header("Contact");
        contact
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map_or(contact, |(uri, _)| uri)
    }

    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// Address and port of the audio that the body describes.
    pub(crate) fn audio(&self) -> Option<std::net::SocketAddr> {
        let line = |start| self.body().lines().find_map(|line| line.strip_prefix(start));
        let ip = line("c=IN IP4 ")?.parse().ok()?;
        let port = line("m=audio ")?.split(' ').next()?.parse().ok()?;
        Some(std::net::SocketAddr::new(ip, port))
    }

    fn head(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or(&self.text, |(head, _)| head)
    }
}

/// The tag parameter of a From or To.
pub(crate) fn tag(party: &str) -> &str {
    party
        .split_once(";tag=")
        .map_or("", |(_, rest)| rest.split(';').next().unwrap_or_default())
}
