//! Facts and headers as CEL's values, made when they are asked for.

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use m2m_engine::facts::Fact;

use crate::facts::{Headers, Known, View};

impl VariableResolver for View<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        Some(match self.get(variable)? {
            Known::Fact(Fact::Text(text)) => CowVal::owned(CelString::from(text)),
            Known::Fact(Fact::Int(number)) => CowVal::owned(CelInt::from(number)),
            Known::Fact(Fact::Float(number)) => CowVal::owned(CelDouble::from(number)),
            Known::Fact(Fact::Bool(yes)) => CowVal::owned(CelBool::from(yes)),
            Known::Fact(Fact::Texts(texts)) => {
                let texts = texts
                    .into_iter()
                    .map(|text| -> Box<dyn Val> { Box::new(CelString::from(text)) });
                CowVal::owned(CelList::from(texts.collect::<Vec<_>>()))
            }
            Known::Headers(headers) => CowVal::owned(headers),
        })
    }
}

impl Val for Headers<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Headers<'_> {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let value = Headers::get(*self, text(name)?).unwrap_or("");
        Ok(CowVal::owned(CelString::from(value.to_owned())))
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, name).map(CowVal::into_owned)
    }
}

impl Container for Headers<'_> {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.has(text(name)?))
    }
}

fn text(name: &dyn Val) -> Result<&str, ExecutionError> {
    name.downcast_ref::<CelString>().map(CelString::inner).ok_or_else(|| {
        ExecutionError::UnexpectedType {
            got: name.get_type().name().to_owned(),
            want: "string".to_owned(),
        }
    })
}
