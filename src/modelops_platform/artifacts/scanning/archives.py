"""Archives and compressed files: what their members would do to whoever unpacks them, and the members in memory."""

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from modelops_platform.core.errors import InvalidInput

from ..domain import clean_path
from .findings import Bomb, Budget, CannotParse, Findings

_CHUNK = 256 * 1024
_ENCRYPTED = 0x1
_ESCAPE = re.compile(r"(^|/)\.\.(/|$)|^/|^[A-Za-z]:|[\\\x00-\x1f]")


def zip_members(file: BinaryIO, size: int, budget: Budget, findings: Findings) -> Iterator[tuple[str, BinaryIO, int]]:
    """Check a zip and yield its files, unpacked in memory; raises CannotParse or Bomb."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as problem:
        raise CannotParse(f"the zip cannot be read ({problem})") from None
    with archive:
        members = archive.infolist()
        _check_names([member.orig_filename for member in members], findings)
        if sum(member.compress_size for member in members) > size:
            raise Bomb("its members share their bytes")
        for member in members:
            budget.spend_member()
            name = member.orig_filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                findings.dangerous(f"Member {name!r} is a link or a device.")
            elif member.flag_bits & _ENCRYPTED:
                findings.unknown(f"Member {name!r} is encrypted.")
            elif not member.is_dir():
                yield name, *_unzip(archive, member, budget)


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> tuple[BinaryIO, int]:
    try:
        with archive.open(member) as packed:
            return unpack(packed.read, member.compress_size, budget)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, lzma.LZMAError, OSError) as problem:
        raise CannotParse(f"member {member.orig_filename!r} cannot be unpacked ({problem})") from None


def tar_members(file: BinaryIO, budget: Budget, findings: Findings) -> Iterator[tuple[str, BinaryIO, int]]:
    """Check a tar and yield its files, copied into memory; raises CannotParse or Bomb."""
    names: list[str] = []
    try:
        with tarfile.open(fileobj=file, mode="r:", errorlevel=2) as archive:
            for member in archive:
                budget.spend_member()
                names.append(member.name)
                if member.issparse():
                    raise CannotParse(f"member {member.name!r} is sparse")
                if member.isreg():
                    packed = archive.extractfile(member)
                    assert packed is not None
                    yield member.name, *unpack(packed.read, member.size, budget)
                elif not member.isdir():
                    findings.dangerous(f"Member {member.name!r} is a link or a device.")
    except (tarfile.TarError, ValueError, OSError) as problem:
        raise CannotParse(f"the tar cannot be read ({problem})") from None
    _check_names(names, findings)


def _check_names(names: list[str], findings: Findings) -> None:
    """Say which names would leave the folder, or hide another member."""
    seen: set[str] = set()
    for name in names:
        plain = name.removesuffix("/").removeprefix("./")
        if plain in seen:
            findings.dangerous(f"Two members are named {name!r}; readers differ in which one they take.")
        seen.add(plain)
        if plain not in ("", "."):
            try:
                clean_path(plain)
            except InvalidInput as problem:
                judge = findings.dangerous if _ESCAPE.search(plain) else findings.unknown
                judge(f"The name of a member is not safe to unpack. {problem.message}")


def expand(file: BinaryIO, size: int, head: bytes, budget: Budget) -> tuple[BinaryIO, int]:
    """Unpack a compressed file in memory; raises CannotParse or Bomb."""
    try:
        return unpack(_reader(file, head), size, budget)
    except (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as problem:
        raise CannotParse(f"the compressed data cannot be unpacked ({problem})") from None


def _reader(file: BinaryIO, head: bytes) -> Callable[[int], bytes]:
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file).read
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file).read
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return lzma.LZMAFile(file).read
    if head.startswith(b"\x04\x22\x4d\x18"):
        raise CannotParse("LZ4 is not read here")
    return _zlib_reader(file)


def _zlib_reader(file: BinaryIO) -> Callable[[int], bytes]:
    """Return a bounded reader of a zlib stream, which the standard library has no file class for."""
    engine = zlib.decompressobj()

    def read(size: int) -> bytes:
        while not engine.eof:
            packed = engine.unconsumed_tail or file.read(_CHUNK)
            data = engine.decompress(packed, size)
            if data:
                return data
            if not packed:
                raise EOFError("the stream ends early")
        if engine.unused_data or file.read(1):
            raise CannotParse("bytes stand behind the end of the compressed data")
        return b""

    return read


def unpack(read: Callable[[int], bytes], packed: int, budget: Budget) -> tuple[BinaryIO, int]:
    """Copy a stream into memory, within the budget; raises Bomb or CannotParse."""
    copy, size = io.BytesIO(), 0
    while data := read(_CHUNK):
        copy.write(data)
        size += len(data)
        budget.total_bytes -= len(data)
        if size > budget.ratio_from and size > budget.ratio * max(packed, 1):
            raise Bomb(f"a part of {packed} bytes grows to more than {size}")
        if size > budget.part_bytes or budget.total_bytes < 0:
            raise CannotParse("it unpacks to more than a scan looks into")
    copy.seek(0)
    return copy, size
