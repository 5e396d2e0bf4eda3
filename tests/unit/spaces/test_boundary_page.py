"""The page on grain boundaries says what the code does."""

from pathlib import Path

from tansaku.models.domain.specs.space import GrainBoundarySpaceSpec
from tansaku.spaces.grain_boundary import GrainBoundarySpace

PAGE = Path(__file__).resolve().parents[3] / "docs" / "grain-boundaries.md"


def test_the_table_of_the_38_boundaries():
    spec = {
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
        "boundaries": {"max_sigma": 99, "angles": [20, 160]},
        "translation": {"normal": [0.3], "in_plane": [0.0], "along_axis": [0.0]},
    }
    space = GrainBoundarySpace(GrainBoundarySpaceSpec.model_validate(spec), Path())
    pool = space.pool()
    atoms = dict(zip((pool.surfaces[code] for code in pool.surface_codes), pool.cost, strict=True))
    expected = [
        [
            f"{row['angle']:.2f}",
            str(row["sigma"]),
            f"({' '.join(map(str, row['plane']))})",
            f"{row['period_in_plane']:.2f}",
            f"{row['plane_spacing']:.3f}",
            ", ".join(map(str, row["removed_planes"])),
            ", ".join(f"{atoms[surface]:.0f}" for surface in row["surfaces"]),
        ]
        for row in space.describe_systems()
    ]
    text = PAGE.read_text(encoding="utf-8").partition("## The 38 boundaries")[2]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines] == expected
