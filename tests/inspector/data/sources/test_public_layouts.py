"""Imitations of public data sets as people download them: each is read as it lies, or told what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data import sources
from inspector.data.check import check
from inspector.errors import DataError
from tests.support import datasets

BOX = (10, 12, 30, 40)
OBJECT = """
<object><name>{}</name>
<bndbox><xmin>11</xmin><ymin>13</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"""


def xml(path: Path, *kinds: str) -> Path:
    return datasets.text(path, f"<annotation>{''.join(OBJECT.format(kind) for kind in kinds)}</annotation>")


def boxes(divided: sources.Divided, split: sources.Split = "all") -> dict[str, int]:
    return {sample.name: len(sample.boxes) for sample in divided.of(split).samples}


# --- Pascal VOC -------------------------------------------------------------------------------------------


def test_neu_det_with_parts_and_images_in_folders_of_their_class(tmp_path: Path) -> None:
    for part in ("train", "validation"):
        for kind in ("crazing", "rolled-in_scale"):
            datasets.picture(tmp_path / part / "images" / kind / f"{kind}_1.jpg", [BOX])
            xml(tmp_path / part / "annotations" / f"{kind}_1.xml", kind)
    divided = sources.load(f"voc:{tmp_path}")
    assert divided.data.classes == ("crazing", "rolled-in_scale")
    assert set(boxes(divided, "val").values()) == {1}
    assert divided.data.samples[0].boxes.tolist() == [list(BOX)]


def test_neu_det_as_it_was_first_given_out(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "IMAGES" / "patches_1.jpg", [BOX])
    xml(tmp_path / "ANNOTATIONS" / "patches_1.xml", "patches")
    assert boxes(sources.load(f"voc:{tmp_path}")) == {"patches_1": 1}


def test_gc10_det_with_its_spelling_and_one_image_in_two_folders(tmp_path: Path) -> None:
    for number in ("01", "02"):
        datasets.picture(tmp_path / "images" / number / "img_01.jpg", [BOX])
    datasets.picture(tmp_path / "images" / "03" / "img_02.jpg", [BOX])
    xml(tmp_path / "lable" / "img_01.xml", "1_chongkong", "2_hanfeng")
    divided = sources.load(f"voc:{tmp_path}")
    assert boxes(divided) == {"img_01": 2, "img_02": 0}
    assert divided.doubts[0].startswith("1 images without an XML file, such as")


def test_a_roboflow_voc_export_has_its_xml_beside_the_images(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        datasets.picture(tmp_path / part / "a_jpg.rf.0f3.jpg", [BOX], seed=len(part))
        xml(tmp_path / part / "a_jpg.rf.0f3.xml", "dent")
    divided = sources.load(f"voc:{tmp_path}")
    assert [len(divided.of(part)) for part in ("train", "val", "test")] == [1, 1, 1]


def test_voc_without_lists_with_spaces_and_with_windows_line_ends(tmp_path: Path) -> None:
    for number in range(8):
        datasets.picture(tmp_path / "JPEGImages" / f"Teil {number}.JPG", [BOX], seed=number)
        xml(tmp_path / "Annotations" / f"Teil {number}.xml", "Kratzer")
    assert sources.load(f"voc:{tmp_path}").has("test")
    lists = tmp_path / "ImageSets" / "Main"
    datasets.text(lists / "train.txt", "Teil 0\r\nTeil 1\r\n")
    datasets.text(lists / "val.txt", "Teil 2  1\r\n")
    divided = sources.load(f"voc:{tmp_path}")
    assert (set(boxes(divided, "train")), set(boxes(divided, "val"))) == ({"Teil 0", "Teil 1"}, {"Teil 2"})


# --- YOLO -------------------------------------------------------------------------------------------------


def test_a_roboflow_yolo_export_names_a_test_part_that_is_not_there(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        datasets.picture(tmp_path / part / "images" / "a.jpg", [BOX], seed=len(part))
        datasets.text(tmp_path / part / "labels" / "a.txt", "0 0.5 0.5 0.25 0.5\r\n")
    names = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['dent']\n"
    datasets.text(tmp_path / "data.yaml", names)
    divided = sources.load(f"yolo:{tmp_path}")  # the folder will do
    assert [divided.has(part) for part in ("train", "val", "test")] == [True, True, False]


def test_yolo_from_windows(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "Images" / "train" / "größe 1.PNG", [BOX])
    datasets.text(tmp_path / "Labels" / "train" / "größe 1.txt", "0 0.5 0.5 0.25 0.5\r\n")
    datasets.text(tmp_path / "train.txt", "Images\\train\\größe 1.PNG\r\n")
    datasets.text(tmp_path / "a.yaml", "path: .\\\r\ntrain: train.txt\r\nnames: [dent]\r\n")
    datasets.text(tmp_path / "b.yaml", "train: Images\\train\r\nnames: [dent]\r\n")
    for name in "ab":
        assert boxes(sources.load(f"yolo:{tmp_path / f'{name}.yaml'}")) == {"Images/train/größe 1": 1}
    with pytest.raises(DataError, match="holds 2 YAML files; name one"):
        sources.load(f"yolo:{tmp_path}")


def test_rotated_boxes_and_outlines_are_boxed(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "a.png")
    rows = "0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n0 0.1 0.1 0.2 0.1 0.2 0.2\n"
    datasets.text(tmp_path / "labels" / "a.txt", rows)
    datasets.text(tmp_path / "data.yaml", "train: images\nnames: [dent]\n")
    (sample,) = sources.load(f"yolo:{tmp_path / 'data.yaml'}").data.samples
    assert sample.boxes[0].tolist() == [24, 16, 72, 48]
    assert sample.boxes[1].tolist() == pytest.approx([9.6, 6.4, 19.2, 12.8])


def test_a_part_whose_labels_are_nowhere_is_doubted(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "train" / "a.png")
    datasets.picture(tmp_path / "images" / "train" / "b.png")
    datasets.picture(tmp_path / "images" / "val" / "c.png")
    datasets.text(tmp_path / "labels" / "train" / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    datasets.text(tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [dent]\n")
    (doubt,) = sources.load(f"yolo:{tmp_path}").doubts
    assert doubt.startswith("no image of val has a label file")
    assert "labels/val/c.txt" in doubt


def test_odd_boxes_as_visdrone_has_them_are_told_and_not_trained_on(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "a.png")
    rows = "0 0.5 0.5 0 0.1\n0 0.99 0.5 0.1 0.5\n0 -0.02 0.5 0.2 0.5\n0 0.5 0.5 0.05 0.9\n"
    datasets.text(tmp_path / "labels" / "a.txt", rows)
    datasets.picture(tmp_path / "images" / "b.png", seed=3)
    datasets.text(tmp_path / "data.yaml", "train: images\nnames: [dent]\n")
    divided = sources.load(f"yolo:{tmp_path}")
    kinds = {problem.kind: problem.count for problem in check(divided).problems}
    assert {"empty-box": 1, "beyond-box": 2, "long-box": 1}.items() <= kinds.items()
    assert sorted(boxes(divided).values()) == [0, 4]
    assert sorted(len(s.boxes) for s in sources.without_empty_boxes(divided.data).samples) == [0, 3]


# --- COCO -------------------------------------------------------------------------------------------------


def test_coco_from_windows_with_folders_and_a_byte_order_mark(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "lot 1" / "ä.BMP", [BOX])
    document = {
        "images": [{"id": 1, "file_name": "C:\\data\\lot 1\\ä.BMP"}, {"id": 2, "file_name": "lot 1\\ä.BMP"}],
        "annotations": [{"id": 1, "image_id": 2, "category_id": 0, "bbox": [10, 12, 20, 28]}],
        "categories": [{"id": 0, "name": "dent"}],
    }
    file = tmp_path / "parts.json"
    file.write_text(json.dumps({**document, "images": document["images"][1:]}), encoding="utf-8-sig")
    assert boxes(sources.load(f"coco:{file}")) == {"lot 1/ä": 1}
    file.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"images\[0\]\.file_name: C:/data/lot 1/ä\.BMP is neither"):
        sources.load(f"coco:{file}")


def test_an_image_with_nothing_but_a_crowd_is_no_good_one(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path, defective=2, good=1)
    document = json.loads(file.read_text())
    document["annotations"][0]["iscrowd"] = 1
    file.write_text(json.dumps(document))
    by_name = {sample.name: sample for sample in sources.load(f"coco:{file}").data.samples}
    assert [by_name[name].labels_only for name in ("bad0", "bad1", "good0")] == [True, False, False]
    assert [by_name[name].good for name in ("bad0", "bad1", "good0")] == [False, False, True]


# --- Pixel masks ------------------------------------------------------------------------------------------


def test_kolektor_sdd_and_its_second_edition(tmp_path: Path) -> None:
    for item in ("kos01", "kos02", "kos03"):
        datasets.picture(tmp_path / "one" / item / "Part0.jpg", [BOX])
        datasets.mask(tmp_path / "one" / item / "Part0_label.bmp", [BOX])
        datasets.picture(tmp_path / "one" / item / "Part1.jpg")
        datasets.mask(tmp_path / "one" / item / "Part1_label.bmp")
    first = sources.load(f"masks:{tmp_path / 'one'}")
    assert sorted(boxes(first).values()) == [0, 0, 0, 1, 1, 1]
    assert {sample.group for sample in first.data.samples} == {"01", "02", "03"}
    for part, number, found in (("train", 10000, []), ("train", 10001, [BOX]), ("test", 20000, [BOX])):
        datasets.picture(tmp_path / "two" / part / f"{number}.png", found)
        datasets.mask(tmp_path / "two" / part / f"{number}_GT.png", found)
    second = sources.load(f"masks:{tmp_path / 'two'}")
    assert boxes(second, "trainval") == {"train/10000": 0, "train/10001": 1}
    assert boxes(second, "test") == {"test/20000": 1}


@pytest.mark.parametrize(
    ("good", "bad", "mask"),
    [
        ("train/good/000.png", "test/broken/000.png", "ground_truth/broken/000_mask.png"),
        ("bottle/train/good/000.png", "bottle/test/cut/0.png", "bottle/ground_truth/cut/0_mask.png"),
        ("train/ok/0000.bmp", "test/ko/0000.bmp", "ground_truth/ko/0000.png"),
        ("Data/Images/Normal/0.JPG", "Data/Images/Anomaly/0.JPG", "Data/Masks/Anomaly/0.png"),
        ("train/good/0.png", "test/logical/0.png", "ground_truth/logical/0/000.png"),
        ("MT_Free/Imgs/a.jpg", "MT_Crack/Imgs/b.jpg", "MT_Crack/Imgs/b.png"),
    ],
    ids=["mvtec", "mvtec-all", "btad", "visa", "loco", "magnetic-tile"],
)
@pytest.mark.parametrize("value", [255, 1])
def test_layouts_of_mvtec_and_its_kin(tmp_path: Path, good: str, bad: str, mask: str, value: int) -> None:
    datasets.picture(tmp_path / good)
    datasets.picture(tmp_path / bad, [BOX])
    datasets.mask(tmp_path / mask, [BOX], value=value)
    divided = sources.load(f"masks:{tmp_path}")
    assert sorted(boxes(divided).values()) == [0, 1]
    assert len(divided.data.classes) == 1
    assert not divided.doubts


def test_dagm_keeps_good_and_defective_images_of_a_class_together(tmp_path: Path) -> None:
    for part in ("Train", "Test"):
        for name, found in (("0001", []), ("0002", [BOX])):
            datasets.picture(tmp_path / "Class1" / part / f"{name}.PNG", found, seed=len(part))
        datasets.mask(tmp_path / "Class1" / part / "Label" / "0002_label.PNG", [BOX])
    divided = sources.load(f"masks:{tmp_path}")
    assert sorted(boxes(divided, "test").values()) == [0, 1]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint8])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_masks_of_any_depth(tmp_path: Path, dtype: type[np.uint8 | np.uint16], channels: int) -> None:
    datasets.picture(tmp_path / "images" / "a.png", [BOX])
    pixels = np.zeros((datasets.SIDE, 96, channels), dtype)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2], 0] = np.iinfo(dtype).max
    if channels == 4:
        pixels[..., 3] = np.iinfo(dtype).max  # opaque all over
    (tmp_path / "masks").mkdir()
    assert cv2.imwrite(str(tmp_path / "masks" / "a.png"), pixels)
    (sample,) = sources.load(f"masks:{tmp_path}").data.samples
    assert sample.boxes.tolist() == [list(BOX)]


def test_the_noise_of_a_jpeg_mask_is_no_defect(tmp_path: Path) -> None:
    datasets.picture(tmp_path / "images" / "a.png", [BOX])
    datasets.mask(tmp_path / "masks" / "a.png", [BOX])
    datasets.picture(tmp_path / "images" / "b.png")
    (tmp_path / "masks" / "b.jpg").write_bytes(
        cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 4, (64, 96)).astype(np.uint8))[1].tobytes()
    )
    assert boxes(sources.load(f"masks:{tmp_path}")) == {"images/a": 1, "images/b": 0}


def test_an_empty_mask_in_the_folder_of_a_class_makes_no_good_image(tmp_path: Path) -> None:
    datasets.tiles(tmp_path)
    datasets.mask(tmp_path / "MT_Crack" / "Crack1.png")
    divided = sources.load(f"masks:{tmp_path}")
    (sample,) = (sample for sample in divided.data.samples if sample.labels_only)
    assert (sample.name, divided.data.classes[sample.labels[0]]) == ("MT_Crack/Crack1", "Crack")
    assert len(divided.doubts) == 1


def test_a_mask_that_is_not_empty_among_good_images_is_named(tmp_path: Path) -> None:
    datasets.tiles(tmp_path)
    datasets.mask(tmp_path / "MT_Free" / "free1.png", [BOX])
    with pytest.raises(
        DataError, match=r"free1\.png: is not empty, and MT_Free/free1\.jpg is in a folder of"
    ):
        sources.load(f"masks:{tmp_path}")
