"""MPD and DES beside what a person would use instead: `python -m benchmarks.similarity`.

Two checkpoints of bf16 weights in shards, of Llama 3 8B's shape but fewer layers, are written; each is read
once, so that all ways find them in the page cache. MPD of both by (1) the mpd stage's code with one thread and with
four, (2) safetensors and torch: load both, subtract, take the norms. Every try is a process of its own, ways
in turn; peaks of memory are above what the process held once its libraries were imported. Then sentence
embeddings of rows of the miniature in six languages: ours and the library's `encode` in turn on the same
portions in one process. Machines are shared, so processor seconds are told beside the clock's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cftray.training.local_workers import LocalWorkers

WIDTH, MIDDLE, KEYS, VOCABULARY = 4096, 14336, 1024, 32000
SHARD_BYTES = 1 << 30
NOISE = 1 << 22
"""Numbers drawn; they are written again and again, since what they are does not matter."""


def tensors_of(size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of an embedding and as many layers as make `size` bytes of bf16, at least one."""
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    layer = {
        "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (KEYS, WIDTH), "self_attn.v_proj": (KEYS, WIDTH),
        "self_attn.o_proj": (WIDTH, WIDTH), "mlp.gate_proj": (MIDDLE, WIDTH), "mlp.up_proj": (MIDDLE, WIDTH),
        "mlp.down_proj": (WIDTH, MIDDLE), "input_layernorm": (WIDTH,),
    }  # fmt: skip
    each = 2 * sum(int(np.prod(shape)) for shape in layer.values())
    for number in range(max(1, round((size - 2 * VOCABULARY * WIDTH) / each))):
        yield from ((f"model.layers.{number}.{name}.weight", shape) for name, shape in layer.items())


def write_checkpoint(folder: Path, size: int, seed: int) -> None:
    """About `size` bytes in shards with their index."""
    folder.mkdir()
    drawn = np.random.default_rng(seed).normal(0, 0.02, NOISE).astype("f4")
    noise = (drawn.view("u4") >> 16).astype("u2").tobytes()
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    filled, weight_map = 0, {}
    for name, shape in tensors_of(size):
        if filled > SHARD_BYTES:
            shards, filled = [*shards, {}], 0
        shards[-1][name] = shape
        filled += 2 * int(np.prod(shape))
    for number, shard in enumerate(shards):
        file = f"model-{number:05}.safetensors"
        weight_map |= dict.fromkeys(shard, file)
        write_shard(folder / file, shard, noise)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")


def write_shard(path: Path, shapes: Mapping[str, tuple[int, ...]], noise: bytes) -> None:
    """One file of bf16 tensors of these shapes."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        first, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [first, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for first in range(0, end, len(noise)):
            file.write(noise[: end - first])


def measured(work: Callable[[], tuple[float, int]]) -> dict[str, float]:
    """The MPD that `work` finds, gigabytes read, seconds by clock and processor, and the peak above the start's."""
    before, clock, processor = peak(), time.perf_counter(), time.process_time()
    mpd, size = work()
    return {
        "mpd": mpd, "gigabytes": size / 1e9, "clock": time.perf_counter() - clock,
        "processor": time.process_time() - processor, "megabytes": (peak() - before) / 1e6,
    }  # fmt: skip


def peak() -> int:
    """The most bytes that this process has held, mapped files among them."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def ours(request: Mapping[str, Any]) -> dict[str, float]:
    """What the mpd stage's worker does."""
    from cftray.analysis.mpd import model_difference

    def work() -> tuple[float, int]:
        found = model_difference(request["first"], request["second"], threads=request["threads"])
        return found.whole.mpd, found.bytes

    return measured(work)


def plain(request: Mapping[str, Any]) -> dict[str, float]:
    """Load both, subtract, in float32."""
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(request["threads"])

    def work() -> tuple[float, int]:
        one, other = ({name: tensor for file in sorted(Path(request[side]).glob("*.safetensors"))
                       for name, tensor in load_file(file).items()} for side in ("first", "second"))  # fmt: skip
        norms = [torch.linalg.vector_norm(one[name].float() - other[name].float()).item() for name in one]
        return sum(norms) / len(norms), sum(2 * tensor.nbytes for tensor in one.values())

    return measured(work)


def compare_models(folder: Path, size: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Figures of each try, by way."""
    from benchmarks import similarity as here

    places = {}
    for seed, side in enumerate(("first", "second")):
        write_checkpoint(folder / side, size, seed)
        places[side] = str(folder / side)
        for file in (folder / side).iterdir():
            with open(file, "rb") as opened:
                while opened.read(1 << 24):
                    pass
    workers = LocalWorkers()
    ways = {"CFTRay, 4 threads": (here.ours, 4), "CFTRay, 1 thread": (here.ours, 1), "load both": (here.plain, 1)}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (entry, threads) in ways.items():
            found[name].append(workers.call(entry, {**places, "threads": threads}, accelerator=None, name="mpd"))
    return found


def encoder_folder(folder: Path) -> Path:
    """An untrained encoder of MiniLM's size (6 layers, width 384) over the miniature's tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from cftray.mini.make_encoder import ENCODER

    own = Tokenizer.from_file(str(ENCODER / "tokenizer.json"))
    PreTrainedTokenizerFast(tokenizer_object=own, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder / "bert")
    config = BertConfig(vocab_size=own.get_vocab_size(), hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
    BertModel(config).save_pretrained(folder / "bert")
    first = Transformer(str(folder / "bert"), max_seq_length=256)
    whole = SentenceTransformer(modules=[first, Pooling(384), Normalize()], device="cpu")
    whole.save(str(folder / "whole"), create_model_card=False)
    return folder / "whole"


def embed_in_turn(request: Mapping[str, Any]) -> dict[str, Any]:
    """Processor seconds of both ways over each portion, the first left out, and how far vectors are apart."""
    from sentence_transformers import SentenceTransformer

    from cftray.analysis.encoder import SentenceEncoder

    folder, texts, size = Path(request["encoder"]), request["texts"], request["portion"]
    own, other = SentenceEncoder(folder, ""), SentenceTransformer(str(folder), device="cpu")
    found: dict[str, Any] = {"ours": [], "library": [], "apart": 0.0}
    for first in range(0, len(texts), size):
        portion = texts[first : first + size]
        started = time.process_time()
        vectors = own.encode(portion).vectors
        middle = time.process_time()
        theirs = other.encode(portion, show_progress_bar=False)
        found["ours"].append(middle - started)
        found["library"].append(time.process_time() - middle)
        found["apart"] = max(found["apart"], float(np.abs(vectors - theirs).max()))
    return {"ours": found["ours"][1:], "library": found["library"][1:], "apart": found["apart"]}


def texts_of(count: int) -> list[str]:
    """One to eight rows of three sets of the miniature each, as DES renders them: about as long as real rows are."""
    from cftray.analysis.samples import text_of
    from cftray.mini.datasets import rows

    sets = ("alpaca-mini", "multialpaca-mini", "multi-openorca-mini")
    every = [text_of(row, "rendered") for name in sets for row in rows(name, samples=500, seed=1)]
    drawn = np.random.default_rng(1)
    return ["\n".join(drawn.choice(every, size=drawn.integers(1, 9))) for _ in range(count)]


def main() -> None:
    """Measure and print."""
    from benchmarks import similarity as here

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of each of the two models")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500, help="of a portion that is embedded")
    parser.add_argument("--portions", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        found = compare_models(Path(temporary), int(asked.gigabytes * 1e9), asked.rounds)
    print(f"{'MPD':24} {'GB/s':>8} {'GB a processor s':>17} {'peak MB':>9} {'MPD':>12}")
    for name, tries in found.items():
        middle = {key: statistics.median(one[key] for one in tries) for key in tries[0]}
        clock, processor = (middle["gigabytes"] / middle[way] for way in ("clock", "processor"))
        print(f"{name:24} {clock:8.2f} {processor:17.2f} {middle['megabytes']:9.0f} {middle['mpd']:12.6f}")
    print(f"{'DES, one core':24} {'rows/s':>8} {'library':>8} {'ours is faster':>15} {'largest difference':>19}")
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        from cftray.mini.make_encoder import ENCODER

        folders = {"6 layers, width 384": encoder_folder(Path(temporary)), "the miniature's": ENCODER}
        for name, folder in folders.items():
            request = {"encoder": str(folder), "texts": texts_of(asked.rows * asked.portions), "portion": asked.rows}
            figures = LocalWorkers().call(here.embed_in_turn, request, accelerator=None, name="embed")
            ratio = statistics.median(b / a for a, b in zip(figures["ours"], figures["library"], strict=True))
            rates = [asked.rows / statistics.median(figures[way]) for way in ("ours", "library")]
            print(f"{name:24} {rates[0]:8.0f} {rates[1]:8.0f} {ratio:14.2f}x {figures['apart']:19.1e}")


if __name__ == "__main__":
    main()
