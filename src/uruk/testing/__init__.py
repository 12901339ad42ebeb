"""Tools for testing what is built on uruk: mappers that count or fail, and a suite that any mapper must pass.

Nothing here is imported by uruk itself, and nothing needs a test framework.
"""

from __future__ import annotations

from uruk.testing.mapper_suite import check_mapper as check_mapper
from uruk.testing.mappers import CountingMapper as CountingMapper
from uruk.testing.mappers import FailingMapper as FailingMapper
from uruk.testing.mappers import Verb as Verb
