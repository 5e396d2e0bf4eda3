"""How the command line knows the commands of sparse models."""

from tansaku.models.domain.rooms import CommandGroup

COMMANDS = CommandGroup(
    help="Sparse models: few columns, peaks, oscillations or shells.",
    opener="tansaku.sparse.cli:sparse_app",
)
