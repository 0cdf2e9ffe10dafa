"""64-bit hashes of arrays, which unlike ``hash`` are the same on every machine."""

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers without collisions (the finaliser of splitmix64).

    https://prng.di.unimi.it/splitmix64.c
    """
    x = x.astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def powers(n: int) -> np.ndarray:
    """The first ``n`` powers of the multiplier for polynomial hashes, modulo 2**64: uint64 (n,)."""
    return np.cumprod(np.r_[np.uint64(1), np.full(max(n - 1, 0), _MULTIPLIER)])[:n]


def hash_rows(rows: np.ndarray, salt: int = 0) -> np.ndarray:
    """Hash each row of a matrix.

    Args:
        rows: int (N, L). Zeros at the end of a row do not change its hash.
        salt: different salts give different hashes.

    Returns:
        uint64 (N,).
    """
    polynomial = (rows.astype(np.uint64) * powers(rows.shape[1])).sum(axis=1, dtype=np.uint64)
    return mix(polynomial + mix(np.array([salt + 1])))
