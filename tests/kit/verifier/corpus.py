"""Where real logs of other programs are, if they are at hand; they are no part of the project.

Their place is given by SWARMPROOF_CORPUS, or is `../shared/corpus` beside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

CORPUS = Path(os.environ.get("SWARMPROOF_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
