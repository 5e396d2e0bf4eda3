"""Creates the secrets named in docker-compose.yml: ``python deploy/setup/make_secrets.py``. Never overwrites a secret."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "secrets"


def main(folder: Path) -> None:
    """Writes the missing secrets.

    Only the owner may enter the folder, but others may read the files: each container runs as a different user.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    mongo = ("mongo_root_password", "mongo_password", "mongo_web_password")
    passwords = {name: _kept(folder / name, secrets.token_urlsafe(32)) for name in mongo}
    postgres = {
        name: _kept(folder / name, secrets.token_urlsafe(32)) for name in ("postgres_password", "postgres_prefect_password")
    }
    api = f"tansaku:{secrets.token_urlsafe(32)}"
    for name, value in {
        "mongo_root_uri": f"mongodb://root:{passwords['mongo_root_password']}@mongodb:27017/admin",
        "mongo_uri": f"mongodb://tansaku:{passwords['mongo_password']}@mongodb:27017/tansaku",
        "mongo_web_uri": f"mongodb://tansaku_web:{passwords['mongo_web_password']}@mongodb:27017/tansaku",
        "prefect_database_url": f"postgresql+asyncpg://prefect:{postgres['postgres_prefect_password']}@postgres:5432/prefect",
        "prefect_auth": api,
    }.items():
        _kept(folder / name, value)
    sys.stdout.write(f"secrets are in {folder}; log in to Prefect's web page with the content of prefect_auth\n")


def _kept(path: Path, value: str) -> str:
    """Returns the content of the file, which is created with ``value`` if it does not exist."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(value)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    path.chmod(0o644)
    return value


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
