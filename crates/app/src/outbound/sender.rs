//! The node's work on the outbox: claim, make, send, write down.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use perennial_billing::{CustomerId, OutboxId, SellerId};
use perennial_store::deliveries::{self, Delivery, DeliveryOutcome};
use perennial_store::outbox::{self, Mail, MailState, Tried};
use perennial_store::{StoreError, sellers};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::backoff::{MAX_MAIL_ATTEMPTS, Pace, next_attempt};
use super::letter::{MadeMail, NoMail, address};
use super::relay::{Link, Verdict};
use super::{CLAIM_MAILS, MAX_MAIL_DELAY, Mailer, NO_DOMAIN, RELAY_IDLE_TIME};
use crate::{App, Result, Stop};

/// What tries came to that is written together at most.
const MAX_RECORDED_TOGETHER: usize = 200;
/// How long it is waited before something is written again that could not be.
const RECORD_PAUSE: Duration = Duration::from_secs(1);
/// How long a server is waited for that is taken leave of.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long mails that are on their way are waited for when it is time to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How often in a lease it is told again that a node holds what it has claimed.
const HOLDS_A_LEASE: u32 = 4;

/// One node's work on the outbox.
#[derive(Clone)]
pub(super) struct Sender {
    app: App,
    mailer: Arc<Mailer>,
    pace: Arc<Pace>,
    /// Mails that are claimed and not settled.
    claimed: Arc<AtomicUsize>,
}

/// What is to be written down.
enum Note {
    /// A try, and who waits for it to be written: no connection sends another mail before that, so that one that dies leaves
    /// one mail at most of which nobody knows.
    Tried(Tried, oneshot::Sender<()>),
    /// A mail that others may take again.
    Released(SellerId, OutboxId),
}

/// What became of a mail.
enum Sent {
    /// It is settled.
    Settled,
    /// It waits, and with it what else there is for this customer.
    PutOff,
    /// Nothing: the mail server or the database is away, or it is time to stop.
    NotTried,
}

impl Sender {
    pub fn new(app: App, mailer: Arc<Mailer>) -> Self {
        let pace = Arc::new(Pace::new(mailer.per_minute));
        Self { app, mailer, pace, claimed: Arc::default() }
    }

    /// Works until it is time to stop.
    pub async fn run(self, stop: Stop) {
        let node = match self.app.random.bytes::<8>() {
            Ok(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            Err(error) => {
                tracing::error!(%error, "no mail is sent: {error}");
                return;
            }
        };
        let connections = usize::from(self.mailer.connections);
        // Few wait here: what is claimed and far from being sent is better left to others.
        let (give, take) = mpsc::channel::<Vec<Mail>>(connections);
        let take = Arc::new(Mutex::new(take));
        let (note, notes) = mpsc::unbounded_channel();
        let (held, until) = watch::channel(Instant::now());
        let recorder = tokio::spawn(self.clone().record(node.clone(), notes));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            workers.spawn(self.clone().work(Arc::clone(&take), note.clone(), until.clone(), stop.clone()));
        }
        let holder = tokio::spawn(self.clone().hold(node.clone(), held.clone()));
        self.claim_all(&node, &give, &note, &held, stop).await;
        drop(give);
        let deadline = Instant::now() + STOP_PATIENCE;
        loop {
            match timeout_at(deadline, workers.join_next()).await {
                Ok(None) => break,
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => tracing::error!(%error, "a mail worker was lost: {error}"),
                Err(_) => {
                    tracing::warn!("the mail server is too slow to wait for: its last mails may be sent again");
                    workers.shutdown().await;
                }
            }
        }
        // What was claimed and given to nobody.
        let mut left = take.lock().await;
        while let Some(mails) = left.recv().await {
            release(&note, &mails);
        }
        holder.abort();
        drop(note);
        let _ = recorder.await;
    }

    /// Claims what is due, again and again, and hands it out.
    async fn claim_all(
        &self,
        node: &str,
        give: &mpsc::Sender<Vec<Mail>>,
        note: &mpsc::UnboundedSender<Note>,
        held: &watch::Sender<Instant>,
        mut stop: Stop,
    ) {
        loop {
            if *stop.borrow() {
                return;
            }
            let mut idle_until = Instant::now() + self.mailer.times.poll;
            if let Some(rests_until) = self.mailer.rest.until() {
                idle_until = rests_until;
            } else {
                let claimed = self.claim(node, held).await;
                let groups = claimed.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the outbox cannot be read: {error}");
                    Vec::new()
                });
                let is_idle = groups.is_empty();
                for group in groups {
                    // They leave together with the program, or not at all.
                    if let Err(unsent) = give.send(group).await {
                        release(note, &unsent.0);
                    }
                }
                if !is_idle {
                    continue;
                }
            }
            let told = stop.wait_for(|stop| *stop);
            tokio::select! {
                _ = told => return,
                () = sleep_until(idle_until) => {}
            }
        }
    }

    /// Claims mails and gives them their `Message-ID`s, those of a customer together.
    async fn claim(&self, node: &str, held: &watch::Sender<Instant>) -> Result<Vec<Vec<Mail>>> {
        // The lease is counted from before it is taken.
        let until = Instant::now() + self.mailer.times.lease;
        let now = self.app.clock.now();
        let mut tx = self.app.store.begin().await?;
        let mut mails = outbox::claim(&mut tx, node, now, later(now, self.mailer.times.lease), CLAIM_MAILS).await?;
        if mails.is_empty() {
            return Ok(Vec::new());
        }
        let mut domains: HashMap<SellerId, String> = HashMap::new();
        for mail in mails.iter_mut().filter(|mail| mail.message_id.is_empty()) {
            let domain = match domains.get(&mail.seller) {
                Some(known) => known.clone(),
                None => {
                    let seller = sellers::get(&mut tx, mail.seller).await?;
                    let domain = domain(seller.map(|seller| seller.party.email).unwrap_or_default().as_str());
                    domains.insert(mail.seller, domain.clone());
                    domain
                }
            };
            let queued = mail.created_at.as_microsecond();
            mail.message_id = format!("<{}.{}.{queued:x}@{domain}>", mail.id, mail.seller);
        }
        // What it holds already is held as long as what it has just taken.
        outbox::hold(&mut tx, node, later(now, self.mailer.times.lease)).await?;
        outbox::name_messages(&mut tx, &mails.iter().collect::<Vec<_>>()).await?;
        tx.commit().await?;
        self.claimed.fetch_add(mails.len(), Ordering::Relaxed);
        held.send_modify(|held| *held = (*held).max(until));
        let mut order: Vec<(SellerId, CustomerId)> = Vec::new();
        let mut groups: HashMap<(SellerId, CustomerId), Vec<Mail>> = HashMap::new();
        for mail in mails {
            let customer = (mail.seller, mail.customer);
            let group = groups.entry(customer).or_default();
            if group.is_empty() {
                order.push(customer);
            }
            group.push(mail);
        }
        Ok(order
            .into_iter()
            .filter_map(|customer| groups.remove(&customer))
            .map(|mut group| {
                group.sort_by_key(|mail| mail.id.0);
                group
            })
            .collect())
    }

    /// Says again and again that this node holds what it has claimed.
    async fn hold(self, node: String, held: watch::Sender<Instant>) {
        let lease = self.mailer.times.lease;
        loop {
            sleep(lease / HOLDS_A_LEASE).await;
            if self.claimed.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let until = Instant::now() + lease;
            let now = self.app.clock.now();
            let written = async {
                let mut tx = self.app.store.begin().await?;
                outbox::hold(&mut tx, &node, later(now, lease)).await?;
                tx.commit().await
            };
            match written.await {
                Ok(()) => {
                    held.send_replace(until);
                }
                Err(error) => tracing::warn!(%error, "the outbox cannot be held: {error}"),
            }
        }
    }

    /// Sends what it is given through a conversation of its own.
    async fn work(
        self,
        take: Arc<Mutex<mpsc::Receiver<Vec<Mail>>>>,
        note: mpsc::UnboundedSender<Note>,
        held: watch::Receiver<Instant>,
        mut stop: Stop,
    ) {
        let mut link: Option<Link> = None;
        loop {
            let next = async { take.lock().await.recv().await };
            let group = match timeout(RELAY_IDLE_TIME, next).await {
                Ok(Some(group)) => group,
                Ok(None) => break,
                Err(_) => {
                    if let Some(idle) = link.take() {
                        idle.close(FAREWELL).await;
                    }
                    continue;
                }
            };
            let mut mails = group.into_iter();
            while let Some(mail) = mails.next() {
                // One that another node may have taken by now is not touched any more.
                let is_ours = *held.borrow() > Instant::now() + self.mailer.times.lease / HOLDS_A_LEASE;
                let sent = if *stop.borrow() || !is_ours || self.mailer.rest.until().is_some() {
                    Sent::NotTried
                } else {
                    self.send(&mut link, &mail, &note, &mut stop).await
                };
                match sent {
                    Sent::Settled => {}
                    Sent::PutOff => release(&note, mails.as_slice()),
                    Sent::NotTried => {
                        release(&note, std::slice::from_ref(&mail));
                        release(&note, mails.as_slice());
                    }
                }
                if !matches!(sent, Sent::Settled) {
                    break;
                }
            }
        }
        if let Some(link) = link {
            link.close(FAREWELL).await;
        }
    }

    /// Sends one mail.
    async fn send(
        &self,
        link: &mut Option<Link>,
        mail: &Mail,
        note: &mpsc::UnboundedSender<Note>,
        stop: &mut Stop,
    ) -> Sent {
        let now = self.app.clock.now();
        let is_untried = mail.attempts == mail.attempts_before;
        let waited = now.duration_since(mail.next_attempt_at);
        if is_untried && waited > MAX_MAIL_DELAY {
            let days = waited.as_hours() / 24;
            let reason = format!(
                "waited for {days} days: look whether it is still true, then `perennial outbox retry {}`",
                mail.id
            );
            return self.settled(note, mail, MailState::Failed, reason).await;
        }
        let made = match self.make(mail).await {
            Ok(made) => made,
            Err(NoMail::CalledOff(reason)) => {
                return self.settled(note, mail, MailState::CalledOff, reason.to_owned()).await;
            }
            Err(NoMail::Impossible(reason)) => return self.settled(note, mail, MailState::Failed, reason).await,
            Err(NoMail::Failed(error)) => {
                tracing::warn!(%error, "mail {} cannot be made now: {error}", mail.id);
                sleep(self.mailer.times.poll).await;
                return Sent::NotTried;
            }
        };
        let known = async { deliveries::of_mails(&mut self.app.store.read().await?, mail.seller, &[mail.id]).await };
        let known = match known.await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "mail {} cannot be sent now: {error}", mail.id);
                sleep(self.mailer.times.poll).await;
                return Sent::NotTried;
            }
        };
        let done = done(&known, mail.attempts_before);
        let pending: Vec<(&str, bool)> =
            made.recipients().into_iter().filter(|(email, _)| !done.contains_key(&email.to_lowercase())).collect();
        if pending.is_empty() {
            // Who was left to be asked is not among the customer's contacts any more.
            return match done.get(&made.to.to_lowercase()) {
                Some(DeliveryOutcome::Accepted) => self.settled(note, mail, MailState::Sent, String::new()).await,
                _ => self.settled(note, mail, MailState::Failed, mail.reason.clone()).await,
            };
        }
        tokio::select! {
            () = self.pace.turn() => {}
            _ = stop.wait_for(|stop| *stop) => return Sent::NotTried,
        }
        let verdicts = match self.hand_over(link, &made, &pending).await {
            Ok(verdicts) => verdicts,
            Err(reason) => {
                if let Some(rest) = self.mailer.rest.begin(&reason) {
                    tracing::error!("no mail is sent for {} s: {reason}", rest.as_secs());
                }
                return Sent::NotTried;
            }
        };
        if self.mailer.rest.reason().is_some() {
            tracing::info!("mail is sent again");
            self.mailer.rest.over();
        }
        let tried = self.judge(mail, &made, &done, &pending, verdicts);
        let state = tried.state;
        self.write_down(note, tried).await;
        if state == MailState::Queued { Sent::PutOff } else { Sent::Settled }
    }

    /// Waits until it is written down what became of a mail.
    async fn write_down(&self, note: &mpsc::UnboundedSender<Note>, tried: Tried) {
        let (written, done) = oneshot::channel();
        let _ = note.send(Note::Tried(tried, written));
        let _ = done.await;
    }

    /// Makes a mail, in a task of its own: one that cannot be set takes nothing down with it.
    async fn make(&self, mail: &Mail) -> std::result::Result<MadeMail, NoMail> {
        let (app, mailer, mail) = (self.app.clone(), Arc::clone(&self.mailer), mail.clone());
        let made = tokio::spawn(async move { app.make_mail(Some(&mailer), &mail).await });
        made.await.unwrap_or_else(|lost| Err(NoMail::Impossible(format!("making it failed: {lost}"))))
    }

    /// Hands a mail over; through a new conversation if the one there was had ended unnoticed.
    async fn hand_over(
        &self,
        link: &mut Option<Link>,
        made: &MadeMail,
        pending: &[(&str, bool)],
    ) -> std::result::Result<Vec<Verdict>, String> {
        let from = match address(&made.from) {
            Ok(from) => from,
            Err(reason) => return Ok(vec![Verdict::Refused(reason); pending.len()]),
        };
        // An address that is none is not asked about.
        let addresses: Vec<_> = pending.iter().map(|(email, _)| address(email)).collect();
        let asked: Vec<_> = addresses.iter().filter_map(|address| address.as_ref().ok().cloned()).collect();
        let mut answers = Vec::new().into_iter();
        while !asked.is_empty() {
            let mut open = match link.take() {
                Some(open) if open.is_good() => open,
                old => {
                    if let Some(old) = old {
                        old.close(FAREWELL).await;
                    }
                    self.mailer.relay.connect().await.map_err(|error| error.to_string())?
                }
            };
            match self.mailer.relay.hand_over(&mut open, &from, &asked, &made.bytes).await {
                Ok(verdicts) => {
                    *link = Some(open);
                    answers = verdicts.into_iter();
                    break;
                }
                Err(_) if open.is_used() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let judged = addresses.into_iter().map(|address| match address {
            Ok(_) => answers.next().unwrap_or_else(|| Verdict::Deferred("nothing was said".to_owned())),
            Err(reason) => Verdict::Refused(reason),
        });
        Ok(judged.collect())
    }

    /// What a try came to.
    fn judge(
        &self,
        mail: &Mail,
        made: &MadeMail,
        done: &HashMap<String, DeliveryOutcome>,
        pending: &[(&str, bool)],
        verdicts: Vec<Verdict>,
    ) -> Tried {
        let now = self.app.clock.now();
        let attempts = mail.attempts + 1;
        let mut deliveries = Vec::with_capacity(pending.len());
        let (mut put_off, mut refused) = (None, None);
        let mut has_main = done.get(&made.to.to_lowercase()) == Some(&DeliveryOutcome::Accepted);
        for ((email, is_copy), verdict) in pending.iter().zip(verdicts) {
            let (outcome, reply) = match verdict {
                Verdict::Accepted(reply) => (DeliveryOutcome::Accepted, reply),
                Verdict::Deferred(reply) => (DeliveryOutcome::Deferred, reply),
                Verdict::Refused(reply) => (DeliveryOutcome::Refused, reply),
            };
            match outcome {
                DeliveryOutcome::Accepted => has_main |= !is_copy,
                DeliveryOutcome::Deferred => put_off = put_off.or_else(|| Some(format!("{email}: {reply}"))),
                // Whom the mail is for comes first, and counts.
                _ => refused = refused.or_else(|| Some(format!("{email}: {reply}"))),
            }
            let (email, is_copy) = ((*email).to_owned(), *is_copy);
            deliveries.push(Delivery { mail: mail.id, attempt: attempts, email, is_copy, outcome, reply, at: now });
        }
        let again = match &put_off {
            Some(_) => next_attempt(attempts - mail.attempts_before, now, &self.app.random).unwrap_or_else(|error| {
                tracing::error!(%error, "mail {} is not spread: {error}", mail.id);
                Some(later(now, self.mailer.times.lease))
            }),
            None => None,
        };
        let (state, reason) = match (again, has_main) {
            (Some(_), _) => (MailState::Queued, put_off.unwrap_or_default()),
            (None, true) => (MailState::Sent, put_off.or(refused).unwrap_or_default()),
            (None, false) => {
                let why = match (refused, put_off) {
                    (Some(refused), _) => refused,
                    (None, put_off) => {
                        format!("not taken after {MAX_MAIL_ATTEMPTS} tries: {}", put_off.unwrap_or_default())
                    }
                };
                (MailState::Failed, why)
            }
        };
        match state {
            MailState::Failed => tracing::warn!("mail {} is given up: {reason}", mail.id),
            MailState::Queued => tracing::debug!("mail {} is put off: {reason}", mail.id),
            MailState::Sent | MailState::CalledOff => tracing::debug!("mail {} is sent", mail.id),
        }
        let next_attempt_at = again.unwrap_or(mail.next_attempt_at);
        Tried { seller: mail.seller, mail: mail.id, state, attempts, next_attempt_at, reason, deliveries }
    }

    /// A mail is over without a try.
    async fn settled(&self, note: &mpsc::UnboundedSender<Note>, mail: &Mail, state: MailState, reason: String) -> Sent {
        if state == MailState::Failed {
            tracing::warn!("mail {} is not sent: {reason}", mail.id);
        }
        let (seller, attempts, next_attempt_at) = (mail.seller, mail.attempts, mail.next_attempt_at);
        let deliveries = Vec::new();
        self.write_down(note, Tried { seller, mail: mail.id, state, attempts, next_attempt_at, reason, deliveries })
            .await;
        Sent::Settled
    }

    /// Writes down what became of mails: what comes while one write is under way is written together.
    async fn record(self, node: String, mut notes: mpsc::UnboundedReceiver<Note>) {
        let mut together = Vec::new();
        while notes.recv_many(&mut together, MAX_RECORDED_TOGETHER).await > 0 {
            let mut tried = Vec::new();
            let mut waiting = Vec::new();
            let mut released = Vec::new();
            for note in together.drain(..) {
                match note {
                    Note::Tried(one, written) => {
                        tried.push(one);
                        waiting.push(written);
                    }
                    Note::Released(seller, mail) => released.push((seller, mail)),
                }
            }
            let count = tried.len() + released.len();
            // What a server was told is not forgotten, however long the database is away.
            while let Err(error) = self.write(&node, &tried, &released).await {
                tracing::warn!(%error, "what became of {count} mails cannot be written down: {error}");
                sleep(RECORD_PAUSE).await;
            }
            self.claimed.fetch_sub(count, Ordering::Relaxed);
            for written in waiting {
                let _ = written.send(());
            }
        }
    }

    async fn write(
        &self,
        node: &str,
        tried: &[Tried],
        released: &[(SellerId, OutboxId)],
    ) -> std::result::Result<(), StoreError> {
        let mut tx = self.app.store.begin().await?;
        outbox::record(&mut tx, node, tried, self.app.clock.now()).await?;
        outbox::release(&mut tx, node, released).await?;
        tx.commit().await
    }
}

/// Lets others take mails that nothing was done with.
fn release(note: &mpsc::UnboundedSender<Note>, mails: &[Mail]) {
    for mail in mails {
        let _ = note.send(Note::Released(mail.seller, mail.id));
    }
}

/// Who has a mail already, and who refused it in this round: they are not asked again.
fn done(known: &[Delivery], attempts_before: i64) -> HashMap<String, DeliveryOutcome> {
    let came_back: HashSet<&str> = known
        .iter()
        .filter(|delivery| delivery.outcome == DeliveryOutcome::Bounced)
        .map(|delivery| delivery.email.as_str())
        .collect();
    known
        .iter()
        .filter(|delivery| match delivery.outcome {
            // What came back was not delivered: another round tries again.
            DeliveryOutcome::Accepted => {
                delivery.attempt > attempts_before || !came_back.contains(delivery.email.as_str())
            }
            DeliveryOutcome::Refused => delivery.attempt > attempts_before,
            DeliveryOutcome::Deferred | DeliveryOutcome::Bounced => false,
        })
        .map(|delivery| (delivery.email.to_lowercase(), delivery.outcome))
        .collect()
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(now)
}

/// What stands behind the `@`, for what is known all over the world by it.
fn domain(email: &str) -> String {
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if !domain.is_empty() && domain.chars().all(is_plain) { domain.to_ascii_lowercase() } else { NO_DOMAIN.to_owned() }
}
