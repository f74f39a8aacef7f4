"""The one place where numba is applied, so that types survive and all kernels share options."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile on first use, without the GIL, kept in numba's cache (NUMBA_CACHE_DIR).

    Where the package directory cannot be written, numba falls back to the user's cache directory.
    Calls are inlined: a tuple of arrays that is passed on would have each array's references
    counted, which took most of the time.
    """
    return cast(
        F, numba.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)(function)
    )
