"""The public functions of NumPy, SciPy and scikit-learn that a model may keep, by rule.

All of them are on the list but those that are named here, each for its reason. ``ruled`` gives the
pairs by which pickle knows them; a test holds the list against it, so that a library's new version
cannot add a function unseen, nor the list a function that no rule allows.
"""

from __future__ import annotations

import inspect
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import scipy.spatial.distance
import scipy.special
import sklearn.feature_selection
import sklearn.metrics
import sklearn.metrics.pairwise
import sklearn.preprocessing

NUMPY: dict[str, str] = {
    "reads or writes files": """fromfile fromregex genfromtxt load loadtxt save savetxt savez
        savez_compressed""",
    "runs what it is given, or gives what runs it": """apply_along_axis apply_over_axes einsum
        einsum_path fromfunction fromiter frompyfunc piecewise test""",
    "sets how NumPy works": """errstate get_printoptions getbufsize geterr geterrcall printoptions
        set_printoptions setbufsize seterr seterrcall""",
    "tells of NumPy, not of an array": """array2string array_repr array_str base_repr binary_repr
        can_cast common_type datetime_as_string datetime_data format_float_positional
        format_float_scientific get_include info is_busday busday_count busday_offset isdtype
        isfortran isscalar issubdtype iterable may_share_memory min_scalar_type mintypecode ndim
        promote_types result_type shape shares_memory show_config show_runtime size typename
        iscomplexobj isrealobj""",
    "makes as much as a number says": """arange bartlett bincount blackman broadcast_shapes
        broadcast_to diag_indices empty eye full geomspace hamming hanning histogram histogram2d
        histogram_bin_edges histogramdd identity indices ix_ kaiser linspace logspace mask_indices
        meshgrid ones pad ravel_multi_index repeat resize tile tri tril_indices triu_indices
        unravel_index vander zeros diag_indices_from tril_indices_from triu_indices_from""",
    "makes what was not filled, or of memory": """empty_like from_dlpack frombuffer fromstring
        full_like nested_iters ones_like zeros_like""",
    "makes the square of its array": "corrcoef cov diag diagflat kron outer",
    "changes its array": """copyto fill_diagonal place put put_along_axis putmask require""",
    "takes more arrays than a transformation has": """allclose append array_equal array_equiv block
        bmat broadcast_arrays choose column_stack compress concatenate convolve correlate cross
        delete dot dstack extract hstack inner insert intersect1d lexsort polyadd
        polydiv polyfit polymul polysub polyval row_stack searchsorted select setdiff1d setxor1d
        stack take_along_axis tensordot union1d vdot vstack where matmul matvec vecdot vecmat""",
    "gives several arrays, or none": """array_split asmatrix dsplit gradient hsplit nonzero
        split unique unique_all unique_counts unique_inverse unique_values unstack vsplit argwhere
        flatnonzero poly polyder polyint roots trim_zeros modf frexp divmod""",
    "packs bits": "packbits unpackbits",
}
METRICS: dict[str, str] = {
    "makes scorers": "check_scoring get_scorer get_scorer_names make_scorer",
    "takes a function": """metric_at_thresholds pairwise_distances pairwise_distances_argmin
        pairwise_distances_argmin_min pairwise_distances_chunked pairwise_kernels
        paired_distances""",
    "measures nothing": """check_paired_arrays check_pairwise_arrays distance_metrics
        kernel_metrics""",
}
DISTANCES: dict[str, str] = {
    "takes a function": "cdist pdist",
    "measures no two rows": """directed_hausdorff is_valid_dm is_valid_y num_obs_dm num_obs_y
        squareform""",
}
NONE: dict[str, str] = {}


def ruled() -> set[tuple[str, str]]:
    """Return the pairs of the functions that the rules let onto the list."""
    special = {
        found.__name__
        for name in scipy.special.__all__
        if isinstance(found := getattr(scipy.special, name), np.ufunc)
        and (found.nin, found.nout) == (1, 1)
    }
    return {
        *(("numpy", name) for _, name in _public(np, NUMPY)),
        *(("scipy.special", name) for name in special),
        *_public(scipy.spatial.distance, DISTANCES),
        *_public(sklearn.feature_selection, NONE),
        *_public(sklearn.metrics, METRICS),
        *_public(sklearn.metrics.pairwise, METRICS),
        *_public(sklearn.preprocessing, NONE),
    }


def excluded(reasons: dict[str, str]) -> list[str]:
    return " ".join(reasons.values()).split()


def _public(module: ModuleType, reasons: dict[str, str]) -> set[tuple[str, str]]:
    """Return the functions that the module offers, by the names that pickle writes, without those
    that are excluded."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if name[0] != "_"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are about to go
        offered: list[Any] = [getattr(module, name) for name in names if hasattr(module, name)]
    found = {
        (one.__module__ if hasattr(one, "__module__") else "numpy", one.__name__)
        for one in offered
        if callable(one) and hasattr(one, "__name__") and not inspect.isclass(one)
    }
    without = excluded(reasons)
    is_own = hasattr(module, "__all__")
    return {
        pair for pair in found if (is_own or pair[0] == module.__name__) and pair[1] not in without
    }
