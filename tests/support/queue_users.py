"""The users of deploy/redis, made as an operator makes them, and one for tests who may do everything."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy" / "redis"

ROLES = ("gateway", "worker", "archiver", "maintenance", "admin", "monitoring", "replica", "sentinel")

TESTER = "tester"


@dataclass(frozen=True, slots=True)
class Users:
    folder: Path

    def password(self, role: str) -> str:
        return TESTER if role == TESTER else (self.folder / f"{role}.password").read_text()

    def known_to(self, url: str, role: str) -> str:
        """That URL of a server without a user, as this role."""
        scheme, _, place = url.partition("://")
        return f"{scheme}://{role}:{self.password(role)}@{place}"

    @property
    def config(self) -> dict[str, str]:
        """Of a server: its users, and how it comes to its primary if it is made a replica."""
        return {
            "aclfile": str(self.folder / "users.acl"),
            "masteruser": "replica",
            "masterauth": self.password("replica"),
        }


def make(folder: Path) -> Users:
    """The files of make_users.sh, with the tester added to the server's."""
    script = str(DEPLOY / "make_users.sh")
    subprocess.run(["sh", script, "--to", str(folder)], check=True, capture_output=True)
    with (folder / "users.acl").open("a") as file:
        file.write(f"user {TESTER} on >{TESTER} ~* &* +@all\n")
    return Users(folder)
