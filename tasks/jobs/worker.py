"""The name by which spools of earlier versions start :mod:`tansaku.tasks.node.jobs.worker`."""

import sys

from tansaku.tasks.node.jobs.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
