# SPDX-License-Identifier: Apache-2.0
"""The one error of this package."""


class ShardError(Exception):
    """A set, a shard or a saved state that cannot be read: the message says which file, why, and what to do."""
