"""Laying out PDF: in a child, because the layout engine is large and brings system libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from weasyprint import CSS, HTML

from modelops_platform.core.errors import InvalidInput

FILE = "report.pdf"


def print_pdf(prepared: dict[str, str], progress: Callable[[float | None, str], None]) -> dict[str, Any]:
    """Write `report.pdf` into the working folder from HTML and a style sheet, as tagged PDF/UA.

    Nothing is fetched: a report that names an outside file is refused with InvalidInput.
    """
    progress(0.2, "Laying out the pages")
    document = HTML(string=prepared["html"], url_fetcher=_refuse).render(
        stylesheets=[CSS(string=Path(prepared["style"]).read_text(encoding="utf-8"), url_fetcher=_refuse)]
    )
    progress(0.7, "Writing the file")
    document.write_pdf(FILE, pdf_variant="pdf/ua-1")
    return {"file": FILE, "pages": len(document.pages)}


def _refuse(url: str, *_options: object, **_more: object) -> dict[str, Any]:
    raise InvalidInput(f"A report may not fetch {url[:80]!r}.", remedy="Tell an administrator.")
