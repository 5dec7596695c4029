"""`peerio.config`: every rule of spec 1.2, 1.3 and 1.5, and the words of every error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PeerInfo, SwarmConfig
from peerio.config import ConfigError, format_common, format_peers, load_config

COMMON = """NumberOfPreferredNeighbors 2
UnchokingInterval 5
OptimisticUnchokingInterval 15
FileName TheFile.dat
FileSize 10000232
PieceSize 32768
"""
PEERS = """1001 lin114-00.cise.ufl.edu 6001 1
1002 localhost 6002 0
"""
Text = str | bytes | None
KEYS = [line.split()[0] for line in COMMON.splitlines()]


def never(message: str) -> None:
    raise AssertionError(message)


def load(
    folder: Path, common: Text = COMMON, peers: Text = PEERS, *, warn: Callable[[str], None] = never
) -> SwarmConfig:
    """Writes both files, each as text or bytes (None: not at all), and reads them."""
    for name, content in (("Common.cfg", common), ("PeerInfo.cfg", peers)):
        if content is not None:
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
    return load_config(folder, warn=warn)


def problems(
    folder: Path, common: Text = COMMON, peers: Text = PEERS, *, warn: Callable[[str], None] = never
) -> list[str]:
    """What is wrong with the two files, a message each."""
    with pytest.raises(ConfigError) as caught:
        load(folder, common, peers, warn=warn)
    return list(caught.value.problems)


def with_value(key: str, value: object) -> str:
    """`COMMON` with another value of one key."""
    lines = (f"{key} {value}" if line.startswith(key) else line for line in COMMON.splitlines())
    return "\n".join(lines)


def with_peer(line: str) -> str:
    """`PEERS` with a third line."""
    return f"{PEERS}{line}\n"


def test_reads_the_two_files(tmp_path: Path) -> None:
    """All six keys and all four fields arrive, the peers in start order (spec 1.2, 1.3)."""
    assert load(tmp_path) == SwarmConfig(
        preferred_neighbors=2,
        unchoking_interval=5.0,
        optimistic_interval=15.0,
        file_name="TheFile.dat",
        file_size=10_000_232,
        piece_size=32_768,
        peers=(
            PeerInfo(1001, "lin114-00.cise.ufl.edu", 6001, has_file=True),
            PeerInfo(1002, "localhost", 6002, has_file=False),
        ),
    )


def test_keys_come_in_any_order(tmp_path: Path) -> None:
    """The order of the keys means nothing (spec 1.5)."""
    reversed_lines = "\n".join(reversed(COMMON.splitlines()))
    assert load(tmp_path, reversed_lines) == load(tmp_path)


def loosely(text: str) -> str:
    """The same content with all that spec 1.5 accepts around it."""
    spaced = text.replace(" ", " \t  ").replace("\n", "  \n\n   \n")
    return f"# a comment\n  # another one 1\n\n{spaced}\n\n#"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_blank_lines_comments_and_spaces_are_accepted(
    tmp_path: Path, line_end: str, mark: str
) -> None:
    """Blank lines, comments, repeated spaces, CRLF and a byte order mark change nothing (spec 1.5)."""
    expected = load(tmp_path)
    common, peers = ((mark + loosely(text)).replace("\n", line_end) for text in (COMMON, PEERS))
    assert load(tmp_path, common, peers) == expected


def test_last_line_needs_no_end(tmp_path: Path) -> None:
    """A file whose last line has no line end is read whole (spec 1.5)."""
    expected = load(tmp_path)
    assert load(tmp_path, COMMON.rstrip(), PEERS.rstrip()) == expected


@pytest.mark.parametrize(
    "name",
    ["The File  of  1.dat", "#1.dat", "a # b", "naïve — 文件.bin", "x", ".hidden", "a\u2028b"],
)
def test_file_name_is_the_rest_of_its_line(tmp_path: Path, name: str) -> None:
    """FileName is the rest of its line, trimmed; it may hold blanks (spec 1.5)."""
    assert load(tmp_path, with_value("FileName", f"  {name}  ")).file_name == name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("0.5", 0.5), (".25", 0.25), ("2.", 2.0), ("1e-3", 0.001), ("0010", 10.0)],
)
def test_intervals_may_be_fractions(tmp_path: Path, text: str, seconds: float) -> None:
    """Intervals are at least 0.001 seconds, fractions allowed (spec 1.5)."""
    config = load(tmp_path, with_value("OptimisticUnchokingInterval", text))
    assert config.optimistic_interval == seconds


@pytest.mark.parametrize(
    ("key", "value", "attribute"),
    [
        ("NumberOfPreferredNeighbors", 1, "preferred_neighbors"),
        ("NumberOfPreferredNeighbors", 10**6, "preferred_neighbors"),
        ("FileSize", 1, "file_size"),
        ("NumberOfPreferredNeighbors", 2**32 - 1, "preferred_neighbors"),
        ("FileSize", 2**39, "file_size"),
        ("PieceSize", 2**31, "piece_size"),
    ],
)
def test_bounds_are_inclusive(tmp_path: Path, key: str, value: int, attribute: str) -> None:
    """The least and the largest allowed values are accepted, also more k than neighbors (spec 1.5)."""
    assert getattr(load(tmp_path, with_value(key, value)), attribute) == value


def test_pieces_of_one_byte(tmp_path: Path) -> None:
    """PieceSize may be 1 (spec 1.5)."""
    assert load(tmp_path, with_value("PieceSize", 1)).piece_count == 10_000_232


def test_one_seed_alone_and_seeds_only(tmp_path: Path) -> None:
    """One seed alone, or seeds only, is a valid swarm (spec 1.5)."""
    assert len(load(tmp_path, peers="1 localhost 1 1").peers) == 1
    assert len(load(tmp_path, peers="1 h 1 1\n4294967295 h 65535 1").peers) == 2


def test_any_token_is_a_host(tmp_path: Path) -> None:
    """A host is whatever stands there, since only the resolver can judge it (spec 1.3)."""
    hosts = ["::1", "127.0.0.1", "münchen.example", "my_laptop", "[::]"]
    lines = "".join(f"{n} {host} 6001 1\n" for n, host in enumerate(hosts, 1))
    assert [peer.host for peer in load(tmp_path, peers=lines).peers] == hosts


def test_unknown_key_is_a_warning(tmp_path: Path) -> None:
    """An unknown key is told with its file and line, and otherwise ignored (spec 1.5)."""
    told: list[str] = []
    assert load(tmp_path, f"Colour red\n{COMMON}", warn=told.append) == load(tmp_path)
    assert told == ["Common.cfg:1: unknown key 'Colour' is ignored"]


@pytest.mark.parametrize("written", ["filesize", "File_Size", "FileSize:", "FileSize=1"])
def test_misspelt_key_suggests_the_right_one(tmp_path: Path, written: str) -> None:
    """A misspelt key is a warning that suggests the key that is then missing (spec 1.5)."""
    told: list[str] = []
    text = COMMON.replace("FileSize", written)
    (missing,) = problems(tmp_path, text, warn=told.append)
    assert told == [f"Common.cfg:5: unknown key '{written}' is ignored; did you mean FileSize?"]
    assert missing.startswith("Common.cfg: FileSize is missing: expected a line 'FileSize [")


@pytest.mark.parametrize("key", KEYS)
def test_missing_key(tmp_path: Path, key: str) -> None:
    """A missing key is an error that names file and key (spec 1.5)."""
    text = "\n".join(line for line in COMMON.splitlines() if not line.startswith(key))
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"Common.cfg: {key} is missing: expected a line '{key} [")


@pytest.mark.parametrize("key", KEYS)
def test_key_without_value(tmp_path: Path, key: str) -> None:
    """A key that stands alone is an error with its line (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value(key, ""))
    assert problem.startswith(f"Common.cfg:{KEYS.index(key) + 1}: {key} (no value): expected ")


@pytest.mark.parametrize("key", KEYS)
def test_repeated_key(tmp_path: Path, key: str) -> None:
    """A repeated key is an error that names both lines, also when the values are equal (spec 1.5)."""
    (problem,) = problems(tmp_path, f"{COMMON}{COMMON.splitlines()[KEYS.index(key)]}\n")
    assert problem.startswith(f"Common.cfg:7: {key} '")
    assert f"expected {key} once, but line {KEYS.index(key) + 1} has it too" in problem


WHOLE_NUMBERS = ["0", "-1", "+1", "1.5", "1e3", "x", "0x10", "1_000", "\u0663", "9" * 5000]


@pytest.mark.parametrize("value", WHOLE_NUMBERS)
@pytest.mark.parametrize("key", ["NumberOfPreferredNeighbors", "FileSize", "PieceSize"])
def test_unusable_whole_number(tmp_path: Path, key: str, value: str) -> None:
    """Sizes and k are whole numbers of at least 1; the error names file, line, key, value (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value(key, value))
    assert problem.startswith(f"Common.cfg:{KEYS.index(key) + 1}: {key} '{value[:60]}'")
    assert "a whole number" in problem
    assert len(problem) < 200


@pytest.mark.parametrize(
    "value",
    ["0", "0.0", "-1", "nan", "inf", "1e999", "1e-999", "1e-30", "0.0009", "5s", "0,5", ".", "1_0"],
)
@pytest.mark.parametrize("key", ["UnchokingInterval", "OptimisticUnchokingInterval"])
def test_unusable_interval(tmp_path: Path, key: str, value: str) -> None:
    """An interval is finite and at least a millisecond, or the peer would do nothing but reselect (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value(key, value))
    assert problem.startswith(f"Common.cfg:{KEYS.index(key) + 1}: {key} '{value}': expected ")
    assert "a finite number of at least 0.001" in problem


@pytest.mark.parametrize(
    "name", ["a/b", "/etc/passwd", "a\\b", "..", "../x", "a..b", ".", "a\0b", "C:\\x"]
)
def test_unusable_file_name(tmp_path: Path, name: str) -> None:
    r"""FileName is a plain name without `/`, `\`, `..` or NUL (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value("FileName", name))
    assert problem == (
        f"Common.cfg:4: FileName {name!r}: "
        "expected a plain file name without '/', '\\', '..' or NUL"
    )


def test_piece_size_has_an_upper_bound(tmp_path: Path) -> None:
    """PieceSize is at most 2³¹ (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value("PieceSize", 2**31 + 1))
    assert problem == (
        "Common.cfg:6: PieceSize '2147483649': expected bytes: a whole number from 1 to 2147483648"
    )


def test_file_size_fits_an_offset(tmp_path: Path) -> None:
    """No file is larger than a signed 64-bit offset can address."""
    (problem,) = problems(tmp_path, with_value("FileSize", 2**63))
    assert "expected bytes: a whole number from 1 to 9223372036854775807" in problem


def test_more_neighbors_than_can_be(tmp_path: Path) -> None:
    """There are no more neighbors than ids, and k isn't more than that either (spec 1.5)."""
    (problem,) = problems(tmp_path, with_value("NumberOfPreferredNeighbors", 2**32))
    assert problem == (
        "Common.cfg:1: NumberOfPreferredNeighbors '4294967296': "
        "expected a whole number from 1 to 4294967295"
    )


@pytest.mark.parametrize("pieces", [2**24 + 1, 10**8, 2**32, 2**40])
def test_pieces_are_limited(tmp_path: Path, pieces: int) -> None:
    """There are at most 2²⁴ pieces; the error says what a piece costs (spec 1.5)."""
    size, most = "FileSize 10000232", 32_768 * 2**24
    assert load(tmp_path, COMMON.replace(size, f"FileSize {most}")).piece_count == 2**24
    (problem,) = problems(tmp_path, COMMON.replace(size, f"FileSize {32_768 * pieces}"))
    assert problem == (
        f"Common.cfg:6: PieceSize '32768': cuts the file into {pieces} pieces: expected at most "
        "16777216, since each costs about 50 bytes of memory at each peer, and 10 more for each "
        "neighbor; use larger pieces"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 h 6003 0", "peer id '0': expected a whole number from 1 to 4294967295"),
        ("-5 h 6003 0", "peer id '-5': expected a whole number from 1 to 4294967295"),
        ("4294967296 h 6003 0", "peer id '4294967296': expected a whole number from 1 to"),
        ("x h 6003 0", "peer id 'x': expected a whole number from 1 to 4294967295"),
        ("1003 h 0 0", "port '0': expected a number from 1 to 65535"),
        ("1003 h 65536 0", "port '65536': expected a number from 1 to 65535"),
        ("1003 h http 0", "port 'http': expected a number from 1 to 65535"),
        ("1003 h 6003 2", "has file '2': expected 1 (has the file) or 0 (has not)"),
        ("1003 h 6003 yes", "has file 'yes': expected 1 (has the file) or 0 (has not)"),
        ("1003 h 6003", "'1003 h 6003': expected four fields, '[peer id] [host] [port] [has file"),
        ("1003 h 6003 0 1", "'1003 h 6003 0 1': expected four fields, '[peer id] [host]"),
        ("1001 h 6003 0", "peer id '1001': expected each id once, but line 1 has it too"),
        ("01001 h 6003 0", "peer id '1001': expected each id once, but line 1 has it too"),
        ("1003 localhost 6002 0", "host and port 'localhost 6002': expected each pair once, but"),
        ("1003 LocalHost 6002 0", "host and port 'LocalHost 6002': expected each pair once, but"),
    ],
)
def test_unusable_peer(tmp_path: Path, line: str, said: str) -> None:
    """Each unusable field is an error with file, line, field, value and rule (spec 1.3, 1.5)."""
    (problem,) = problems(tmp_path, peers=with_peer(line))
    assert problem.startswith(f"PeerInfo.cfg:3: {said}")


def test_same_port_on_another_host_is_fine(tmp_path: Path) -> None:
    """Only host and port together are unique (spec 1.5)."""
    assert len(load(tmp_path, peers=with_peer("1003 elsewhere 6002 0")).peers) == 3


def test_a_line_may_be_wrong_twice(tmp_path: Path) -> None:
    """Every unusable field of a line is told, and nothing is compared with its stand-in."""
    lines = with_peer("1003 h x 5\n1004 h x 0")
    told = [problem.split(":")[1:3] for problem in problems(tmp_path, peers=lines)]
    assert told == [["3", " port 'x'"], ["3", " has file '5'"], ["4", " port 'x'"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "lists no peer"), ("# none\n", "lists no peer"), ("1 h 1 0\n", "none of the 1 peers")],
)
def test_somebody_has_the_file(tmp_path: Path, text: str, found: str) -> None:
    """At least one peer has the file (spec 1.5)."""
    (problem,) = problems(tmp_path, peers=text)
    assert problem.startswith(f"PeerInfo.cfg: {found}")
    assert "expected at least one line '[peer id] [host] [port] 1'" in problem


def test_a_comment_behind_a_value_is_explained(tmp_path: Path) -> None:
    """Only whole lines are comments, and the error says so (spec 1.5)."""
    common = COMMON.replace("32768", "32768 # bytes")
    told = problems(tmp_path, common, with_peer("1003 h 6003 0 # me"))
    assert all(problem.endswith("; a comment needs a line of its own") for problem in told)
    assert len(told) == 2


def test_grouped_digits_are_explained(tmp_path: Path) -> None:
    """A number with a decimal comma or grouped digits gets a hint; a mere wrong one gets none."""
    assert problems(tmp_path, with_value("UnchokingInterval", "0,5"))[0].endswith("have a point")
    assert problems(tmp_path, with_value("FileSize", "10'000"))[0].endswith("have a point")
    assert problems(tmp_path, with_value("FileSize", "1.5"))[0].endswith("9223372036854775807")


@pytest.mark.parametrize("name", ["Common.cfg", "PeerInfo.cfg"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    """A missing file is an error that names file and folder, and what to do (spec 1.1)."""
    load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, warn=never)
    assert str(caught.value).startswith(f"{name}: not found in {tmp_path}: expected ")
    assert str(caught.value).endswith("--workdir")


def test_both_files_missing(tmp_path: Path) -> None:
    """Both missing files are told at once, also when the folder itself is missing."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "nowhere", warn=never)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "Common.cfg",
        "PeerInfo.cfg",
    ]


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that can't be read is an error with the system's reason."""
    (tmp_path / "Common.cfg").mkdir()
    (problem,) = problems(tmp_path, common=None)
    assert problem == f"Common.cfg: can't be read in {tmp_path}: Is a directory"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_undecodable_file(tmp_path: Path, mark: bytes) -> None:
    """Bytes that are no UTF-8 are an error with their line."""
    text = mark + COMMON.replace("TheFile", "naïve").encode("latin-1")
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("Common.cfg:4: byte 0xef: expected text in UTF-8")


def test_utf_16_is_refused(tmp_path: Path) -> None:
    """A file that an editor saved as UTF-16 is refused with the encoding to use."""
    (problem,) = problems(tmp_path, peers=PEERS.encode("utf-16"))
    assert problem.startswith("PeerInfo.cfg:1: byte 0x")
    assert problem.endswith("expected text in UTF-8; save the file in that encoding")


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """One pass finds the problems of both files, one a line of the message."""
    common = with_value("FileSize", "big").replace("PieceSize 32768", "")
    told = problems(tmp_path, common, "1001 h 70000 1\n")
    assert told == str(ConfigError(told)).splitlines()
    assert [problem.split(":")[0] for problem in told] == ["Common.cfg"] * 2 + ["PeerInfo.cfg"]


def test_a_flood_of_problems_is_cut(tmp_path: Path) -> None:
    """A file of quite another kind doesn't flood the terminal."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, peers="lorem ipsum\n" * 500)
    lines = str(caught.value).splitlines()
    assert len(caught.value.problems) == 500
    assert len(lines) == 21
    assert lines[-1] == "and 480 more problems"


def test_whole_intervals_are_written_without_a_point(tmp_path: Path) -> None:
    """Other teams' programs read whole numbers, so 5 seconds stay `5` (spec 1.2)."""
    assert format_common(load(tmp_path)) == COMMON
    assert format_peers(load(tmp_path)) == PEERS


@pytest.mark.parametrize("name", ["a\nPieceSize 1", "a\rb", " a", "a ", "\udcff.dat", "a/b", ""])
def test_a_name_that_could_not_be_read_back_is_not_written(name: str) -> None:
    """A file name that `Common.cfg` can't hold is an error, not another name (spec 1.5)."""
    config = SwarmConfig(1, 1.0, 1.0, name, 1, 1, ())
    with pytest.raises(ConfigError, match=r"^FileName .*: expected a plain file name"):
        format_common(config)


def is_plain(name: str) -> bool:
    return name == name.strip() and ".." not in name and name not in {"", "."}


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0\r\n")).filter(is_plain)
INTERVALS = st.floats(min_value=0.001, allow_infinity=False)
HOSTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda host: host.split() == [host]
)
PEER = st.builds(
    PeerInfo,
    peer_id=st.integers(1, 2**32 - 1),
    host=HOSTS,
    port=st.integers(1, 65535),
    has_file=st.booleans(),
)


@given(
    config=st.builds(
        SwarmConfig,
        preferred_neighbors=st.integers(1, 10**9),
        unchoking_interval=INTERVALS,
        optimistic_interval=INTERVALS,
        file_name=NAMES,
        file_size=st.integers(1, 2**32),
        piece_size=st.integers(1, 2**31),
        peers=st.lists(
            PEER,
            min_size=1,
            unique_by=(lambda peer: peer.peer_id, lambda peer: (peer.host.casefold(), peer.port)),
        )
        .filter(lambda peers: any(peer.has_file for peer in peers))
        .map(tuple),
    ).filter(lambda config: config.piece_count <= 2**24)
)
def test_what_is_written_reads_back_equal(config: SwarmConfig) -> None:
    """Every valid configuration survives writing and reading (spec 1.2, 1.3)."""
    with tempfile.TemporaryDirectory() as folder:
        assert load(Path(folder), format_common(config), format_peers(config)) == config


@given(common=st.binary(max_size=300), peers=st.binary(max_size=300))
def test_any_bytes_give_a_configuration_or_an_error(common: bytes, peers: bytes) -> None:
    """Whatever the files hold, the outcome is a configuration or a ConfigError (spec 1.5)."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            load(Path(folder), common, peers, warn=lambda _: None)
        except ConfigError as error:
            assert str(error)  # noqa: PT017 - a configuration is an outcome too
