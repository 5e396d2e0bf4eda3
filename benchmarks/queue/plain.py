"""Job of the plain comparison: ``python -m benchmarks.queue.plain DOCUMENTS`` only evaluates job documents one by one."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate


def main(path: Path) -> None:
    """Evaluates the documents of a JSON file and discards the results."""
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(json.loads(path.read_text())):
            job = Path(folder, str(number))
            job.mkdir()
            evaluate(JobDocument.model_validate(document), job)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
