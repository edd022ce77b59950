"""The program of a model worker: one question on standard input, one answer on standard output, then it ends.

The question is read, and the model's bytes, before the process gives up its rights; foreign bytes are looked at
only afterwards. What a model prints goes nowhere: the answer has a descriptor of its own.
"""

import hashlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from modelops_platform.artifacts.confine import confine
from modelops_platform.artifacts.limits import Limits

_LOADERS = {
    "onnx": "onnx_model",
    "skops": "skops_model",
    "pickle": "pickle_model",
    "joblib": "pickle_model",
}


def main() -> None:
    """Answer the question."""
    limits = Limits.from_text(sys.argv[1])
    question = json.load(sys.stdin.buffer)
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    answer = _read_and_answer(question, limits)
    json.dump(answer, answers, allow_nan=False)
    answers.close()
    os._exit(0)  # nothing that the model registered to run at exit does


def _read_and_answer(question: dict[str, Any], limits: Limits) -> dict[str, Any]:
    path = Path(question["path"])
    try:
        if path.stat().st_size > limits.memory_bytes // 2:
            return _failure("out_of_memory", f"The model's file is larger than half of {limits.memory_bytes} bytes.")
        data = path.read_bytes()
    except OSError as problem:
        return _failure("not_loadable", f"The model's file cannot be read: {problem.strerror}.")
    confine(limits)
    digest = hashlib.sha256(data).hexdigest()
    if digest != question["sha256"]:
        return _failure("digest_mismatch", f"The file has the SHA-256 {digest}, not {question['sha256']}.")
    try:
        model = importlib.import_module(f".{_LOADERS[question['format']]}", __package__).load(data, question)
    except MemoryError:
        return _failure("out_of_memory", "The model does not fit into the worker's memory.")
    except Exception as problem:  # noqa: BLE001 - foreign code may raise anything; this is the edge
        return _failure("not_loadable", _said(problem))
    del data
    return {"results": [_answer(model, table) for table in question["tables"]]}


def _answer(model: Any, table: dict[str, Any]) -> dict[str, Any]:
    """Return what the model says to one table, or why it says nothing."""
    try:
        answers = model.answer(table["columns"], table["rows"])
        if len(answers.predictions) != len(table["rows"]):
            return _failure("bad_input", "The model did not answer every row once.")
        result = {
            "predictions": answers.predictions,
            "probabilities": answers.probabilities,
            "classes": answers.classes,
        }
        json.dumps(result, allow_nan=False)
    except MemoryError:
        return _failure("out_of_memory", "Answering takes more memory than the worker has.")
    except Exception as problem:  # noqa: BLE001 - foreign code may raise anything; this is the edge
        return _failure("bad_input", _said(problem))
    return result


def _failure(code: str, message: str) -> dict[str, Any]:
    return {"failure": {"code": code, "message": message}}


def _said(problem: Exception) -> str:
    """Return what an error of foreign code says, bounded and on one line."""
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:600]


if __name__ == "__main__":
    main()
