"""What a killed process left beside a file goes, and nothing else does."""

from iolaus.core.files import remove_half_written


def test_half_written_files_of_these_names_go_and_others_stay(tmp_path):
    gone = [".run.json.17.tmp", ".a[1].parquet.4.tmp"]
    stay = ["run.json", ".other.json.17.tmp", ".a1.parquet.4.tmp", "run.json.17.tmp"]
    for name in gone + stay:
        (tmp_path / name).write_text("half")
    remove_half_written(tmp_path, ["run.json", "a[1].parquet"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)
