//! What can be told from an expression's tree.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, operators};

/// The names that an expression takes from outside: not the variables of its own `exists`, `all` and the like.
pub(super) fn free_variables(
    expression: &IdedExpr,
    bound: &mut Vec<String>,
    free: &mut BTreeSet<String>,
) {
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

pub(super) fn truth_operands<'e>(expression: &'e IdedExpr, operands: &mut Vec<&'e IdedExpr>) {
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

/// Whether the expression asks `has(headers.…)`.
pub(super) fn tests_headers(expression: &IdedExpr) -> bool {
    let is_headers =
        |expression: &IdedExpr| matches!(&expression.expr, Expr::Ident(name) if name == "headers");
    match &expression.expr {
        Expr::Select(select) => {
            (select.test && is_headers(&select.operand)) || tests_headers(&select.operand)
        }
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).any(tests_headers),
        _ => false,
    }
}
