//! Destination names and keys as templates over the facts that conditions see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use m2m_engine::facts::Fact;
use minijinja::value::Object;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::facts::{Known, View};

/// A compiled template.
#[derive(Debug)]
pub(crate) enum Template {
    /// Without placeholders.
    Fixed(String),
    /// With them, and the variables that they refer to.
    Rendered { source: String, environment: Box<Environment<'static>>, variables: BTreeSet<String> },
}

/// The environments hold one template each, of this name.
const NAME: &str = "template";

impl Template {
    /// Compiles `source`.
    ///
    /// # Errors
    /// When it is not a template.
    pub(crate) fn compile(source: &str) -> Result<Self, Error> {
        if !["{{", "{%", "{#"].iter().any(|opening| source.contains(opening)) {
            return Ok(Self::Fixed(source.to_owned()));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Names are no markup.
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_template_owned(NAME, source.to_owned())?;
        let variables = environment.get_template(NAME)?.undeclared_variables(false);
        let globals: BTreeSet<String> =
            environment.globals().map(|(name, _)| name.to_owned()).collect();
        let variables = variables.into_iter().filter(|name| !globals.contains(name)).collect();
        Ok(Self::Rendered {
            source: source.to_owned(),
            environment: Box::new(environment),
            variables,
        })
    }

    /// The variables that it refers to.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        let variables = match self {
            Self::Fixed(_) => None,
            Self::Rendered { variables, .. } => Some(variables),
        };
        variables.into_iter().flatten().map(String::as_str)
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Fixed(text) | Self::Rendered { source: text, .. } => text,
        }
    }

    /// The text without placeholders, where it has none.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Rendered { .. } => None,
        }
    }

    /// The text for a message.
    ///
    /// # Errors
    /// When it cannot be rendered.
    pub(crate) fn render(&self, view: &View<'_>) -> Result<String, Error> {
        match self {
            Self::Fixed(text) => Ok(text.clone()),
            Self::Rendered { environment, variables, .. } => {
                let context: BTreeMap<&str, Value> = variables
                    .iter()
                    .filter_map(|name| Some((name.as_str(), value(view.get(name)?))))
                    .collect();
                environment.get_template(NAME)?.render(Value::from(context))
            }
        }
    }

    /// Renders it for a message.
    ///
    /// # Errors
    /// Only what no other message could avoid, such as a filter that is not known.
    pub(crate) fn rehearse(&self, view: &View<'_>) -> Result<(), Error> {
        match self.render(view) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::SyntaxError
                        | ErrorKind::UnknownFilter
                        | ErrorKind::UnknownFunction
                        | ErrorKind::UnknownTest
                        | ErrorKind::UnknownMethod
                        | ErrorKind::TemplateNotFound
                        | ErrorKind::TooManyArguments
                        | ErrorKind::MissingArgument
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

fn value(known: Known<'_>) -> Value {
    match known {
        Known::Fact(Fact::Text(text)) => Value::from(text),
        Known::Fact(Fact::Int(number)) => Value::from(number),
        Known::Fact(Fact::Float(number)) => Value::from(number),
        Known::Fact(Fact::Bool(yes)) => Value::from(yes),
        Known::Fact(Fact::Texts(texts)) => Value::from_iter(texts),
        Known::Headers(headers) => Value::from_object(Named(headers.texts())),
    }
}

/// Headers, to templates: an absent one is `''`, as it is to conditions.
#[derive(Debug)]
struct Named(Vec<(String, String)>);

impl Object for Named {
    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let name = name.as_str()?;
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        Some(Value::from(found.map_or("", |(_, value)| value)))
    }
}
