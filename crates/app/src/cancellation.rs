//! Ending a service: at once, or at the end of what is billed; and taking that back.

use perennial_billing::{CancellationId, ServiceId, ServiceStatus};
use perennial_store::cancellations::{self, Cancellation, CancellationState, CancellationTiming};
use perennial_store::ids::{self, IdKind};
use perennial_store::services::{self, Service};

use crate::error::{check_text, refuse};
use crate::service::{hold, locked, visible};
use crate::{App, AppError, Caller, Problem, Result};

/// Characters of a customer's own words at most.
const MAX_OTHER_REASON_CHARACTERS: usize = 500;

/// A wish to end a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// When.
    pub timing: CancellationTiming,
    /// Why, as chosen from a list; may be empty.
    pub reason: String,
    /// Why, in the customer's own words; may be empty.
    pub other_reason: String,
}

/// A cancellation that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// The cancellation.
    pub cancellation: Cancellation,
    /// Whether it was there before.
    pub existed: bool,
}

impl App {
    /// Cancels a service. At the end of the period it stays as it is until then: the run renews it no more, and ends it on
    /// the first day that is not billed. An invoice that is open stays; a later one is not issued. Asking again changes
    /// nothing.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's; [`AppError::Conflict`] for one that has ended;
    /// [`AppError::Invalid`] for a reason that is too long.
    pub async fn cancel_service(&self, caller: &Caller, id: ServiceId, request: CancelRequest) -> Result<Cancelled> {
        let mut problems = Vec::new();
        check_text(&mut problems, "reason", &request.reason, false);
        if request.other_reason.chars().count() > MAX_OTHER_REASON_CHARACTERS {
            let reason = format!("is longer than {MAX_OTHER_REASON_CHARACTERS} characters");
            problems.push(Problem::new("otherReason", reason));
        }
        refuse(problems)?;
        let today = self.today(caller.seller).await?;
        let mut tx = self.store.begin().await?;
        let mut service = locked(&mut tx, caller, id).await?;
        let has_ended =
            matches!(service.status, ServiceStatus::Cancelled | ServiceStatus::Terminated | ServiceStatus::Fraud);
        if has_ended {
            return Err(AppError::Conflict(format!("Service is {} already", service.status)));
        }
        let pending = cancellations::last(&mut tx, caller.seller, id).await?;
        let pending = pending.filter(|last| last.state == CancellationState::Pending);
        if let Some(cancellation) = pending {
            if request.timing == CancellationTiming::EndOfPeriod {
                return Ok(Cancelled { cancellation, existed: true });
            }
            cancellations::revoke(&mut tx, caller.seller, id).await?;
        }
        let ends_on = match request.timing {
            CancellationTiming::Immediate => today,
            CancellationTiming::EndOfPeriod => service.billed_through.map_or(today, |day| day.max(today)),
        };
        let is_over = ends_on <= today;
        let cancellation = Cancellation {
            id: CancellationId(ids::take(&mut tx, IdKind::Cancellation, 1).await?[0]),
            service: id,
            timing: request.timing,
            reason: request.reason,
            other_reason: request.other_reason,
            actor: caller.actor.to_string(),
            requested_at: self.clock.now(),
            ends_on,
            state: if is_over { CancellationState::Done } else { CancellationState::Pending },
        };
        cancellations::insert(&mut tx, caller.seller, &cancellation).await?;
        service.ends_on = Some(ends_on).filter(|_| !is_over);
        if is_over {
            service.status = ServiceStatus::Cancelled;
        }
        services::upsert(&mut tx, caller.seller, &[service]).await?;
        self.note(&mut tx, caller.seller, caller, "service.cancelled", "service", id.0).await?;
        tx.commit().await?;
        Ok(Cancelled { cancellation, existed: false })
    }

    /// Takes a pending cancellation back: the service is renewed again.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's; [`AppError::Conflict`] when nothing is pending.
    pub async fn keep_service(&self, caller: &Caller, id: ServiceId) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let mut service = locked(&mut tx, caller, id).await?;
        if !cancellations::revoke(&mut tx, caller.seller, id).await? {
            return Err(AppError::Conflict("No cancellation of this service is pending".to_owned()));
        }
        service.ends_on = None;
        services::upsert(&mut tx, caller.seller, &[service]).await?;
        self.note(&mut tx, caller.seller, caller, "service.kept", "service", id.0).await?;
        Ok(tx.commit().await?)
    }

    /// Whether the run renews a service by itself.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's; [`AppError::Changed`] when it is not of the
    /// expected version any more.
    pub async fn set_auto_renew(
        &self,
        caller: &Caller,
        id: ServiceId,
        is_on: bool,
        expected: Option<i64>,
    ) -> Result<Service> {
        let mut tx = self.store.begin().await?;
        let mut service = locked(&mut tx, caller, id).await?;
        hold(&mut tx, caller.seller, id, expected).await?;
        if service.auto_renew != is_on {
            service.auto_renew = is_on;
            services::upsert(&mut tx, caller.seller, std::slice::from_ref(&service)).await?;
            let action = if is_on { "service.auto_renew_on" } else { "service.auto_renew_off" };
            self.note(&mut tx, caller.seller, caller, action, "service", id.0).await?;
            tx.commit().await?;
        }
        Ok(service)
    }

    /// The service, with the last cancellation there was.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for an unknown service or another customer's.
    pub async fn service_of(&self, caller: &Caller, id: ServiceId) -> Result<(Service, Option<Cancellation>)> {
        let mut conn = self.store.read().await?;
        let service = visible(&mut conn, caller, id).await?;
        let cancellation = cancellations::last(&mut conn, caller.seller, id).await?;
        Ok((service, cancellation))
    }
}
