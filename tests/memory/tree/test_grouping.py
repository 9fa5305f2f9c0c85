from hypothesis import given
from hypothesis import strategies as st

from megacontext.memory.tree.grouping import MAX_CHILDREN, group
from megacontext.memory.tree.keys import digest
from megacontext.memory.tree.shape import directory_nodes, file_nodes

NUMBERS = st.lists(st.integers(0, 10**9), max_size=400, unique=True)


def key_of(number: int) -> bytes:
    return digest(str(number).encode())


@given(NUMBERS)
def test_groups_hold_every_child_once_in_order_at_most_32(numbers: list[int]) -> None:
    groups = group(numbers, key_of)
    assert [number for part in groups for number in part] == numbers
    assert all(1 <= len(part) <= MAX_CHILDREN for part in groups)
    if len(numbers) <= MAX_CHILDREN:
        assert len(groups) == bool(numbers)


@given(st.integers(33, 400), st.integers(0, 33), st.integers(0, 10**9))
def test_inserting_one_child_moves_no_border_before_it(count: int, at: int, first: int) -> None:
    numbers = list(range(first, first + count))
    longer = [*numbers[:at], -1, *numbers[at:]]
    before = {tuple(part) for part in group(numbers, key_of)}
    after = [tuple(part) for part in group(longer, key_of)]
    position = 0
    for part in after:
        position += len(part)
        if position <= at:
            assert part in before


def test_on_average_an_insertion_changes_fewer_than_four_groups() -> None:
    numbers = list(range(2_000))
    before = {tuple(part) for part in group(numbers, key_of)}
    changed = []
    for at in range(0, 2_000, 20):
        after = group([*numbers[:at], -1, *numbers[at:]], key_of)
        changed.append(sum(tuple(part) not in before for part in after))
    assert sum(changed) / len(changed) < 4
    assert 2_000 / 32 <= len(before) <= 2_000 / 8


@given(st.integers(0, 1_500))
def test_a_file_of_any_length_has_nodes_of_at_most_32_children(count: int) -> None:
    chunks = [(key_of(number), key_of(-number)) for number in range(count)]
    nodes = file_nodes("e", chunks)
    made = {node.key: node for node in nodes}
    assert all(len(node.children) <= MAX_CHILDREN for node in nodes)
    assert [node.level for node in nodes] == sorted(node.level for node in nodes)

    def leaves(key: bytes) -> list[bytes]:
        if key not in made:
            return [key]
        return [leaf for child in made[key].children for leaf in leaves(child)]

    assert leaves(nodes[-1].key) == [key for _, key in chunks]


@given(st.lists(st.text("abc", min_size=1), max_size=80, unique=True), st.integers(3, 31))
def test_a_directory_lies_above_its_children_and_knows_their_names(
    names: list[str], level: int
) -> None:
    children = [(name, key_of(number), level) for number, name in enumerate(sorted(names))]
    nodes = directory_nodes("e", children)
    assert all(len(node.children) <= MAX_CHILDREN for node in nodes)
    assert nodes[0].level == (min(31, level + 1) if names else 4)
    assert [node.level for node in nodes] == sorted(node.level for node in nodes)
    if names:
        renamed = [(children[0][0] + "x", *children[0][1:]), *children[1:]]
        assert directory_nodes("e", renamed)[-1].key != nodes[-1].key
        assert directory_nodes("f", children)[-1].key != nodes[-1].key


def test_an_edit_inside_a_child_moves_no_border_of_its_directory() -> None:
    children = [(f"file{number}.py", key_of(number), 3) for number in range(300)]
    edited = [(n, key_of(-7) if n == "file150.py" else key, level) for n, key, level in children]
    before = {node.key for node in directory_nodes("e", children)}
    after = directory_nodes("e", edited)
    new = [node for node in after if node.key not in before]
    assert len(new) == len({node.level for node in after})
