"""Computes a sum, difference, product or quotient in decimals, rounded to cents. Evaluates no other code."""

from __future__ import annotations

import ast
import decimal
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal

from examples.store.exact import cents

ALLOWED = frozenset("0123456789+-*/(). ")
LONGEST = 1_000  # characters
BINARY: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class NotComputable(Exception):
    """The expression has no value; the text says why."""


def evaluate(expression: str) -> str:
    """The value with one or two decimals, such as "305.0". NotComputable when there is none."""
    if len(expression) > LONGEST or not ALLOWED.issuperset(expression):
        raise NotComputable("invalid characters in expression")
    try:
        value = cents(_value(ast.parse(expression.strip(), mode="eval").body, expression.strip()))
    except ZeroDivisionError:
        raise NotComputable("division by zero") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise NotComputable("invalid expression") from None
    except decimal.InvalidOperation:
        raise NotComputable("the result is no number of a usual size") from None
    return f"{value:f}".removesuffix("0")


def _value(node: ast.expr, text: str) -> Decimal:
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return BINARY[type(node.op)](_value(node.left, text), _value(node.right, text))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        value = _value(node.operand, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Decimal(ast.get_source_segment(text, node) or "")
    raise NotComputable("invalid expression")
