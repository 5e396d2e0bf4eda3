"""The bare loop: ``python -m benchmarks.overhead.bare DOCUMENTS`` evaluates job documents one by one, nothing else."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate


def main(path: Path) -> None:
    """Evaluates the documents of a JSON file; the first one is computed twice, once to warm up.

    Prints the time of all but the warm-up [s].
    """
    documents = [JobDocument.model_validate(item) for item in json.loads(path.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        evaluate(documents[0], Path(folder))
        begun = time.perf_counter()
        for number, document in enumerate(documents):
            job = Path(folder, str(number))
            job.mkdir()
            evaluate(document, job)
        print(json.dumps(time.perf_counter() - begun))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
