"""One picture of a validation: drawn when it is its turn."""

from dataclasses import dataclass
from typing import Callable


@dataclass
class Picture:
    name: str  # of the files, without ending
    section: str  # of the report
    sample: str  # "" if it shows several
    caption: str
    draw: Callable  # returns a figure, or None if there is nothing to show
