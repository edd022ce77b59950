"""The program of the limited child: looks into one file and prints a report.

Started as `child LIMITS FILE NAME`; the answer is one JSON object on standard output.
"""

import json
import os
import sys
from pathlib import Path

from ..confine import confine
from ..domain import unscannable
from ..limits import Limits
from .findings import Budget
from .scan import scan


def main() -> None:
    """Open the file, give up everything else, scan, answer."""
    limits, path, name = sys.argv[1:4]
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        confine(Limits.from_text(limits))
        try:
            report = scan(file, size, Budget(), name=name)
        except MemoryError:
            report = unscannable("Scanning it takes more memory than a scan may use.")
        except RecursionError:
            report = unscannable("Its content nests too deeply to be followed.")
    json.dump(report.as_json(), sys.stdout)


if __name__ == "__main__":
    main()
