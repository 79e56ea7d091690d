//! A proxy in front of a server that is not ours, so that it misbehaves on demand.

use crate::authority::Authority;
use crate::serve::{Served, serve};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use reqwest::Client;

/// Passes every request on to `upstream` (`http://host:port`) and its answer back.
pub async fn in_front_of(upstream: &str, authority: Option<&Authority>) -> Served {
    let state = (upstream.to_owned(), Client::new());
    let router = Router::new().fallback(pass_on).with_state(state);
    serve(router, authority).await
}

pub(crate) async fn pass_on(
    State((upstream, client)): State<(String, Client)>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = head.headers;
    // It is the proxy's own message from here on.
    headers.remove("content-length");
    let asked = client
        .request(head.method, format!("{upstream}{path}"))
        .headers(headers)
        .body(body);
    let Ok(answer) = asked.send().await else {
        let mut away = Response::new(Body::empty());
        *away.status_mut() = StatusCode::BAD_GATEWAY;
        return away;
    };
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" {
            response = response.header(name, value);
        }
    }
    let body = answer.bytes().await.unwrap();
    response.body(Body::from(body)).unwrap()
}
