"""Hold a JSON document against the field types that a class of the stripe library declares."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe._list_object import ListObject
from stripe._stripe_object import StripeObject, UntypedStripeObject

PLAIN = {int: int, str: str, bool: bool, float: (int, float), Decimal: str}


@cache
def declared(cls: type) -> dict[str, Any]:
    """Field name -> declared type, of a class of the library."""
    fields: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base in (StripeObject, object) or not base.__module__.startswith("stripe"):
            continue
        for name, kind in inspect.get_annotations(base).items():
            if not name.startswith("_") and get_origin(kind) is not ClassVar and kind is not ClassVar:
                fields[name] = (kind, base.__module__)
    for helper in [name for name in fields if name in vars(StripeObject)]:
        del fields[helper]
    return fields


@cache
def _imports_for_types(module: str) -> dict[str, tuple[str, str]]:
    """Names that a module imports for type checkers only."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _resolve(name: str, module: str) -> Any:
    space = sys.modules[module]
    if hasattr(space, name):
        return getattr(space, name)
    source, original = _imports_for_types(module)[name]
    return getattr(importlib.import_module(source), original)


def problems(value: Any, kind: Any, module: str, path: str, excused: dict[str, str]) -> list[str]:
    """What does not fit, as ``path: why``. ``excused``: paths of required fields that may be missing."""
    if isinstance(kind, ForwardRef | str):
        return problems(
            value, _resolve(kind if isinstance(kind, str) else kind.__forward_arg__, module), module, path, excused
        )
    origin = get_origin(kind)
    if kind is Any:
        return []
    if origin is Union:
        return _union(value, get_args(kind), module, path, excused)
    if origin is Literal:
        return [] if value in get_args(kind) else [f"{path}: {value!r} is none of the declared values"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: {value!r} is not a list"]
        return [p for i, v in enumerate(value) for p in problems(v, get_args(kind)[0], module, f"{path}[{i}]", excused)]
    if origin is ListObject:
        return _list_object(value, get_args(kind)[0], module, path, excused)
    if origin is UntypedStripeObject:
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is not an object"]
        return [p for k, v in value.items() for p in problems(v, get_args(kind)[0], module, f"{path}.{k}", excused)]
    if kind in PLAIN:
        fits = isinstance(value, PLAIN[kind]) and (kind is bool or not isinstance(value, bool))
        return [] if fits else [f"{path}: {value!r} is not {kind.__name__}"]
    if inspect.isclass(kind) and issubclass(kind, StripeObject):
        return against(value, kind, path, excused)
    raise TypeError(f"{path}: the test does not know how to check {kind!r}")


def against(value: Any, cls: type, path: str, excused: dict[str, str]) -> list[str]:
    """An object against a class: nothing undeclared, nothing of another type, nothing required that is missing."""
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is not an object"]
    fields = declared(cls)
    found = [f"{path}.{name}: not declared by {cls.__qualname__}" for name in value if name not in fields]
    for name, (kind, module) in fields.items():
        where = f"{path}.{name}"
        if name in value:
            found += problems(value[name], kind, module, where, excused)
        elif not _optional(kind) and where not in excused:
            found.append(f"{where}: required and missing")
    return found


def _optional(kind: Any) -> bool:
    return get_origin(kind) is Union and type(None) in get_args(kind)


def _union(value: Any, members: tuple[Any, ...], module: str, path: str, excused: dict[str, str]) -> list[str]:
    if value is None and type(None) in members:
        return []
    literals = [m for m in members if get_origin(m) is Literal]
    if isinstance(value, str) and literals:  # "one of these, or a str": hold it to these
        members = tuple(literals)
    elif isinstance(value, str) and str in members:
        return []
    tried = [problems(value, m, module, path, excused) for m in members if m is not type(None) and m is not str]
    if isinstance(value, dict) and "object" in value:  # a union of resources: complain about the right one
        for member, result in zip([m for m in members if m is not type(None) and m is not str], tried, strict=True):
            cls = _resolve(member.__forward_arg__, module) if isinstance(member, ForwardRef) else member
            if getattr(cls, "OBJECT_NAME", None) == value["object"]:
                return result
    return min(tried, key=len) if tried else [f"{path}: {value!r} is not a str"]


def _list_object(value: Any, item: Any, module: str, path: str, excused: dict[str, str]) -> list[str]:
    if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"} or value["object"] != "list":
        return [f"{path}: {value!r} is not a list object"]
    return [p for i, v in enumerate(value["data"]) for p in problems(v, item, module, f"{path}[{i}]", excused)]


def class_of(kind: str) -> type:
    """The library's class for an ``object`` name."""
    classes = {
        "checkout.session": stripe.checkout.Session,
        "payment_intent": stripe.PaymentIntent,
        "charge": stripe.Charge,
        "refund": stripe.Refund,
        "dispute": stripe.Dispute,
        "balance_transaction": stripe.BalanceTransaction,
        "balance": stripe.Balance,
        "payout": stripe.Payout,
        "event": stripe.Event,
        "item": stripe.LineItem,
    }
    return classes[kind]
