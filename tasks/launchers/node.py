"""The name by which queued jobs of earlier versions start :mod:`tansaku.tasks.backends.launchers.node`."""

import sys

from tansaku.tasks.backends.launchers.node import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
