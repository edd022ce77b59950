"""The data sets that scikit-learn and statsmodels carry in their wheels, as plain tables."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import datasets

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """Where a table comes from, under which licence, and what was done to it."""

    read: Callable[[], pd.DataFrame]
    origin: str
    licence: str
    preparation: str
    group: str | None = None
    """Column whose rows belong together and are held back together."""


def _scikit_learn(name: str, **options: Any) -> tuple[pd.DataFrame, FloatArray]:
    bunch = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    return pd.DataFrame(bunch.data), bunch.target.to_numpy()


def _statsmodels(name: str, separator: str = ",") -> pd.DataFrame:
    """Read a CSV file out of the installed package without importing it (which costs a second)."""
    found = importlib.util.find_spec("statsmodels")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0])
    return pd.read_csv(folder / "datasets" / name / f"{name}.csv", sep=separator)


def _breast_cancer() -> pd.DataFrame:
    data, target = _scikit_learn("breast_cancer")
    keep = [name for name in data.columns if not name.endswith(" error")]
    return data[keep].assign(malignant=(target == 0).astype(int))


def _diabetes() -> pd.DataFrame:
    data, target = _scikit_learn("diabetes", scaled=False)
    return data.assign(progression=target)


def _wine() -> pd.DataFrame:
    data, target = _scikit_learn("wine")
    names = np.array(["cultivar 1", "cultivar 2", "cultivar 3"])
    return data.assign(cultivar=names[target.astype(int)])


def _digits() -> pd.DataFrame:
    data, target = _scikit_learn("digits")
    return data.assign(digit=target)


def _randhie() -> pd.DataFrame:
    table = _statsmodels("randhie")
    who = ["lncoins", "idp", "lpi", "fmde", "disea"]
    person = (table[who] != table[who].shift()).any(axis=1).cumsum()
    return table.assign(person=person, frequent=(table.mdvis >= 6).astype(int))


def _modechoice() -> pd.DataFrame:
    table = _statsmodels("modechoice", ";")
    modes = {1: "air", 2: "train", 3: "bus", 4: "car"}
    return table.assign(mode=table["mode"].map(modes))


def _macrodata() -> pd.DataFrame:
    table = _statsmodels("macrodata")
    before = pd.DataFrame(
        {
            "at": table.year + (table.quarter - 1) / 4,
            "unemp": table.unemp,
            "growth_before": (400 * np.log(table.realgdp).diff()).round(3).shift(1),
            "tbilrate_before": table.tbilrate.shift(1),
            "infl_before": table.infl.shift(1),
        }
    )
    return before.iloc[2:].reset_index(drop=True)


def _elec_equip() -> pd.DataFrame:
    table = _statsmodels("elec_equip")
    month = pd.to_datetime(table.DATE, format="%b-%d-%Y").dt.strftime("%Y-%m")
    return pd.DataFrame({"month": month, "turnover": table.iloc[:, 1]})


def _sunspots() -> pd.DataFrame:
    table = _statsmodels("sunspots")
    return pd.DataFrame({"year": table.YEAR, "sunspots": table.SUNACTIVITY})


_UCI = "CC BY 4.0 (UCI Machine Learning Repository), carried by scikit-learn"
_PUBLIC = "Public domain, carried by statsmodels"
SOURCES: Mapping[str, Source] = {
    "breast_cancer": Source(
        _breast_cancer,
        "Wolberg, Street, Mangasarian: Breast Cancer Wisconsin (Diagnostic), 1995",
        _UCI,
        "Mean and worst measurements kept, standard errors left out; target 1 for malignant.",
    ),
    "diabetes": Source(
        _diabetes,
        "Efron, Hastie, Johnstone, Tibshirani: Least Angle Regression, 2004",
        "Published with the paper without conditions, carried by scikit-learn (BSD-3-Clause)",
        "Values as measured, not standardised.",
    ),
    "wine": Source(_wine, "Forina and others: Wine recognition data, 1991", _UCI, "Classes named cultivar 1 to 3."),
    "digits": Source(
        _digits,
        "Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, 1998",
        _UCI,
        "Images of 8 by 8 pixels, one column each, 0 (white) to 16 (black).",
    ),
    "randhie": Source(
        _randhie,
        "RAND Health Insurance Experiment, 1974-1982",
        _PUBLIC,
        "Rows of one person follow each other with equal plan and health: such runs are numbered `person`, so that "
        "nobody is learned from and measured on. `frequent` is 1 from six visits a year on.",
        group="person",
    ),
    "modechoice": Source(
        _modechoice,
        "Greene, Hensher: Travel mode choice between Sydney, Canberra and Melbourne",
        _PUBLIC,
        "One row for each traveller and mode; modes by name.",
        group="individual",
    ),
    "engel": Source(
        lambda: _statsmodels("engel"), "Engel: Food expenditure of Belgian households, 1857", _PUBLIC, "As it is."
    ),
    "statecrime": Source(
        lambda: _statsmodels("statecrime"),
        "American Statistical Abstracts, 2009",
        _PUBLIC,
        "As it is; the share of white residents is in the file and no model uses it.",
    ),
    "macrodata": Source(
        _macrodata,
        "Federal Reserve Bank of St. Louis and Bureau of Labor Statistics, 1959-2009",
        _PUBLIC,
        "Growth is the yearly rate of real product; growth, bill rate and inflation are those of the quarter before.",
    ),
    "elec_equip": Source(
        _elec_equip, "Eurostat: turnover index, NACE 26-27, 1995-2016", _PUBLIC, "Months as year-month."
    ),
    "sunspots": Source(
        _sunspots, "National Geophysical Data Center: yearly sunspots, 1700-2008", _PUBLIC, "Columns renamed."
    ),
}
