"""Packs that are damaged, forged, or not what they say they are: each is refused with the reason, and none is kept."""

import json
import zipfile

import pytest

from megacontext.configs.errors import PackError, PackRefusedError
from megacontext.memory.packs.container import MANIFEST, SIGNATURE, opened
from megacontext.memory.packs.store import Consent
from megacontext.memory.packs.tables import SCHEMAS, read_table, write_table

from .conftest import (
    READER,
    SPEC,
    canonical,
    edited,
    make,
    manifest_of,
    parts_of,
    resealed,
    truncated,
    with_claimed_size,
    write_parts,
)

TREE = f"trees/{SPEC.name}"


@pytest.fixture
def pack(tmp_path, signer):
    return make(tmp_path / "demo.mcpack", signer=signer, gists=True).path


def refused(store, path, consent=None) -> str:
    """The reason; nothing of the pack is left behind."""
    with pytest.raises(PackRefusedError) as caught:
        store.add(path, READER, consent)
    assert str(path) in str(caught.value)
    assert store.packs() == []
    left = {each.name for each in store.folder.iterdir()} if store.folder.exists() else set()
    assert left <= {".lock", "keys.json"}
    return str(caught.value)


# Cut short, or changed


@pytest.mark.parametrize("left", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated(store, pack, left):
    assert "no whole zip archive" in refused(store, truncated(pack, left))


@pytest.mark.parametrize(
    "name", ["texts.bin", "tables/chunks.parquet", f"{TREE}/L0.ctx", f"{TREE}/L2.ctx"]
)
def test_a_part_is_missing(store, pack, name):
    path = edited(pack, lambda parts: parts.pop(name) and None)
    assert f"lacks {name}" in refused(store, path)


@pytest.mark.parametrize(
    "name", ["texts.bin", "tables/files.parquet", f"{TREE}/L0.ctx", f"{TREE}/L1.ctx"]
)
def test_tampered_part(store, pack, name):
    def flip(parts):
        data = bytearray(parts[name])
        data[-1] ^= 1
        parts[name] = bytes(data)

    assert f"{name} is not what its manifest says" in refused(store, edited(pack, flip))


@pytest.mark.parametrize(
    ("key", "value"),
    [("licence", "CC0-1.0"), ("version", "9.9"), ("name", "torch"), ("origin", "pypi:torch==9")],
)
def test_tampered_manifest(store, pack, key, value):
    def change(parts):
        parts[MANIFEST] = canonical(json.loads(parts[MANIFEST]) | {key: value})

    assert "signature does not fit" in refused(store, edited(pack, change))


def test_a_bit_of_the_archive_itself(store, pack):
    with zipfile.ZipFile(pack) as archive:
        entry = archive.getinfo("texts.bin")
        at = entry.header_offset + len(entry.FileHeader()) + entry.compress_size // 2
    data = bytearray(pack.read_bytes())
    data[at] ^= 0xFF
    pack.write_bytes(bytes(data))
    assert "texts.bin" in refused(store, pack)


# Signatures and keys


def test_unsigned(store, tmp_path):
    path = make(tmp_path / "demo.mcpack").path
    assert "--trust" in refused(store, path)
    assert store.add(path, READER, Consent(unsigned=True)).signed_by == ""


def test_the_signature_was_taken_away(store, pack, tmp_path):
    store.remove(store.add(pack, READER))
    bare = edited(pack, lambda parts: parts.pop(SIGNATURE) and None)
    assert "was taken away" in refused(store, bare, Consent(unsigned=True))


def test_another_key_than_before(store, pack, tmp_path, signer, stranger):
    store.remove(store.add(pack, READER))
    other = make(tmp_path / "other.mcpack", signer=stranger, version="1.1").path
    reason = refused(store, other, Consent(unsigned=True))
    assert signer.fingerprint in reason
    assert stranger.fingerprint in reason
    assert "signed with" in refused(store, other, Consent(key="0" * 32))
    taken = store.add(other, READER, Consent(key=stranger.fingerprint))
    assert taken.signed_by == store.pins()["demo"] == stranger.fingerprint


def test_a_signature_of_something_else(store, pack, tmp_path, signer):
    other = make(tmp_path / "other.mcpack", {"a.py": b"a = 1\n"}, signer=signer).path
    path = edited(pack, lambda parts: parts.update({SIGNATURE: parts_of(other)[SIGNATURE]}))
    assert "signature does not fit" in refused(store, path)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"[]",
        b'{"algorithm": "none", "key": "", "signature": ""}',
        b'{"algorithm": "ed25519", "key": "00", "signature": "00"}',
        b'{"algorithm": "ed25519", "key": "zz", "signature": "00"}',
        b'{"algorithm": "ed25519", "key": "'
        + b"00" * 32
        + b'", "signature": "'
        + b"00" * 64
        + b'"}',
    ],
)
def test_no_signature_at_all(store, pack, signature):
    path = edited(pack, lambda parts: parts.update({SIGNATURE: signature}))
    assert "sign" in refused(store, path, Consent(unsigned=True))


# Formats


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.0, True])
def test_another_format(store, pack, version, signer):
    def change(parts):
        resealed(parts, json.loads(parts[MANIFEST]) | {"format": version}, signer)

    reason = refused(store, edited(pack, change))
    assert "format" in reason or "canonical" in reason


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_no_manifest_at_all(store, pack, manifest):
    assert "manifest" in refused(
        store, edited(pack, lambda parts: parts.update({MANIFEST: manifest}))
    )
    path = edited(pack, lambda parts: parts.pop(MANIFEST) and None)
    assert "no manifest.json" in refused(store, path)


def test_a_manifest_that_is_written_in_two_ways(store, pack, signer):
    def spaced(parts):
        parts[MANIFEST] = json.dumps(json.loads(parts[MANIFEST])).encode()
        parts[SIGNATURE] = signer.sign(parts[MANIFEST]).as_bytes()

    assert "canonical" in refused(store, edited(pack, spaced))


@pytest.mark.parametrize("name", ["../demo", "a/b", "", ".x", "a b", "x" * 65, "\x1b[2J"])
def test_a_name_that_is_none(store, pack, name, signer):
    def change(parts):
        resealed(parts, json.loads(parts[MANIFEST]) | {"name": name}, signer)

    assert "wrong at name" in refused(store, edited(pack, change))


def test_no_zip(store, tmp_path):
    path = tmp_path / "x.mcpack"
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    assert "zip" in refused(store, path)
    with pytest.raises(PackError, match="cannot be read"):
        store.add(tmp_path / "none.mcpack", READER)


# Paths


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/etc/passwd",
        "tables/../../evil",
        "trees/../L0.ctx",
        "trees/x/../../L0.ctx",
        "C:\\evil",
        "texts.bin/",
        "evil",
    ],
)
def test_parts_that_would_lie_outside(store, pack, name):
    path = edited(pack, lambda parts: parts.update({name: b"evil"}))
    assert "which no pack has" in refused(store, path)
    assert not (store.folder.parent / "evil.py").exists()
    assert not (store.folder.parent / "evil").exists()


def test_a_name_that_a_library_would_cut_short(store, pack):
    path = edited(pack, lambda parts: parts.update({"texts.bin!.py": b"evil"}))
    path.write_bytes(path.read_bytes().replace(b"texts.bin!.py", b"texts.bin\0.py"))
    assert "which no pack has" in refused(store, path)


@pytest.mark.parametrize(
    "inside",
    [
        "../x.py",
        "/x.py",
        "a/../../x.py",
        "a//b.py",
        "./a.py",
        "a\\b.py",
        "a\nb.py",
        "\x1b[2J.py",
        "",
        "x" * 1001,
    ],
)
def test_files_at_paths_that_lead_out(store, pack, inside, signer):
    def move(parts):
        rows = read_table("files", parts["tables/files.parquet"])
        rows[0] = (inside, *rows[0][1:])
        parts["tables/files.parquet"] = table("files", rows, store)

    assert "no path below a pack" in refused(store, edited(pack, move, signer=signer))


def test_a_path_twice_and_a_file_that_is_a_folder(store, pack, signer):
    def doubled(parts):
        rows = read_table("files", parts["tables/files.parquet"])
        parts["tables/files.parquet"] = table(
            "files", [rows[0], (rows[0][0], *rows[1][1:]), *rows[2:]], store
        )

    def both(parts):
        rows = read_table("files", parts["tables/files.parquet"])
        parts["tables/files.parquet"] = table("files", [("demo", *rows[0][1:]), *rows[1:]], store)

    assert "is there twice" in refused(store, edited(pack, doubled, signer=signer))
    assert "as a file and as a folder" in refused(store, edited(pack, both, signer=signer))


def table(name, rows, store) -> bytes:
    path = store.folder.parent / f"{name}.parquet"
    write_table(name, rows, path)
    return path.read_bytes()


# Bombs


def test_a_part_that_unpacks_to_very_much(store, pack):
    path = edited(pack, lambda parts: parts.update({"texts.bin": bytes(300_000_000)}))
    assert "a bomb" in refused(store, path)


def test_a_manifest_that_unpacks_to_very_much(store, pack):
    path = edited(pack, lambda parts: parts.update({MANIFEST: bytes(5_000_000)}))
    assert "manifest.json would unpack" in refused(store, path)


def test_a_size_that_is_a_lie(store, pack):
    size = len(parts_of(pack)["texts.bin"])
    for claimed in (size - 5, size + 5, 0, 2**31):
        reason = refused(store, with_claimed_size(pack, "texts.bin", claimed))
        assert "texts.bin would unpack" in reason


def test_more_parts_than_any_pack_has(store, pack):
    def add(parts):
        parts.update({f"trees/x/L{n % 100}.ctx{n}": b"" for n in range(300)})

    assert "parts" in refused(store, edited(pack, add))


def test_a_part_twice(store, pack):
    parts = parts_of(pack)
    path = pack.with_name("twice.mcpack")
    write_parts(path, parts)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("texts.bin", b"another")
    assert "twice" in refused(store, path)


@pytest.mark.parametrize("how", [{"compression": "zstd"}, {"use_dictionary": True}])
def test_a_table_that_hides_its_size(store, pack, how, signer, tmp_path):
    import pyarrow.parquet as parquet
    from pyarrow import BufferReader

    def hide(parts):
        whole = parquet.read_table(BufferReader(parts["tables/symbols.parquet"]))
        plain = {"compression": "NONE", "use_dictionary": False, "store_schema": False}
        parquet.write_table(whole, tmp_path / "t.parquet", **(plain | how))
        parts["tables/symbols.parquet"] = (tmp_path / "t.parquet").read_bytes()

    assert "hides its size" in refused(store, edited(pack, hide, signer=signer))


def test_a_table_with_other_columns(store, pack, signer):
    def swap(parts):
        parts["tables/files.parquet"] = parts["tables/symbols.parquet"]

    assert "other columns" in refused(store, edited(pack, swap, signer=signer))


def test_tables_are_refused_at_once_for_what_is_no_table():
    for data in (b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"):
        with pytest.raises(PackRefusedError, match="cannot be read"):
            read_table("files", data)
    assert set(SCHEMAS) == {"files", "chunks", "symbols", "tokens"}


def test_gists_that_are_missing_or_too_many(store, pack, signer):
    for level in (1, 2, 3, 4):

        def cut(parts, level=level):
            parts[f"{TREE}/L{level}.ctx"] = parts[f"{TREE}/L{level}.ctx"][
                : -2 * SPEC.width * SPEC.slots
            ]

        reason = refused(store, edited(pack, cut, signer=signer))
        assert f"L{level}.ctx has more or fewer rows" in reason


# Facts and trees that are not those of the text, by somebody who holds the key


def changed_table(name, change, store):
    def edit(parts):
        part = next(each for each in parts if each.endswith(f"/{name}.parquet"))
        rows = [list(row) for row in read_table(name, parts[part])]
        change(rows)
        parts[part] = table(name, [tuple(row) for row in rows], store)

    return edit


def _put(row, column, value):
    def change(rows):
        rows[row][column] = value

    return change


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("files", _put(0, 1, b"\0" * 16), "not the text"),
        ("files", _put(0, 2, 10**12), "not the text"),
        ("files", _put(0, 2, -5), "not the text"),
        ("files", _put(0, 7, 2.0), "trust"),
        ("chunks", _put(0, 8, b"\0" * 16), "do not tile"),
        ("chunks", _put(0, 1, 1), "do not tile"),
        ("chunks", _put(1, 3, 99), "other lines"),
        ("chunks", _put(0, 0, 99), "a file that there is not"),
        ("symbols", _put(0, 3, 10**9), "lies outside"),
        ("symbols", _put(0, 3, -1), "lies outside"),
        ("tokens", _put(0, 0, b"\0" * 16), "of other texts"),
        ("tokens", _put(0, 1, 10**9), "more or fewer rows"),
        ("tokens", _put(0, 1, -1), "more or fewer rows"),
    ],
)
def test_tables_that_do_not_fit_the_texts(store, pack, name, change, reason, signer):
    path = edited(pack, changed_table(name, change, store), signer=signer)
    assert reason in refused(store, path)


def test_tokens_that_are_not_those_of_the_text(store, pack, signer):
    """A model would read something else than people see."""

    def swap(parts):
        level = f"{TREE}/L0.ctx"
        data = bytearray(parts[level])
        data[64:68], data[68:72] = data[68:72], data[64:68]
        parts[level] = bytes(data)

    assert "not those of its text" in refused(store, edited(pack, swap, signer=signer))


def test_a_text_that_is_not_under_the_root(store, pack, signer):
    def other_root(parts):
        resealed(parts, json.loads(parts[MANIFEST]) | {"root": "00" * 16}, signer)

    assert "root" in refused(store, edited(pack, other_root))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 16}, "made for another"),
        ({"slots": 1}, "made for another"),
        ({"root": "00" * 16}, "root of its tree"),
        ({"base": "other"}, "made for another model"),
    ],
)
def test_a_tree_of_another_encoder_than_it_says(store, pack, change, reason, signer):
    def claim(parts):
        manifest = json.loads(parts[MANIFEST])
        manifest["trees"][0] |= change
        old, new = TREE, f"trees/{manifest['trees'][0]['base']}-{SPEC.encoder[:12]}"
        for name in [each for each in parts if each.startswith(old)]:
            moved = name.replace(old, new)
            parts[moved] = parts.pop(name)
            if moved != name:
                manifest["members"][moved] = manifest["members"].pop(name)
        resealed(parts, manifest, signer)

    assert reason in refused(store, edited(pack, claim))


def test_a_tree_that_claims_this_encoder_and_was_made_with_another(store, tmp_path, signer):
    """The rows are sound in themselves, but of another tokenizer."""
    other = type(SPEC)(SPEC.base, "abad1dea" * 4, SPEC.width, SPEC.slots)
    path = make(tmp_path / "demo.mcpack", signer=signer, spec=other).path

    def claim(parts):
        manifest = json.loads(parts[MANIFEST])
        manifest["trees"][0]["encoder"] = SPEC.encoder
        for name in [each for each in parts if each.startswith("trees/")]:
            moved = f"{TREE}/{name.rpartition('/')[2]}"
            parts[moved] = parts.pop(name)
            manifest["members"][moved] = manifest["members"].pop(name)
        resealed(parts, manifest, signer)

    assert "root of its tree" in refused(store, edited(path, claim))


def test_counts_that_are_wrong(store, pack, signer):
    for key in ("files", "chunks", "symbols", "bytes"):

        def more(parts, key=key):
            manifest = json.loads(parts[MANIFEST])
            manifest["counts"][key] += 1
            resealed(parts, manifest, signer)

        assert "manifest says" in refused(store, edited(pack, more))


def test_what_is_sound_is_taken_after_all_that(store, pack):
    with opened(pack) as sound:
        sound.check()
    assert store.add(pack, READER).manifest == manifest_of(pack)
