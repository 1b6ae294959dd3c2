//! Route conditions in CEL, over one shared environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, operators};
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, DeclarationError, Env, ExecutionError, IdedExpr, Program, Value, extensions};
use m2m_engine::facts::Fact;

use crate::facts::{self, Headers, Known, View};

/// What conditions are compiled and evaluated in; made once.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Env>);

impl Environment {
    /// CEL's standard functions and the strings extension.
    pub(crate) fn new() -> Result<Self, DeclarationError> {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings)?;
        Ok(Self(Arc::new(env)))
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// When it is not CEL.
    pub(crate) fn compile(&self, source: &str) -> Result<Condition, cel::ParseErrors> {
        let program = self.0.compile(source)?;
        let mut variables = BTreeSet::new();
        free_variables(program.expression(), &mut Vec::new(), &mut variables);
        Ok(Condition { env: self.clone(), program, variables })
    }
}

/// A compiled condition.
pub(crate) struct Condition {
    env: Environment,
    program: Program,
    variables: BTreeSet<String>,
}

impl Condition {
    /// The variables that it refers to.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// Whether it holds for a message.
    ///
    /// # Errors
    /// When it cannot be evaluated, as for `int(headers['n'])` where the header is no number; and when its value is not a truth value.
    pub(crate) fn holds(&self, view: &View<'_>) -> Result<bool, ExecutionError> {
        self.evaluate(self.program.expression(), view)
    }

    /// Tries every operand of its `&&`, `||`, `!` and `?:` on a message, so that none hides behind another.
    ///
    /// # Errors
    /// The first failure that no other message could avoid: an unknown function, or operands of types that do not go together.
    pub(crate) fn rehearse(&self, view: &View<'_>) -> Result<(), ExecutionError> {
        let mut operands = Vec::new();
        truth_operands(self.program.expression(), &mut operands);
        operands.into_iter().try_for_each(|operand| match self.evaluate(operand, view) {
            Err(error) if always(&error) => Err(error),
            _ => Ok(()),
        })
    }

    fn evaluate(&self, expression: &IdedExpr, view: &View<'_>) -> Result<bool, ExecutionError> {
        let mut context = Context::with_env(Arc::clone(&self.env.0));
        context.set_variable_resolver(view);
        let value = Value::resolve_val(expression, &context)?;
        match value.downcast_ref::<CelBool>() {
            Some(holds) => Ok(*holds.inner()),
            None => Err(ExecutionError::UnexpectedType {
                got: value.get_type().name().to_owned(),
                want: "bool".to_owned(),
            }),
        }
    }
}

/// Whether an evaluation failed for a reason that lies in the expression, not in the message.
fn always(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::UndeclaredReference(_)
            | ExecutionError::NoSuchOverload(_)
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::MissingArgumentOrTarget
    )
}

/// The names that an expression takes from outside: not the variables of its own `exists`, `all` and the like.
fn free_variables(expression: &IdedExpr, bound: &mut Vec<String>, free: &mut BTreeSet<String>) {
    let mut all = |parts: &mut dyn Iterator<Item = &IdedExpr>, bound: &mut Vec<String>| {
        parts.for_each(|part| free_variables(part, bound, free));
    };
    match &expression.expr {
        Expr::Ident(name) => {
            if !bound.contains(name) {
                free.insert(name.clone());
            }
        }
        Expr::Call(call) => all(&mut call.target.as_deref().into_iter().chain(&call.args), bound),
        Expr::List(list) => all(&mut list.elements.iter(), bound),
        Expr::Select(select) => all(&mut std::iter::once(&*select.operand), bound),
        Expr::Map(map) => all(&mut map.entries.iter().flat_map(|entry| parts(&entry.expr)), bound),
        Expr::Struct(it) => all(&mut it.entries.iter().flat_map(|entry| parts(&entry.expr)), bound),
        Expr::Comprehension(comprehension) => {
            let c = &**comprehension;
            all(&mut [&c.iter_range, &c.accu_init].into_iter(), bound);
            let outer = bound.len();
            bound.extend(
                [c.iter_var.clone(), c.accu_var.clone()].into_iter().chain(c.iter_var2.clone()),
            );
            all(&mut [&c.loop_cond, &c.loop_step, &c.result].into_iter(), bound);
            bound.truncate(outer);
        }
        Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

fn truth_operands<'e>(expression: &'e IdedExpr, operands: &mut Vec<&'e IdedExpr>) {
    match &expression.expr {
        Expr::Call(call)
            if [
                operators::LOGICAL_AND,
                operators::LOGICAL_OR,
                operators::LOGICAL_NOT,
                operators::CONDITIONAL,
            ]
            .contains(&call.func_name.as_str()) =>
        {
            call.args.iter().for_each(|argument| truth_operands(argument, operands));
        }
        _ => operands.push(expression),
    }
}

/// Whether the expression asks `has(headers.…)`, which is always true: an absent header is `''`.
pub(crate) fn tests_headers(condition: &Condition) -> bool {
    fn within(expression: &IdedExpr) -> bool {
        match &expression.expr {
            Expr::Select(select) => {
                (select.test
                    && matches!(&select.operand.expr, Expr::Ident(name) if name == "headers"))
                    || within(&select.operand)
            }
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).any(within),
            _ => false,
        }
    }
    within(condition.program.expression())
}

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

/// The names that conditions may use beside facts: CEL's own types, as in `type(x) == string`.
pub(crate) fn is_known(name: &str) -> bool {
    const TYPES: [&str; 10] =
        ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];
    TYPES.contains(&name) || facts::names().any(|known| known == name)
}
