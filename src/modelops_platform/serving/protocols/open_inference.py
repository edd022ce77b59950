"""The Open Inference Protocol, version 2, in JSON: tensors in, tensors out.

A model here answers tables: a tensor of shape [n] or [n, 1] is one column, one of shape [n, k] is k columns. A null
in a tensor of floating-point numbers is a missing value, in questions and in answers, for JSON has no NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelops_platform.core.errors import InvalidInput

from ..domain import Answer, Cell, ScoreResult, Table
from .columns import Column, Signature, arrange

PREDICTION, PROBABILITY, CLASSES = "prediction", "probability", "classes"
_WHOLE = {f"{sign}INT{bits}": (sign, bits) for sign in ("", "U") for bits in (8, 16, 32, 64)}
_FLOATS = ("FP16", "FP32", "FP64")
DATATYPES = ("BOOL", *_WHOLE, *_FLOATS, "BYTES")
_OF_TYPE = {
    "double": "FP64", "float": "FP32", "number": "FP64", "long": "INT64", "integer": "INT32", "int": "INT64",
    "boolean": "BOOL", "bool": "BOOL", "string": "BYTES", "text": "BYTES",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks: a table, and which outputs they want to hear; none named is all."""

    table: Table
    id: str | None = None
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input as it came, its data in one flat list."""

    name: str
    rows: int
    width: int
    data: list[Cell]


def read_question(body: Any, signature: Signature) -> Question:
    """Read the body of an inference request. Raises InvalidInput naming the field."""
    asked = _object(body, "", {"id", "parameters", "inputs", "outputs"})
    _parameters(asked, "")
    given = _list(asked.get("inputs"), "inputs")
    if not given:
        raise _refused("No input is given.", "Give at least one tensor in `inputs`.", "inputs")
    tensors = [_tensor(one, f"inputs.{place}") for place, one in enumerate(given)]
    for place, tensor in enumerate(tensors):
        if tensor.rows != tensors[0].rows:
            raise _refused(
                f"The tensor {tensor.name[:80]!r} has {tensor.rows} rows, the first one {tensors[0].rows}.",
                "Give every tensor the same first dimension.",
                f"inputs.{place}.shape",
                tensor.rows,
            )
    table = arrange(_table(tensors, signature.inputs), signature.inputs, field="inputs")
    return Question(table, _id(asked.get("id")), _outputs(asked.get("outputs"), signature))


def _id(given: Any) -> str | None:
    if given is None or (isinstance(given, str) and len(given) <= 250):
        return given
    raise _refused("The id is no short text.", "Give at most 250 characters, or leave it out.", "id")


def _outputs(given: Any, signature: Signature) -> tuple[str, ...]:
    known = (*_names(signature), CLASSES)
    found = []
    for place, one in enumerate(_list(given, "outputs") if given is not None else ()):
        field = f"outputs.{place}"
        wanted = _object(one, field, {"name", "parameters"})
        _parameters(wanted, field)
        name = wanted.get("name")
        if name not in known:
            raise _refused(
                f"The model has no output {str(name)[:80]!r}.",
                f"Ask for {', '.join(map(repr, known))}, or leave `outputs` out.",
                f"{field}.name",
                str(name)[:80],
            )
        found.append(name)
    return tuple(found)


def _tensor(given: Any, field: str) -> Tensor:
    asked = _object(given, field, {"name", "shape", "datatype", "parameters", "data"})
    _parameters(asked, field)
    name, kind = asked.get("name"), asked.get("datatype")
    if not isinstance(name, str) or not 1 <= len(name) <= 250:
        raise _refused("A tensor needs a name of 1 to 250 characters.", "Name it like its column.", f"{field}.name")
    if kind not in DATATYPES:
        raise _refused(
            f"The datatype {str(kind)[:40]!r} is not known.",
            f"Give one of {', '.join(DATATYPES)}.",
            f"{field}.datatype",
            str(kind)[:40],
        )
    rows, width = _shape(asked.get("shape"), f"{field}.shape")
    data = _flat(_list(asked.get("data"), f"{field}.data"), rows, width, f"{field}.data")
    for place, cell in enumerate(data):
        if not _fits(cell, kind):
            raise _refused(
                f"{str(cell)[:40]!r} is no {kind}.",
                "Give values of the datatype; null only for a missing floating-point number.",
                f"{field}.data.{place}",
                str(cell)[:40],
            )
    return Tensor(name, rows, width, data)


def _shape(given: Any, field: str) -> tuple[int, int]:
    dimensions = _list(given, field)
    if not all(type(one) is int and 1 <= one <= 2**31 for one in dimensions) or len(dimensions) not in (1, 2):
        raise _refused(
            f"The shape {str(given)[:80]} is not that of a table.",
            "Give [rows] or [rows, columns], both at least 1.",
            field,
            str(given)[:80],
        )
    return dimensions[0], dimensions[1] if len(dimensions) == 2 else 1


def _flat(data: list[Any], rows: int, width: int, field: str) -> list[Any]:
    """Return the data row by row in one list; it may come so, or as a list for each row."""
    if data and isinstance(data[0], list):
        for place, row in enumerate(data):
            if not isinstance(row, list) or len(row) != width:
                raise _refused(f"Row {place} has not {width} values.", "Let shape and data agree.", f"{field}.{place}")
        if len(data) != rows:
            raise _miscounted(len(data), rows, "rows", field)
        return [cell for row in data for cell in row]
    if len(data) != rows * width:
        raise _miscounted(len(data), rows * width, "values", field)
    return data


def _miscounted(found: int, promised: int, what: str, field: str) -> InvalidInput:
    words = f"The data has {found} {what}, the shape promises {promised}."
    return _refused(words, "Let shape and data agree.", field, found)


def _fits(cell: Any, kind: str) -> bool:
    if kind == "BOOL":
        return isinstance(cell, bool)
    if kind == "BYTES":
        return isinstance(cell, str)
    if kind in _FLOATS:
        return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))
    sign, bits = _WHOLE[kind]
    low, high = (0, 2**bits) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return type(cell) is int and low <= cell < high


def _table(tensors: Sequence[Tensor], inputs: tuple[Column, ...]) -> Table:
    """Put the tensors side by side; one alone that is as wide as the signature has its columns, by place."""
    known = {column.name for column in inputs}
    columns: list[str] = []
    for tensor in tensors:
        if len(tensors) == 1 and tensor.width == len(inputs) and tensor.name not in known:
            columns += [column.name for column in inputs]
        elif tensor.width == 1:
            columns.append(tensor.name)
        else:
            columns += [f"{tensor.name}[{place}]" for place in range(tensor.width)]
    rows = tuple(
        tuple(cell for tensor in tensors for cell in tensor.data[row * tensor.width : (row + 1) * tensor.width])
        for row in range(tensors[0].rows)
    )
    return Table(tuple(columns), rows)


def _object(given: Any, field: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _refused(f"{field or 'The body'} is no JSON object.", "Send an object.", field or "body")
    for name in given:
        if name not in known:
            raise _refused(
                f"The field {name[:80]!r} is not known here.",
                f"Known are {', '.join(sorted(known))}.",
                f"{field}.{name[:80]}".lstrip("."),
            )
    return given


def _list(given: Any, field: str) -> list[Any]:
    if not isinstance(given, list):
        raise _refused(f"{field} is no list.", "Send a list.", field)
    return given


def _parameters(asked: dict[str, Any], field: str) -> None:
    given = asked.get("parameters")
    if given is not None and (not isinstance(given, dict) or any("binary_data" in name for name in given)):
        raise _refused(
            "Tensors are taken and given as JSON only.",
            "Leave the parameters about binary data out.",
            f"{field}.parameters".lstrip("."),
        )


def _refused(words: str, remedy: str, field: str, value: object = None) -> InvalidInput:
    details = {"field": field} if value is None else {"field": field, "value": value}
    return InvalidInput(words, remedy=remedy, to_keep=(), **details)


def _names(signature: Signature) -> tuple[str, str]:
    """Return what the prediction and the probabilities are called."""
    names = [column.name for column in signature.outputs[:2]]
    return names[0] if names else PREDICTION, names[1] if len(names) > 1 else PROBABILITY


def write_answer(
    question: Question, result: ScoreResult, signature: Signature, *, model: str, version: int
) -> dict[str, Any]:
    """Write the response to a question that was answered."""
    prediction, probability = _names(signature)
    outputs = {prediction: _written(prediction, result.predictions)}
    if result.probabilities is not None:
        outputs[probability] = _written(probability, result.probabilities)
    if result.classes is not None:
        outputs[CLASSES] = _written(CLASSES, result.classes)
    named = {} if question.id is None else {"id": question.id}
    wanted = [outputs[name] for name in question.outputs or outputs if name in outputs]
    return {"model_name": model, "model_version": str(version), **named, "outputs": wanted}


def _written(name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    wide = bool(answers) and isinstance(answers[0], tuple)
    shape = [len(answers), len(answers[0])] if wide and isinstance(answers[0], tuple) else [len(answers)]
    data = [cell for answer in answers for cell in (answer if isinstance(answer, tuple) else (answer,))]
    kind = _datatype(data)
    if kind == "BYTES":
        data = [cell if isinstance(cell, str) else str(cell) for cell in data]
    return {"name": name, "datatype": kind, "shape": shape, "data": data}


def _datatype(data: Sequence[Cell]) -> str:
    if any(isinstance(cell, str) for cell in data):
        return "BYTES"
    if data and all(isinstance(cell, bool) for cell in data):
        return "BOOL"
    if data and all(isinstance(cell, int) for cell in data):
        return "INT64"
    return "FP64"


def describe_model(name: str, version: int, platform: str, signature: Signature) -> dict[str, Any]:
    """Write the metadata of a model, as far as its signature tells it."""
    return {
        "name": name,
        "versions": [str(version)],
        "platform": platform,
        "inputs": [_described(column) for column in signature.inputs],
        "outputs": [_described(column) for column in signature.outputs],
    }


def _described(column: Column) -> dict[str, Any]:
    return {"name": column.name, "datatype": _OF_TYPE.get(column.type.lower(), "FP64"), "shape": [-1, 1]}
