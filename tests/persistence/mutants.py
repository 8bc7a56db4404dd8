"""Damaged and forged copies of the file of a model.

A damaged copy has invalid checksums; it is rejected or loads as the original model. A forged copy has valid
checksums; it is rejected or loads, possibly as another model. It must neither run code nor fill the memory.
"""

import io
import json
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np

from .forging import digest_of


class Payload:
    """Calls a function when it is unpickled."""

    def __reduce__(self):
        return (print, ("this was run",))


def members_in(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return file.getvalue()


def forged(members):
    """Write members with a valid digest."""
    members = {name: part for name, part in members.items() if name != "digest.json"}
    return zipped({**members, "digest.json": digest_of(members)})


# -- damage: anything may happen to the bytes


def bit_flip(content, rng):
    changed = bytearray(content)
    changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return changed


def several_bit_flips(content, rng):
    changed = bytearray(content)
    for position in rng.integers(len(content), size=rng.integers(2, 20)):
        changed[position] ^= 1 << int(rng.integers(8))
    return changed


def truncation(content, rng):
    return content[: rng.integers(len(content))]


def lost_beginning(content, rng):
    return content[rng.integers(1, len(content)) :]


def _span(content, rng):
    start = int(rng.integers(len(content)))
    return start, start + int(rng.choice([1, 2, 8, 64, 512]))


def deleted_bytes(content, rng):
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def inserted_bytes(content, rng):
    start, end = _span(content, rng)
    return content[:start] + rng.bytes(end - start) + content[start:]


def random_bytes(content, rng):
    start, end = _span(content, rng)
    return content[:start] + rng.bytes(len(content[start:end])) + content[end:]


def zeros(content, rng):
    start, end = _span(content, rng)
    return content[:start] + bytes(len(content[start:end])) + content[end:]


def repeated_bytes(content, rng):
    start, end = _span(content, rng)
    return content[:end] + content[start:]


def moved_bytes(content, rng):
    start, end = _span(content, rng)
    rest = content[:start] + content[end:]
    place = int(rng.integers(len(rest) + 1))
    return rest[:place] + content[start:end] + rest[place:]


def swapped_members(content, rng):
    """Exchange the contents of two members without changing the digest."""
    members = members_in(content)
    one, other = rng.choice(sorted(members), size=2, replace=False)
    return zipped({**members, one: members[other], other: members[one]})


def lost_member(content, rng):
    members = members_in(content)
    del members[str(rng.choice(sorted(members)))]
    return zipped(members)


def another_members_name(content, rng):
    names = [b"manifest.json", b"tensors.safetensors", b"digest.json"]
    one, other = (names[number] for number in rng.choice(3, size=2, replace=False))
    return content.replace(one, other[: len(one)].ljust(len(one), b"x"))


def lying_header_of_zip(content, rng):
    """Change numbers in the headers: sizes, positions, types, counts."""
    changed = bytearray(content)
    signature = [b"PK\1\2", b"PK\3\4", b"PK\5\6"][rng.integers(3)]
    starts = [found.start() for found in re.finditer(re.escape(signature), content)]
    start = starts[rng.integers(len(starts))] + 4
    number = int(rng.choice([0, 1, 20, len(content), 2**31, 2**32 - 1, rng.integers(2**32)]))
    struct.pack_into("<L", changed, min(start + 2 * int(rng.integers(9)), len(changed) - 4), number)
    return changed


def zip_bomb(content, rng):
    """Compress members, which are replaced by zeros that take a thousand times their size."""
    members = members_in(content)
    name = str(rng.choice(sorted(members)))
    bomb = bytes(int(rng.integers(10**5, 10**7)))
    compression = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA][rng.integers(3)]
    return zipped({**members, name: bomb}, compression=compression)


def quiet_zip_bomb(content, rng):
    """Declare compressed bytes as uncompressed, and their member as very large."""
    members = members_in(content)
    size = int(rng.integers(10**6, 2**32 - 2))
    packed = zlib.compress(bytes(10**5))
    changed = bytearray(zipped({**members, "tensors.safetensors": packed}))
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        for found in re.finditer(re.escape(signature), bytes(changed)):
            if b"tensors" in changed[found.start() : found.start() + 70]:
                struct.pack_into("<L", changed, found.start() + offset, size)
    return changed


# -- forgery: the checksums are valid


def _change_number(text, rng, most):
    numbers = [found.span() for found in re.finditer(rb"(?<![\w.])\d+(?![\w.])", text)]
    start, end = numbers[rng.integers(len(numbers))]
    number = int(rng.choice([0, 1, 7, 1000, 10**6, 10**9, most]))
    return text[:start] + str(number).encode() + text[end:]


def lying_header_of_tensors(content, rng):
    members = members_in(content)
    tensors = members["tensors.safetensors"]
    length = int.from_bytes(tensors[:8], "little")
    header, numbers = tensors[8 : 8 + length], tensors[8 + length :]
    if rng.random() < 0.2:
        length = int(rng.choice([0, 1, length - 1, length + 1, 10**6, 2**62]))
    else:
        header = _change_number(header, rng, 2**62)
        length = len(header)
    return forged({**members, "tensors.safetensors": length.to_bytes(8, "little") + header + numbers})


def lying_number_in_manifest(content, rng):
    members = members_in(content)
    return forged({**members, "manifest.json": _change_number(members["manifest.json"], rng, 2**62)})


def lying_shape_of_layers(content, rng):
    """Ask for a network that is larger than the tensors in the file."""
    members = members_in(content)
    size = int(rng.choice([10, 100, 10**4, 10**5, 10**6, 10**9, 2**62]))
    old = re.search(rb'"hidden_sizes",\{"tuple":\[[^\]]*\]', members["manifest.json"]).group()
    sizes = ",".join([str(size)] * int(rng.choice([1, 2, 50])))
    new = f'"hidden_sizes",{{"tuple":[{sizes}]'.encode()
    return forged({**members, "manifest.json": members["manifest.json"].replace(old, new)})


def lying_number_of_members(content, rng):
    members = members_in(content)
    number = int(rng.choice([0, 2, 50, 10**4, 10**9]))
    manifest = members["manifest.json"].replace(b'"n_members",1', f'"n_members",{number}'.encode())
    return forged({**members, "manifest.json": manifest})


def another_name_in_manifest(content, rng):
    """Name another class, dtype, array or kind of value."""
    members = members_in(content)
    manifest = members["manifest.json"]
    texts = [found.span() for found in re.finditer(rb'"[^"]*"', manifest)]
    start, end = texts[rng.integers(len(texts))]
    others = [
        b"os.system", b"builtins.eval", b"subprocess.Popen", b"sklearn_mtl.trunks.MLP", b"torch.optim.SGD",
        b"<U1000000000", b"object", b"dict", b"scalar", b"named", b"dtype", b"pickle", b"__class__",
    ]  # fmt: skip
    text = others[rng.integers(len(others))]
    return forged({**members, "manifest.json": manifest[:start] + b'"' + text + b'"' + manifest[end:]})


def changed_manifest(content, rng):
    members = members_in(content)
    change = [bit_flip, deleted_bytes, repeated_bytes, truncation, moved_bytes][rng.integers(5)]
    return forged({**members, "manifest.json": bytes(change(members["manifest.json"], rng))})


def changed_tensors(content, rng):
    members = members_in(content)
    change = [bit_flip, deleted_bytes, repeated_bytes, truncation, random_bytes][rng.integers(5)]
    return forged({**members, "tensors.safetensors": bytes(change(members["tensors.safetensors"], rng))})


def nested_manifest(content, rng):
    depth = int(rng.choice([100, 1000, 10**5]))
    opened, closed = [(b"[", b"]"), (b'{"tuple":[', b"]}"), (b'{"dict":[1,', b"]}")][rng.integers(3)]
    return forged({**members_in(content), "manifest.json": opened * depth + closed * depth})


def code_in_members(content, rng):
    """Put pickles and code in place of JSON and arrays."""
    members = members_in(content)
    name = str(rng.choice(["manifest.json", "tensors.safetensors", "step-0.skops"]))
    codes = [
        pickle.dumps(Payload()),
        b'__import__("os").system("true")',
        b'{"object":["os.system",{"dict":["command","true"]}]}',
        b'{"named":"os.system"}',
        b'{"object":["subprocess.Popen",{"dict":["args",["true"]]}]}',
        zipped({"schema.json": json.dumps({"__class__": "system", "__module__": "os"}).encode()}),
    ]
    return forged({**members, name: codes[rng.integers(len(codes))]})


def lying_digest(content, rng):
    members = members_in(content)
    name = str(rng.choice(["manifest.json", "tensors.safetensors"]))
    digest = json.loads(members["digest.json"])
    lies = [
        lambda: digest["members"][name].update(size=int(rng.integers(2**40))),
        lambda: digest["members"][name].update(sha256="0" * 64),
        lambda: digest["members"].pop(name),
        lambda: digest["members"].update({"../manifest.json": {"size": 1, "sha256": "0" * 64}}),
        lambda: digest.update(layout=int(rng.integers(2, 100))),
        lambda: digest.update(format="pickle"),
        lambda: digest.pop("members"),
        lambda: digest["members"].update({name: None}),
    ]
    lies[rng.integers(len(lies))]()
    return zipped({**members, "digest.json": json.dumps(digest).encode()})


DAMAGE = {
    function.__name__.replace("_", " "): function
    for function in (
        bit_flip, several_bit_flips, truncation, lost_beginning, deleted_bytes, inserted_bytes, random_bytes,
        zeros, repeated_bytes, moved_bytes, swapped_members, lost_member, another_members_name,
        lying_header_of_zip, zip_bomb, quiet_zip_bomb, lying_digest,
    )
}  # fmt: skip
FORGERY = {
    function.__name__.replace("_", " "): function
    for function in (
        lying_header_of_tensors, lying_number_in_manifest, lying_shape_of_layers, lying_number_of_members,
        another_name_in_manifest, changed_manifest, changed_tensors, nested_manifest, code_in_members,
    )
}  # fmt: skip
MUTANTS = DAMAGE | FORGERY


def mutant(content, number, seed=0):
    """Make a copy of a file that is damaged or forged.

    Returns
    -------
    kind : str
        Name in `MUTANTS`.
    changed : bytes
    """
    # damage in every second, of single bits in every fourth
    names = [*list(DAMAGE)[1:], *FORGERY]
    kind = "bit flip" if number % 4 == 0 else names[number // 4 * 3 % len(names) + number % 4 - 1 - len(names)]
    rng = np.random.default_rng([seed, number])
    return kind, bytes(MUTANTS[kind](content, rng))
