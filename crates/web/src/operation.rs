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
    /// Everybody: no key is asked for.
    Public,
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
            Self::Public | Self::Key => &[],
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
    /// What it does, in a line.
    pub summary: &'static str,
    /// What else is to be known.
    pub details: &'static str,
    /// Whether a repeat with the same `Idempotency-Key` is answered with the first answer.
    pub is_repeatable: bool,
    /// Whether it can be refused for how things are, though nothing is wrong with the request (409).
    pub can_conflict: bool,
    pub door: Door,
    shape: fn(&mut SchemaGenerator, &mut SchemaGenerator) -> Shape,
    route: MethodRouter<Web>,
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

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident: $method:ident;)+) => {
        $(
            $(#[$doc])*
            pub fn $name<H, M, I, O>(mut self, id: &'static str, access: Access, handler: H, summary: &'static str) -> Self
            where
                H: Handler<M, Web> + Described<I, O>,
                M: 'static,
            {
                self.operations.push(Operation {
                    is_repeatable: matches!(Method::$method, Method::POST | Method::PATCH),
                    can_conflict: Method::$method != Method::GET,
                    method: Method::$method,
                    path: self.path,
                    id,
                    tag: self.tag,
                    summary,
                    details: "",
                    door: Door { access, has_query: H::HAS_QUERY },
                    shape: H::shape,
                    route: on(MethodFilter::$method, handler),
                });
                self
            }
        )+
    };
}

impl At {
    methods! {
        /// Reads.
        get: GET;
        /// Makes or does something.
        post: POST;
        /// Puts something in the place of what was there.
        put: PUT;
        /// Changes a part.
        patch: PATCH;
        /// Ends or removes.
        delete: DELETE;
    }

    /// What else is to be known of the operation that was named last.
    pub fn with(mut self, details: &'static str) -> Self {
        self.operations.last_mut().into_iter().for_each(|last| last.details = details);
        self
    }

    /// The operation that was named last reads what there may not be, such as a price (409).
    pub fn can_conflict(mut self) -> Self {
        self.operations.last_mut().into_iter().for_each(|last| last.can_conflict = true);
        self
    }

    /// The operation that was named last is not repeated by its `Idempotency-Key`: it is a question that is asked by POST, or
    /// its answer has a secret in it, which is kept nowhere.
    pub fn not_repeatable(mut self) -> Self {
        self.operations.last_mut().into_iter().for_each(|last| last.is_repeatable = false);
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
            let mut route = operation.route;
            if operation.is_repeatable {
                route = route.layer(from_fn_with_state(web.clone(), idempotency::once));
            }
            router = router.route(operation.path, route.layer(Extension(operation.door)));
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
