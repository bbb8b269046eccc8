"""A model that knows image labels alone, in a real worker: its verdicts do not hang on boxes it never had."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.messages.result import Result, Verdict
from inspector.models.bundle import Bundle
from inspector.queue.memory import MemoryQueue
from tests.support import tiny_classifier as maker
from tests.support.gateway_end import GatewayEnd
from tests.workers.conftest import Rig
from tests.workers.test_inspect import result_of


def inspected(bundle: Bundle, folder: Path) -> dict[str, list[Result]]:
    """Results by the folder of the image, as workers give them."""
    pipeline = Pipeline(bundle, choose(bundle, "openvino", "cpu", threads=1))
    queue, long = MemoryQueue(), timedelta(seconds=30)
    gateway = GatewayEnd(queue.producer(), queue.results(), queue.admin())
    rig = Rig(pipeline, queue.consumer("w1", long), max_lease=long, min_idle=long).start()
    jobs = {
        kind: [gateway.submit(path.read_bytes()) for path in sorted((folder / kind).iterdir())]
        for kind in ("good", "speck")
    }
    results = {kind: list(map(result_of, gateway.wait_for(own))) for kind, own in jobs.items()}
    rig.stop()
    gateway.close()
    return results


def test_defective_parts_are_ng_with_their_class_and_a_place(tiny_classifier: Bundle, tmp_path: Path) -> None:
    assert tiny_classifier.manifest.task == "classify"
    results = inspected(tiny_classifier, maker.images(tmp_path, each=6, seed=5))
    assert [result.verdict for result in results["speck"]] == [Verdict.NG] * 6
    assert [result.verdict for result in results["good"]] == [Verdict.OK] * 6
    for result in results["speck"]:
        (finding,) = result.findings
        assert (finding.defect_class, finding.counted) == ("speck", True)
        assert finding.score == max(result.classification.defective, result.classification.classes["speck"])
        x1, y1, x2, y2 = finding.box
        assert 0 <= x1 < x2 <= 64
        assert 0 <= y1 < y2 <= 48
        assert result.reasons[0].code == "above_threshold"
        assert result.attention.max > 0.5
