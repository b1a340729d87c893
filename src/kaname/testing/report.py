"""The radiology report beside a study: Japanese text that names everybody, as such texts do."""

from __future__ import annotations

from kaname.ledger import Json
from kaname.testing import spelling
from kaname.testing.pen import Pen
from kaname.testing.plant import Visit

FINDINGS = (
    "右肺上葉S2に12mm大の結節影を認める。Kerley B lineは認めず。縦隔リンパ節腫大なし。",
    "左肺下葉S6に8mm大のすりガラス影あり。Child-Pugh Aの肝硬変に矛盾しない。腹水なし。",
    "肝S4に低吸収域あり、嚢胞疑い。Couinaud分類で他区域に異常なし。胆石なし。",
)
"""Sentences that name nobody, eponyms included: they must survive once report text crosses."""


def radiology_report(visit: Visit, number: int, pen: Pen) -> dict[str, Json]:
    """The report as a hospital's system exports it, identity in its fields and in its text."""
    person, site = visit.persona, visit.site
    day, born = spelling.dates(visit.day), spelling.dates(person.birth)
    name, kana = "　".join(person.name.kanji), " ".join(person.name.kana)
    family = person.name.kanji[0]
    reader, verifier = "".join(site.radiologist.kanji), " ".join(site.verifier.kanji)
    return {
        "kind": "radiology-report",
        "accession_number": pen.say(visit.accession),
        "order_number": pen.say(visit.order),
        "study_instance_uid": pen.say(visit.study_instance_uid),
        "patient_id": pen.say(person.patient_id),
        "patient_name": pen.say(name),
        "patient_kana": pen.say(kana),
        "birth_date": pen.say(born["iso"]),
        "sex": person.sex,
        "study_date": pen.say(day["da"]),
        "institution": pen.say(site.name),
        "author": pen.say(reader),
        "verifier": pen.say(verifier),
        "status": ("final", "preliminary", "amended")[number % 3],
        "目的": pen.say(f"{family}様({born['wareki']}生)、{site.referring.kanji[0]}先生より依頼。経過観察。"),
        "方法": pen.say(f"{day['wareki']}に{site.name}{site.department}にて撮影。造影剤使用。"),
        "所見": FINDINGS[number % len(FINDINGS)]
        + pen.say(f"前回({day['wareki short']})と比較。ID:{person.patient_id}。"),
        "インプレッション": pen.say(
            f"{name}殿、著変なし。{day['kanji digits']}　読影:{reader}、確認:{verifier}。問合せ {site.phone}"
        ),
    }
