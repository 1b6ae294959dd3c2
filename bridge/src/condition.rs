//! Route conditions in CEL, over one shared environment.

mod values;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::types::CelBool;
use cel::{Context, DeclarationError, Env, ExecutionError, IdedExpr, Program, Value, extensions};

use crate::facts::{self, View};
use walk::{free_variables, tests_headers, truth_operands};

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

    /// Whether it asks `has(headers.…)`, which is always true: an absent header is `''`.
    pub(crate) fn tests_headers(&self) -> bool {
        tests_headers(self.program.expression())
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

/// The names that conditions may use beside facts: CEL's own types, as in `type(x) == string`.
pub(crate) fn is_known(name: &str) -> bool {
    const TYPES: [&str; 10] =
        ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];
    TYPES.contains(&name) || facts::names().any(|known| known == name)
}
