"""Description of the commands of sparse models, by which the command line knows them."""

from tansaku.models.domain.rooms import CommandGroup

COMMANDS = CommandGroup(
    help="Sparse models: few columns, peaks, oscillations or shells.",
    opener="tansaku.sparse.cli:sparse_app",
)
