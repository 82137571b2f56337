# SPDX-License-Identifier: Apache-2.0
"""The parts of ops/chaos: a broker behind proxies, workers, faults, an observer, and an independent verifier."""
