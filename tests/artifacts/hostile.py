"""Files that would do harm; each payload would create the canary if anybody ran it."""

import io
import os
import pickle
import pickletools
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper


def call(module: str, name: str, *arguments: Any, protocol: int = 0) -> bytes:
    """Return a pickle that calls a name with plain arguments."""
    head = pickle.PROTO + bytes([protocol]) if protocol >= 2 else b""
    return head + f"c{module}\n{name}\n".encode() + pickle.dumps(arguments, 2)[2:-1] + b"R."


def text(value: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(value)]) + value.encode()


class _Reduce:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def pickles(canary: Path) -> dict[str, bytes]:
    """Return hostile pickles by name."""
    shell = f"touch {canary}"
    python = f"open({str(canary)!r}, 'w')"
    system = call("os", "system", shell)
    honest = pickle.dumps({"weights": [1, 2, 3]}, 4)
    stack_global = (
        text("os") + text("system") + pickle.STACK_GLOBAL + text(shell) + pickle.TUPLE1 + pickle.REDUCE + b"."
    )
    memo = (
        b"\x80\x04" + text("system") + b"\x94" + b"0" + text("os") + b"\x94" + b"0"
        + b"h\x01h\x00" + pickle.STACK_GLOBAL + text(shell) + b"\x85R."
    )  # fmt: skip
    far_memo = (
        b"\x80\x04" + text("system") + b"r\xff\xff\x00\x000" + text("posix") + b"j\xff\xff\x00\x00" + b"\x93"
        + text(shell) + b"\x85R."
    )  # fmt: skip
    getattr_chain = (
        b"\x80\x04" + b"cbuiltins\ngetattr\n" + b"cbuiltins\n__import__\n" + text("os") + b"\x85R" + text("system")
        + b"\x86R" + text(shell) + b"\x85R."
    )  # fmt: skip
    computed = (
        b"\x80\x04" + b"cbuiltins\nstr\n" + text("os") + b"\x85R" + text("system") + b"\x93" + text(shell) + b"\x85R."
    )
    class_patch = (
        b"\x80\x04csklearn.linear_model._base\nLinearRegression\n" + b"N}" + text("predict") + b"cos\nsystem\nsb\x86b."
    )
    class_change = (
        b"\x80\x04csklearn.linear_model._base\nLinearRegression\nN}"
        + text("predict") + b"csklearn.metrics._regression\nr2_score\ns\x86b."
    )  # fmt: skip
    extension = b"\x80\x04\x82\x01" + text(shell) + b"\x85R."
    persistent = b"\x80\x04" + text("os system") + b"Q."
    module_dict = b"\x80\x04cbuiltins\n__dict__\n" + text("eval") + b"cos\nsystem\ns."
    array_of_objects = io.BytesIO()
    joblib.dump(np.array([_Reduce(os.system, shell), 1], dtype=object), array_of_objects)
    joblib_file, joblib_zip = io.BytesIO(), io.BytesIO()
    joblib.dump({"a": np.arange(3.0), "b": _Reduce(os.system, shell)}, joblib_file)
    joblib.dump({"a": np.arange(3.0), "b": _Reduce(os.system, shell)}, joblib_zip, compress=("zlib", 3))
    return {
        "os.system": system,
        "posix.system": call("posix", "system", shell, protocol=4),
        "eval": call("builtins", "eval", python),
        "old builtins eval": call("__builtin__", "eval", python),
        "exec": call("builtins", "exec", python, protocol=2),
        "runpy": call("runpy", "_run_code", python, {}),
        "timeit": call("timeit", "timeit", python),
        "numpy runstring": call("numpy.testing._private.utils", "runstring", python, {}),
        "numpy alias runstring": call("numpy.testing", "runstring", python, {}),
        "pdb": call("pdb", "run", python),
        "pandas.eval": call("pandas", "eval", python),
        "urlopen": call("urllib.request", "urlopen", "http://127.0.0.1/"),
        "subprocess": call("subprocess", "Popen", shell),
        "cloudpickle": call("cloudpickle.cloudpickle", "_make_function", python),
        "torch load": call("torch", "load", str(canary)),
        "ctypes": call("ctypes", "CDLL", str(canary)),
        "joblib load": call("joblib", "load", str(canary)),
        "dotted name": b"\x80\x04" + text("os") + text("path.os.system") + b"\x93" + text(shell) + b"\x85R.",
        "sklearn module in class position": call("sklearn.utils.fixes", "os.system", shell),
        "sklearn lower case": call("sklearn.pipeline", "np.testing.runstring", python, {}),
        "stack global": b"\x80\x04" + stack_global,
        "memo": memo,
        "far memo": far_memo,
        "inst": b"(S'" + shell.encode() + b"'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\n" + text(shell) + b"o.",
        "newobj": b"\x80\x02cos\nsystem\n" + text(shell) + b"\x85\x81.",
        "newobj_ex": b"\x80\x04cos\nsystem\n" + text(shell) + b"\x85}\x92.",
        "getattr chain": getattr_chain,
        "computed name": computed,
        "patched class": class_patch,
        "class changed by harmless names": class_change,
        "module dictionary": module_dict,
        "extension registry": extension,
        "persistent id": persistent,
        "reduce of a result": b"\x80\x04cbuiltins\nobject\n)R" + text(shell) + b"\x85R.",
        "nested in bytes": pickle.dumps({"state": system}, 4),
        "nested in old bytes": pickle.dumps({"state": system}, 2),
        "nested by loads": call("pickle", "loads", system, protocol=4),
        "second pickle": honest + system,
        "garbage behind": honest + b"\xff\xfe garbage",
        "truncated": pickle.dumps({"weights": list(range(1000))}, 4)[:-300],
        "truncated after the call": system[:-1],
        "harm before nonsense": system[:-1] + b"\xff\xff\xff",
        "huge declared bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
        "huge declared text": b"\x80\x04\x8d" + struct.pack("<Q", 2**63 + 5) + b"x.",
        "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + text("os") + text("system") + b"\x93.",
        "deep marks": b"\x80\x04" + b"(" * 2_000_000 + b".",
        "deep tuples": b"\x80\x04" + b")" + b"\x85" * 1_000_000 + b"\x93.",
        "hidden by a comment": b"\x80\x04" + text("x") + b"0" + pickletools.optimize(b"\x80\x04" + stack_global)[2:],
        "joblib array of objects": array_of_objects.getvalue(),
        "joblib": joblib_file.getvalue(),
        "joblib zlib": joblib_zip.getvalue(),
        "joblib lies about its array": joblib_file.getvalue().replace(b"K\x03\x85", b"K\x7f\x85"),
        "joblib data as opcodes": joblib_data_as_opcodes(shell),
        "joblib frame games": joblib_frame_games(shell),
        "joblib wrapper in disguise": joblib_file.getvalue().replace(
            b"\x8c\x11NumpyArrayWrapper\x94\x93\x94)\x81", b"\x8c\x11NumpyArrayWrapper\x94\x93\x94)R0cnumpy\nmax\n(NtR"
        ),
        "zlib": zlib.compress(system),
        "bytes that are no pickle": b"\x80\x04\x95 not a pickle at all",
    }


def joblib_data_as_opcodes(shell: str) -> bytes:
    """Return a file that is harmless for joblib.load, and hostile for pickle.load, which reads its array as opcodes."""
    payload = b"0" + call("os", "system", shell)
    file = io.BytesIO()
    joblib.dump(np.frombuffer(payload.ljust(256, b"."), dtype=np.uint8), file)
    data = file.getvalue()
    start = data.index(payload)
    # Without alignment there is no byte between the wrapper and its array, so plain pickle goes straight on.
    # The change keeps the length, for the wrapper stands in a frame.
    key = b"numpy_array_alignment_bytes\x94K\x10ub"
    place = data.index(key)
    return data[:place] + key[:-5] + b"NN0ub" + data[start:]


def joblib_frame_games(shell: str) -> bytes:
    """Return a file in which joblib reads the array behind the frame, and a simple scanner right behind the wrapper.

    The bytes are arranged so that the simple scanner takes the payload for the inside of a string.
    """
    file = io.BytesIO()
    joblib.dump(np.zeros(200, dtype=np.uint8), file)
    data = file.getvalue()
    end = data.index(b"\x94K\x10ub")
    head = data[:end] + b"NN0ub"
    payload = call("os", "system", shell)[:-1]
    hidden = b"0" + payload + b"."
    # Five opcodes more in the frame: the simple scanner resumes five bytes before the end of the array.
    swallow = b"0B" + struct.pack("<I", len(hidden))
    extra = b"N0" * (len(swallow) // 2)
    length = int.from_bytes(head[3:11], "little") + len(extra)
    assert head[2:3] == b"\x95"
    framed = head[:3] + struct.pack("<Q", length) + head[11:] + extra
    return framed + bytes(200 - len(swallow)) + swallow + hidden + b"."


def archives(canary: Path) -> dict[str, bytes]:
    """Return hostile archives by name."""
    system = call("os", "system", f"touch {canary}")
    zeros = bytes(64 * 1024 * 1024)
    bomb = zipped({"zeros.bin": zeros})
    nested: bytes = zipped({f"{n}.zip": bomb for n in range(20)}, store=True)
    deep = b"inside"
    for _ in range(12):
        deep = zipped({"deeper.zip": deep})
    return {
        "zip slip": zipped({"../../evil.txt": b"x"}),
        "zip absolute": zipped({"/etc/cron.d/evil": b"x"}),
        "zip backslash": zipped({"..\\..\\evil.txt": b"x"}),
        "zip drive": zipped({"C:/evil.txt": b"x"}),
        "zip link": _zip_link(),
        "zip twice the same name": _zip_twice(),
        "zip bomb": bomb,
        "nested zip bomb": nested,
        "deeply nested zips": deep,
        "zip of many members": zipped({f"{n}": b"" for n in range(12_000)}),
        "zip with a hostile pickle": zipped({"model/model.pkl": system}),
        "workbook fed from elsewhere": zipped(
            {
                "xl/workbook.xml": b"<workbook/>",
                "xl/externalLinks/externalLink1.xml": b"<externalLink><ddeLink/></externalLink>",
            }
        ),
        "zip with code": zipped({"code/model.py": b"import os\n"}),
        "encrypted zip": _encrypted(zipped({"a.csv": b"a,b\n1,2\n"})),
        "broken zip": zipped({"a.csv": b"a,b\n1,2\n" * 100})[:-40],
        "corrupt zip": _corrupt(zipped({"a.csv": os.urandom(500)}, store=True)),
        "torch file": zipped({"archive/data.pkl": system, "archive/data/0": b"0000"}),
        "npz of objects": zipped({"a.npy": _npy(system)}),
        "skops with a hostile type": _skops("os", "system"),
        "skops with an unknown loader": _skops("sklearn.pipeline", "Pipeline", "MethodNode"),
        "skops with a broken schema": zipped({"schema.json": b"{"}),
        "skops with a pickle inside": zipped({"schema.json": b"{}", "x.npy": _npy(system)}),
        "tar slip": _tar("../../evil", tarfile.REGTYPE),
        "tar link": _tar("inside", tarfile.SYMTYPE, "/etc/passwd"),
        "tar hard link": _tar("inside", tarfile.LNKTYPE, "../../etc/passwd"),
        "tar device": _tar("inside", tarfile.CHRTYPE),
        "gzip bomb": _gzip(zeros),
        "broken gzip": _gzip(os.urandom(5000))[:-900],
        "pickle, then zip": system + zipped({"a.csv": b"a,b\n1,2\n"}),
        "honest pickle, then hostile zip": pickle.dumps([1], 4) + zipped({"../x": b"x"}),
        "text, then zip": b"a,b\n1,2\n" + zipped({"a.csv": b"a,b\n1,2\n"}),
    }


def documents(canary: Path) -> dict[str, bytes]:
    """Return hostile files of other kinds by name."""
    system = call("os", "system", f"touch {canary}")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return {
        "billion laughs": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><PMML>&l9;</PMML>'.encode(),
        "outside entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><PMML>&e;</PMML>',
        "outside entity in UTF-16": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><PMML/>'.encode("utf-16"),
        "deep XML": b"<PMML>" + b"<a>" * 100_000,
        "broken XML": b"<PMML><a></PMML>",
        "ONNX that reads elsewhere": onnx_model(location="../../etc/passwd"),
        "ONNX that reads an absolute path": onnx_model(location="/etc/passwd"),
        "ONNX that reads elsewhere in a branch": onnx_model(location="..\\x", branch=True),
        "ONNX with a neighbour file": onnx_model(location="weights.bin"),
        "ONNX with foreign operators": onnx_model(domain="evil.ops"),
        "truncated ONNX": onnx_model()[:-20],
        "safetensors with holes": safetensors(offsets=(4, 12)),
        "safetensors too short": safetensors(offsets=(0, 8))[:-4],
        "safetensors with a huge shape": safetensors(offsets=(0, 8), shape=[2**40, 2**40]),
        "deep JSON": b"[" * 200_000 + b"]" * 200_000,
        "array of objects": _npy(system),
        "array with a false header": b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16,
        "YAML that builds objects": f"flavors:\n  x: !!python/object/apply:os.system ['touch {canary}']\n".encode(),
        "MLmodel with code": b"flavors:\n  python_function:\n    loader_module: evil.loader\n    code: code\n",
        "Parquet that unpickles": b"PAR1" + b"arrow.py_extension_type" + b"\x00" * 8 + b"PAR1",
        "Parquet whose footer lies": b"PAR1" + bytes(20) + b"\xff\xff\xff\x7fPAR1",
        "Arrow whose footer lies": b"ARROW1\x00\x00" + b"\xff" * 100 + b"ARROW1",
        "program": b"\x7fELF" + bytes(200),
        "script": b"#!/bin/sh\ntouch x\n",
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "random bytes": b"\x01\x02\x03\xff" * 500,
        "text that is a pickle": call("os", "system", f"touch {canary}") + b"\na,b,c\n1,2,3\n",
        "XML that is a pickle": b"cos\nsystem\n" + text(f"touch {canary}") + b"\x85R0<PMML/>",
    }


def zipped(members: dict[str, bytes], *, store: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo("placeholder")
            member.filename, member.compress_type = name, archive.compression
            archive.writestr(member, data)
    return file.getvalue()


def _zip_link() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.create_system, member.external_attr = 3, 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    return file.getvalue()


def _zip_twice() -> bytes:
    return zipped({"a.csv": b"1,2\n", "b.csv": b"3,4\n"}).replace(b"b.csv", b"a.csv")


def _encrypted(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[6] |= 1
    changed[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def _corrupt(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 0xFF]) + data[101:]


def _skops(module: str, name: str, loader: str = "ObjectNode") -> bytes:
    schema = f'{{"__class__": "{name}", "__module__": "{module}", "__loader__": "{loader}", "content": {{}}}}'
    return zipped({"schema.json": schema.encode()}, store=True)


def _tar(name: str, kind: bytes, target: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member, io.BytesIO(b""))
    return file.getvalue()


def _gzip(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()


def _npy(payload: bytes) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


def safetensors(*, offsets: tuple[int, int] = (0, 8), shape: list[int] | None = None) -> bytes:
    header = f'{{"w": {{"dtype": "F32", "shape": {shape or [2]}, "data_offsets": [{offsets[0]}, {offsets[1]}]}}}}'
    return struct.pack("<Q", len(header)) + header.encode() + bytes(8)


def onnx_model(*, location: str = "", domain: str = "", branch: bool = False) -> bytes:
    """Return a small ONNX model, with weights elsewhere or operators of others where asked."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    if location:
        weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
        weights.external_data.add(key="location", value=location)
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    node = helper.make_node("Add", ["x", "w"], ["y"], domain=domain)
    initial = [weights]
    if branch:
        constant = helper.make_node("Constant", [], ["y"], value=weights)
        inner = helper.make_graph([constant], "inner", [], value[1:])
        node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
        initial = []
    model = helper.make_model(helper.make_graph([node], "g", value[:1], value[1:], initial))
    assert isinstance(model, onnx.ModelProto)
    return bytes(model.SerializeToString())
