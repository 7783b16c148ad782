//! GET /openapi.json: the interface as its routes describe themselves.

use axum::Json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Info, OpenApi, Paths, Ref, RefOr, Response};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::envelope::Envelope;
use super::router::{Route, routes};
use super::{Access, App};
use crate::settings::VERSION;

const TOKEN: &str = "token";
const SIGNATURE: &str = "signature";

/// This document.
#[utoipa::path(get, path = "/openapi.json", responses(
    (status = 200, description = "an OpenAPI document", body = Object, content_type = "application/json"),
))]
pub(super) async fn serve() -> Json<OpenApi> {
    // made anew each time: it is rarely asked for, and would cost memory in between
    Json(document())
}

/// The description of the interface.
#[must_use]
pub fn document() -> OpenApi {
    let mut info = Info::new("deployd", VERSION);
    info.description = Some("Every git push builds and runs the project.".into());
    let mut openapi = OpenApi::new(info, Paths::new());
    openapi.components = Some(components());
    let mut router = OpenApiRouter::with_openapi(openapi);
    for Route { access, handler } in routes() {
        router = router.routes(describe(access, handler));
    }
    router.into_openapi()
}

fn components() -> Components {
    let mut components = Components::new();
    components.schemas.insert(Envelope::name().into_owned(), Envelope::schema());
    components.add_security_scheme(TOKEN, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let header = ApiKeyValue::with_description("X-Hub-Signature-256", "or the equivalent of another git host");
    components.add_security_scheme(SIGNATURE, SecurityScheme::ApiKey(ApiKey::Header(header)));
    components
}

/// Adds to the operations of a route what follows from its access level, and that answers come in the envelope.
fn describe(access: Access, (schemas, mut paths, handler): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    for operation in paths.paths.values_mut().flat_map(operations) {
        operation.security = match access {
            Access::Anyone => Some(Vec::new()),
            Access::Signed => Some(vec![SecurityRequirement::new(SIGNATURE, [""; 0])]),
            Access::User | Access::Admin => Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]),
        };
        operation.extensions.get_or_insert_default().merge(Extensions::from_iter([("x-access", access.word())]));
        let answers = &mut operation.responses.responses;
        if access != Access::Anyone {
            let refused = || RefOr::T(Response::new("the token or the signature is missing or not valid"));
            answers.entry("401".into()).or_insert_with(refused);
        }
        if access == Access::Admin {
            answers.entry("403".into()).or_insert_with(|| RefOr::T(Response::new("the token is not an admin's")));
        }
        for answer in answers.values_mut() {
            if let RefOr::T(answer) = answer
                && answer.content.is_empty()
            {
                let envelope = ContentBuilder::new().schema(Some(Ref::from_schema_name(Envelope::name()))).build();
                answer.content.insert("application/json".into(), RefOr::T(envelope));
            }
        }
    }
    (schemas, paths, handler)
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = path;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}
