"""Sources with faults are refused with an error that names the file or the column."""

import datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_mtl.streaming import Stream
from tests._helpers import net
from tests.streaming._data import COLUMNS, TASKS, table, write

FRAME = table(120)


def two_files(folder, first, second):
    first.write_parquet(folder / "a.parquet")
    second.write_parquet(folder / "b.parquet")
    return folder


class TestFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"'nowhere' is the path of a stream, but there is no such file"
        ):
            net().fit("nowhere", TASKS)
        with pytest.raises(FileNotFoundError, match="but no file matches"):
            net().fit(str(tmp_path / "*.parquet"), TASKS)
        with pytest.raises(FileNotFoundError, match=r"is a folder without a file \*\.parquet"):
            net().fit(tmp_path, TASKS)

    def test_other_files_of_a_folder_are_not_read(self, tmp_path):
        (tmp_path / "notes.txt").write_text("no table")
        assert net(max_epochs=1).fit(write(tmp_path, FRAME), TASKS).n_features_in_ == 3

    def test_damaged(self, tmp_path):
        path = write(tmp_path, FRAME) / "part-1.parquet"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(ValueError, match=r"part-1\.parquet.*cannot be read"):
            net().fit(tmp_path, TASKS)

    def test_damaged_rows(self, tmp_path):
        path = write(tmp_path, FRAME) / "part-1.parquet"
        content = bytearray(path.read_bytes())
        content[4:400] = bytes(396)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"file '.*part-1\.parquet' of the stream cannot be read"):
            net().fit(tmp_path, TASKS)

    @pytest.mark.parametrize("change", ["removed", "shorter"])
    def test_changed_during_training(self, tmp_path, change):
        write(tmp_path, FRAME)

        class Meanwhile(Callback):
            def on_epoch_end(self, net, **kwargs):
                path = tmp_path / "part-2.parquet"
                path.unlink() if change == "removed" else FRAME[:5].write_parquet(path, row_group_size=40)

        error = {"removed": FileNotFoundError, "shorter": ValueError}[change]
        message = {"removed": r"part-2\.parquet", "shorter": "the source of the stream has changed"}[change]
        with pytest.raises(error, match=message):
            net(callbacks=[Meanwhile]).fit(tmp_path, TASKS)

    def test_empty_ones_are_skipped(self, tmp_path):
        full = net().fit(write(tmp_path, FRAME), TASKS)
        FRAME[:0].write_parquet(tmp_path / "part-0a.parquet")
        assert net().fit(tmp_path, TASKS).history_["train_loss"].equals(full.history_["train_loss"])
        for path in tmp_path.iterdir():
            FRAME[:0].write_parquet(path)
        with pytest.raises(ValueError, match="the stream has no rows"):
            net().fit(tmp_path, TASKS)


class TestColumns:
    def test_text_in_one_file(self, tmp_path):
        other = FRAME.with_columns(pl.col("a").cast(pl.String))
        message = (
            r"column 'a' changes its type between files: it is double in '.*a.parquet', but .*string.*b.parquet"
        )
        with pytest.raises(ValueError, match=message):
            net().fit(two_files(tmp_path, FRAME, other), TASKS)

    def test_a_label_too(self, tmp_path):
        other = FRAME.with_columns(pl.lit(datetime.date(2020, 1, 1)).alias("num"))
        with pytest.raises(ValueError, match="column 'num' changes its type between files"):
            net().fit(two_files(tmp_path, FRAME, other), TASKS)

    def test_lacking_in_one_file(self, tmp_path):
        with pytest.raises(ValueError, match=r"b.parquet' lacks the columns \['b'\], which other files have"):
            net().fit(two_files(tmp_path, FRAME, FRAME.drop("b")), TASKS)
        net(max_epochs=1).fit(Stream(tmp_path, columns=["a"]), TASKS)  # nobody needs it

    def test_numbers_of_several_types(self, tmp_path):
        whole = FRAME.with_columns(pl.col("b").round().cast(pl.Int32))
        folder = two_files(tmp_path, whole, FRAME)
        fitted = net(max_epochs=1, tasks={"num": "regression"}).fit(folder, TASKS)
        mean = pl.concat([whole["b"].cast(pl.Float64), FRAME["b"]]).mean()
        assert fitted._model.blueprint.trunk.scaler_[0][1] == pytest.approx(mean)

    def test_dictionaries_and_texts(self, tmp_path):
        arrow = FRAME.to_arrow()
        coded = arrow["c"].combine_chunks().cast(pa.string()).dictionary_encode()
        pq.write_table(arrow.set_column(2, "c", coded), tmp_path / "a.parquet")
        FRAME.write_parquet(tmp_path / "b.parquet")
        fitted = net(max_epochs=1).fit(tmp_path, TASKS)
        assert fitted._model.blueprint.trunk.table_.categories_[0].values == ["rare", "x", "y", "z"]

    def test_infinite_numbers(self, tmp_path):
        with pytest.raises(ValueError, match="column 'a' of X contains infinity"):
            net().fit(write(tmp_path, FRAME.with_columns(a=pl.lit(np.inf))), TASKS)

    def test_too_many_categories(self, tmp_path, monkeypatch):
        monkeypatch.setattr("sklearn_mtl.data._survey.MOST_CATEGORIES", 3)
        with pytest.raises(ValueError, match="column 'c' of X has more than 3 categories, too many for a stream"):
            net().fit(write(tmp_path, FRAME), TASKS)

    def test_error_of_a_block_names_its_file(self, tmp_path):
        # neither in the sample nor too large for float64
        big = table(400).with_columns(a=pl.when(pl.int_range(pl.len()) == 399).then(1e150).otherwise("a"))
        with pytest.raises(ValueError, match=r"part-2.parquet' of the stream: column 'a' of X has a number"):
            net(trunk="mlp").fit(Stream(write(tmp_path, big), sample_rows=1, block_rows=40), ["cls"])


class TestOthers:
    def test_lazy_frame_that_fails(self):
        frame = FRAME.lazy().with_columns(pl.col("nowhere"))
        with pytest.raises(ValueError, match=r"the LazyFrame of the stream cannot be read: .*nowhere"):
            net().fit(frame, TASKS)

    def test_iterable_of_rows(self):
        class Rows(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter([[1.0, 2.0]])

        with pytest.raises(TypeError, match=r"the Rows should yield blocks of rows.*; it yields list"):
            net().fit(Rows(), TASKS)

    def test_iterable_whose_blocks_differ(self):
        class Blocks(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter([FRAME, FRAME.drop("a")])

        with pytest.raises(ValueError, match=r"a block of the Blocks lacks the columns \['a'\]"):
            net().fit(Blocks(), TASKS)

    def test_arrays_of_other_shapes(self):
        with pytest.raises(ValueError, match=r"should have the shape \(n_rows, n_columns\)"):
            net().fit(Stream(np.zeros(5)), np.zeros(5))
        with pytest.raises(TypeError, match=r"a stream is a path of Parquet files.*; got dict"):
            net().fit(Stream({}), ["a"])


class TestParameters:
    @pytest.mark.parametrize("memory", ["much", "0GB", "-1GB", "1PB"])
    def test_memory(self, memory):
        with pytest.raises(ValueError, match=f"memory={memory!r} should be a number of bytes, or text such as"):
            net().fit(Stream(FRAME.lazy(), memory=memory), TASKS)

    def test_too_little_memory(self):
        with pytest.raises(ValueError, match=r"memory='1KB' is too small: a row has .* bytes.* Increase memory"):
            net().fit(Stream(FRAME.lazy(), memory="1KB"), TASKS)

    @pytest.mark.parametrize("name", ["shuffle_blocks", "block_rows", "epoch_rows", "sample_rows"])
    def test_numbers(self, name):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of Stream"):
            net().fit(Stream(FRAME.lazy(), **{name: 0}), TASKS)

    def test_unknown_columns(self):
        with pytest.raises(ValueError, match=r"columns names the columns \['d'\], but the source"):
            net().fit(Stream(FRAME.lazy(), columns=["a", "d"]), TASKS)

    def test_blocks_follow_memory(self, tmp_path):
        rows = [Stream(FRAME.lazy(), memory=memory).open(TASKS).block_rows for memory in ("1MB", "2MB")]
        assert rows[1] == pytest.approx(2 * rows[0], rel=0.01)
        assert rows[0] * 9 * 6 * 30 < 1e6

    def test_blocks_of_a_row_group(self, tmp_path):
        write(tmp_path, FRAME, n_files=1, row_group_size=1000)
        blocks = list(Stream(tmp_path, block_rows=50, columns=COLUMNS).blocks())
        assert [len(block) for block in blocks] == [50, 50, 20]
        assert pl.concat([pl.from_arrow(block) for block in blocks]).equals(FRAME[COLUMNS])
