"""Forged files: invalid content with valid checksums."""

import hashlib
import json
import zipfile


def members_of(path):
    """Read the members of a file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def digest_of(members, **changes):
    """Make the digest of members."""
    described = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
    }
    return json.dumps({"format": "sklearn_mtl model", "layout": 1, "members": described, **changes}).encode()


def write(path, members, **options):
    """Write members as they are."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def forge(path, change, digest=digest_of):
    """Change the members of a file, and make the digest anew."""
    members = {name: content for name, content in members_of(path).items() if name != "digest.json"}
    changed = change(members)
    write(path, {**changed, "digest.json": digest(changed)})
