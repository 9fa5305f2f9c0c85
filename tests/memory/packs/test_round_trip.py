"""What goes into a pack comes out of it: texts, facts, tokens, gists, and the root."""

from hypothesis import given
from hypothesis import strategies as st

from megacontext.memory.packs.contents import text_root
from megacontext.memory.packs.store import Consent, PackStore
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.tree.keys import digest
from tests.memory.workbench import SPEC, open_memory, said, write_files

from .conftest import FILES, READER, Tokens, make, parts_of

TRUSTING = Consent(unsigned=True)


def test_a_pack_says_what_an_index_of_the_same_files_says(tmp_path, store):
    built = make(tmp_path / "demo.mcpack", gists=True)
    stored = store.add(built.path, READER, TRUSTING)
    write_files(tmp_path / "files", FILES)
    with open_memory(tmp_path / "files") as own, stored.open(READER) as pack:
        own.writer.reconcile()
        assert said(pack) == said(own)
        assert pack.root_key.hex() == built.manifest.trees[0].root
        assert pack.has_all_gists()
        assert pack.verifier().run().errors == []
        for path, data in FILES.items():
            assert pack.read(path) == data


def test_gists_come_out_as_they_went_in(tmp_path, store):
    stored = store.add(make(tmp_path / "demo.mcpack", gists=True).path, READER, TRUSTING)
    write_files(tmp_path / "files", FILES)
    with open_memory(tmp_path / "files") as own, stored.open(READER) as pack:
        own.writer.reconcile()
        from tests.memory.workbench import SumGister

        own.gisting(SumGister()).run()
        chunks = [chunk for f in own.catalogue.files() for chunk in own.catalogue.chunks_of(f.id)]
        mine, theirs = own.chunk_rows(chunks), pack.chunk_rows(chunks)
        for chunk in chunks:
            one, other = mine[chunk.digest], theirs[chunk.digest]
            assert (own.store.block_gists(one) == pack.store.block_gists(other)).all()
            assert (own.store.chunk_gists(one) == pack.store.chunk_gists(other)).all()
        assert (own.store.node_gist(own.root_key) == pack.store.node_gist(pack.root_key)).all()


def test_equal_files_make_equal_packs(tmp_path):
    first, second = make(tmp_path / "a.mcpack"), make(tmp_path / "b.mcpack")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.manifest.id == second.manifest.id


def test_a_pack_made_with_another_model_gets_tokens_of_the_one_at_hand(tmp_path, store):
    other = type(SPEC)("other", "abad1dea" * 4, width=4, slots=1)
    stored = store.add(
        make(tmp_path / "demo.mcpack", spec=other, gists=True).path, READER, TRUSTING
    )
    with stored.open(READER) as pack:
        assert pack.tokens == sum(map(len, FILES.values()))
        assert pack.verifier().run().errors == []


def test_a_pack_is_read_with_a_model_that_it_has_no_tokens_of(tmp_path, store):
    stored = store.add(make(tmp_path / "demo.mcpack").path, READER, TRUSTING)
    later = Reader(type(SPEC)("later", "0dd" * 10, width=4, slots=1), Tokens())
    with stored.open(later) as pack:
        chunk = pack.catalogue.chunk_at("demo/core.py", 6)
        text = pack.text_of(chunk)
        assert chunk.digest not in pack.chunk_rows([chunk])
        assert bytes(pack.token_ids(text, None).tolist()).decode() == text


def test_a_second_adding_finds_it_there(tmp_path, store):
    built = make(tmp_path / "demo.mcpack")
    first = store.add(built.path, READER, TRUSTING)
    before = first.places.catalogue.stat().st_mtime_ns
    assert store.add(built.path, READER, TRUSTING) == first
    assert first.places.catalogue.stat().st_mtime_ns == before
    assert [pack.manifest.id for pack in store.packs()] == [built.manifest.id]


def test_secrets_and_binaries_stay_out_of_packs(tmp_path):
    files = FILES | {
        ".env": b"PASSWORD=hunter2\n",
        "demo/key.py": b'TOKEN = "ghp_' + b"a1B2" * 10 + b'"\n',
        "logo.png": b"\x89PNG\0\0",
    }
    built = make(tmp_path / "demo.mcpack", files)
    assert {each.path for each in built.left_out} == {".env", "demo/key.py", "logo.png"}
    assert b"hunter2" not in b"".join(parts_of(built.path).values())


def test_provenance_says_where_lines_come_from(tmp_path, store, signer):
    stored = store.add(make(tmp_path / "demo.mcpack", signer=signer).path, READER)
    with stored.open(READER) as pack:
        told = pack.provenance("docs/guide.md", 1, 3, b"\1" * 16)
    assert (told.source, told.origin, told.licence) == ("demo@1.0", "dir:demo", "MIT")
    assert (told.hash, told.timestamp, told.trust) == ("01" * 16, "2020-09-13T12:26:40+00:00", 0.5)
    assert told.signed_by == signer.fingerprint


NAMES = st.text("abc", min_size=1, max_size=2)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TEXTS = st.one_of(
    st.text(max_size=300).map(lambda text: text.replace("\0", "").encode("utf-8", "ignore")),
    st.lists(NAMES, max_size=30).map(
        lambda names: "".join(f"def {n}():\n    return {n}\n" for n in names).encode()
    ),
)


def _apart(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without files that lie where another needs a folder."""
    return {
        path: data
        for path, data in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    }


@given(st.dictionaries(PATHS, TEXTS, min_size=1, max_size=6).map(_apart))
def test_any_files_come_out_as_they_went_in(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("packs")
    store = PackStore(folder / "store")
    stored = store.add(make(folder / "demo.mcpack", files).path, READER, TRUSTING)
    with stored.open(READER) as pack:
        assert {file.path: pack.read(file.path) for file in pack.catalogue.files()} == files
        assert pack.verifier().run().errors == []


@given(st.dictionaries(PATHS, TEXTS, min_size=1, max_size=6).map(_apart), st.randoms())
def test_the_root_is_that_of_paths_and_texts_in_any_order(files, rng):
    pairs = [(path, digest(data)) for path, data in files.items()]
    root = text_root(pairs)
    rng.shuffle(pairs)
    assert text_root(pairs) == root
    path, data = pairs[0]
    assert text_root([*pairs[1:], (path, digest(data))]) != root
    assert text_root([*pairs[1:], (f"{path}x", data)]) != root
