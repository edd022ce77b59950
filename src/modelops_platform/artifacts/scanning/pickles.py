"""Following the opcodes of a pickle without performing them.

A small machine with the stack, marks and memo of the real one, whose values are only *descriptions*: it knows which
names would be imported and what would be called, however the names were put on the stack. joblib's raw arrays
between opcodes are measured and skipped.
"""

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, cast

from .findings import CannotParse, Findings
from .trust import Trust, judge
from .values import MAX_LINE, OPAQUE, Global, Made, Part, Slice, is_big, item_size, may_be_text, pairs

MAX_STEPS = 20_000_000
MAX_NESTED = 200
MAX_NESTING = 4


@dataclass(slots=True)
class Walk:
    """What one walk over a part of a file has found."""

    findings: Findings = field(default_factory=Findings)
    stopped: bool = False
    called: bool = False
    wrappers: int = 0
    proto: int = 0
    end: int = 0
    failure: str | None = None


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_LENGTHS = {"BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8, "BINUNICODE": 4, "BINUNICODE8": 8, "LONG4": 4}
_PUSH_ARGUMENT = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "SHORT_BINBYTES",
}  # fmt: skip
_PUSH_FIXED: dict[str, Any] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_LIST": OPAQUE,
    "EMPTY_SET": OPAQUE,
    "EMPTY_TUPLE": (),
}
_ARRAY_WRAPPER = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
_MAKERS = re.compile(r"(copyreg|copy_reg)\.(_reconstructor|__newobj__|__newobj_ex__)")
# The functions whose results honest pickles give a state; any other result could be anything, a wrapper too.
_NEW_OBJECTS = re.compile(
    r"_?[A-Z]\w*|ndarray|dtype|object|_reconstruct|_mareconstruct|__\w+_ctor|newObj|__pyx_unpickle_\w+"
)


class Machine:
    """Walks one pickle from where `part` stands to its STOP.

    With `joblib`, a joblib array wrapper is followed by its raw data, as `joblib.load` reads it; without, the
    bytes behind it are taken as opcodes, as `pickle.load` does.
    """

    def __init__(self, part: Part, *, joblib: bool, persistent: bool = False, nesting: int = 0) -> None:
        self.part, self.joblib, self.persistent, self.nesting = part, joblib, persistent, nesting
        self.walk = Walk()
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.nested: list[Slice | bytes] = []
        self.frame_end = 0

    def run(self) -> Walk:
        """Follow the opcodes as far as they make sense."""
        try:
            self._follow()
        except CannotParse as problem:
            self.walk.failure = str(problem)
        except (ValueError, IndexError, KeyError, TypeError, OverflowError) as problem:
            self.walk.failure = f"the opcodes do not make sense ({type(problem).__name__})"
        self.walk.end = self.part.position
        self._look_inside()
        return self.walk

    def _follow(self) -> None:
        handlers = _HANDLERS
        for _ in range(MAX_STEPS):
            code = self.part.read(1)
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise CannotParse(f"byte {code.hex()} at {self.part.position - 1} is no opcode")
            name = opcode.name
            if name in _LENGTHS:
                self._push_long(name)
                continue
            argument = opcode.arg.reader(cast(BinaryIO, self.part)) if opcode.arg is not None else None
            if name in _PUSH_ARGUMENT:
                self._push(argument)
            elif name in _PUSH_FIXED:
                self._push(_PUSH_FIXED[name])
            elif name == "STOP":
                self._pop()
                self._leave_frame()
                self.walk.stopped = True
                return
            else:
                handlers[name](self, argument)
        raise CannotParse(f"it takes more than {MAX_STEPS} steps")

    # The stack

    def _push(self, value: Any) -> None:
        if isinstance(value, bytes):
            self._maybe_nested(value)
        self.stack.append(OPAQUE if isinstance(value, str | bytes | int) and is_big(value) else value)

    def _push_long(self, name: str) -> None:
        """Push a value whose length is written before it, without reading what is too long to matter."""
        length = int.from_bytes(self.part.read(_LENGTHS[name]), "little")
        start = self.part.position
        if name.startswith("BINUNICODE") and length <= MAX_LINE:
            self._push(self.part.read(length).decode("utf-8", "surrogatepass"))
            return
        self.part.skip(length)
        if name.startswith(("BINBYTES", "BYTEARRAY")):
            self._maybe_nested(Slice(start, length))
        self.stack.append(OPAQUE)

    def _pop(self) -> Any:
        if not self.stack:
            raise CannotParse("it takes a value from an empty stack")
        return self.stack.pop()

    def _pop_mark(self) -> list[Any]:
        if not self.marks:
            raise CannotParse("it goes back to a mark that was not set")
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _top(self) -> Any:
        if not self.stack:
            raise CannotParse("it needs a value on an empty stack")
        return self.stack[-1]

    # Opcodes

    def mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._pop_mark()

    def pop_mark(self, _: Any) -> None:
        self._pop_mark()

    def dup(self, _: Any) -> None:
        self.stack.append(self._top())

    def put(self, index: Any) -> None:
        self.memo[int(index)] = self._top()

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self._top()

    def get(self, index: Any) -> None:
        if int(index) not in self.memo:
            raise CannotParse("it recalls a value that was never kept")
        self.stack.append(self.memo[int(index)])

    def collect(self, _: Any) -> None:
        self._pop_mark()
        self.stack.append(OPAQUE)

    def collect_tuple(self, _: Any) -> None:
        items = self._pop_mark()
        self.stack.append(tuple(items) if len(items) <= 64 else OPAQUE)

    def collect_dict(self, _: Any) -> None:
        items = self._pop_mark()
        self.stack.append(pairs({}, items))

    def empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def tuple_of(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def append(self, _: Any) -> None:
        self._pop()
        self._changed(self._top())

    def appends(self, _: Any) -> None:
        self._pop_mark()
        self._changed(self._top())

    def set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._changed(self._top())
        pairs(self._top(), [key, value])

    def set_items(self, _: Any) -> None:
        items = self._pop_mark()
        self._changed(self._top())
        pairs(self._top(), items)

    def find(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self._import(module, name)

    def stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(module, str) and isinstance(name, str):
            self._import(module, name)
            return
        if not may_be_text(module) or not may_be_text(name):
            raise CannotParse("it imports something that is not named by text")
        self.walk.findings.dangerous("It imports a name that it puts together while loading.")
        self.stack.append(Global("?", "?"))

    def extension(self, code: Any) -> None:
        self.walk.findings.unknown(f"It refers to the private extension {code}, whose meaning is not in the file.")
        self.stack.append(Global("?", f"extension {code}"))

    def persistent_id(self, argument: Any) -> None:
        if argument is None:
            self._pop()
        if not self.persistent:
            self.walk.findings.unknown("It refers to objects outside of the file (persistent ids).")
        self.stack.append(OPAQUE)

    def next_buffer(self, _: Any) -> None:
        self.walk.findings.unknown("Parts of its data are kept outside of the file.")
        self.stack.append(OPAQUE)

    def instance(self, argument: Any) -> None:
        arguments = tuple(self._pop_mark())
        module, _, name = str(argument).partition(" ")
        self._import(module, name)
        self._call(self._pop(), arguments)

    def obj(self, _: Any) -> None:
        items = self._pop_mark()
        if not items:
            raise CannotParse("it makes an object of nothing")
        self._call(items[0], tuple(items[1:]))

    def new_object(self, _: Any) -> None:
        arguments, maker = self._pop(), self._pop()
        self._call(maker, arguments)

    def new_object_ex(self, _: Any) -> None:
        self._pop()
        self.new_object(None)

    def build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        self._changed(target)
        if not isinstance(target, Made):
            return
        target.state = state
        if target.maker == _ARRAY_WRAPPER:
            self.walk.wrappers += 1
            if self.joblib:
                self._skip_array(state)
                self.stack[-1] = Made(Global("numpy", "ndarray"))
        elif target.maker is not None and not _NEW_OBJECTS.fullmatch(target.maker.name):
            raise CannotParse(f"it sets the state of what {target.maker} returns")

    def nothing(self, _: Any) -> None:
        """READONLY_BUFFER changes no value."""

    def frame(self, length: Any) -> None:
        """A reader takes a frame as a whole: what it skips or leaves in the middle of one, readers see differently."""
        self._leave_frame()
        self.frame_end = self.part.position + int(length)

    def _leave_frame(self) -> None:
        if self.part.position < self.frame_end:
            raise CannotParse("it leaves a frame before its end, which readers follow differently")

    def protocol(self, argument: Any) -> None:
        self.walk.proto = max(self.walk.proto, int(argument))
        if self.walk.proto > 5:
            raise CannotParse(f"it claims protocol {argument}")

    # Meaning

    def _import(self, module: str, name: str) -> None:
        found = Global(module, name)
        findings = self.walk.findings
        findings.import_seen(str(found))
        trust = judge(module, name)
        if trust is Trust.DANGEROUS:
            findings.dangerous(f"Loading it would import {found}, which no model needs.")
        elif trust is Trust.UNKNOWN:
            findings.unknown(f"Loading it would import {found}, which is not on the list of known harmless names.")
        elif trust is Trust.NEEDS_TRUST:
            findings.unknown(
                f"It holds {found}, whose node indices are not checked when it is used: "
                "loading it needs a trust decision about who made the file."
            )
        self.stack.append(found)

    def _call(self, maker: Any, arguments: Any) -> None:
        self.walk.called = True
        if not isinstance(maker, Global):
            self.walk.findings.dangerous("It calls something that it builds while loading.")
            self.stack.append(Made(None))
            return
        if _MAKERS.fullmatch(str(maker)):
            if isinstance(arguments, tuple) and arguments and isinstance(arguments[0], Global):
                maker = arguments[0]
            else:
                self.walk.findings.dangerous("It makes an object of a class that it builds while loading.")
        elif maker == Global("_codecs", "encode") and isinstance(arguments, tuple) and arguments:
            self._maybe_nested(arguments[0])
        self.stack.append(Made(maker, arguments))

    def reduce(self, _: Any) -> None:
        arguments, maker = self._pop(), self._pop()
        self._call(maker, arguments)

    def _changed(self, target: Any) -> None:
        if isinstance(target, Global):
            self.walk.findings.dangerous(f"It changes {target} itself, for everybody in the process.")

    # joblib's raw arrays

    def _skip_array(self, state: Any) -> None:
        """Go on behind the array that follows its wrapper, and the frame that holds the wrapper."""
        self._leave_frame()
        fields = state if isinstance(state, dict) else {}
        shape, dtype = fields.get("shape"), fields.get("dtype")
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise CannotParse("the shape of a joblib array is not written plainly")
        size = item_size(dtype)
        if size is None:
            self._nested_pickle()
            return
        if fields.get("numpy_array_alignment_bytes") is not None:
            self.part.skip(self.part.read(1)[0])
        self.part.skip(math.prod(shape) * size)

    def _nested_pickle(self) -> None:
        """An array of objects is a pickle of its own, right behind its wrapper."""
        if self.nesting >= MAX_NESTING:
            raise CannotParse("pickles stand in pickles too deeply")
        inner = Machine(self.part, joblib=True, nesting=self.nesting + 1).run()
        self.walk.findings.merge(inner.findings)
        if inner.failure or not inner.stopped:
            raise CannotParse(inner.failure or "an array of objects does not end")

    # Pickles in bytes

    def _maybe_nested(self, value: Any) -> None:
        if isinstance(value, Slice | bytes | str) and len(self.nested) < MAX_NESTED:
            if isinstance(value, str):
                value = value.encode("latin-1", "ignore")
            if (value.length if isinstance(value, Slice) else len(value)) >= 4:
                self.nested.append(value)

    def _look_inside(self) -> None:
        """Walk over byte strings as if they were pickles; only what is clearly harmful counts."""
        if self.nesting >= MAX_NESTING:
            return
        for value in self.nested:
            if isinstance(value, Slice):
                part = Part(self.part.file, value.start, value.start + value.length)
            else:
                part = Part(BytesIO(value), 0, len(value))
            inner = Machine(part, joblib=False, nesting=self.nesting + 1).run()
            if inner.called and inner.findings.verdict.rank == 2:
                self.walk.findings.merge(inner.findings, where="A pickle inside of its data")
        self.part.file.seek(self.part.position)


_HANDLERS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": Machine.protocol,
    "FRAME": Machine.frame,
    "READONLY_BUFFER": Machine.nothing,
    "MARK": Machine.mark,
    "POP": Machine.pop,
    "POP_MARK": Machine.pop_mark,
    "DUP": Machine.dup,
    "PUT": Machine.put,
    "BINPUT": Machine.put,
    "LONG_BINPUT": Machine.put,
    "MEMOIZE": Machine.memoize,
    "GET": Machine.get,
    "BINGET": Machine.get,
    "LONG_BINGET": Machine.get,
    "LIST": Machine.collect,
    "FROZENSET": Machine.collect,
    "TUPLE": Machine.collect_tuple,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "DICT": Machine.collect_dict,
    "EMPTY_DICT": Machine.empty_dict,
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "ADDITEMS": Machine.appends,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "GLOBAL": Machine.find,
    "STACK_GLOBAL": Machine.stack_global,
    "EXT1": Machine.extension,
    "EXT2": Machine.extension,
    "EXT4": Machine.extension,
    "PERSID": Machine.persistent_id,
    "BINPERSID": Machine.persistent_id,
    "NEXT_BUFFER": Machine.next_buffer,
    "INST": Machine.instance,
    "OBJ": Machine.obj,
    "NEWOBJ": Machine.new_object,
    "NEWOBJ_EX": Machine.new_object_ex,
    "REDUCE": Machine.reduce,
    "BUILD": Machine.build,
}


@dataclass(slots=True)
class PickleScan:
    """The outcome over all pickles that stand one after the other in a part."""

    findings: Findings
    pickles: int
    is_joblib: bool


def scan_pickles(file: BinaryIO, size: int, *, persistent: bool = False, start: int = 0) -> PickleScan:
    """Scan every pickle of a part, as `joblib.load` and as `pickle.load` would read it."""
    findings, pickles, wrappers, position = Findings(), 0, 0, start
    while position < size:
        walk = Machine(Part(file, position, size), joblib=True, persistent=persistent).run()
        findings.merge(walk.findings)
        if walk.wrappers:
            _add_plain_reading(findings, file, position, size)
        wrappers += walk.wrappers
        if walk.failure is not None:
            if pickles:
                findings.unknown(f"{size - position} bytes stand behind the end of the pickle, and are none.")
            else:
                findings.unknown(f"The pickle cannot be followed to its end: {walk.failure}.")
            break
        pickles += 1
        position = walk.end
        if pickles > MAX_NESTED:
            findings.unknown("It holds more pickles than a scan follows.")
            break
    return PickleScan(findings, pickles, bool(wrappers))


def _add_plain_reading(findings: Findings, file: BinaryIO, start: int, size: int) -> None:
    """A joblib file loaded by plain pickle runs its array bytes as opcodes; look whether they would do harm."""
    plain = Machine(Part(file, start, size), joblib=False).run()
    if plain.findings.verdict.rank == 2:
        findings.merge(plain.findings, where="Read by pickle.load instead of joblib")


def looks_like_pickle(file: BinaryIO, size: int) -> bool:
    """Say whether content without a magic number works as a pickle: it ends well, or calls something on its way."""
    walk = Machine(Part(file, 0, size), joblib=True).run()
    return walk.stopped or (walk.called and bool(walk.findings.globals))
