"""Which names a pickle or skops file may import: an allow-list first, everything else is unknown or worse.

A deny-list is not a boundary. The lists of dangerous names only turn *unknown* into *dangerous*, so that people
see the difference between a class of their own and an attack.
"""

import re
import sys
from enum import IntEnum


class Trust(IntEnum):
    """How far importing a name, and calling it with any arguments, is known to be harmless."""

    HARMLESS = 0
    NEEDS_TRUST = 1
    UNKNOWN = 2
    DANGEROUS = 3


NEEDS_TRUST = re.compile(
    r"sklearn\.(tree\._tree\.Tree|ensemble\._hist_gradient_boosting\.predictor\.TreePredictor|"
    r"neighbors\._(kd|ball)_tree\.(newObj|KDTree|BallTree)(32|64)?)"
)
"""scikit-learn follows the node indices of these without checking them: a crafted file can crash its process or
read foreign memory, so loading them is a decision about who made the file."""

_HARMLESS: dict[str, str] = {
    "builtins": "object int float complex bool str bytes bytearray list tuple dict set frozenset slice range",
    "collections": "OrderedDict defaultdict deque Counter",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "_codecs": "encode",
    "datetime": "datetime date time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "numpy": (
        "ndarray dtype matrix recarray generic number int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc uintc "
        "longlong ulonglong float16 float32 float64 longdouble complex64 complex128 bool bool_ str_ bytes_ object_ "
        "void datetime64 timedelta64 mean median sum std var min max amin amax nanmean nanmedian abs absolute "
        "log log1p log2 log10 exp exp2 expm1 sqrt cbrt square reciprocal sin cos tan tanh sign"
    ),
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy._core._internal": "_convert_to_stringdtype_kwargs",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "_mareconstruct MaskedArray",
    "numpy.dtypes": (
        "StringDType Float64DType Float32DType Int64DType Int32DType BoolDType ObjectDType StrDType DateTime64DType"
    ),
    "numpy.random._pickle": "__randomstate_ctor __bit_generator_ctor __generator_ctor",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.mtrand": "RandomState",
    "numpy.random._generator": "Generator",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "scipy.sparse._csr": "csr_matrix csr_array",
    "scipy.sparse._csc": "csc_matrix csc_array",
    "scipy.sparse._coo": "coo_matrix coo_array",
    "scipy.sparse": "csr_matrix csr_array csc_matrix csc_array coo_matrix coo_array",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.interpolate._interpolate": "interp1d PPoly",
    "scipy.special": "expit logit",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "pandas": (
        "DataFrame Series Index RangeIndex MultiIndex DatetimeIndex Categorical CategoricalDtype CategoricalIndex "
        "StringDtype Int64Dtype Float64Dtype BooleanDtype Timestamp Timedelta"
    ),
    "pandas.core.frame": "DataFrame",
    "pandas.core.series": "Series",
    "pandas.core.indexes.base": "Index _new_Index",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas.core.arrays.categorical": "Categorical",
    "pandas.core.dtypes.dtypes": "CategoricalDtype",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas.arrays": "StringArray",
    "torch._utils": "_rebuild_tensor_v2 _rebuild_parameter",
    "torch": (
        "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage "
        "ByteStorage BoolStorage Size"
    ),
    "sklearn.utils._bunch": "Bunch",
    "sklearn.metrics._dist_metrics": "newObj",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
    "sklearn.feature_selection._univariate_selection": "f_classif f_regression chi2 f_oneway r_regression",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.metrics._classification": (
        "accuracy_score balanced_accuracy_score f1_score precision_score recall_score log_loss brier_score_loss"
    ),
    "sklearn.metrics._ranking": "roc_auc_score average_precision_score",
    "sklearn.metrics._regression": "mean_squared_error mean_absolute_error r2_score",
}
_NAMES = {module: frozenset(names.split()) for module, names in _HARMLESS.items()}

# In these packages a class is an estimator or a part of one: making it and setting its state runs no given code.
_ESTIMATORS = re.compile(
    r"sklearn\.(_loss|base|calibration|cluster|compose|covariance|cross_decomposition|decomposition|"
    r"discriminant_analysis|dummy|ensemble|feature_extraction|feature_selection|gaussian_process|impute|isotonic|"
    r"kernel_approximation|kernel_ridge|linear_model|manifold|metrics|mixture|model_selection|multiclass|multioutput|"
    r"naive_bayes|neighbors|neural_network|pipeline|preprocessing|random_projection|semi_supervised|svm|tree)"
    r"(\.\w+)*"
)
_CLASS = re.compile(r"(__pyx_unpickle_)?_?[A-Z]\w*")

_DANGEROUS_MODULES = re.compile(
    r"(cloudpickle|dill|requests|urllib3|httpx|aiohttp|pip|setuptools|pkg_resources|IPython|pytest|numpy\.testing|"
    r"numpy\.f2py|numpy\.distutils|numpy\.ctypeslib|numpy\.lib|pandas\.core\.computation|pandas\.io|sklearn\.externals|"
    r"joblib\.(disk|executor|externals|hashing|memory|parallel|pool)|torch\.(hub|jit|serialization|distributed|multiprocessing)|modelops_platform|mlflow|paramiko|fsspec)"
    r"(\..*)?"
)
_DANGEROUS_NAMES = re.compile(
    r"(.*\.)?(eval|exec|execfile|system|popen|spawn\w*|fork|run|runstring|run_command|call|check_output|getoutput|"
    r"compile|loads?|fromfile|tofile|memmap|save\w*|read_pickle|to_pickle|query|getattr|setattr|delattr|import_module|"
    r"__import__|globals|locals|vars|open|urlopen|urlretrieve|__reduce__|__subclasses__|__globals__|__builtins__|"
    r"__getattribute__|__getattr__|__dict__|__class__|__code__)"
)
_OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg", "cPickle": "pickle", "UserDict": "collections"}


def judge(module: str, name: str) -> Trust:
    """Say how far a global can be trusted."""
    module = _OLD_NAMES.get(module, module)
    if module == "numpy.core" or module.startswith("numpy.core."):
        module = "numpy._core" + module.removeprefix("numpy.core")
    if NEEDS_TRUST.fullmatch(f"{module}.{name}"):
        return Trust.NEEDS_TRUST
    if name in _NAMES.get(module, ()):
        return Trust.HARMLESS
    if _ESTIMATORS.fullmatch(module) and _CLASS.fullmatch(name):
        return Trust.HARMLESS
    if module.partition(".")[0] in sys.stdlib_module_names or not module:
        return Trust.DANGEROUS
    if _DANGEROUS_MODULES.fullmatch(module) or _DANGEROUS_NAMES.fullmatch(name):
        return Trust.DANGEROUS
    return Trust.UNKNOWN
