"""What one run found out, for people: a table on the screen, and a page with pictures that says the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from kaname.testing.demo.journey import Journey

MIB = 1 << 20
STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1f;--paper:#fff;--line:#c9c9d1;--soft:#5a5a66}
@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--paper:#17171a;--line:#4a4a55;--soft:#b4b4c0}}
body{font:16px/1.6 system-ui,"Hiragino Sans","Noto Sans JP",sans-serif;color:var(--ink);background:var(--paper);
max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{border-bottom:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th{font-weight:500}td{font-variant-numeric:tabular-nums}
.en{color:var(--soft);font-size:.9em}
.pictures{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}
figure{margin:0;max-width:26rem}figcaption{color:var(--soft)}
svg,img{max-width:100%;height:auto}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name_ja: str
    name_en: str
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together."""

    name_ja: str
    name_en: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the page; what it shows stands in the table, too."""

    caption_ja: str
    caption_en: str
    markup: str
    """Inline SVG or an ``img`` element of ours."""


def sections(facts: Mapping[str, Any]) -> Iterator[Section]:
    """The table of a run. No times stand in it: two runs on the same input tell the same."""
    for registry, counted in facts["registries"].items():
        marked = facts["marks"].get(registry)
        yield Section(registry, registry, (*_registry(counted), *(_marked(marked) if marked else ())))
    yield Section("記録と同意", "Records and consent", tuple(_records(facts)))
    yield Section("残った個人情報", "Identities left", tuple(_leaks(facts)))
    yield Section("学習", "Learning", tuple(_learning(facts)))
    yield Section("運用", "At work", tuple(_at_work(facts)))
    yield Section("撤回", "Withdrawn", tuple(_withdrawn(facts)))
    ledgers = "  ".join(f"{site} {'✓' if found else '✗'}" for site, found in facts["ledgers"].items())
    yield Section("台帳", "Ledgers", (Row("検証", "verified", ledgers),))


def _registry(counted: Mapping[str, Any]) -> Iterator[Row]:
    yield Row("病院で受取", "received in the hospital", _counts(counted["objects"]))
    for row in counted["held"]:
        yield Row(f"　{row['reason']}", row["state"], f"{row['objects']}  {row['ja']} {row['en']}")
    yield Row("学会に到着", "at the hub", str(counted["hub"]))
    yield Row("クラウドで利用可能", "usable at the cloud", str(counted["cloud"]))
    yield Row("照合の差", "reconciliation, difference", str(counted["difference"]))


def _marked(marked: Mapping[str, Any]) -> Iterator[Row]:
    """What was drawn in this registry, and the dataset that it stands in."""
    if not marked["settled"]:
        yield Row("アノテーション", "marked", "0")
        return
    geometries = " + ".join(marked["geometries"])
    yield Row("アノテーション", "marked", f"{geometries}  {marked['settled']} ({marked['marks']})")
    data = f"{marked['dataset']} v{marked['version']}  {_splits(marked['splits'])}  items {marked['items']}"
    yield Row("データセット", "dataset", data)


def _records(facts: Mapping[str, Any]) -> Iterator[Row]:
    for kind, counted in facts["records"].items():
        yield Row({"row": "部門の表", "report": "報告書"}[kind], kind, _counts(counted))
    yield Row("同意リスト", "consent list", _counts(facts["consents"]))


def _leaks(facts: Mapping[str, Any]) -> Iterator[Row]:
    yield Row("埋め込んだ文字列", "planted strings", str(facts["planted"]))
    for site, found in facts["leaks"].items():
        yield Row(f"{site} 文字列", f"{site}, bytes", str(found["strings"]))
        yield Row(f"{site} 画素 (OCR)", f"{site}, pixels (OCR)", f"{found['frames']} / {found['frames_read']}")
    yield Row("文字検出した画像", "images shown to the text detector", str(facts["detector_frames"]))


def _learning(facts: Mapping[str, Any]) -> Iterator[Row]:
    agreed = facts["agreement"]
    low, high = agreed["kappa_ci95"]
    yield Row(
        "読影者の一致", "readers agree", f"{agreed['observed']:.3f}  κ {agreed['kappa']:.3f} [{low:.3f}, {high:.3f}]"
    )
    yield Row("裁定", "adjudicated", str(agreed["adjudicated"]))
    data = facts["dataset"]
    yield Row("データセット", "dataset", f"{data['name']} v{data['version']}  {_splits(data['splits'])}")
    yield Row("学習の隔離", "sandbox", facts["run"]["sandbox"])
    yield Row("持出し審査", "airlock", facts["run"]["airlock"])
    yield from _metrics(facts["model"])
    yield Row("平均輝度だけ", "mean intensity alone", f"AUC {facts['baseline_auc']:.3f}")


def _metrics(model: Mapping[str, Any]) -> Iterator[Row]:
    name = f"{model['name']} v{model['version']}"
    yield Row(f"{name} AUC", f"{name} AUC", _interval(model["auc"]))
    yield Row("感度", "sensitivity", _interval(model["sensitivity"]))
    yield Row("特異度", "specificity", _interval(model["specificity"]))


def _at_work(facts: Mapping[str, Any]) -> Iterator[Row]:
    yield Row(
        "到着時に推論",
        "predicted on arrival",
        f"{facts['predicted']['images']}  DICOM SR {facts['predicted']['reports']}",
    )
    yield Row("読影者が訂正", "corrected by a reader", str(facts["predicted"]["corrected"]))
    again = facts["retrained"]
    yield Row("次のデータセット", "next dataset", f"v{again['dataset_version']}  {_splits(again['splits'])}")
    yield from _metrics(again["model"])
    yield Row("差 (封印した試験集合)", "difference on the set sealed before", _interval(again["difference"]))


def _withdrawn(facts: Mapping[str, Any]) -> Iterator[Row]:
    gone = facts["withdrawn"]
    for site in ("hub", "cloud"):
        # How many objects a study rests in hangs on how it arrived: cut off and sent again, it comes in more parcels.
        yield Row(f"{site} で削除", f"deleted at the {site}, certified", "✓" if gone[site]["deleted"] else "✗")
        yield Row("データセットの穴", "named holes", "  ".join(gone[site]["holes"]) or "0")
    yield Row("学習に使われたモデル", "models that saw the patient", "  ".join(gone["models"]) or "0")
    yield Row("再送", "sent again", gone["again"])


def _counts(counted: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {n}" for name, n in counted.items()) or "0"


def _splits(splits: Mapping[str, Mapping[str, int]]) -> str:
    """Subjects and images of each split."""
    return "  ".join(f"{name} {part['subjects']} ({part['instances']})" for name, part in splits.items())


def _interval(value: Mapping[str, float]) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def table(journey: Journey) -> str:
    """The sections as lines, then what each step took."""
    lines: list[str] = []
    for section in sections(journey.facts):
        lines += ["", f"── {section.name_ja} · {section.name_en}"]
        lines += [f"  {f'{row.name_ja} · {row.name_en}':<56} {row.value}" for row in section.rows]
    lines += ["", "── 所要 · Cost"]
    lines += [
        f"  {f'{step.name_ja} · {step.name}':<56} {step.seconds:6.1f} s  {step.peak_bytes / MIB:6.0f} MiB"
        for step in journey.steps
    ]
    total = sum(step.seconds for step in journey.steps)
    lines.append(f"  {'合計 · all':<56} {total:6.1f} s  {journey.memory.peak_bytes / MIB:6.0f} MiB")
    return "\n".join(lines)


def page(journey: Journey, pictures: tuple[Picture, ...]) -> str:
    """The same as one HTML page that needs nothing else."""
    parts = [_figure(picture) for picture in pictures]
    tables = [_table(section) for section in sections(journey.facts)]
    steps = Section(
        "所要",
        "Cost",
        tuple(
            Row(step.name_ja, step.name, f"{step.seconds:.1f} s, {step.peak_bytes / MIB:.0f} MiB")
            for step in journey.steps
        ),
    )
    return (
        '<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>要 Kaname: 一巡の記録</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main>'
        '<h1>一巡の記録 <span class="en" lang="en">One journey there and back</span></h1>'
        f'<div class="pictures">{"".join(parts)}</div>{"".join(tables)}{_table(steps)}</main></body></html>'
    )


def _figure(picture: Picture) -> str:
    captions = f'{escape(picture.caption_ja)} <span lang="en">{escape(picture.caption_en)}</span>'
    return f"<figure>{picture.markup}<figcaption>{captions}</figcaption></figure>"


def _table(section: Section) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(row.name_ja)} <span class="en" lang="en">{escape(row.name_en)}</span></th>'
        f"<td>{escape(row.value)}</td></tr>"
        for row in section.rows
    )
    caption = f'{escape(section.name_ja)} <span class="en" lang="en">{escape(section.name_en)}</span>'
    return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table>"
