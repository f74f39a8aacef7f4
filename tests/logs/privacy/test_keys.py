"""Key files: made, read, refused."""

from pathlib import Path

import pytest

from iolaus.core.errors import ConfigError
from iolaus.logs.privacy import add_key, read_keys, refuse_inside

SECRET = "0123456789abcdef" * 4


def key_file(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_new_keys_are_added_behind_the_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first, second = add_key(path), add_key(path)
    keys = read_keys(path)
    assert keys.newest == second
    assert keys.older == (first,)
    assert first.secret != second.secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.named("k1") == first
    with pytest.raises(ConfigError, match="no key 'k9'"):
        keys.named("k9")


def test_a_new_key_takes_no_name_of_one_that_is_gone_and_leaves_the_file_s_mode(
    tmp_path: Path,
) -> None:
    path = key_file(tmp_path / "keys", f"mine {SECRET[::-1]}\nk7 {SECRET}\n")
    path.chmod(0o640)
    assert add_key(path).name == "k8"
    assert [key.name for key in read_keys(path).all] == ["mine", "k7", "k8"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    path = key_file(tmp_path / "keys", f"# ours\nk1 {SECRET}\n\nk2 {SECRET[::-1]} # new\n")
    assert SECRET not in repr(read_keys(path))
    for text in (f"k1 {SECRET}zz", f"K1 {SECRET}", f"k1 {SECRET}\nk1 {SECRET}"):
        with pytest.raises(ConfigError) as caught:
            read_keys(key_file(path, text))
        assert SECRET[:16] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no key"),
        ("# nothing\n", "has no key"),
        ("k1 abc", "line 1 is no key"),
        (f"k1 {SECRET}0", "line 1 is no key"),
        (f"k.1 {SECRET}", "line 1 is no key"),
        (f"k1 {SECRET}\nk1 {SECRET[::-1]}", "line 2 repeats"),
        (f"k1 {SECRET}\nk2 {SECRET}", "line 2 repeats"),
        ("k1 ü", "not plain text"),
    ],
)
def test_what_is_no_key_file(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        read_keys(key_file(tmp_path / "keys", text))


def test_a_key_file_that_all_can_read_or_that_is_missing(tmp_path: Path) -> None:
    path = key_file(tmp_path / "keys", f"k1 {SECRET}")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="every user"):
        read_keys(path)
    with pytest.raises(ConfigError, match="no key file"):
        read_keys(tmp_path / "other")


def test_a_key_must_not_lie_beside_what_it_protects(tmp_path: Path) -> None:
    (tmp_path / "store" / "deep").mkdir(parents=True)
    with pytest.raises(ConfigError, match="beside what it protects"):
        refuse_inside(tmp_path / "store" / "deep" / "keys", tmp_path / "out", tmp_path / "store")
    refuse_inside(tmp_path / "keys", tmp_path / "store", tmp_path / "store" / "deep")


def test_a_key_file_that_cannot_be_written_or_extended(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        add_key(tmp_path / "file" / "keys")
    with pytest.raises(ConfigError, match="has no key"):
        add_key(key_file(tmp_path / "keys", "# not ours\n"))
