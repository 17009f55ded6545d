//! A story that is written down while it is told: every call is known by its operation, and what was sent and answered becomes the
//! example of it.

use std::collections::BTreeMap;

use perennial_app::{WebhookConfig, WebhookSender};
use perennial_testkit::{Answer, Kind, Provider, TestReceiver, TestServer};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::layout::laid_out;

/// Where the provider is found from outside.
const PUBLIC_URL: &str = "https://billing.example.net";
/// How many characters a word may have: what is longer is a file in base64, and of that only the beginning is shown.
const MAX_WORD: usize = 1_000;
const WORD_SHOWN: usize = 12;
/// Fields that are measured and so are another number each time, and what is shown instead.
const MEASURED: [(&str, &str); 1] = [("milliseconds", "42")];
/// Fields with secrets, how those begin, and what is shown instead: what looks like a key in a document is taken for one.
const SECRETS: [(&str, &str, &str); 5] = [
    ("secret", "whsec_", "whsec_…"),
    ("secret", "pn_", "pn_…"),
    ("key", "pn_", "pn_…"),
    ("hint", "pn_", "pn_5f0c1e"),
    ("key_prefix", "pn_", "pn_5f0c1e"),
];

/// Norrsken Hosting, its server, and what was told so far.
pub struct Story {
    pub provider: Provider,
    /// Who takes the messages of its webhooks.
    pub receiver: TestReceiver,
    server: TestServer,
    document: Value,
    /// A key of staff that may do everything.
    staff: String,
    examples: BTreeMap<&'static str, String>,
    /// What is another word each time, and what is shown instead.
    hidden: Vec<(String, String)>,
}

/// One call.
pub struct Call<'a> {
    story: &'a mut Story,
    id: &'static str,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    key: String,
}

impl Story {
    pub async fn begin(kind: Kind) -> Self {
        let mut provider = Provider::new(kind).await;
        let own = WebhookConfig { private_networks: vec!["127.0.0.0/8".parse().unwrap()], ..WebhookConfig::default() };
        provider.app = provider.app.with_webhooks(WebhookSender::new(&own).unwrap());
        let receiver = TestReceiver::start().await;
        let server = TestServer::start_at(&provider, PUBLIC_URL).await;
        let document = Answer::to(server.request(Method::GET, "/api/openapi.json")).await.json;
        let staff = provider.key("admin", None).await;
        let hidden = vec![(receiver.url(), "https://panel.example.com/hooks".to_owned())];
        Self { provider, receiver, server, document, staff, examples: BTreeMap::new(), hidden }
    }

    /// A call of an operation, by staff.
    pub fn call(&mut self, id: &'static str) -> Call<'_> {
        let key = self.staff.clone();
        Call { story: self, id, path: Vec::new(), query: Vec::new(), headers: Vec::new(), body: None, key }
    }

    /// Shows a word instead of one that is another each time.
    pub fn hide(&mut self, word: &str, shown: &str) {
        self.hidden.push((word.to_owned(), shown.to_owned()));
    }

    /// The operations of the document without an example.
    pub fn untold(&self) -> Vec<&str> {
        operations(&self.document).map(|(id, ..)| id).filter(|id| !self.examples.contains_key(id)).collect()
    }

    /// All that was told, by operation.
    pub fn written(&self) -> String {
        let examples = self.examples.iter().map(|(id, example)| format!("{}:{example}", json!(id)));
        let text = format!("{{{}}}", examples.collect::<Vec<_>>().join(","));
        laid_out(&self.hidden.iter().fold(text, |text, (word, shown)| text.replace(word, shown)))
    }
}

/// Every operation of the document, by its name: its path, its method, and what is said of it.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, one)| (one["operationId"].as_str().unwrap(), &**path, &**method, one))
    })
}

impl<'a> Call<'a> {
    /// About this: what stands in the path, in order.
    pub fn of<const N: usize>(mut self, path: [&str; N]) -> Self {
        self.path = path.map(str::to_owned).to_vec();
        self
    }

    /// With this in the query string.
    pub fn with<const N: usize>(mut self, query: [(&'static str, &str); N]) -> Self {
        self.query = query.map(|(name, value)| (name, value.to_owned())).to_vec();
        self
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// By somebody else; by nobody who is known, if it is empty.
    pub fn by(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// It works, and is the example of its operation.
    pub async fn told(self) -> Answer {
        self.recorded(|status| (200..300).contains(&status)).await
    }

    /// It is refused: nothing else can happen yet. That is its example.
    pub async fn refused(self, with: u16) -> Answer {
        self.recorded(|status| status == with).await
    }

    /// It works, and goes without saying.
    pub async fn done(self) -> Answer {
        let (answer, ..) = self.send().await;
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text);
        answer
    }

    async fn recorded(self, is_right: impl Fn(u16) -> bool) -> Answer {
        let id = self.id;
        let (answer, request, story) = self.send().await;
        assert!(is_right(answer.status), "{id}: {} {}", answer.status, answer.text);
        let mut example = request;
        example.push(format!("\"status\":{}", answer.status));
        example.extend(shown(&answer).map(|text| format!("\"answer\":{text}")));
        let before = story.examples.insert(id, format!("{{{}}}", example.join(",")));
        assert!(before.is_none(), "{id} is told twice");
        answer
    }

    /// Sends it; tells what was sent as it is written down.
    async fn send(self) -> (Answer, Vec<String>, &'a mut Story) {
        let found = operations(&self.story.document).find(|(id, ..)| *id == self.id);
        let (_, path, method, operation) = found.unwrap_or_else(|| panic!("{} is no operation", self.id));
        let mut place = path.to_owned();
        let names: Vec<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(names.len(), self.path.len(), "{path}");
        for (name, value) in names.iter().zip(&self.path) {
            place = place.replace(&format!("{{{name}}}"), value);
        }
        for (nth, (name, value)) in self.query.iter().enumerate() {
            place.push_str(&format!("{}{name}={value}", if nth == 0 { '?' } else { '&' }));
        }
        let in_path = names.iter().copied().zip(self.path.iter().map(String::as_str));
        let groups = [
            ("path", typed(operation, "path", in_path)),
            ("query", typed(operation, "query", self.query.iter().map(|(name, value)| (*name, &**value)))),
            ("header", typed(operation, "header", self.headers.iter().map(|(name, value)| (*name, &**value)))),
        ];
        let filled = groups.into_iter().filter(|(_, values)| !values.is_empty());
        let mut request: Vec<String> = filled.map(|(name, values)| format!("\"{name}\":{}", json!(values))).collect();
        request.extend(self.body.as_ref().map(|body| format!("\"body\":{body}")));
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let mut call = self.story.server.call(method, &place, &self.key);
        for (name, value) in &self.headers {
            call = call.header(*name, value);
        }
        let answer = Answer::to(call.body(self.body.unwrap_or_default())).await;
        (answer, request, self.story)
    }
}

/// Parameters with the types that the document gives them.
fn typed<'v>(operation: &Value, place: &str, values: impl Iterator<Item = (&'v str, &'v str)>) -> Map<String, Value> {
    let typed = |(name, value): (&str, &str)| {
        let known = operation["parameters"].as_array().into_iter().flatten();
        let known = known.filter(|one| one["in"] == place).find(|one| one["name"] == name);
        let known = known.unwrap_or_else(|| panic!("{} has no {name} in its {place}", operation["operationId"]));
        let is_number = known["schema"]["type"] == "integer";
        (name.to_owned(), if is_number { value.parse::<i64>().unwrap().into() } else { value.into() })
    };
    values.map(typed).collect()
}

/// An answer as it is written down; nothing if there is none, or if it is a file. An e-invoice is a file too: it is longer than
/// all else together, and the guide to documents is about it.
fn shown(answer: &Answer) -> Option<String> {
    let kind = answer.header("content-type");
    if answer.text.is_empty() || kind == "application/pdf" || kind == "application/xml" {
        return None;
    }
    if answer.json.is_null() {
        return Some(json!(answer.text).to_string());
    }
    let mut text = answer.text.clone();
    for (field, shown) in MEASURED {
        text = replaced(&text, &format!("\"{field}\":"), |c| c.is_ascii_digit(), |_| shown.to_owned());
    }
    for (field, begins, shown) in SECRETS {
        let before = format!("\"{field}\":\"");
        let short = |word: &str| if word.starts_with(begins) { shown } else { word }.to_owned();
        text = replaced(&text, &before, |c| c != '"', short);
    }
    let shorter = |word: &str| match word.char_indices().nth(WORD_SHOWN) {
        Some((end, _)) if word.len() > MAX_WORD => format!("{}…", &word[..end]),
        _ => word.to_owned(),
    };
    Some(replaced(&text, "\"", |c| c != '"', shorter))
}

/// The text with something else in the place of what stands behind these words.
fn replaced(text: &str, before: &str, is_part: impl Fn(char) -> bool, with: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c| !is_part(c)).unwrap_or(part.len());
        out.push_str(before);
        if end > 0 {
            out.push_str(&with(&part[..end]));
        }
        out.push_str(&part[end..]);
    }
    out
}
