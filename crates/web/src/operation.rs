//! Operations: a route, who may call it and what it is for, in one place. The router, the document that describes it
//! (OpenAPI) and the test of who sees what are all made from the same list.

use std::future::Future;

use axum::Router;
use axum::extract::Extension;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use perennial_app::Scope;
use schemars::SchemaGenerator;

use crate::describe::{Described, Shape};
use crate::{ApiError, Web, idempotency};

/// Who may call an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Every key.
    Key,
    /// Keys with one of these scopes; a customer's own see what is that customer's.
    Scoped(&'static [Scope]),
    /// Keys of staff with one of these scopes.
    Staff(&'static [Scope]),
}

impl Access {
    /// The scopes of which one is enough.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Key => &[],
            Self::Scoped(scopes) | Self::Staff(scopes) => scopes,
        }
    }
}

/// What stands at the door of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    pub access: Access,
    /// Whether it has parameters in the query string. Where it has none, v2 refuses any.
    pub has_query: bool,
}

/// One operation.
pub(crate) struct Operation {
    pub method: Method,
    pub path: &'static str,
    /// Its name in documents and generated clients.
    pub id: &'static str,
    /// The heading under which it is found.
    pub tag: &'static str,
    pub access: Access,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What else is to be known.
    pub details: &'static str,
    /// Whether a repeat with the same `Idempotency-Key` is answered with the first answer.
    pub is_repeatable: bool,
    shape: fn(&mut SchemaGenerator, &mut SchemaGenerator) -> Shape,
    door: Door,
    route: Option<MethodRouter<Web>>,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Operation {
    /// What it takes and answers, with the schemas of what goes in and of what comes out.
    pub fn shape(&self, taken: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Shape {
        (self.shape)(taken, answered)
    }

    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        self.method != Method::GET
    }

    /// What else is to be known.
    pub fn with(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    /// A question that is asked by POST: nothing is written, so there is nothing to repeat.
    pub fn only_reads(mut self) -> Self {
        self.is_repeatable = false;
        self
    }

    /// Its answer has a secret in it, which is kept nowhere: a repeat is not answered with it.
    pub fn told_once(mut self) -> Self {
        self.is_repeatable = false;
        self
    }
}

/// Operations at the same path, under the same heading.
pub(crate) struct At {
    path: &'static str,
    tag: &'static str,
    operations: Vec<Operation>,
}

/// Operations that are at this path.
pub(crate) fn at(tag: &'static str, path: &'static str) -> At {
    At { path, tag, operations: Vec::new() }
}

impl At {
    /// Reads.
    pub fn get<H, M, I, O>(self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        self.on(Method::GET, MethodFilter::GET, id, access, handler, summary)
    }

    /// Makes or does something.
    pub fn post<H, M, I, O>(self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        self.on(Method::POST, MethodFilter::POST, id, access, handler, summary)
    }

    /// Puts something in the place of what was there.
    pub fn put<H, M, I, O>(self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        self.on(Method::PUT, MethodFilter::PUT, id, access, handler, summary)
    }

    /// Changes a part.
    pub fn patch<H, M, I, O>(self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        self.on(Method::PATCH, MethodFilter::PATCH, id, access, handler, summary)
    }

    /// Ends or removes.
    pub fn delete<H, M, I, O>(self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        self.on(Method::DELETE, MethodFilter::DELETE, id, access, handler, summary)
    }

    fn on<H, M, I, O>(
        mut self,
        method: Method,
        filter: MethodFilter,
        id: &'static str,
        access: Access,
        handler: H,
        summary: &'static str,
    ) -> Self
    where
        H: Handler<M, Web> + Described<I, O>,
        M: 'static,
    {
        let door = Door { access, has_query: H::HAS_QUERY };
        self.operations.push(Operation {
            is_repeatable: matches!(method, Method::POST | Method::PATCH),
            method,
            path: self.path,
            id,
            tag: self.tag,
            access,
            summary,
            details: "",
            shape: |taken, answered| H::shape(taken, answered),
            door,
            route: Some(on(filter, handler)),
        });
        self
    }

    /// What else is to be known of the operation that was named last.
    pub fn with(mut self, details: &'static str) -> Self {
        if let Some(last) = self.operations.pop() {
            self.operations.push(last.with(details));
        }
        self
    }

    /// The operation that was named last is a question, though it is asked by POST.
    pub fn only_reads(mut self) -> Self {
        if let Some(last) = self.operations.pop() {
            self.operations.push(last.only_reads());
        }
        self
    }

    /// The answer of the operation that was named last has a secret in it, which is kept nowhere.
    pub fn told_once(mut self) -> Self {
        if let Some(last) = self.operations.pop() {
            self.operations.push(last.told_once());
        }
        self
    }
}

/// Every operation.
#[derive(Debug, Default)]
pub(crate) struct Operations(pub Vec<Operation>);

impl FromIterator<At> for Operations {
    fn from_iter<I: IntoIterator<Item = At>>(places: I) -> Self {
        Self(places.into_iter().flat_map(|at| at.operations).collect())
    }
}

impl Operations {
    /// The routes to them.
    pub fn router(self, web: &Web) -> Router<Web> {
        let mut router = Router::new();
        for operation in self.0 {
            if let Some(mut route) = operation.route {
                if operation.is_repeatable {
                    route = route.layer(from_fn_with_state(web.clone(), idempotency::once));
                }
                router = router.route(operation.path, route.layer(Extension(operation.door)));
            }
        }
        router
    }
}

/// What a handler's future answers with.
pub(crate) trait Answering: Future<Output = Result<Self::Answer, ApiError>> {
    /// What it is when all is well.
    type Answer;
}

impl<F: Future<Output = Result<O, ApiError>>, O> Answering for F {
    type Answer = O;
}
